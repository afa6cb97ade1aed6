// Random changes, syncs, stops and power cuts beside an obvious model. After a cut the log must be
// what some prefix of the accepted changes made it, at least as long as what was synced.

#include <algorithm>

#include "tests/unit/plugins/storage-file/log/fixture.hpp"

namespace dunlin::storage_file::engine::testing {
namespace {

using testkit::Cut;

struct Model {
  std::uint64_t first = 1, last = 0;
  std::map<std::uint64_t, Message> records;

  bool operator==(const Model&) const = default;
  void settle() {
    if (records.empty()) {
      first = last + 1;
    } else {
      first = records.begin()->first;
    }
  }
};

class ModelTest : public LogFixture, public ::testing::WithParamInterface<int> {
 protected:
  struct Kind {
    bool is_encrypted = false;
    std::uint64_t subject_memory = 64u << 20;
    std::uint64_t subjects = 12;
  };
  void run(int steps, const Kind& kind);
  void change();
  void append_some();
  void accepted() {
    model.settle();
    history.push_back(model);
  }
  void check_same(const Model& expected);
  void check_queries();
  void check_subjects();
  [[nodiscard]] std::string any_subject() { return "s." + std::to_string(rng.below(subjects_max)); }
  [[nodiscard]] Model seen();
  void power_cut();

  testkit::Rng rng{1};
  std::uint64_t subjects_max = 12;
  Model model;
  std::vector<Model> history{Model{}};  // from the last sync on
};

Model ModelTest::seen() {
  Model out;
  out.first = state().first_seq;
  out.last = state().last_seq;
  for (auto& message : read_all()) out.records.emplace(message.seq, message);
  return out;
}

void ModelTest::append_some() {
  for (auto n = 1 + rng.below(30); n > 0; --n) {
    Message message;
    message.seq = model.last + 1;
    message.time_ns = ++clock_ns;
    message.subject = any_subject();
    if (rng.below(4) == 0) message.header = "NATS/1.0\r\n\r\n";
    message.payload.assign(rng.below(rng.below(8) == 0 ? 9000 : 300), static_cast<char>(n));
    if (rng.below(8) == 0) message.expires_ns = static_cast<std::int64_t>(rng.below(1000));
    append(message);
    model.last = message.seq;
    model.records.emplace(message.seq, message);
    accepted();
  }
}

void ModelTest::change() {
  const auto any = [&] { return model.first + rng.below(model.last + 2 - model.first); };
  switch (rng.below(14)) {
    case 0: {
      const auto count = 1 + rng.below(5);
      ASSERT_TRUE(succeeded(log->skip(model.last + 1, count, 0)));
      model.last += count;
      accepted();
      break;
    }
    case 1:
    case 2: {
      std::vector<std::uint64_t> seqs;
      for (auto n = rng.below(6); n > 0; --n) seqs.push_back(any());
      std::sort(seqs.begin(), seqs.end());
      const auto removed = remove(seqs);
      std::uint64_t gone = 0;
      for (const auto seq : seqs) gone += model.records.erase(seq);
      EXPECT_EQ(removed.records, gone);
      accepted();
      break;
    }
    case 3: {
      const auto filter = any_subject();
      const auto below = rng.below(2) == 0 ? UINT64_MAX : any();
      const auto keep = rng.below(3);
      const auto removed = purge(filter, below, keep);
      std::vector<std::uint64_t> matching;
      for (const auto& [seq, message] : model.records) {
        if (message.subject == filter && seq < below) matching.push_back(seq);
      }
      matching.resize(matching.size() > keep ? matching.size() - keep : 0);
      for (const auto seq : matching) model.records.erase(seq);
      ASSERT_EQ(removed.records, matching.size()) << filter << " below " << below;
      accepted();
      break;
    }
    case 4: {
      if (rng.below(3) != 0) break;
      const auto below = any() + (rng.below(6) == 0 ? 20 : 0);
      purge("", below);
      std::erase_if(model.records, [&](const auto& item) { return item.first < below; });
      if (below > model.last + 1) model.last = below - 1;
      accepted();
      break;
    }
    case 5: {
      if (rng.below(3) != 0) break;
      const auto last = any() - 1;
      truncate(last);
      std::erase_if(model.records, [&](const auto& item) { return item.first > last; });
      model.last = std::min(model.last, last);
      accepted();
      break;
    }
    default:
      append_some();
  }
}

void ModelTest::check_same(const Model& expected) {
  const auto now = seen();
  ASSERT_EQ(now.first, expected.first);
  ASSERT_EQ(now.last, expected.last);
  ASSERT_TRUE(now.records == expected.records) << "the records differ";
}

void ModelTest::check_subjects() {
  std::map<std::string, dunlin_span> spans;
  for (const auto& [seq, message] : model.records) {
    auto& span = spans[message.subject];
    if (span.count++ == 0) span.first = seq;
    span.last = seq;
  }
  const auto expect_same = [](const std::string& subject, const dunlin_span& found,
                              const dunlin_span& expected) {
    EXPECT_EQ(found.count, expected.count) << subject;
    EXPECT_EQ(found.first, expected.first) << subject;
    EXPECT_EQ(found.last, expected.last) << subject;
  };
  host->run();
  EXPECT_EQ(state().subjects, spans.size());
  const auto found = subjects("s.*");
  ASSERT_EQ(found.size(), spans.size());
  for (const auto& [subject, span] : spans) {
    ASSERT_TRUE(found.contains(subject));
    expect_same(subject, found.at(subject), span);
  }
  const auto after = any_subject();
  const auto page = subjects("s.*", after, 3);
  auto next = spans.upper_bound(after);
  for (const auto& [subject, span] : page) {
    ASSERT_NE(next, spans.end());
    EXPECT_EQ(subject, next->first) << "after " << after;
    ++next;
  }
  EXPECT_TRUE(page.size() == 3 || next == spans.end());
  const std::vector<std::string> some{any_subject(), "other", any_subject()};
  const auto answers = this->spans(some);
  for (std::size_t i = 0; i < some.size(); ++i) expect_same(some[i], answers[i], spans[some[i]]);
  const auto below = rng.below(2) == 0 ? UINT64_MAX : model.first + rng.below(50);
  std::map<std::string, std::uint64_t> newest;
  dunlin_span all{}, last{};
  for (const auto& [seq, message] : model.records) {
    if (seq <= below) newest[message.subject] = seq;
    if (all.count++ == 0) all.first = seq;
    all.last = seq;
  }
  std::vector<std::uint64_t> expected;
  for (const auto& [subject, seq] : newest) expected.push_back(seq);
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(last_each({"s.*"}, below), expected) << "below " << below;
  expect_same("all", count({"s.*"}), all);
  const auto from = model.first + rng.below(model.last + 2 - model.first);
  std::erase_if(spans, [](const auto& item) { return item.second.count == 0; });
  for (const auto& [subject, span] : spans) {
    if (span.last < from) continue;
    last.first = last.count++ == 0 ? span.last : std::min(last.first, span.last);
    last.last = std::max(last.last, span.last);
  }
  expect_same("the newest from " + std::to_string(from), count({"s.*"}, from, DUNLIN_COUNT_LAST),
              last);
}

void ModelTest::check_queries() {
  std::uint64_t bytes = 0;
  for (const auto& [seq, message] : model.records) {
    bytes += message.subject.size() + message.header.size() + message.payload.size() + 30 +
             (message.header.empty() ? 0 : 4);
  }
  EXPECT_EQ(state().bytes, bytes);
  EXPECT_EQ(state().records, model.records.size());
  check_subjects();
  const auto from = model.first + rng.below(model.last + 2 - model.first);
  const auto filter = any_subject();
  std::vector<Message> expected;
  for (const auto& [seq, message] : model.records) {
    if (seq >= from && message.subject == filter) expected.push_back(message);
  }
  EXPECT_TRUE(read(query(from, UINT64_MAX), {filter}).messages == expected) << filter;
  EXPECT_EQ(count({filter}, from).count, expected.size());
  std::reverse(expected.begin(), expected.end());
  auto backward = query(from, UINT64_MAX);
  backward.flags = DUNLIN_READ_BACKWARD;
  EXPECT_TRUE(read(backward, {filter}).messages == expected) << filter;
}

// Everything fails from some write or sync on; then the power goes.
void ModelTest::power_cut() {
  host->fault = {DUNLIN_E_IO, host->changes + rng.below(4), UINT64_MAX, false};
  if (sync() == DUNLIN_OK) history.assign(1, model);
  const Cut cuts[] = {Cut::lost, Cut::kept, Cut::torn, Cut::reordered};
  crash(cuts[rng.below(4)]);
  host->fault = {};
  event_texts.clear();
  open();
  const auto now = seen();
  const auto match = std::find(history.begin(), history.end(), now);
  ASSERT_NE(match, history.end()) << "first " << now.first << " last " << now.last
                                  << ", synced was first " << history.front().first << " last "
                                  << history.front().last
                                  << ::testing::PrintToString(event_texts);
  EXPECT_EQ(state().damaged, 0u);
  model = now;
  history.assign(1, model);
}

void ModelTest::run(int steps, const Kind& kind) {
  if (kind.is_encrypted) use_cipher(DUNLIN_CIPHER_CHACHA20_POLY1305);
  store.settings.subject_memory_bytes = kind.subject_memory;
  subjects_max = kind.subjects;
  store.settings.segment_bytes = 64u << 10;
  store.settings.index_cache_bytes = 1;
  store.settings.read_cache_bytes = 16u << 10;
  open();
  for (int step = 0; step < steps && !HasFatalFailure(); ++step) {
    change();
    if (HasFatalFailure()) return;
    switch (rng.below(20)) {
      case 0:
        close();
        open();
        history.assign(1, model);
        check_same(model);
        break;
      case 1:
      case 2:
        power_cut();
        break;
      case 3:
      case 4:
        ASSERT_EQ(sync(), DUNLIN_OK);
        history.assign(1, model);
        break;
      case 5:
        check_same(model);
        check_queries();
        break;
      case 6:
        if (rng.below(4) != 0) break;
        // The checkpoint is lost: everything is read again.
        close();
        catalogue->note.reset();
        open();
        history.assign(1, model);
        check_same(model);
        check_queries();
        break;
      default:
        break;
    }
  }
  EXPECT_EQ(verify().size(), 0u);
  EXPECT_EQ(observer.damages, 0) << ::testing::PrintToString(observer.damage_texts);
}

TEST_P(ModelTest, the_log_is_always_a_prefix_of_what_was_accepted) {
  rng = testkit::Rng(static_cast<std::uint64_t>(GetParam()));
  run(150, {.is_encrypted = GetParam() % 4 == 3});
}

TEST_P(ModelTest, subjects_need_not_fit_in_memory) {
  rng = testkit::Rng(static_cast<std::uint64_t>(100 + GetParam()));
  run(150, {.subject_memory = 1, .subjects = GetParam() % 2 == 0 ? 12u : 200u});
}

INSTANTIATE_TEST_SUITE_P(Seeds, ModelTest, ::testing::Range(1, 13));

}  // namespace
}  // namespace dunlin::storage_file::engine::testing
