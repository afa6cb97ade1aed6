// The calls of one log. See session.hpp.
#include <algorithm>

#include "sdk/testkit/session.hpp"

namespace dunlin::testkit {
namespace {

dunlin_str raw(const std::string& text) { return {text.data(), text.size()}; }
dunlin_bytes raw_bytes(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
std::vector<dunlin_str> raw(const std::vector<std::string>& texts) {
  std::vector<dunlin_str> out;
  for (const auto& text : texts) out.push_back(raw(text));
  return out;
}
std::string text_of(dunlin_str text) { return {text.data, text.size}; }
std::string text_of(dunlin_bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data), bytes.size};
}
Span span_of(const dunlin_span& span) { return {span.count, span.first, span.last}; }

// A waiter with what its visitor and completion leave behind, and what the query points to.
template <class Query, class Result>
struct Asked : Waiter {
  Query query{};
  std::vector<std::string> texts;
  std::vector<dunlin_str> strings;
  std::vector<std::uint64_t> seqs;
  Result result{};

  static Asked& of(void* user) { return *static_cast<Asked*>(static_cast<Waiter*>(user)); }
  [[nodiscard]] void* user() { return static_cast<Waiter*>(this); }
  void filter(const std::vector<std::string>& chosen) {
    texts = chosen;
    strings = raw(texts);
  }
};

void plain_done(void* user, dunlin_status status, const dunlin_error* err) {
  static_cast<Waiter*>(user)->finish(status, err);
}

}  // namespace

Scheduler& Log::scheduler() { return session_.world().scheduler; }

Outcome Log::ask(const char* what, const std::shared_ptr<Waiter>& waiter,
                 const std::function<dunlin_status(dunlin_error*)>& call) {
  return session_.make(what, DUNLIN_THREAD_SHARD, waiter, DUNLIN_E_AGAIN, true, call);
}

AppendOutcome Log::append(const std::vector<Record>& records, bool with_spans,
                          std::uint32_t flags) {
  std::vector<dunlin_record> raws;
  for (const auto& record : records) {
    raws.push_back({record.seq, record.time_ns, record.expires_ns, record.due_ns,
                    raw(record.subject), raw_bytes(record.header), raw_bytes(record.payload),
                    record.flags, 0});
  }
  std::vector<dunlin_span> spans(records.size());
  AppendOutcome out;
  const auto made = session_.make(
      "append", DUNLIN_THREAD_SHARD, std::make_shared<Waiter>(), -1, false,
      [&](dunlin_error* err) {
        return api_->append(log_, raws.data(), raws.size(), flags, &out.accepted,
                            with_spans ? spans.data() : nullptr, err);
      });
  static_cast<Outcome&>(out) = made;
  expect(out.accepted <= records.size(), "append", "accepted more than there were");
  expect(!out.ok() || out.accepted == records.size(), "append", "OK, but accepted ", out.accepted,
         " of ", records.size());
  const bool is_atomic = (flags & DUNLIN_APPEND_ATOMIC) != 0;
  expect(!is_atomic || out.ok() || out.accepted == 0, "S9", "an atomic append accepted ",
         out.accepted, " of ", records.size(), " records and answers ", status_name(out.status));
  spans.resize(out.accepted);
  for (const auto& span : spans) out.spans.push_back(span_of(span));
  return out;
}

Outcome Log::skip(std::uint64_t first, std::uint64_t count, std::int64_t time_ns) {
  return session_.make("skip", DUNLIN_THREAD_SHARD, std::make_shared<Waiter>(), -1, false,
                       [&](dunlin_error* err) {
                         return api_->skip(log_, first, count, time_ns, err);
                       });
}

std::shared_ptr<Waiter> Log::sync_later() {
  auto waiter = std::make_shared<Waiter>();
  session_.make("sync", DUNLIN_THREAD_SHARD, waiter, DUNLIN_OK, false, [&](dunlin_error*) {
    return api_->sync(log_, plain_done, waiter.get());
  });
  return waiter;
}

Outcome Log::sync() {
  const auto waiter = sync_later();
  if (!waiter->answered) session_.await(*waiter);
  return waiter->outcome;
}

namespace {

using Removal = Asked<dunlin_purge, Removed>;
void removal_done(void* user, dunlin_status status, const dunlin_removed* removed,
                  const dunlin_error* err) {
  auto& asked = Removal::of(user);
  if (removed != nullptr) asked.result = {removed->records, removed->bytes};
  asked.finish(status, err);
}

}  // namespace

Outcome Log::remove(const std::vector<std::uint64_t>& seqs, Removed& removed,
                    std::uint32_t flags) {
  const auto asked = std::make_shared<Removal>();
  asked->seqs = seqs;
  dunlin_removed now{};
  const auto out = ask("remove", asked, [&](dunlin_error* err) {
    return api_->remove(log_, asked->seqs.data(), asked->seqs.size(), flags, &now, removal_done,
                        asked->user(), err);
  });
  removed = out.queued ? asked->result : Removed{now.records, now.bytes};
  return out;
}

Outcome Log::purge(const std::string& filter, std::uint64_t below, std::uint64_t keep,
                   Removed& removed) {
  const auto asked = std::make_shared<Removal>();
  asked->texts = {filter};
  asked->query = {sizeof(dunlin_purge), 0,           raw(asked->texts[0]), below, keep,
                  removal_done,         asked->user()};
  dunlin_removed now{};
  const auto out = ask("purge", asked, [&](dunlin_error* err) {
    return api_->purge(log_, &asked->query, &now, err);
  });
  removed = out.queued ? asked->result : Removed{now.records, now.bytes};
  return out;
}

Outcome Log::truncate(std::uint64_t last, Removed& removed) {
  const auto asked = std::make_shared<Removal>();
  dunlin_removed now{};
  const auto out = ask("truncate", asked, [&](dunlin_error* err) {
    return api_->truncate(log_, last, &now, removal_done, asked->user(), err);
  });
  removed = out.queued ? asked->result : Removed{now.records, now.bytes};
  return out;
}

Outcome Log::reschedule(std::uint64_t seq, std::int64_t due_ns) {
  return session_.make("reschedule", DUNLIN_THREAD_SHARD, std::make_shared<Waiter>(), -1, false,
                       [&](dunlin_error* err) {
                         return api_->reschedule(log_, seq, due_ns, err);
                       });
}

dunlin_log_state Log::state() {
  dunlin_log_state out{};
  out.struct_size = sizeof out;
  const auto status =
      scheduler().as(DUNLIN_THREAD_SHARD, [&] { return api_->state(log_, &out); });
  expect(status == DUNLIN_OK, "state", "failed: ", status_name(status));
  return out;
}

std::uint64_t Log::durable_seq() {
  return scheduler().as(DUNLIN_THREAD_SHARD, [&] { return api_->durable_seq(log_); });
}

namespace {

struct ReadState {
  std::vector<Record> records;
  std::uint64_t stop_after = 0;
  dunlin_read_end end{};
};
using Reading = Asked<dunlin_read, ReadState>;

bool visit_record(void* user, const dunlin_record* record) {
  auto& asked = Reading::of(user);
  if (!asked.may_visit()) return false;
  auto& state = asked.result;
  state.records.push_back({record->seq, record->time_ns, record->expires_ns, record->due_ns,
                           text_of(record->subject), text_of(record->header),
                           text_of(record->payload), record->flags});
  return state.stop_after == 0 || state.records.size() < state.stop_after;
}

void read_done(void* user, dunlin_status status, const dunlin_read_end* end,
               const dunlin_error* err) {
  auto& asked = Reading::of(user);
  if (end != nullptr) asked.result.end = *end;
  asked.finish(status, err);
}

}  // namespace

ReadOutcome Log::read(const ReadQuery& query) {
  const auto asked = std::make_shared<Reading>();
  asked->filter(query.filters);
  asked->seqs = query.seqs;
  asked->result.stop_after = query.stop_after;
  auto& raws = asked->query;
  raws.struct_size = sizeof raws;
  raws.flags = (query.backward ? DUNLIN_READ_BACKWARD : 0) | (query.bare ? DUNLIN_READ_BARE : 0) |
               (query.gaps ? DUNLIN_READ_GAPS : 0);
  raws.from = query.from;
  raws.to = query.to;
  raws.filters = asked->strings.empty() ? nullptr : asked->strings.data();
  raws.filter_count = asked->strings.size();
  raws.seqs = query.by_seqs ? asked->seqs.data() : nullptr;
  raws.seq_count = asked->seqs.size();
  raws.records_max = query.records_max;
  raws.bytes_max = query.bytes_max;
  raws.snapshot = query.snapshot;
  raws.visit = visit_record;
  raws.done = read_done;
  raws.user = asked->user();
  dunlin_read_end now{};
  now.struct_size = sizeof now;
  ReadOutcome out;
  static_cast<Outcome&>(out) = ask("read", asked, [&](dunlin_error* err) {
    return api_->read(log_, &raws, &now, err);
  });
  const auto& end = out.queued ? asked->result.end : now;
  out.records = std::move(asked->result.records);
  out.why = end.why;
  out.next = end.next;
  out.visits = end.visits;
  expect(!out.ok() || out.visits == out.records.size(), "read", "says ", out.visits,
         " visits, made ", out.records.size());
  return out;
}

Outcome Log::count(std::uint64_t from, const Filters& filters, std::uint32_t flags,
                   Span& result) {
  const auto asked = std::make_shared<Asked<dunlin_count, Span>>();
  using Counting = Asked<dunlin_count, Span>;
  asked->filter(filters);
  const auto done = [](void* user, dunlin_status status, const dunlin_span* span,
                       const dunlin_error* err) {
    auto& self = Counting::of(user);
    if (span != nullptr) self.result = span_of(*span);
    self.finish(status, err);
  };
  asked->query = {sizeof(dunlin_count), flags, from,         asked->strings.data(),
                  asked->strings.size(), done, asked->user()};
  dunlin_span now{};
  const auto out = ask("count", asked, [&](dunlin_error* err) {
    return api_->count(log_, &asked->query, &now, err);
  });
  result = out.queued ? asked->result : span_of(now);
  return out;
}

Outcome Log::subjects(const std::string& filter, const std::string& after, std::uint64_t max,
                      std::vector<std::pair<std::string, Span>>& found) {
  using Found = Asked<dunlin_subjects, std::vector<std::pair<std::string, Span>>>;
  const auto asked = std::make_shared<Found>();
  asked->texts = {filter, after};
  const auto visit = [](void* user, dunlin_str subject, const dunlin_span* span) {
    auto& self = Found::of(user);
    if (self.may_visit()) self.result.emplace_back(text_of(subject), span_of(*span));
    return true;
  };
  asked->query = {sizeof(dunlin_subjects), 0, raw(asked->texts[0]), raw(asked->texts[1]), max,
                  visit, plain_done, asked->user()};
  const auto out = ask("subjects", asked, [&](dunlin_error* err) {
    return api_->subjects(log_, &asked->query, err);
  });
  found = std::move(asked->result);
  return out;
}

Outcome Log::spans(const std::vector<std::string>& subjects, std::vector<Span>& found) {
  using Found = Asked<dunlin_spans, std::vector<dunlin_span>>;
  const auto asked = std::make_shared<Found>();
  asked->filter(subjects);
  asked->result.resize(subjects.size());
  asked->query = {sizeof(dunlin_spans), 0, asked->strings.data(), asked->strings.size(),
                  asked->result.data(), plain_done, asked->user()};
  const auto out = ask("spans", asked, [&](dunlin_error* err) {
    return api_->spans(log_, &asked->query, err);
  });
  found.clear();
  for (const auto& span : asked->result) found.push_back(span_of(span));
  return out;
}

Outcome Log::last_each(const Filters& filters, std::uint64_t below, std::uint64_t max,
                       std::vector<std::uint64_t>& found) {
  using Found = Asked<dunlin_last_each, std::vector<std::uint64_t>>;
  const auto asked = std::make_shared<Found>();
  asked->filter(filters);
  const auto visit = [](void* user, std::uint64_t seq) {
    auto& self = Found::of(user);
    if (self.may_visit()) self.result.push_back(seq);
    return true;
  };
  asked->query = {sizeof(dunlin_last_each), 0, asked->strings.data(), asked->strings.size(), below,
                  max, visit, plain_done, asked->user()};
  const auto out = ask("last_each", asked, [&](dunlin_error* err) {
    return api_->last_each(log_, &asked->query, err);
  });
  found = std::move(asked->result);
  return out;
}

Outcome Log::seq_at(std::int64_t time_ns, std::uint64_t& seq) {
  using Found = Asked<dunlin_seq_at, std::uint64_t>;
  const auto asked = std::make_shared<Found>();
  const auto done = [](void* user, dunlin_status status, std::uint64_t at,
                       const dunlin_error* err) {
    Found::of(user).result = at;
    Found::of(user).finish(status, err);
  };
  asked->query = {sizeof(dunlin_seq_at), 0, time_ns, done, asked->user()};
  std::uint64_t now = 0;
  const auto out = ask("seq_at", asked, [&](dunlin_error* err) {
    return api_->seq_at(log_, &asked->query, &now, err);
  });
  seq = out.queued ? asked->result : now;
  return out;
}

DueOutcome Log::due(std::uint32_t index, std::int64_t now_ns, std::uint64_t max) {
  using Found = Asked<dunlin_due, DueOutcome>;
  const auto asked = std::make_shared<Found>();
  const auto visit = [](void* user, const dunlin_due_item* item) {
    auto& self = Found::of(user);
    if (!self.may_visit()) return false;
    self.result.items.emplace_back(item->at_ns, item->seq);
    self.result.subjects.push_back(text_of(item->subject));
    return true;
  };
  const auto done = [](void* user, dunlin_status status, std::int64_t next,
                       const dunlin_error* err) {
    Found::of(user).result.next_ns = next;
    Found::of(user).finish(status, err);
  };
  asked->query = {sizeof(dunlin_due), index, now_ns, max, visit, done, asked->user()};
  std::int64_t next = 0;
  const auto out = ask("due", asked, [&](dunlin_error* err) {
    return api_->due(log_, &asked->query, &next, err);
  });
  DueOutcome result = std::move(asked->result);
  static_cast<Outcome&>(result) = out;
  if (!out.queued) result.next_ns = next;
  return result;
}

Outcome Log::gaps(std::uint64_t from, std::uint64_t to, std::vector<Span>& found) {
  found.clear();
  const auto visit = [](void* user, const dunlin_range* gap) {
    static_cast<std::vector<Span>*>(user)->push_back(
        {gap->count, gap->first, gap->first + gap->count - 1});
    return true;
  };
  return session_.make("gaps", DUNLIN_THREAD_SHARD, std::make_shared<Waiter>(), -1, false,
                       [&](dunlin_error* err) {
                         return api_->gaps(log_, from, to, visit, &found, err);
                       });
}

Outcome Log::snapshot_open(std::uint64_t& snapshot) {
  return session_.make("snapshot_open", DUNLIN_THREAD_SHARD, std::make_shared<Waiter>(), -1,
                       false, [&](dunlin_error* err) {
                         return DUNLIN_HAS(api_, snapshot_open)
                                    ? api_->snapshot_open(log_, &snapshot, err)
                                    : DUNLIN_E_UNSUPPORTED;
                       });
}

void Log::snapshot_close(std::uint64_t snapshot) {
  scheduler().as(DUNLIN_THREAD_SHARD, [&] { api_->snapshot_close(log_, snapshot); });
}

Outcome Log::verify(std::vector<Damage>& found) {
  using Found = Asked<int, std::vector<Damage>>;
  const auto asked = std::make_shared<Found>();
  const auto visit = [](void* user, const dunlin_damage* damage) {
    auto& self = Found::of(user);
    if (self.may_visit()) {
      self.result.push_back({damage->first, damage->last, damage->offset, text_of(damage->file),
                             text_of(damage->text)});
    }
    return true;
  };
  const auto made = session_.make(
      "verify", DUNLIN_THREAD_SHARD, asked, DUNLIN_OK, true, [&](dunlin_error* err) {
        return api_->verify(log_, visit, plain_done, asked->user(), err);
      });
  found = std::move(asked->result);
  return asked->answered ? made : asked->outcome;
}

Outcome Log::close() {
  const auto waiter = std::make_shared<Waiter>();
  session_.make("close", DUNLIN_THREAD_SHARD, waiter, DUNLIN_OK, true, [&](dunlin_error*) {
    api_->close(log_, plain_done, waiter.get());
    return DUNLIN_OK;
  });
  return waiter->outcome;
}

}  // namespace dunlin::testkit
