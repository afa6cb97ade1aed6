// The comparisons of a Rig: the same question to the backend and to the model.
#include <algorithm>

#include "sdk/testkit/rig.hpp"

namespace dunlin::testkit {
namespace {

constexpr std::int64_t second = 1'000'000'000;

std::string text_of(const Filters& filters) {
  std::string out = "[";
  for (const auto& filter : filters) out += (out.size() > 1 ? ", " : "") + filter;
  return out + "]";
}

std::string text_of(const Span& span) {
  return cat("{count ", span.count, ", first ", span.first, ", last ", span.last, "}");
}

std::string text_of(const ReadQuery& query) {
  std::string seqs;
  for (const auto seq : query.seqs) seqs += cat(" ", seq);
  return cat("read ", query.from, "..", query.to, " ", text_of(query.filters),
             query.by_seqs ? " seqs" + seqs : "", query.backward ? " backward" : "",
             query.bare ? " bare" : "", query.gaps ? " gaps" : "", " max ", query.records_max);
}

void expect_ok(const char* clause, const Outcome& out) {
  expect(out.ok(), clause, "failed: ", status_name(out.status), " ", out.text);
}

template <class T>
void expect_same(const char* clause, const std::string& what, const T& got, const T& wanted) {
  expect(got == wanted, clause, what, " is ", got, ", should be ", wanted);
}

void expect_record(const Record& got, const Record& wanted, const ReadQuery& query) {
  Record right = wanted;
  if (query.bare) right.header = right.payload = {};
  right.flags = got.flags;
  expect(got.hash() == right.hash(), "read", text_of(query), " gives ", got.text(), ", should be ",
         right.text());
}

// What a read visits, without limits.
std::vector<Record> expected_of(const Model& model, const ReadQuery& query) {
  std::vector<Record> out;
  for (const auto* record : model.matching(query.by_seqs ? 0 : query.from,
                                           query.by_seqs ? UINT64_MAX : query.to,
                                           query.filters)) {
    const auto& seqs = query.seqs;
    if (query.by_seqs && std::find(seqs.begin(), seqs.end(), record->seq) == seqs.end()) continue;
    out.push_back(*record);
  }
  if (query.gaps) {
    for (const auto& gap : model.gaps(query.from, query.to)) {
      out.push_back({gap.first, static_cast<std::int64_t>(gap.count), 0, 0, {}, {}, {},
                     DUNLIN_RECORD_GAP});
    }
    std::sort(out.begin(), out.end(), [](auto& a, auto& b) { return a.seq < b.seq; });
  }
  if (query.backward) std::reverse(out.begin(), out.end());
  return out;
}

void check_end(const Model& model, const ReadQuery& query, const ReadOutcome& got,
               std::size_t all) {
  const std::size_t n = got.records.size();
  const bool stopped = query.stop_after != 0 && n == query.stop_after;
  const bool limited = query.records_max != 0 && n == query.records_max;
  const auto why = got.why;
  expect(why >= DUNLIN_READ_END && why <= DUNLIN_READ_STOPPED, "read", text_of(query),
         ": `why` is ", why);
  expect(why != DUNLIN_READ_STOPPED || stopped, "read", text_of(query), ": nobody stopped it");
  expect(why != DUNLIN_READ_LIMIT || limited || query.bytes_max != 0, "read", text_of(query),
         ": says LIMIT after ", n);
  expect(why != DUNLIN_READ_END || n == all, "read", text_of(query), ": says END after ", n,
         " of ", all);
  if (query.by_seqs || query.backward) return;
  if (why == DUNLIN_READ_END) {
    const auto wanted = query.to <= model.last() ? query.to + 1
                                                 : std::max(query.from, model.last() + 1);
    expect_same("read", text_of(query) + ": next after END", got.next, wanted);
  } else if (!query.gaps) {
    const auto rest = model.matching(got.records.back().seq + 1, query.to, query.filters);
    const auto most = rest.empty() ? UINT64_MAX : rest.front()->seq;
    expect(got.next > got.records.back().seq && got.next <= most, "read", text_of(query),
           ": next is ", got.next, " after ", got.records.back().seq);
  }
}

}  // namespace

void Rig::check_state() {
  const auto state = log_->state();
  const auto same = [&](const char* what, auto got, decltype(got) wanted) {
    expect_same("state", what, got, wanted);
  };
  const auto& live = model.live();
  same("first_seq", state.first_seq, model.first());
  same("last_seq", state.last_seq, model.last());
  same("records", state.records, live.size());
  same("bytes", state.bytes, model.bytes());
  same("deleted", state.deleted, model.deleted());
  same("first_time_ns", state.first_time_ns, live.empty() ? 0 : live.begin()->second.time_ns);
  if (model.last_time_known()) same("last_time_ns", state.last_time_ns, model.last_time());
  if (has(DUNLIN_STORE_SUBJECT_INDEX)) {
    // What needs the disk to be counted may come a moment later, and then it is exact.
    constexpr std::uint64_t moment_ns = 2'000'000'000;
    const auto is_counted = [&] { return log_->state().subjects == model.subjects(); };
    if (!is_counted()) world_->scheduler.run_until(is_counted, moment_ns);
    same("subjects", log_->state().subjects, model.subjects());
  }
  same("damaged", state.damaged, 0);
}

void Rig::check_read(const ReadQuery& query) {
  if (!query.filters.empty() && !has(DUNLIN_STORE_SUBJECT_INDEX)) return;
  const auto wanted = expected_of(model, query);
  const auto got = log_->read(query);
  expect(got.ok(), "read", text_of(query), " failed: ", status_name(got.status), " ", got.text);
  std::size_t n = wanted.size();
  if (query.records_max != 0) n = std::min<std::size_t>(n, query.records_max);
  if (query.stop_after != 0) n = std::min<std::size_t>(n, query.stop_after);
  if (query.bytes_max != 0) {
    std::uint64_t bytes = 0;
    std::size_t fit = 0;
    while (fit < n && bytes < query.bytes_max) {
      bytes += wanted[fit].subject.size() + wanted[fit].header.size() + wanted[fit].payload.size();
      ++fit;
    }
    n = fit;
  }
  for (std::size_t i = 0; i < std::min(n, got.records.size()); ++i) {
    expect_record(got.records[i], wanted[i], query);
    if (query.gaps) {
      expect_same("read", text_of(query) + ": the gap flag of " + wanted[i].text(),
                  got.records[i].flags & DUNLIN_RECORD_GAP, wanted[i].flags & DUNLIN_RECORD_GAP);
    }
  }
  expect_same("read", text_of(query) + ": the number of visits", got.records.size(), n);
  check_end(model, query, got, wanted.size());
}

void Rig::check_count(std::uint64_t from, const Filters& filters, bool last_only) {
  if ((!filters.empty() || last_only) && !has(DUNLIN_STORE_SUBJECT_INDEX)) return;
  Span got;
  expect_ok("count", log_->count(from, filters, last_only ? DUNLIN_COUNT_LAST : 0, got));
  const auto wanted = model.count(from, filters, last_only);
  if (wanted.count == 0) got.first = got.last = 0;
  expect(got == wanted, "count", "from ", from, " of ", text_of(filters),
         last_only ? " last of each" : "", " is ", text_of(got), ", should be ", text_of(wanted));
}

void Rig::check_subjects(const std::string& filter, const std::string& after, std::uint64_t max) {
  if (!has(DUNLIN_STORE_SUBJECT_INDEX)) return;
  std::vector<std::pair<std::string, Span>> got, wanted;
  expect_ok("subjects", log_->subjects(filter, after, max, got));
  for (const auto& [subject, span] : model.spans(filter)) {
    if (subject > after && (max == 0 || wanted.size() < max)) wanted.emplace_back(subject, span);
  }
  for (std::size_t i = 0; i < std::min(got.size(), wanted.size()); ++i) {
    expect(got[i] == wanted[i], "subjects", "of \"", filter, "\" after \"", after, "\": number ",
           i, " is ", got[i].first, " ", text_of(got[i].second), ", should be ", wanted[i].first,
           " ", text_of(wanted[i].second));
  }
  expect_same("subjects", cat("the number of subjects of \"", filter, "\" after \"", after, "\""),
              got.size(), wanted.size());
}

void Rig::check_spans(const std::vector<std::string>& subjects) {
  if (!has(DUNLIN_STORE_SUBJECT_INDEX)) return;
  std::vector<Span> got;
  expect_ok("spans", log_->spans(subjects, got));
  for (std::size_t i = 0; i < subjects.size(); ++i) {
    const auto wanted = model.span(subjects[i]);
    if (wanted.count == 0) got[i].first = got[i].last = 0;
    expect(got[i] == wanted, "spans", "of ", subjects[i], " is ", text_of(got[i]),
           ", should be ", text_of(wanted));
  }
}

void Rig::check_last_each(const Filters& filters, std::uint64_t below, std::uint64_t max) {
  if (!has(DUNLIN_STORE_SUBJECT_INDEX)) return;
  std::vector<std::uint64_t> got;
  const auto out = log_->last_each(filters, below, max, got);
  const auto wanted = model.last_each(filters, below);
  const std::string what = cat("of ", text_of(filters), " below ", below, " max ", max);
  if (max != 0 && wanted.size() > max) {
    expect(out.status == DUNLIN_E_LIMIT, "last_each", what, " should be E_LIMIT (", wanted.size(),
           " subjects), is ", status_name(out.status));
    expect(got.empty(), "last_each", what, " visited before it said E_LIMIT");
    return;
  }
  expect_ok("last_each", out);
  for (std::size_t i = 0; i < std::min(got.size(), wanted.size()); ++i) {
    expect_same("last_each", cat(what, ": number ", i), got[i], wanted[i]);
  }
  expect_same("last_each", what + ": the number of sequences", got.size(), wanted.size());
}

void Rig::check_seq_at(std::int64_t time_ns) {
  std::uint64_t got = 0;
  expect_ok("seq_at", log_->seq_at(time_ns, got));
  expect_same("seq_at", cat("the first sequence at or after ", time_ns), got,
              model.seq_at(time_ns));
}

void Rig::check_due(std::uint32_t index, std::int64_t now_ns, std::uint64_t max) {
  if (!has(DUNLIN_STORE_DUE_INDEX)) return;
  const auto got = log_->due(index, now_ns, max);
  const std::string what = cat("index ", index, " until ", now_ns, " max ", max);
  expect_ok("due", got);
  const auto all = model.due(index);
  std::size_t due = 0;
  while (due < all.size() && all[due].first <= now_ns) ++due;
  const std::size_t wanted = max == 0 ? due : std::min<std::size_t>(due, max);
  expect_same("due", what + ": the number of items", got.items.size(), wanted);
  for (std::size_t i = 0; i < got.items.size(); ++i) {
    const auto& item = got.items[i];
    const auto known = std::find(all.begin(), all.end(), item);
    expect(known != all.end() && item.first <= now_ns, "due", what, ": item ", item.second, " at ",
           item.first, " is not due");
    expect(std::count(got.items.begin(), got.items.end(), item) == 1, "due", what, ": item ",
           item.second, " comes twice");
    expect(i == 0 || item.first + second >= got.items[i - 1].first, "due", what, ": item ",
           item.second, " comes after one that is due more than a second later");
    expect_same("due", cat(what, ": the subject of ", item.second), got.subjects[i],
                model.live().at(item.second).subject);
  }
  if (all.empty()) return expect_same("due", what + ": next_ns", got.next_ns, INT64_MAX);
  const auto earliest = wanted < due ? now_ns : due < all.size() ? all[due].first : INT64_MAX;
  expect(earliest >= INT64_MAX - second || got.next_ns <= earliest + second, "due",
         what, ": next_ns is ", got.next_ns, ", but there is something at ", earliest);
}

void Rig::check_gaps(std::uint64_t from, std::uint64_t to) {
  std::vector<Span> got;
  expect_ok("gaps", log_->gaps(from, to, got));
  const auto wanted = model.gaps(from, to);
  for (std::size_t i = 0; i < std::min(got.size(), wanted.size()); ++i) {
    expect(got[i] == wanted[i], "gaps", from, "..", to, ": run ", i, " is ", text_of(got[i]),
           ", should be ", text_of(wanted[i]));
  }
  expect_same("gaps", cat("the number of runs in ", from, "..", to), got.size(), wanted.size());
}

void Rig::check_all() {
  check_state();
  check_read({});
  ReadQuery query;
  query.backward = true;
  query.from = 0;
  check_read(query);
  query = {};
  query.filters = {"orders.*.1", "audit.>"};
  check_read(query);
  query.gaps = true;
  query.filters.clear();
  check_read(query);
  const std::uint64_t middle = model.first() + (model.last() + 1 - model.first()) / 2;
  check_count(0, {});
  check_count(middle, {"orders.>"});
  check_count(middle, {"*.eu.*", "rare.>"}, true);
  check_subjects({});
  check_subjects("*.us.*");
  check_spans({"orders.eu.1", "nobody.here", "audit.us.2"});
  check_last_each({">"});
  check_last_each({"orders.>", "*.x.*"}, middle);
  const auto& live = model.live();
  check_seq_at(0);
  check_seq_at(live.empty() ? 5 : live.rbegin()->second.time_ns + 1);
  if (!live.empty()) check_seq_at(live.rbegin()->second.time_ns);
  for (const auto index : {DUNLIN_DUE_EXPIRY, DUNLIN_DUE_SCHEDULE}) {
    check_due(index, INT64_MAX - 1);
    check_due(index, time_ + 1000 * second);
  }
  check_gaps(0, UINT64_MAX);
  check_gaps(model.first() + 1, middle);
}

void Rig::check_lasting() {
  check_all();
  reopen();
  check_all();
}

}  // namespace dunlin::testkit
