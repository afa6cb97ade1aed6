#include "sdk/testkit/reference/log.hpp"

#include <dunlin/storage_backend.hpp>

#include <unistd.h>

#include <algorithm>
#include <csignal>

namespace dunlin::testkit::reference {
namespace {

Record from_raw(const dunlin_record& raw) {
  return {raw.seq, raw.time_ns, raw.expires_ns, raw.due_ns, std::string(detail::view(raw.subject)),
          std::string(detail::view(raw.header)), std::string(detail::view(raw.payload)),
          raw.flags};
}

}  // namespace

Log::Log(Host host, const std::string& dir, const std::string& file,
         const dunlin_log_options& options, Fault fault, bool deferred,
         std::function<void()> closed)
    : host_(host), executor_(host.get<Executor>()), options_(options), fault_(fault),
      deferred_(deferred), closed_(std::move(closed)), journal_(host, dir, file, fault),
      model_(costs, options.first_seq) {}

void Log::post(std::function<void()> body) {
  const auto thread = fault_ == Fault::wrong_thread ? DUNLIN_THREAD_WORKER : options_.thread;
  if (thread == DUNLIN_THREAD_SHARD) {
    static_cast<void>(executor_.post_shard(options_.shard, std::move(body)));
  } else if (thread == DUNLIN_THREAD_CONTROL) {
    static_cast<void>(executor_.post_control(std::move(body)));
  } else {
    static_cast<void>(executor_.post_worker(std::move(body)));
  }
}

void Log::post_worker(std::function<void()> body) {
  static_cast<void>(executor_.post_worker(std::move(body)));
}

dunlin_status Log::answer(const std::function<dunlin_status()>& now, Answer later) {
  if (!deferred_) return now();
  post_worker([this, later = std::move(later)] { post(later); });
  return DUNLIN_E_AGAIN;
}

std::uint64_t Log::shown_last() const {
  return fault_ == Fault::late_reads ? durable_ : UINT64_MAX;
}

dunlin_status Log::refused(dunlin_error* err) const {
  if (poisoned_) return detail::put(err, DUNLIN_E_IO, "a sync failed; close and open the log");
  if ((options_.flags & DUNLIN_LOG_READ_ONLY) != 0) {
    return detail::put(err, DUNLIN_E_DENIED, "the log is open to be read only");
  }
  return DUNLIN_OK;
}

void Log::start_flush() {
  if (flushing_ || waiting_.empty()) return;
  flushing_ = true;
  in_flight_.swap(waiting_);
  post_worker([this] {
    const auto status = journal_.flush();
    post([this, status] { flushed(status); });
  });
}

void Log::flushed(dunlin_status status) {
  flushing_ = false;
  if (fault_ == Fault::retry_sync && status != DUNLIN_OK && !sync_failed_) {
    sync_failed_ = true;
    waiting_.insert(waiting_.begin(), in_flight_.begin(), in_flight_.end());
    in_flight_.clear();
    return start_flush();
  }
  if (status != DUNLIN_OK && status != DUNLIN_E_NO_SPACE && !poisoned_) {
    poisoned_ = true;
    const dunlin_log_event event{sizeof event, DUNLIN_LOG_POISONED, 0, 0, {}};
    if (options_.event != nullptr) options_.event(options_.user, &event);
  }
  const auto batch = std::exchange(in_flight_, {});
  for (const auto& sync : batch) {
    if (status == DUNLIN_OK) durable_ = std::min(sync.last, model_.last());
    if (fault_ == Fault::no_completion) continue;
    auto error = detail::fresh_error();
    detail::put(&error, status, "the journal could not be synced");
    sync.done(sync.user, status, status == DUNLIN_OK ? nullptr : &error);
    if (fault_ == Fault::double_completion) sync.done(sync.user, DUNLIN_OK, nullptr);
  }
  start_flush();
}

dunlin_status Log::run_read(const dunlin_read& query, dunlin_read_end& end) {
  const auto at = snapshots_.find(query.snapshot);
  const Model& model = at == snapshots_.end() ? model_ : at->second;
  Filters filters;
  for (std::size_t i = 0; i < query.filter_count; ++i) {
    filters.emplace_back(detail::view(query.filters[i]));
  }
  const bool backward = (query.flags & DUNLIN_READ_BACKWARD) != 0;
  auto found = model.matching(query.from, std::min(query.to, shown_last()), {});
  std::erase_if(found, [&](const Record* record) {
    const bool damaged = damaged_.contains(record->seq);
    const bool asked = query.seqs == nullptr ||
                       std::binary_search(query.seqs, query.seqs + query.seq_count, record->seq);
    return !asked || (!damaged && !matches_any(filters, record->subject));
  });
  std::vector<Record> all;
  for (const auto* record : found) all.push_back(*record);
  if ((query.flags & DUNLIN_READ_GAPS) != 0) {
    for (const auto& gap : model.gaps(query.from, query.to)) {
      all.push_back({gap.first, static_cast<std::int64_t>(gap.count), 0, 0, {}, {}, {},
                     DUNLIN_RECORD_GAP});
    }
    std::sort(all.begin(), all.end(), [](auto& a, auto& b) { return a.seq < b.seq; });
  }
  if (backward) std::reverse(all.begin(), all.end());
  end.visits = 0;
  std::uint64_t bytes = 0;
  for (const auto& record : all) {
    const bool bare = (query.flags & DUNLIN_READ_BARE) != 0;
    if (fault_ == Fault::crash && record.seq == 20) std::raise(SIGSEGV);
    if (damaged_.contains(record.seq)) {
      end.next = record.seq;
      return DUNLIN_E_CORRUPT;
    }
    const dunlin_record raw{
        record.seq, record.time_ns, record.expires_ns, record.due_ns, detail::str(record.subject),
        detail::bytes(std::string_view(record.header).substr(0, bare ? 0 : SIZE_MAX)),
        detail::bytes(std::string_view(record.payload).substr(0, bare ? 0 : SIZE_MAX)),
        record.flags, 0};
    ++end.visits;
    end.next = backward ? record.seq - 1 : record.seq + 1;
    end.why = DUNLIN_READ_STOPPED;
    if (!query.visit(query.user, &raw)) return DUNLIN_OK;
    end.why = DUNLIN_READ_LIMIT;
    if (end.visits == query.records_max) return DUNLIN_OK;
    bytes += record.subject.size() + record.header.size() + record.payload.size();
    if (query.bytes_max != 0 && bytes >= query.bytes_max) return DUNLIN_OK;
  }
  end.why = DUNLIN_READ_END;
  if (!backward) {
    end.next = query.to <= model.last() ? query.to + 1 : std::max(query.from, model.last() + 1);
  }
  return DUNLIN_OK;
}

// The functions of the table; a friend of Log.
struct LogTable {
  static Log& of(void* log) { return *static_cast<Log*>(log); }
  static Filters filters_of(const dunlin_str* filters, std::size_t n) {
    Filters out;
    for (std::size_t i = 0; i < n; ++i) out.emplace_back(detail::view(filters[i]));
    return out;
  }

  // How many of the records may be appended.
  static size_t count_good(const Log& self, const dunlin_record* records, size_t n) {
    auto last = self.model_.last();
    auto last_time = self.model_.last_time();
    for (size_t i = 0; i < n; ++i) {
      const auto& record = records[i];
      const auto size = record.subject.size + record.header.size + record.payload.size;
      if (record.seq != last + 1 || record.time_ns < last_time || size > DUNLIN_RECORD_MAX) {
        return i;
      }
      last = record.seq;
      last_time = record.time_ns;
    }
    return n;
  }

  static dunlin_status append(void* log, const dunlin_record* records, size_t n, uint32_t flags,
                              size_t* accepted, dunlin_span* spans, dunlin_error* err) {
    Log& self = of(log);
    *accepted = 0;
    if (const auto status = self.refused(err); status != DUNLIN_OK) return status;
    const bool is_atomic = (flags & DUNLIN_APPEND_ATOMIC) != 0;
    if (is_atomic && !is_atomic_size({records, n})) {
      return detail::put(err, too_large_to_be_atomic());
    }
    const auto good = count_good(self, records, n);
    const bool is_refused = is_atomic && good < n && self.fault_ != Fault::partial_group;
    const bool is_group = is_atomic && n > 1 && self.fault_ != Fault::torn_group;
    for (size_t i = 0; i < (is_refused ? 0 : good); ++i) {
      const Record record = from_raw(records[i]);
      self.take(record, is_group ? append_part : append_one);
      if (spans != nullptr) {
        const Span span = self.model_.span(record.subject);
        spans[i] = {span.count, span.first, span.last};
      }
      ++*accepted;
    }
    if (is_group && !is_refused) {
      self.write(Pack().number(end_group).number(records[n - 1].seq).bytes);
    }
    if (good == n) return DUNLIN_OK;
    return detail::put(err, DUNLIN_E_INVALID, "a sequence, time or size breaks the rules");
  }

  static dunlin_status skip(void* log, uint64_t first, uint64_t count, int64_t time_ns,
                            dunlin_error* err) {
    Log& self = of(log);
    if (const auto status = self.refused(err); status != DUNLIN_OK) return status;
    if (first != self.model_.last() + 1 || count == 0 ||
        (time_ns != 0 && time_ns < self.model_.last_time())) {
      return detail::put(err, DUNLIN_E_INVALID, "that is not where the log ends");
    }
    self.model_.skip(count, time_ns);
    if (self.fault_ != Fault::forget_gaps) {
      self.write(Pack().number(skip_some).number(count).number(
          static_cast<std::uint64_t>(time_ns)).bytes);
    }
    return DUNLIN_OK;
  }

  static dunlin_status sync(void* log, dunlin_done done, void* user) {
    Log& self = of(log);
    if (self.poisoned_) return DUNLIN_E_IO;
    if (self.fault_ == Fault::inline_completion) {
      done(user, DUNLIN_OK, nullptr);
      return DUNLIN_OK;
    }
    while (self.fault_ == Fault::hang) ::pause();
    self.waiting_.push_back({done, user, self.model_.last()});
    self.start_flush();
    return DUNLIN_OK;
  }

  static uint64_t durable_seq(void* log) { return of(log).durable_; }

  static dunlin_status state(void* log, dunlin_log_state* out) {
    const Log& self = of(log);
    const Model& model = self.model_;
    const auto& live = model.live();
    *out = {out->struct_size,
            0,
            model.first(),
            model.last(),
            live.empty() ? 0 : live.begin()->second.time_ns,
            model.last_time(),
            live.size(),
            model.bytes(),
            model.deleted(),
            model.subjects(),
            self.durable_,
            self.damaged_.size(),
            0,
            0};
    return DUNLIN_OK;
  }

  static dunlin_status read(void* log, const dunlin_read* query, dunlin_read_end* end,
                            dunlin_error*) {
    Log& self = of(log);
    return self.answer([&] { return self.run_read(*query, *end); }, [&self, copy = *query] {
      dunlin_read_end at{};
      at.struct_size = sizeof at;
      const auto status = self.run_read(copy, at);
      copy.done(copy.user, status, &at, nullptr);
    });
  }

  static Span counted(const Log& self, const dunlin_count& query) {
    const bool last_only = (query.flags & DUNLIN_COUNT_LAST) != 0;
    auto span = self.model_.count(query.from, filters_of(query.filters, query.filter_count),
                                  last_only);
    if (self.fault_ == Fault::wrong_count && query.from > self.model_.first() && span.count > 1) {
      --span.count;
    }
    return span;
  }
  static dunlin_status count(void* log, const dunlin_count* query, dunlin_span* result,
                             dunlin_error*) {
    Log& self = of(log);
    const auto run = [](const Log& in, const dunlin_count& what) {
      const auto span = counted(in, what);
      return dunlin_span{span.count, span.first, span.last};
    };
    return self.answer(
        [&] {
          *result = run(self, *query);
          return DUNLIN_OK;
        },
        [&self, run, copy = *query] {
          const auto span = run(self, copy);
          copy.done(copy.user, DUNLIN_OK, &span, nullptr);
        });
  }

  static void list_subjects(const Log& self, const dunlin_subjects& query) {
    std::string filter(detail::view(query.filter));
    if (self.fault_ == Fault::wrong_filter && filter.ends_with("*")) filter.back() = '>';
    std::uint64_t visits = 0;
    for (const auto& [subject, span] : self.model_.spans(filter)) {
      if (subject <= detail::view(query.after) || subject.empty()) continue;
      const dunlin_span raw{span.count, span.first, span.last};
      if (!query.visit(query.user, detail::str(subject), &raw)) return;
      if (++visits == query.max) return;
    }
  }
  static dunlin_status subjects(void* log, const dunlin_subjects* query, dunlin_error*) {
    Log& self = of(log);
    return self.answer(
        [&] {
          list_subjects(self, *query);
          return DUNLIN_OK;
        },
        [&self, copy = *query] {
          list_subjects(self, copy);
          copy.done(copy.user, DUNLIN_OK, nullptr);
        });
  }

  static void fill_spans(const Log& self, const dunlin_spans& query) {
    for (std::size_t i = 0; i < query.count; ++i) {
      const auto span = self.model_.span(std::string(detail::view(query.subjects[i])));
      query.out[i] = {span.count, span.first, span.last};
    }
  }
  static dunlin_status spans(void* log, const dunlin_spans* query, dunlin_error*) {
    Log& self = of(log);
    return self.answer(
        [&] {
          fill_spans(self, *query);
          return DUNLIN_OK;
        },
        [&self, copy = *query] {
          fill_spans(self, copy);
          copy.done(copy.user, DUNLIN_OK, nullptr);
        });
  }

  static dunlin_status newest(const Log& self, const dunlin_last_each& query) {
    const auto seqs =
        self.model_.last_each(filters_of(query.filters, query.filter_count), query.below);
    if (query.max != 0 && seqs.size() > query.max) return DUNLIN_E_LIMIT;
    for (const auto seq : seqs) {
      if (!query.visit(query.user, seq)) break;
    }
    return DUNLIN_OK;
  }
  static dunlin_status last_each(void* log, const dunlin_last_each* query, dunlin_error*) {
    Log& self = of(log);
    return self.answer([&] { return newest(self, *query); }, [&self, copy = *query] {
      copy.done(copy.user, newest(self, copy), nullptr);
    });
  }

  static dunlin_status seq_at(void* log, const dunlin_seq_at* query, uint64_t* seq,
                              dunlin_error*) {
    Log& self = of(log);
    return self.answer(
        [&] {
          *seq = self.model_.seq_at(query->time_ns);
          return DUNLIN_OK;
        },
        [&self, copy = *query] {
          copy.done(copy.user, DUNLIN_OK, self.model_.seq_at(copy.time_ns), nullptr);
        });
  }

  static int64_t list_due(const Log& self, const dunlin_due& query) {
    std::uint64_t visits = 0;
    for (const auto& [at, seq] : self.model_.due(query.index)) {
      if (at > query.now_ns || (query.max != 0 && visits == query.max)) return at;
      const auto& subject = self.model_.live().at(seq).subject;
      const dunlin_due_item item{seq, at, detail::str(subject)};
      ++visits;
      if (!query.visit(query.user, &item)) return at;
    }
    return INT64_MAX;
  }
  static dunlin_status due(void* log, const dunlin_due* query, int64_t* next_ns, dunlin_error*) {
    Log& self = of(log);
    return self.answer(
        [&] {
          *next_ns = list_due(self, *query);
          return DUNLIN_OK;
        },
        [&self, copy = *query] {
          copy.done(copy.user, DUNLIN_OK, list_due(self, copy), nullptr);
        });
  }

  static dunlin_status gaps(void* log, uint64_t from, uint64_t to,
                            bool (*visit)(void* user, const dunlin_range* gap), void* user,
                            dunlin_error*) {
    for (const auto& gap : of(log).model_.gaps(from, to)) {
      const dunlin_range range{gap.first, gap.count};
      if (!visit(user, &range)) break;
    }
    return DUNLIN_OK;
  }

  static dunlin_status changed(Log& self, dunlin_error* err, dunlin_removed* removed,
                               dunlin_removed_done done, void* user,
                               std::function<Removed()> change) {
    if (const auto status = self.refused(err); status != DUNLIN_OK) return status;
    const auto run = [change = std::move(change)] {
      const auto gone = change();
      return dunlin_removed{gone.records, gone.bytes};
    };
    return self.answer(
        [&] {
          *removed = run();
          return DUNLIN_OK;
        },
        [run, done, user] {
          const auto gone = run();
          done(user, DUNLIN_OK, &gone, nullptr);
        });
  }

  static dunlin_status remove(void* log, const uint64_t* seqs, size_t n, uint32_t flags,
                              dunlin_removed* removed, dunlin_removed_done done, void* user,
                              dunlin_error* err) {
    Log& self = of(log);
    if ((flags & DUNLIN_REMOVE_ERASE) != 0) {
      return detail::put(err, DUNLIN_E_UNSUPPORTED, "content is not overwritten");
    }
    std::vector<std::uint64_t> chosen(seqs, seqs + n);
    return changed(self, err, removed, done, user, [&self, chosen = std::move(chosen)] {
      Pack pack;
      pack.number(remove_some).number(chosen.size());
      for (const auto seq : chosen) pack.number(seq);
      if (self.fault_ != Fault::forget_removals) self.write(std::move(pack.bytes));
      for (const auto seq : chosen) self.damaged_.erase(seq);
      return self.model_.remove(chosen);
    });
  }

  static dunlin_status purge(void* log, const dunlin_purge* query, dunlin_removed* removed,
                             dunlin_error* err) {
    Log& self = of(log);
    std::string filter(detail::view(query->filter));
    const auto below = query->below;
    const bool wrong = self.fault_ == Fault::wrong_keep && query->keep > 1;
    const auto keep = wrong ? query->keep - 1 : query->keep;
    return changed(self, err, removed, query->done, query->user,
                   [&self, filter = std::move(filter), below, keep] {
                     self.write(
                         Pack().number(purge_some).text(filter).number(below).number(keep).bytes);
                     return self.model_.purge(filter, below, keep);
                   });
  }

  static dunlin_status truncate(void* log, uint64_t last, dunlin_removed* removed,
                                dunlin_removed_done done, void* user, dunlin_error* err) {
    Log& self = of(log);
    return changed(self, err, removed, done, user, [&self, last] {
      if (self.fault_ != Fault::phantom) self.write(Pack().number(cut_off).number(last).bytes);
      self.durable_ = std::min(self.durable_, last);
      return self.model_.truncate(last);
    });
  }

  static dunlin_status reschedule(void* log, uint64_t seq, int64_t due_ns, dunlin_error* err) {
    Log& self = of(log);
    if (const auto status = self.refused(err); status != DUNLIN_OK) return status;
    if (!self.model_.live().contains(seq)) {
      return detail::put(err, DUNLIN_E_NOT_FOUND, "there is no such record");
    }
    self.model_.reschedule(seq, due_ns);
    if (self.fault_ != Fault::lost_schedule) {
      self.write(Pack().number(move_due).number(seq).number(
          static_cast<std::uint64_t>(due_ns)).bytes);
    }
    return DUNLIN_OK;
  }

  static dunlin_status snapshot_open(void* log, uint64_t* out, dunlin_error*) {
    Log& self = of(log);
    *out = ++self.snapshot_count_;
    self.snapshots_.emplace(*out, self.model_);
    return DUNLIN_OK;
  }
  static void snapshot_close(void* log, uint64_t snapshot) { of(log).snapshots_.erase(snapshot); }

  static dunlin_status verify(void* log, bool (*visit)(void* user, const dunlin_damage* damage),
                              dunlin_done done, void* user, dunlin_error*) {
    Log& self = of(log);
    self.post([&self, visit, done, user] {
      const std::string file = self.journal_.path();
      for (const auto offset : self.bad_places_) {
        const bool known = !self.damaged_.empty();
        const dunlin_damage damage{known ? *self.damaged_.begin() : 0,
                                   known ? *self.damaged_.rbegin() : 0, detail::str(file), offset,
                                   detail::str("an entry cannot be read")};
        if (!visit(user, &damage)) break;
      }
      done(user, DUNLIN_OK, nullptr);
    });
    return DUNLIN_OK;
  }

  static void close(void* log, dunlin_done done, void* user) {
    Log& self = of(log);
    self.post_worker([&self, done, user] {
      const auto status = self.poisoned_ ? DUNLIN_E_IO : self.journal_.close();
      self.post([&self, done, user, status] {
        const std::unique_ptr<Log> gone(&self);
        gone->closed_();
        done(user, status, nullptr);
      });
    });
  }
};

const dunlin_log_store Log::table = {
    sizeof(dunlin_log_store), 0, LogTable::append, LogTable::skip, LogTable::sync,
    LogTable::durable_seq, LogTable::state, LogTable::read, LogTable::count, LogTable::subjects,
    LogTable::spans, LogTable::last_each, LogTable::seq_at, LogTable::due, LogTable::gaps,
    LogTable::remove, LogTable::purge, LogTable::truncate, LogTable::reschedule,
    LogTable::snapshot_open, LogTable::snapshot_close, LogTable::verify, LogTable::close};

}  // namespace dunlin::testkit::reference
