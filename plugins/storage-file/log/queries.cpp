// The questions that indexes alone answer.

#include <algorithm>

#include "plugins/storage-file/log/log.hpp"

namespace dunlin::storage_file::engine {
namespace {

using storage::SubjectTable;

// Calls `done(user, status, what, error)` of a query.
template <class Done, class What>
void tell(Done done, void* user, const std::optional<Error>& failure, const What& what) noexcept {
  if (!failure) {
    done(user, DUNLIN_OK, what, nullptr);
    return;
  }
  auto raw = detail::fresh_error();
  const auto status = detail::put(&raw, *failure);
  done(user, status, What{}, &raw);
}
void tell(dunlin_done done, void* user, const std::optional<Error>& failure) noexcept {
  if (!failure) {
    done(user, DUNLIN_OK, nullptr);
    return;
  }
  auto raw = detail::fresh_error();
  const auto status = detail::put(&raw, *failure);
  done(user, status, &raw);
}

Error no_subjects() {
  return fail(DUNLIN_E_UNSUPPORTED, "this log was made without subjects");
}

// Ids of the subjects that match; all for no filter.
std::vector<SubjectTable::Id> matching(const SubjectTable& subjects, const Filters& filters) {
  std::vector<SubjectTable::Id> ids;
  std::vector<dunlin_str> texts;
  for (const auto& filter : filters) texts.push_back(detail::str(filter));
  const dunlin_str all{};
  subjects.each(filters.empty() ? std::span(&all, 1) : std::span<const dunlin_str>(texts),
                [&](SubjectTable::Id id) {
                  ids.push_back(id);
                  return true;
                });
  return ids;
}

class Count final : public Question {
 public:
  explicit Count(const dunlin_count& query)
      : query_(query), filters_(own_filters(query.filters, query.filter_count)) {}

  Next step(Log& log) override {
    auto& now = log.now();
    const bool is_last = (query_.flags & DUNLIN_COUNT_LAST) != 0;
    if (!now.has_subjects() && (is_last || !filters_.empty())) return fail_with(no_subjects());
    span_ = {};
    if (is_last) return count_last(now);
    if (filters_.empty()) return count_all(now.view());
    return query_.from <= now.first_seq() ? count_subjects(now) : count_items(now);
  }
  void complete() noexcept override { tell(query_.done, query_.user, failure, &span_); }
  [[nodiscard]] const dunlin_span& span() const { return span_; }

 private:
  void add(const dunlin_span& part) {
    if (part.count == 0) return;
    span_.first = span_.count == 0 ? part.first : std::min(span_.first, part.first);
    span_.last = std::max(span_.last, part.last);
    span_.count += part.count;
  }
  Next count_all(const View& view) {
    const auto first = view.next_live(query_.from);
    if (first == 0) return Next::done;
    span_ = {view.last + 1 - first - view.gaps->count(first, view.last), first,
             view.previous_live(view.last)};
    return Next::done;
  }
  Next count_subjects(State& now) {
    for (const auto id : matching(now.subjects(), filters_)) {
      if (const auto missing = now.resolve(id); missing != 0) return want(missing);
      add(now.subjects().span(id));
    }
    return Next::done;
  }
  Next count_last(State& now) {
    for (const auto id : matching(now.subjects(), filters_)) {
      const auto& entry = now.subjects()[id];
      if (entry.last < query_.from) continue;
      if (const auto missing = now.resolve(id); missing != 0) return want(missing);
      if (entry.last >= query_.from) add({1, entry.last, entry.last});
    }
    return Next::done;
  }
  // Segment by segment; where nothing was removed a segment needs no look at its items.
  Next count_items(State& now) {
    const auto& view = now.view();
    for (const auto& segment : view.segments) {
      if (segment->end_seq <= query_.from || segment->live == 0) continue;
      if (!segment->index) return want(segment->number);
      const auto& items = now.matches_in(*segment, filters_);
      const auto& index = *segment->index;
      const auto low = std::max({query_.from, segment->first_seq, view.first});
      const auto begin = std::lower_bound(items.begin(), items.end(), index.lower_bound(low));
      const auto end = std::lower_bound(begin, items.end(), index.lower_bound(segment->end_seq));
      if (begin == end) continue;
      const bool has_gaps = view.gaps->count(low, segment->end_seq - 1) != 0;
      if (!has_gaps) {
        add({static_cast<std::uint64_t>(end - begin), index.seq(*begin), index.seq(*(end - 1))});
        continue;
      }
      for (auto at = begin; at != end; ++at) {
        const auto seq = index.seq(*at);
        if (!view.gaps->contains(seq)) add({1, seq, seq});
      }
    }
    return Next::done;
  }

  dunlin_count query_;
  Filters filters_;
  dunlin_span span_{};
};

class Subjects final : public Question {
 public:
  explicit Subjects(const dunlin_subjects& query)
      : query_(query), filter_(query.filter.data, query.filter.size),
        after_(query.after.data, query.after.size) {}

  Next step(Log& log) override {
    auto& now = log.now();
    if (!now.has_subjects()) return fail_with(no_subjects());
    std::vector<SubjectTable::Id> ids;
    now.subjects().each(filter_, after_, [&](SubjectTable::Id id) {
      ids.push_back(id);
      return query_.max == 0 || ids.size() < query_.max;
    });
    for (const auto id : ids) {
      if (const auto missing = now.resolve(id); missing != 0) return want(missing);
    }
    for (const auto id : ids) {
      const auto span = now.subjects().span(id);
      if (!query_.visit(query_.user, detail::str(now.subjects().name(id)), &span)) break;
    }
    return Next::done;
  }
  void complete() noexcept override { tell(query_.done, query_.user, failure); }

 private:
  dunlin_subjects query_;
  std::string filter_, after_;
};

class Spans final : public Question {
 public:
  explicit Spans(const dunlin_spans& query) : query_(query) {
    for (std::size_t i = 0; i < query.count; ++i) {
      names_.emplace_back(query.subjects[i].data, query.subjects[i].size);
    }
  }
  Next step(Log& log) override {
    auto& now = log.now();
    if (!now.has_subjects()) return fail_with(no_subjects());
    for (const auto& name : names_) {
      const auto id = now.subjects().find(name);
      if (id == SubjectTable::none) continue;
      if (const auto missing = now.resolve(id); missing != 0) return want(missing);
    }
    for (std::size_t i = 0; i < names_.size(); ++i) {
      const auto id = now.subjects().find(names_[i]);
      query_.out[i] = id == SubjectTable::none ? dunlin_span{} : now.subjects().span(id);
    }
    return Next::done;
  }
  void complete() noexcept override { tell(query_.done, query_.user, failure); }

 private:
  dunlin_spans query_;
  std::vector<std::string> names_;
};

class LastEach final : public Question {
 public:
  explicit LastEach(const dunlin_last_each& query)
      : query_(query), filters_(own_filters(query.filters, query.filter_count)) {}

  Next step(Log& log) override {
    auto& now = log.now();
    if (!now.has_subjects()) return fail_with(no_subjects());
    std::vector<std::uint64_t> seqs;
    for (const auto id : matching(now.subjects(), filters_)) {
      const auto seq = newest(now, id);
      if (wanted != 0) return Next::index;
      if (seq != 0) seqs.push_back(seq);
    }
    if (query_.max != 0 && seqs.size() > query_.max) {
      return fail_with(fail(DUNLIN_E_LIMIT, "more subjects match than were asked for"));
    }
    std::sort(seqs.begin(), seqs.end());
    for (const auto seq : seqs) {
      if (!query_.visit(query_.user, seq)) break;
    }
    return Next::done;
  }
  void complete() noexcept override { tell(query_.done, query_.user, failure); }

 private:
  // Sets `wanted` when an index is missing.
  std::uint64_t newest(State& now, SubjectTable::Id id) {
    wanted = now.resolve(id);
    if (wanted != 0) return 0;
    const auto& entry = now.subjects()[id];
    if (entry.last <= query_.below) return entry.last;
    if (entry.first > query_.below) return 0;
    const auto found = now.previous_match(now.view(), {std::string(now.subjects().name(id))},
                                          query_.below);
    wanted = found.missing;
    return found.seq;
  }

  dunlin_last_each query_;
  Filters filters_;
};

class SeqAt final : public Question {
 public:
  explicit SeqAt(const dunlin_seq_at& query) : query_(query) {}

  Next step(Log& log) override {
    const auto& view = log.now().view();
    seq_ = view.last + 1;
    for (const auto& segment : view.segments) {
      if (segment->live == 0 || segment->last_time_ns < query_.time_ns) continue;
      if (segment->first_live_time_ns >= query_.time_ns) {
        seq_ = segment->first_live;
        return Next::done;
      }
      if (!segment->index) return want(segment->number);
      const auto& index = *segment->index;
      const auto at = index.at_time(query_.time_ns);
      if (at >= index.size()) continue;
      const auto found = view.next_live(index.seq(at));
      if (found == 0 || found >= segment->end_seq) continue;
      seq_ = found;
      return Next::done;
    }
    return Next::done;
  }
  void complete() noexcept override { tell(query_.done, query_.user, failure, seq_); }
  [[nodiscard]] std::uint64_t seq() const { return seq_; }

 private:
  dunlin_seq_at query_;
  std::uint64_t seq_ = 0;
};

class Due final : public Question {
 public:
  explicit Due(const dunlin_due& query) : query_(query) {}

  Next step(Log& log) override {
    auto& now = log.now();
    const auto& view = now.view();
    const bool is_expiry = query_.index == DUNLIN_DUE_EXPIRY;
    auto& index = is_expiry ? now.expiries() : now.schedules();
    std::vector<storage::DueIndex::Item> dead, due;
    bool is_cut = false;
    const auto is_alive = [&](const storage::DueIndex::Item& item) {
      return view.is_live(item.seq) && (is_expiry || now.is_scheduled(item.seq, item.at_ns));
    };
    index.each_due(query_.now_ns, [&](const storage::DueIndex::Item& item) {
      const bool counts = is_alive(item);
      if (counts && query_.max != 0 && due.size() >= query_.max) {
        is_cut = true;
        return false;
      }
      (counts ? due : dead).push_back(item);
      return true;
    });
    for (const auto& item : dead) index.erase(item.at_ns, item.seq);
    std::vector<dunlin_due_item> items;
    for (const auto& item : due) {
      dunlin_str subject{};
      if (!find_subject(view, item.seq, subject)) return Next::index;
      items.push_back({item.seq, item.at_ns, subject});
    }
    // Items of removed records stay until somebody meets them.
    const storage::DueIndex::Item* next = index.next_item(query_.now_ns);
    while (next != nullptr && !is_alive(*next)) {
      const auto gone = *next;
      index.erase(gone.at_ns, gone.seq);
      next = index.next_item(query_.now_ns);
    }
    next_ns_ = is_cut ? query_.now_ns : next == nullptr ? storage::DueIndex::never : next->at_ns;
    for (const auto& item : items) {
      if (!query_.visit(query_.user, &item)) break;
    }
    return Next::done;
  }
  void complete() noexcept override { tell(query_.done, query_.user, failure, next_ns_); }
  [[nodiscard]] std::int64_t next_ns() const { return next_ns_; }

 private:
  bool find_subject(const View& view, std::uint64_t seq, dunlin_str& subject) {
    const auto place = view.segment_of(seq);
    if (place == view.segments.size()) return true;
    const auto& segment = *view.segments[place];
    if (!segment.index) {
      wanted = segment.number;
      return false;
    }
    const auto at = segment.index->find(seq);
    if (at != SegmentIndex::none) subject = detail::str(segment.index->subject_of(at));
    return true;
  }

  dunlin_due query_;
  std::int64_t next_ns_ = 0;
};

}  // namespace

result<dunlin_span> Log::count(const dunlin_count& query) {
  const auto question = std::make_shared<Count>(query);
  if (auto outcome = ask(question); !outcome) return outcome.error();
  return question->span();
}

result<> Log::subjects(const dunlin_subjects& query) {
  return ask(std::make_shared<Subjects>(query));
}

result<> Log::spans(const dunlin_spans& query) { return ask(std::make_shared<Spans>(query)); }

result<> Log::last_each(const dunlin_last_each& query) {
  return ask(std::make_shared<LastEach>(query));
}

result<std::uint64_t> Log::seq_at(const dunlin_seq_at& query) {
  const auto question = std::make_shared<SeqAt>(query);
  if (auto outcome = ask(question); !outcome) return outcome.error();
  return question->seq();
}

result<std::int64_t> Log::due(const dunlin_due& query) {
  if (query.index != DUNLIN_DUE_EXPIRY && query.index != DUNLIN_DUE_SCHEDULE) {
    return fail(DUNLIN_E_INVALID, "there is no such index");
  }
  const auto question = std::make_shared<Due>(query);
  if (auto outcome = ask(question); !outcome) return outcome.error();
  return question->next_ns();
}

result<> Log::gaps(std::uint64_t from, std::uint64_t to,
                   bool (*visit)(void* user, const dunlin_range* gap), void* user) {
  const auto& view = state_->view();
  const auto first = std::max(from, view.first), last = std::min(to, view.last);
  if (first > last) return {};
  view.gaps->each(first, last, [&](std::uint64_t low, std::uint64_t high) {
    const dunlin_range gap{low, high - low + 1};
    return visit(user, &gap);
  });
  return {};
}

dunlin_log_state Log::state() {
  dunlin_log_state out{};
  out.struct_size = sizeof out;
  const auto& view = state_->view();
  out.first_seq = view.first;
  out.last_seq = view.last;
  out.records = state_->records();
  out.bytes = state_->bytes();
  out.first_time_ns = out.records == 0 ? 0 : state_->first_time_ns();
  out.last_time_ns = state_->last_time_ns();
  out.deleted = view.first <= view.last ? view.last + 1 - view.first - out.records : 0;
  out.subjects = state_->has_subjects() ? state_->subjects().size() : 0;
  out.durable_seq = durable_seq_;
  out.damaged = state_->damaged();
  for (const auto& segment : view.segments) out.disk_bytes += segment->capacity;
  for (const auto& segment : state_->dropped()) out.disk_bytes += segment->capacity;
  for (const auto& replaced : replaced_) out.disk_bytes += replaced.segment->capacity;
  if (next_) out.disk_bytes += next_->capacity;
  out.memory_bytes = state_->memory_bytes() + journal_.memory_bytes();
  return out;
}

result<std::uint64_t> Log::snapshot_open() {
  snapshots_.emplace(++snapshot_count_, state_->snapshot());
  return snapshot_count_;
}

void Log::snapshot_close(std::uint64_t snapshot) {
  const auto found = snapshots_.find(snapshot);
  if (found == snapshots_.end()) return;
  // Its files are closed on a worker.
  auto view = std::make_shared<View>(std::move(found->second));
  snapshots_.erase(found);
  for (const auto& segment : view->segments) used_lately_.remove(segment);
  run_on_worker([view] { view->segments.clear(); }, [] {});
  maybe_checkpoint();
  wake_rewrite();
  press_erasures();
}

}  // namespace dunlin::storage_file::engine
