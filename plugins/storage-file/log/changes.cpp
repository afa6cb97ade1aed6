// Removing: what has to be known of the records is fetched first; then the change takes effect at
// one moment, in the journal and in the state.

#include <dunlin/subject.hpp>

#include <algorithm>

#include "plugins/storage-file/log/log.hpp"

namespace dunlin::storage_file::engine {
namespace {

class Change : public Question {
 public:
  Change(dunlin_removed_done done, void* user) : done_(done), user_(user) {}

  void complete() noexcept override {
    if (!failure) {
      done_(user_, DUNLIN_OK, &removed_, nullptr);
      return;
    }
    auto raw = detail::fresh_error();
    const auto status = detail::put(&raw, *failure);
    done_(user_, status, nullptr, &raw);
  }
  [[nodiscard]] const dunlin_removed& removed() const { return removed_; }

 protected:
  // Journals a change; `done` when it may take effect.
  Next journal(Log& log, EntryKind kind, std::vector<std::uint8_t>& entry) {
    const auto outcome = log.put(kind, entry);
    if (outcome) return Next::done;
    if (outcome.error().status == DUNLIN_E_AGAIN) return Next::room;
    return fail_with(outcome.error());
  }
  // The index of a segment that holds any of first..last.
  bool has_indexes(Log& log, std::uint64_t first, std::uint64_t last) {
    std::vector<std::uint64_t> numbers;
    log.now().missing_for(first, last, numbers);
    if (numbers.empty()) return true;
    wanted = numbers.front();
    return false;
  }
  // Is there what it takes to remove these records: the index of each segment that has some of
  // them, or what was worked out from it? Those that are not in memory are fetched one by one.
  bool can_remove(Log& log, std::span<const Range> ranges) {
    auto& now = log.now();
    std::vector<std::uint64_t> missing;
    for (const auto& range : ranges) now.missing_for(range.first, range.last, missing);
    if (missing.empty() && removals_.empty()) return true;
    if (held.empty()) {
      wanted = missing.front();
      return false;
    }
    hold_last();
    auto range = ranges.begin();
    for (const auto& segment : now.view().segments) {
      while (range != ranges.end() && range->last < segment->first_seq) ++range;
      if (range == ranges.end()) break;
      if (segment->live == 0 || range->first >= segment->end_seq || is_planned(*segment)) continue;
      if (!segment->index) {
        wanted = segment->number;
        return false;
      }
      std::vector<std::uint32_t> items;
      for (auto each = range; each != ranges.end() && each->first < segment->end_seq; ++each) {
        auto at = segment->index->lower_bound(each->first);
        const auto end = segment->index->lower_bound(each->last + 1);
        for (; at < end; ++at) items.push_back(at);
      }
      removals_[segment->number] = now.plan(*segment, items);
    }
    return true;
  }
  [[nodiscard]] bool is_planned(const Segment& segment) const {
    const auto found = removals_.find(segment.number);
    return found != removals_.end() && found->second.changes == segment.changes;
  }
  Next remove(Log& log, std::span<const Range> ranges, bool is_erase) {
    if (ranges.empty()) return Next::done;
    std::vector<std::uint8_t> entry;
    put_remove(entry, ranges, is_erase);
    const auto next = journal(log, EntryKind::remove, entry);
    if (next != Next::done || failure) return next;
    removed_ = log.now().remove(ranges, removals_);
    log.after_removal();
    return Next::done;
  }

  Removals removals_;
  dunlin_removed removed_{};

 private:
  dunlin_removed_done done_;
  void* user_;
};

void extend(std::vector<Range>& ranges, std::uint64_t seq) {
  if (!ranges.empty() && ranges.back().last + 1 == seq) {
    ranges.back().last = seq;
  } else {
    ranges.push_back({seq, seq});
  }
}

}  // namespace

// Erasing: once the removal is durable, the content is overwritten where it stands. What stands in
// a block with others goes when its segment is rewritten, which then is done at once. Meanwhile the
// files of segments stay as they are, so that nothing is copied that is to go.
class Remove final : public Change {
 public:
  Remove(std::span<const std::uint64_t> seqs, bool is_erase, dunlin_removed_done done, void* user)
      : Change(done, user), seqs_(seqs.begin(), seqs.end()), is_erase_(is_erase) {}

  Next step(Log& log) override {
    if (is_removed_) return after_removal(log);
    if (is_erase_) {
      if (!held_files_) held_files_ = log.hold_files();
      if (!log.is_quiet()) return Next::quiet;
    }
    std::vector<Range> ranges;
    for (const auto seq : seqs_) {
      if (log.now().view().is_live(seq)) extend(ranges, seq);
    }
    if (is_erase_) {
      const auto next = find_places(log, ranges);
      if (next != Next::done || failure) return next;
    }
    if (!can_remove(log, ranges)) return Next::index;
    const auto next = remove(log, ranges, is_erase_);
    if (next != Next::done || failure) return next;
    is_removed_ = true;
    for (const auto& segment : to_rewrite_) segment->must_rewrite = true;
    if (places_.empty() && to_rewrite_.empty()) held_files_.reset();
    return held_files_ ? Next::durable : Next::done;
  }

  void work() override {
    for (const auto& place : std::exchange(places_, {})) {
      auto opened = open_segment_file(*directory_, place.segment, DUNLIN_FS_WRITE);
      if (!opened) {
        fail_with(opened.error());
        return;
      }
      std::vector<std::uint8_t> bytes(padded(place.item.entry_bytes));
      dunlin_record record{};
      record.seq = place.seq;
      record.time_ns = place.item.time_ns;
      write_erased(bytes.data(), record, place.item.entry_bytes, place.item.offset,
                   place.segment.key());
      auto outcome = opened->file->write(place.item.offset, bytes);
      if (outcome) outcome = opened->file->sync();
      if (!outcome) {
        fail_with(outcome.error());
        return;
      }
    }
  }

 private:
  struct Place {
    std::uint64_t seq;
    SegmentRef segment;
    SegmentIndex::Item item;
  };

  Next after_removal(Log& log) {
    if (!places_.empty()) return is_proven_ ? Next::work : prove(log);
    held_files_.reset();
    if (to_rewrite_.empty() || log.has_erased_all()) return Next::done;
    log.press_erasures();
    return Next::quiet;
  }

  // Torn, the overwriting leaves an entry nobody believes. With nothing durable behind it that says
  // that it was durable it would pass for the end of the log: so a batch with a mark goes first.
  Next prove(Log& log) {
    std::vector<std::uint8_t> nothing;
    put_numbers(nothing, log.now().first_seq());
    const auto next = journal(log, EntryKind::purge, nothing);
    if (next != Next::done || failure) return next;
    is_proven_ = true;
    return Next::durable;
  }

  Next find_places(Log& log, std::span<const Range> ranges) {
    places_.clear();
    to_rewrite_.clear();
    directory_ = &log.directory();
    for (const auto& range : ranges) {
      if (!has_indexes(log, range.first, range.last)) return Next::index;
      for (auto seq = range.first; seq <= range.last; ++seq) {
        const auto& view = log.now().view();
        const auto at = view.segment_of(seq);
        if (at == view.segments.size()) continue;
        const auto& segment = view.segments[at];
        const auto item = segment->index ? segment->index->find(seq) : SegmentIndex::none;
        if (item == SegmentIndex::none) continue;
        const auto& found = segment->index->item(item);
        if (found.block == SegmentIndex::none) {
          places_.push_back({seq, log.ref(*segment), found});
        } else if (to_rewrite_.empty() || to_rewrite_.back() != segment) {
          to_rewrite_.push_back(segment);
        }
      }
    }
    return Next::done;
  }

  std::vector<std::uint64_t> seqs_;
  bool is_erase_;
  bool is_removed_ = false;
  bool is_proven_ = false;
  std::shared_ptr<void> held_files_;
  const Directory* directory_ = nullptr;
  std::vector<Place> places_;
  std::vector<std::shared_ptr<Segment>> to_rewrite_;
};

class Purge final : public Change {
 public:
  explicit Purge(const dunlin_purge& query)
      : Change(query.done, query.user), query_(query),
        filters_(own_filters(&query.filter, query.filter.size != 0 ? 1 : 0)) {}

  Next step(Log& log) override {
    auto& now = log.now();
    if (!filters_.empty()) {
      if (now.has_subjects()) return purge_matching(log);
      return fail_with(fail(DUNLIN_E_UNSUPPORTED, "this log was made without subjects"));
    }
    auto below = query_.below;
    if (query_.keep != 0) {
      below = std::min(below, keep_from(now.view()));
    } else if (below == UINT64_MAX) {
      below = now.last_seq() + 1;
    }
    if (below <= now.first_seq()) return Next::done;
    const Range range{now.first_seq(), below - 1};
    if (below <= now.last_seq() && !can_remove(log, std::span(&range, 1))) return Next::index;
    std::vector<std::uint8_t> entry;
    put_numbers(entry, below);
    const auto next = journal(log, EntryKind::purge, entry);
    if (next != Next::done || failure) return next;
    removed_ = now.purge_below(below, removals_);
    log.after_removal();
    return Next::done;
  }

 private:
  // Where the newest `keep` records in front of `below` begin.
  [[nodiscard]] std::uint64_t keep_from(const View& view) const {
    if (view.first > view.last) return view.first;
    const auto end = std::min(query_.below - 1, view.last);
    auto low = view.first, high = end + 1;
    const auto live = [&](std::uint64_t from) {
      return from > end ? 0 : end + 1 - from - view.gaps->count(from, end);
    };
    while (low < high) {
      const auto middle = low + (high - low) / 2;
      if (live(middle) > query_.keep) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
  // From the newest segment downwards, because the newest are kept; of records that were there when
  // the question came.
  Next purge_matching(Log& log) {
    hold_last();
    auto& now = log.now();
    const auto& view = now.view();
    if (query_.below == 0) return Next::done;
    if (upper_ == 0) upper_ = std::min(query_.below - 1, view.last);
    if (const auto* subject = now.unknown_subject(view, filters_)) return want_subject(*subject);
    std::uint64_t kept = 0;
    std::vector<std::uint64_t> numbers;
    for (auto it = view.segments.rbegin(); it != view.segments.rend(); ++it) {
      const auto& segment = **it;
      if (segment.live == 0 || segment.first_seq > upper_ || !may_match(now, segment)) continue;
      auto& known = kept_[segment.number];
      if (!is_planned(segment) || known.before != kept) {
        if (!segment.index) return want(segment.number);
        known = {kept, 0};
        plan(now, segment, known);
      }
      kept += known.here;
      numbers.push_back(segment.number);
    }
    // Not those worked out for segments that were rewritten meanwhile.
    std::vector<Range> ranges;
    for (auto number = numbers.rbegin(); number != numbers.rend(); ++number) {
      const auto& planned = removals_[*number].ranges;
      ranges.insert(ranges.end(), planned.begin(), planned.end());
    }
    return remove(log, ranges, false);
  }
  // A single subject is only where its first and last records are.
  [[nodiscard]] bool may_match(const State& now, const Segment& segment) const {
    if (filters_.size() != 1 || !is_literal_subject(filters_[0])) return true;
    const auto id = now.subjects().find(filters_[0]);
    if (id == Subjects::none) return false;
    const auto& entry = now.subjects()[id];
    return entry.count != 0 && entry.first < segment.end_seq && entry.last >= segment.first_seq;
  }
  struct Kept {
    std::uint64_t before = 0, here = 0;  // in newer segments, in this one
  };
  void plan(const State& now, const Segment& segment, Kept& kept) {
    std::vector<std::uint32_t> items;
    for (const auto at : now.matches_in(segment, filters_)) {
      const auto seq = segment.index->seq(at);
      if (seq > upper_ || seq >= segment.end_seq) break;
      if (now.view().is_live(seq)) items.push_back(at);
    }
    kept.here = std::min<std::uint64_t>(query_.keep - std::min(query_.keep, kept.before),
                                        items.size());
    items.resize(items.size() - kept.here);
    auto& removal = removals_[segment.number];
    removal = {};
    removal.changes = segment.changes;
    if (!items.empty()) removal = now.plan(segment, items);
  }

  std::uint64_t upper_ = 0;
  std::map<std::uint64_t, Kept> kept_;  // by the segment's number
  dunlin_purge query_;
  Filters filters_;
};

class Truncate final : public Change {
 public:
  Truncate(std::uint64_t last, dunlin_removed_done done, void* user)
      : Change(done, user), last_(last) {}

  Next step(Log& log) override {
    auto& now = log.now();
    if (last_ >= now.last_seq()) return Next::done;
    const Range above{last_ + 1, now.last_seq()};
    if (!can_remove(log, std::span(&above, 1))) return Next::index;
    // The newest record that is left tells the time.
    if (!has_indexes(log, last_, last_)) return Next::index;
    std::vector<std::uint8_t> entry;
    put_numbers(entry, last_);
    const auto next = journal(log, EntryKind::truncate, entry);
    if (next != Next::done || failure) return next;
    removed_ = now.truncate(last_, removals_);
    log.truncated(last_);
    log.after_removal();
    return Next::done;
  }

 private:
  std::uint64_t last_;
};

result<dunlin_removed> Log::remove(std::span<const std::uint64_t> seqs, std::uint32_t flags,
                                   dunlin_removed_done done, void* user) {
  if (auto outcome = may_change(); !outcome) return outcome.error();
  if (!std::is_sorted(seqs.begin(), seqs.end())) {
    return fail(DUNLIN_E_INVALID, "the sequences do not ascend");
  }
  const bool is_erase = (flags & DUNLIN_REMOVE_ERASE) != 0;
  const auto question = std::make_shared<Remove>(seqs, is_erase, done, user);
  if (auto outcome = ask(question); !outcome) return outcome.error();
  return question->removed();
}

result<dunlin_removed> Log::purge(const dunlin_purge& query) {
  if (auto outcome = may_change(); !outcome) return outcome.error();
  const auto question = std::make_shared<Purge>(query);
  if (auto outcome = ask(question); !outcome) return outcome.error();
  return question->removed();
}

result<dunlin_removed> Log::truncate(std::uint64_t last, dunlin_removed_done done, void* user) {
  if (auto outcome = may_change(); !outcome) return outcome.error();
  const auto question = std::make_shared<Truncate>(last, done, user);
  if (auto outcome = ask(question); !outcome) return outcome.error();
  return question->removed();
}

}  // namespace dunlin::storage_file::engine
