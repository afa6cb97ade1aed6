// LogData against a log that looks at everything, under random changes.

#include <memory>
#include <random>

#include "tests/unit/plugins/storage-mem/support.hpp"

namespace dunlin::storage_mem::test {
namespace {

class LogModel : public testing::TestWithParam<int> {
 protected:
  std::string subject() {
    static constexpr std::string_view letters = "abc";
    std::string out;
    const auto tokens = 1 + random() % 3;
    for (std::size_t i = 0; i < tokens; ++i) {
      if (i != 0) out += '.';
      out += letters[random() % letters.size()];
    }
    // Some subjects are rare, so that reads have to leap.
    return random() % 300 == 0 ? "rare." + std::to_string(random() % 5) : out;
  }
  Filters filters() {
    static const std::vector<std::string> all = {"a",   "a.>", "*.b", "rare.*", "*.*.c", "none",
                                                 "b.a", ">",   "*",   "c.*.*",  "rare.1"};
    Filters out;
    const auto count = random() % 4;
    for (std::size_t i = 0; i < count; ++i) out.push_back(all[random() % all.size()]);
    return out;
  }
  std::uint64_t any_seq() { return random() % (naive.last + 3); }

  void append_some() {
    const auto count = 1 + random() % 40;
    for (std::size_t i = 0; i < count; ++i) {
      time_ += static_cast<std::int64_t>(random() % 3);
      NaiveRecord record{time_, 0, 0, subject(), std::string(random() % 2 * 5, 'h'),
                         std::string(random() % 60, 'p')};
      if (random() % 100 == 0) record.payload.assign(30000 + random() % 200000, 'l');
      if (random() % 5 == 0) record.expires_ns = 1 + static_cast<std::int64_t>(random() % 1000);
      if (random() % 7 == 0) record.due_ns = 1 + static_cast<std::int64_t>(random() % 1000);
      ASSERT_TRUE(append(log, naive.last + 1, record));
      naive.live[++naive.last] = record;
    }
  }
  void remove_some() {
    std::vector<std::uint64_t> seqs;
    const auto count = 1 + random() % 60;
    const auto from = any_seq();
    for (std::size_t i = 0; i < count; ++i) seqs.push_back(from + random() % 200);
    std::sort(seqs.begin(), seqs.end());
    seqs.erase(std::unique(seqs.begin(), seqs.end()), seqs.end());
    std::uint64_t removed = 0;
    for (const auto seq : seqs) removed += naive.live.erase(seq);
    ASSERT_EQ(log.remove(seqs, random() % 2 == 0).records, removed);
  }
  void change() {
    const auto choice = random() % 100;
    if (choice < 55) {
      append_some();
    } else if (choice < 80) {
      remove_some();
    } else if (choice < 84) {
      const auto count = 1 + random() % 50;
      ASSERT_TRUE(log.skip(naive.last + 1, count, 0));
      naive.last += count;
    } else if (choice < 88) {
      const auto to = naive.last - std::min<std::uint64_t>(naive.last, random() % 30);
      ASSERT_EQ(log.truncate(to).records, naive.truncate(to));
    } else if (choice < 91) {
      const auto chosen = filters();
      const auto filter = chosen.empty() ? "" : chosen[0];
      const auto below = random() % 4 == 0 ? UINT64_MAX : any_seq();
      const auto keep = random() % 3 * (random() % 50);
      ASSERT_EQ(log.purge(filter, below, keep).records, naive.purge(filter, below, keep));
    } else if (choice < 94 && !naive.live.empty()) {
      auto at = naive.live.lower_bound(any_seq());
      if (at == naive.live.end()) at = naive.live.begin();
      at->second.due_ns = static_cast<std::int64_t>(random() % 1000);
      ASSERT_TRUE(log.reschedule(at->first, at->second.due_ns));
    } else if (choice < 97) {
      snapshots.emplace_back(log.snapshot_open(), naive);
    } else if (!snapshots.empty()) {
      const auto at = snapshots.begin() + static_cast<std::ptrdiff_t>(random() % snapshots.size());
      log.snapshot_close(at->first);
      snapshots.erase(at);
    }
  }

  void check_read(const NaiveLog& wanted, std::uint64_t snapshot) {
    Ask ask{any_seq(), random() % 2 == 0 ? UINT64_MAX : any_seq(), filters()};
    ask.snapshot = snapshot;
    ask.records_max = random() % 3 * (random() % 10);
    if (random() % 2 == 0) ask.flags |= DUNLIN_READ_BACKWARD;
    const bool with_gaps = random() % 3 == 0 && ask.records_max == 0 && ask.filters.empty();
    if (with_gaps) ask.flags |= DUNLIN_READ_GAPS;
    auto seqs = wanted.matching(ask.from, ask.to, ask.filters);
    auto gaps = with_gaps ? wanted.gaps(ask.from, ask.to) : Runs{};
    if ((ask.flags & DUNLIN_READ_BACKWARD) != 0) {
      std::reverse(seqs.begin(), seqs.end());
      std::reverse(gaps.begin(), gaps.end());
    }
    const bool is_cut = ask.records_max != 0 && seqs.size() >= ask.records_max;
    if (is_cut) seqs.resize(ask.records_max);
    const auto got = read_back(log, ask);
    ASSERT_EQ(got.seqs(), seqs);
    ASSERT_EQ(got.gaps, gaps);
    ASSERT_EQ(got.end.why, is_cut ? DUNLIN_READ_LIMIT : DUNLIN_READ_END);
    for (const auto& [seq, record] : got.records) {
      auto right = wanted.live.at(seq);
      right.due_ns = record.due_ns;
      ASSERT_EQ(record, right) << seq;
    }
    if ((ask.flags & DUNLIN_READ_BACKWARD) == 0 && !is_cut) {
      ASSERT_EQ(got.end.next, ask.to <= wanted.last ? ask.to + 1
                                                    : std::max(ask.from, wanted.last + 1));
    }
  }

  void check_counts() {
    const auto from = any_seq();
    const auto chosen = filters();
    const auto raw_filters = strs(chosen);
    dunlin_count query{};
    query.from = from;
    query.filters = raw_filters.data();
    query.filter_count = raw_filters.size();
    const auto seqs = naive.matching(from, UINT64_MAX, chosen);
    auto all = *count(log, query);
    ASSERT_EQ(all.count, seqs.size());
    if (!seqs.empty()) {
      ASSERT_EQ(all.first, seqs.front());
      ASSERT_EQ(all.last, seqs.back());
    }
    query.flags = DUNLIN_COUNT_LAST;
    std::uint64_t newest = 0;
    for (const auto& [subject, span] : naive.spans(chosen, 0, UINT64_MAX)) {
      newest += span.last >= from ? 1 : 0;
    }
    ASSERT_EQ((*count(log, query)).count, newest);

    dunlin_last_each last{};
    last.filters = raw_filters.data();
    last.filter_count = raw_filters.size();
    last.below = random() % 2 == 0 ? UINT64_MAX : any_seq();
    std::vector<std::uint64_t> found, wanted;
    last.user = &found;
    last.visit = [](void* user, std::uint64_t seq) {
      static_cast<std::vector<std::uint64_t>*>(user)->push_back(seq);
      return true;
    };
    ASSERT_TRUE(last_each(log, last));
    for (const auto& [subject, span] : naive.spans(chosen, 0, last.below)) {
      wanted.push_back(span.last);
    }
    std::sort(wanted.begin(), wanted.end());
    ASSERT_EQ(found, wanted);
  }

  void check_moments() {
    for (const auto index : {DUNLIN_DUE_EXPIRY, DUNLIN_DUE_SCHEDULE}) {
      std::map<std::pair<std::int64_t, std::uint64_t>, std::string> wanted, found;
      dunlin_due query{};
      query.index = index;
      query.now_ns = static_cast<std::int64_t>(random() % 1100);
      std::int64_t next = INT64_MAX;
      for (const auto& [seq, record] : naive.live) {
        const auto at = index == DUNLIN_DUE_EXPIRY ? record.expires_ns : record.due_ns;
        if (at == 0) continue;
        if (at <= query.now_ns) {
          wanted[{at, seq}] = record.subject;
        } else {
          next = std::min(next, at);
        }
      }
      query.user = &found;
      query.visit = [](void* user, const dunlin_due_item* item) {
        (*static_cast<decltype(found)*>(user))[{item->at_ns, item->seq}] =
            detail::view(item->subject);
        return true;
      };
      auto outcome = due(log, query);
      ASSERT_TRUE(outcome);
      ASSERT_EQ(found, wanted);
      ASSERT_EQ(*outcome, next);
    }
  }

  void check_state() {
    const auto state = log.state();
    ASSERT_EQ(state.first_seq, naive.first());
    ASSERT_EQ(state.last_seq, naive.last);
    ASSERT_EQ(state.records, naive.live.size());
    ASSERT_EQ(state.subjects, naive.spans({}, 0, UINT64_MAX).size());
    std::uint64_t bytes = 0;
    for (const auto& [seq, record] : naive.live) {
      bytes += 16 + record.subject.size() + record.header.size() + record.payload.size();
    }
    ASSERT_EQ(state.bytes, bytes);
    const auto time = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(time_ + 2));
    const auto late = std::find_if(naive.live.begin(), naive.live.end(),
                                   [&](const auto& at) { return at.second.time_ns >= time; });
    ASSERT_EQ(seq_at(log, time), late == naive.live.end() ? naive.last + 1 : late->first);
    Runs found;
    const auto from = any_seq(), to = any_seq();
    gaps(
        log, from, to,
        [](void* user, const dunlin_range* gap) {
          static_cast<Runs*>(user)->emplace_back(gap->first, gap->first + gap->count - 1);
          return true;
        },
        &found);
    ASSERT_EQ(found, naive.gaps(from, to));
  }

  std::mt19937_64 random{static_cast<std::uint64_t>(GetParam())};
  LogData log{0, true, 1};
  NaiveLog naive;
  std::vector<std::pair<std::uint64_t, NaiveLog>> snapshots;

 private:
  std::int64_t time_ = 1;
};

TEST_P(LogModel, agrees_with_a_log_that_looks_at_everything) {
  for (int step = 0; step < 500; ++step) {
    ASSERT_NO_FATAL_FAILURE(change()) << step;
    ASSERT_NO_FATAL_FAILURE(check_read(naive, 0)) << step;
    if (!snapshots.empty()) {
      const auto& [id, then] = snapshots[random() % snapshots.size()];
      ASSERT_NO_FATAL_FAILURE(check_read(then, id)) << step;
    }
    if (step % 7 != 0) continue;
    ASSERT_NO_FATAL_FAILURE(check_counts()) << step;
    ASSERT_NO_FATAL_FAILURE(check_moments()) << step;
    ASSERT_NO_FATAL_FAILURE(check_state()) << step;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, LogModel, testing::Range(1, 11));

}  // namespace
}  // namespace dunlin::storage_mem::test
