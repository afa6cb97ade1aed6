// The questions about subjects: count, subjects, spans, last_each.
//
// While all subjects are in memory they are answered from it. Else a worker walks through the runs,
// with what memory knew at that moment on top, and what is not exact is then searched for in the
// segments, one after the other.

#include <algorithm>
#include <unordered_set>

#include "plugins/storage-file/log/answers.hpp"
#include "plugins/storage-file/log/log.hpp"
#include "plugins/storage-file/log/subject_walk.hpp"

namespace dunlin::storage_file::engine {
namespace {

// Subjects that are looked up, or shown, at a time.
constexpr std::size_t page_max = 1024;

// Searches for the newest record of several subjects, from the newest segment downwards.
class NewestSearch {
 public:
  void want(std::string_view name) { names_.emplace(name); }
  // Calls `found(seq)` for records in from..to; answers the segment whose index is needed, or 0.
  template <class Found>
  std::uint64_t step(const View& view, std::uint64_t from, std::uint64_t to, Found&& found) {
    for (auto it = view.segments.rbegin(); it != view.segments.rend(); ++it) {
      const auto& segment = **it;
      if (names_.empty() || segment.end_seq <= std::max(from, view.first)) break;
      // Segments are put together meanwhile: how far the search has come is a sequence.
      const auto high = std::min(to, behind_ - 1);
      if (segment.first_seq > high || segment.live == 0) continue;
      if (!segment.index) return segment.number;
      search(view, segment, from, high, found);
      behind_ = segment.first_seq;
    }
    return 0;
  }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const noexcept {
      return std::hash<std::string_view>()(name);
    }
  };

  template <class Found>
  void search(const View& view, const Segment& segment, std::uint64_t from, std::uint64_t to,
              Found&& found) {
    const auto& index = *segment.index;
    // Of a subject that came back the newer number has the newer records.
    for (auto id = index.subjects(); id-- > 0;) {
      const auto name = names_.find(index.name(id));
      if (name == names_.end()) continue;
      for (auto at = index.subject(id).last; at != SegmentIndex::none;
           at = index.link(at).previous) {
        const auto seq = index.seq(at);
        if (seq > to || seq >= segment.end_seq || !view.is_live(seq)) continue;
        if (seq >= from) found(seq);
        names_.erase(name);
        break;
      }
    }
  }

  std::unordered_set<std::string, Hash, std::equal_to<>> names_;
  std::uint64_t behind_ = UINT64_MAX;  // what is here or above was searched
};

class SubjectQuestion : public Question {
 public:
  void work() override {
    auto outcome = walk_->run([this](std::string_view name, const SubjectSpan& span) {
      return take(name, span);
    });
    if (!outcome) walk_failure_ = outcome.error();
    is_walked_ = true;
  }

 protected:
  // Calls `take` for the subjects that match, in memory at once, else on a worker; done when it
  // was called for all of them. `begin` comes before, possibly more than once.
  Next walk(Log& log, const Filters& filters, std::string_view after = {}, std::uint64_t max = 0) {
    auto& subjects = log.now().subjects();
    if (is_walked_) {
      is_walked_ = false;
      if (!walk_failure_) return Next::done;
      const auto why = *std::exchange(walk_failure_, std::nullopt);
      if (walk_->version() == subjects.version()) {
        if (why.status != DUNLIN_E_CORRUPT) return fail_with(why);
        log.distrust_subjects(why);
        return Next::subjects;
      }
    }
    if (log.distrusts_subjects()) return Next::subjects;
    begin();
    if (!subjects.is_complete()) {
      walk_ = std::make_unique<SubjectWalk>(subjects, filters, after, max);
      return Next::work;
    }
    std::vector<dunlin_str> texts;
    for (const auto& filter : filters) texts.push_back(detail::str(filter));
    const dunlin_str all{};
    const auto visit = [&](Subjects::Id id) {
      const auto span = subjects.span(id);
      return span.count <= 0 || take(subjects.name(id), span);
    };
    subjects.table().each(filters.empty() ? std::span(&all, 1) : std::span<const dunlin_str>(texts),
                          visit);
    return Next::done;
  }
  virtual void begin() {}
  virtual bool take(std::string_view name, const SubjectSpan& span) = 0;
  [[nodiscard]] std::string_view cut_at() const { return walk_->cut_at(); }

 private:
  std::unique_ptr<SubjectWalk> walk_;
  std::optional<Error> walk_failure_;
  bool is_walked_ = false;
};

class Count final : public SubjectQuestion {
 public:
  explicit Count(const dunlin_count& query)
      : query_(query), filters_(own_filters(query.filters, query.filter_count)),
        is_last_((query.flags & DUNLIN_COUNT_LAST) != 0) {}

  Next step(Log& log) override {
    auto& now = log.now();
    if (!now.has_subjects() && (is_last_ || !filters_.empty())) return fail_with(no_subjects());
    if (!is_last_ && filters_.empty()) return count_all(now.view());
    if (!is_begun_) is_by_items_ = !is_last_ && query_.from > now.first_seq();
    is_begun_ = true;
    if (is_by_items_) return count_items(log);
    if (!is_taken_) {
      const auto next = walk(log, filters_);
      if (next != Next::done || failure) return next;
      is_taken_ = true;
    }
    return is_last_ ? find_newest(log) : find_ends(log);
  }
  void complete() noexcept override { tell(query_.done, query_.user, failure, &span_); }
  [[nodiscard]] const dunlin_span& span() const { return span_; }

 private:
  void begin() override {
    span_ = {};
    low_ = UINT64_MAX;
    first_ = last_ = high_ = 0;
    newest_ = {};
  }
  bool take(std::string_view name, const SubjectSpan& span) override {
    if (is_last_) {
      if (span.last < query_.from) return true;
      if (span.is_last_bound) {
        newest_.want(name);
      } else {
        add({1, span.last, span.last});
      }
      return true;
    }
    if (span.is_first_bound) {
      low_ = std::min(low_, span.first);
    } else {
      first_ = first_ == 0 ? span.first : std::min(first_, span.first);
    }
    if (span.is_last_bound) {
      high_ = std::max(high_, span.last);
    } else {
      last_ = std::max(last_, span.last);
    }
    span_.count += static_cast<std::uint64_t>(span.count);
    return true;
  }
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
  Next find_newest(Log& log) {
    hold_last();
    const auto& view = log.now().view();
    const auto missing = newest_.step(view, query_.from, UINT64_MAX, [&](std::uint64_t seq) {
      add({1, seq, seq});
    });
    return missing != 0 ? want(missing) : Next::done;
  }
  // Where ends were not exact: the first and the last match of all.
  Next find_ends(Log& log) {
    hold_last();
    const auto& now = log.now();
    if (first_ == 0 || low_ < first_) {
      const auto found = low_ == UINT64_MAX ? Search{}
                                            : now.next_match(now.view(), filters_, low_);
      if (found.missing != 0) {
        low_ = std::max(low_, now.find_segment(found.missing)->first_seq);
        if (first_ == 0 || low_ < first_) return want(found.missing);
      } else if (found.seq != 0) {
        first_ = first_ == 0 ? found.seq : std::min(first_, found.seq);
      }
      low_ = UINT64_MAX;
    }
    if (high_ > last_) {
      const auto found = now.previous_match(now.view(), filters_, high_);
      if (found.missing != 0) {
        high_ = std::min(high_, now.find_segment(found.missing)->end_seq - 1);
        if (high_ > last_) return want(found.missing);
      } else {
        last_ = std::max(last_, found.seq);
      }
      high_ = 0;
    }
    span_.first = span_.count == 0 ? 0 : first_;
    span_.last = span_.count == 0 ? 0 : last_;
    return Next::done;
  }

  // Segment by segment, of the log as it was when the question came; where nothing was removed a
  // segment needs no look at its items.
  Next count_items(Log& log) {
    hold_last();
    const auto* view = log.view(snapshot);
    for (const auto& segment : view->segments) {
      if (segment->number < next_segment_) continue;
      if (segment->end_seq <= query_.from || segment->live == 0) continue;
      if (!segment->index) {
        if (snapshot == 0) {
          auto made = log.snapshot_open();
          if (!made) return fail_with(made.error());
          snapshot = *made;
          owns_snapshot = true;
        }
        return want(segment->number);
      }
      count_in(log.now(), *view, *segment);
      next_segment_ = segment->number + 1;
    }
    return Next::done;
  }
  void count_in(const State& now, const View& view, const Segment& segment) {
    const auto& items = now.matches_in(segment, filters_);
    const auto& index = *segment.index;
    const auto low = std::max({query_.from, segment.first_seq, view.first});
    const auto first = std::lower_bound(items.begin(), items.end(), index.lower_bound(low));
    const auto end = std::lower_bound(first, items.end(), index.lower_bound(segment.end_seq));
    if (first == end) return;
    if (view.gaps->count(low, segment.end_seq - 1) == 0) {
      add({static_cast<std::uint64_t>(end - first), index.seq(*first), index.seq(*(end - 1))});
      return;
    }
    for (auto at = first; at != end; ++at) {
      const auto seq = index.seq(*at);
      if (!view.gaps->contains(seq)) add({1, seq, seq});
    }
  }

  dunlin_count query_;
  Filters filters_;
  bool is_last_;
  bool is_begun_ = false, is_by_items_ = false, is_taken_ = false;
  dunlin_span span_{};
  std::uint64_t first_ = 0, last_ = 0;            // of exact spans
  std::uint64_t low_ = UINT64_MAX, high_ = 0;     // bounds of the others
  NewestSearch newest_;
  std::uint64_t next_segment_ = 0;
};

class LastEach final : public SubjectQuestion {
 public:
  explicit LastEach(const dunlin_last_each& query)
      : query_(query), filters_(own_filters(query.filters, query.filter_count)) {}

  Next step(Log& log) override {
    if (!log.now().has_subjects()) return fail_with(no_subjects());
    if (!is_taken_) {
      const auto next = walk(log, filters_);
      if (next != Next::done || failure) return next;
      is_taken_ = true;
    }
    hold_last();
    const auto missing = newest_.step(log.now().view(), 0, query_.below, [&](std::uint64_t seq) {
      seqs_.push_back(seq);
    });
    if (missing != 0) return want(missing);
    if (query_.max != 0 && seqs_.size() > query_.max) {
      return fail_with(fail(DUNLIN_E_LIMIT, "more subjects match than were asked for"));
    }
    std::sort(seqs_.begin(), seqs_.end());
    for (const auto seq : seqs_) {
      if (!query_.visit(query_.user, seq)) break;
    }
    return Next::done;
  }
  void complete() noexcept override { tell(query_.done, query_.user, failure); }

 private:
  void begin() override {
    seqs_.clear();
    newest_ = {};
  }
  bool take(std::string_view name, const SubjectSpan& span) override {
    if (span.first > query_.below) return true;
    if (span.is_last_bound || span.last > query_.below) {
      newest_.want(name);
    } else {
      seqs_.push_back(span.last);
    }
    return true;
  }

  dunlin_last_each query_;
  Filters filters_;
  bool is_taken_ = false;
  std::vector<std::uint64_t> seqs_;
  NewestSearch newest_;
};

class SubjectList final : public SubjectQuestion {
 public:
  explicit SubjectList(const dunlin_subjects& query)
      : query_(query), filter_(query.filter.data, query.filter.size),
        after_(query.after.data, query.after.size) {}

  Next step(Log& log) override {
    if (!log.now().has_subjects()) return fail_with(no_subjects());
    if (!is_paged_ && log.now().subjects().is_complete()) return show_all(log);
    is_paged_ = true;
    for (;;) {
      if (!has_page_) {
        const auto next = walk_page(log);
        if (next != Next::done || failure) return next;
        has_page_ = true;
      }
      const auto next = settle_page(log);
      if (next != Next::done || failure) return next;
      if (!show_page()) return Next::done;
      has_page_ = false;
      if (!is_now) return Next::turn;
    }
  }
  void complete() noexcept override { tell(query_.done, query_.user, failure); }

 private:
  struct Item {
    std::string name;
    SubjectSpan span;
  };

  void begin() override { page_.clear(); }
  bool take(std::string_view name, const SubjectSpan& span) override {
    page_.push_back({std::string(name), span});
    return page_.size() < page_wanted_;
  }

  Next show_all(Log& log) {
    hold_last();
    auto& subjects = log.now().subjects();
    std::vector<Subjects::Id> ids;
    subjects.table().each(filter_, after_, [&](Subjects::Id id) {
      if (subjects[id].count != 0) ids.push_back(id);
      return query_.max == 0 || ids.size() < query_.max;
    });
    for (const auto id : ids) {
      if (const auto missing = log.now().resolve(id); missing != 0) return want(missing);
    }
    for (const auto id : ids) {
      const auto span = subjects.span(id).span();
      if (!query_.visit(query_.user, detail::str(subjects.name(id)), &span)) break;
    }
    return Next::done;
  }
  Next walk_page(Log& log) {
    const auto left = query_.max == 0 ? page_max : query_.max - shown_;
    page_wanted_ = std::min<std::uint64_t>(left, page_max);
    // Memory may know of some that are gone; then the page is short, and the next goes on.
    const auto next = log.now().subjects().is_complete()
                          ? page_of_memory(log)
                          : walk(log, {filter_}, after_, page_wanted_);
    if (next != Next::done || failure) return next;
    const bool is_full = page_.size() >= page_wanted_;
    const std::string cut(was_complete_ ? std::string_view() : cut_at());
    after_ = is_full ? page_.back().name : cut;
    is_end_ = after_.empty();
    return Next::done;
  }
  Next page_of_memory(Log& log) {
    auto& subjects = log.now().subjects();
    page_.clear();
    was_complete_ = true;
    subjects.table().each(filter_, after_, [&](Subjects::Id id) {
      const auto span = subjects.span(id);
      return span.count <= 0 || take(subjects.name(id), span);
    });
    return Next::done;
  }
  // What is not exact is searched for, unless memory has learned it meanwhile.
  Next settle_page(Log& log) {
    hold_last();
    auto& now = log.now();
    const auto& subjects = now.subjects();
    for (auto& item : page_) {
      if (item.span.is_exact()) continue;
      const auto id = subjects.find(item.name);
      if (id != Subjects::none && subjects.is_exact(id)) item.span = subjects.span(id);
      if (const auto missing = now.resolve(item.name, item.span); missing != 0) {
        return want(missing);
      }
    }
    return Next::done;
  }
  // False when it was the last.
  bool show_page() {
    for (const auto& item : page_) {
      if (item.span.count <= 0) continue;
      ++shown_;
      const auto span = item.span.span();
      if (!query_.visit(query_.user, detail::str(item.name), &span)) return false;
    }
    return !is_end_ && (query_.max == 0 || shown_ < query_.max);
  }

  dunlin_subjects query_;
  std::string filter_, after_;
  std::vector<Item> page_;
  std::uint64_t page_wanted_ = 0, shown_ = 0;
  bool is_paged_ = false, has_page_ = false, is_end_ = false, was_complete_ = false;
};

class Spans final : public Question {
 public:
  explicit Spans(const dunlin_spans& query) : query_(query) {
    for (std::size_t i = 0; i < query.count; ++i) {
      names_.emplace_back(query.subjects[i].data, query.subjects[i].size);
    }
  }
  Next step(Log& log) override {
    hold_last();
    auto& now = log.now();
    if (!now.has_subjects()) return fail_with(no_subjects());
    const auto& subjects = now.subjects();
    for (; at_ < names_.size(); ++at_) {
      const auto& name = names_[at_];
      if (!span_) {
        if (!subjects.is_known(name)) return want_page(subjects);
        const auto id = subjects.find(name);
        span_ = id == Subjects::none ? SubjectSpan{} : subjects.span(id);
      }
      if (const auto missing = now.resolve(name, *span_); missing != 0) return want(missing);
      query_.out[at_] = span_->span();
      span_.reset();
    }
    return Next::done;
  }
  void complete() noexcept override { tell(query_.done, query_.user, failure); }

 private:
  Next want_page(const Subjects& subjects) {
    for (auto at = at_; at < names_.size() && unknown.size() < page_max; ++at) {
      if (!subjects.is_known(names_[at])) unknown.push_back(names_[at]);
    }
    return Next::subjects;
  }

  dunlin_spans query_;
  std::vector<std::string> names_;
  std::size_t at_ = 0;
  std::optional<SubjectSpan> span_;  // of the name at `at_`, while its ends are searched for
};

}  // namespace

result<dunlin_span> Log::count(const dunlin_count& query) {
  const auto question = std::make_shared<Count>(query);
  if (auto outcome = ask(question); !outcome) return outcome.error();
  return question->span();
}

result<> Log::subjects(const dunlin_subjects& query) {
  return ask(std::make_shared<SubjectList>(query));
}

result<> Log::spans(const dunlin_spans& query) { return ask(std::make_shared<Spans>(query)); }

result<> Log::last_each(const dunlin_last_each& query) {
  return ask(std::make_shared<LastEach>(query));
}

}  // namespace dunlin::storage_file::engine
