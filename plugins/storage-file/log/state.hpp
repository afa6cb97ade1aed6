// State: what a log is at this moment: its segments, what is live, its subjects, its due times and
// its sums. Every change of the log is one call here, whether a caller asks for it or the journal
// is read again after a stop; so both come to the same.
//
// No input or output: what is not in memory is named, and the caller fetches it. Functions that
// need the index of a segment say so; those indexes must be loaded. Owned and used by one thread at
// a time.

#pragma once

#include <dunlin/ext/storage.h>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "plugins/storage-common/due_index.hpp"
#include "plugins/storage-common/gap_set.hpp"
#include "plugins/storage-file/log/entry.hpp"
#include "plugins/storage-file/log/segment.hpp"
#include "plugins/storage-file/log/subjects.hpp"

namespace dunlin::storage_file::engine {

struct SegmentContent;

inline constexpr std::uint32_t record_cost = 30;
inline constexpr std::uint32_t header_cost = 4;

// What a search found, or the segment whose index it needs first.
struct Search {
  std::uint64_t seq = 0;      // 0: nothing
  std::uint64_t missing = 0;  // number of a segment; 0: the answer is final
};

// What it does to remove some of the records of one segment: worked out from its index, which need
// not be in memory any more when it is done.
struct Removal {
  struct Subject {
    std::string name;
    std::uint64_t count = 0;           // that are removed
    std::uint64_t lowest = 0;          // of those
    std::uint64_t first = 0, last = 0; // that are left in the segment; 0 for none
  };
  std::uint64_t changes = 0;  // of the segment, when this was worked out
  std::uint64_t records = 0, bytes = 0;
  std::vector<Range> ranges;  // of what is removed
  std::vector<Subject> subjects;
  std::uint64_t first_live = 0;  // of what is left
  std::int64_t first_live_time_ns = 0;
};
using Removals = std::map<std::uint64_t, Removal>;  // by the segment's number

// What a question looks at: the log as it is now, or as it was when a snapshot was made.
struct View {
  std::uint64_t first = 1, last = 0;
  std::shared_ptr<storage::GapSet> gaps;
  std::map<std::uint64_t, std::uint64_t> damaged;  // first to last sequence
  std::deque<std::shared_ptr<Segment>> segments;

  [[nodiscard]] bool is_live(std::uint64_t seq) const noexcept {
    return seq >= first && seq <= last && !gaps->contains(seq);
  }
  [[nodiscard]] bool is_damaged(std::uint64_t seq) const noexcept;
  // The first and the last damaged sequence in a range; 0 for none.
  [[nodiscard]] std::uint64_t first_damaged(std::uint64_t from, std::uint64_t to) const noexcept;
  [[nodiscard]] std::uint64_t last_damaged(std::uint64_t from, std::uint64_t to) const noexcept;
  // Place among the segments of the one that accounts for `seq`; segments.size() for none.
  [[nodiscard]] std::size_t segment_of(std::uint64_t seq) const noexcept;
  // The lowest live sequence at or above, the highest at or below; 0 for none.
  [[nodiscard]] std::uint64_t next_live(std::uint64_t seq) const noexcept;
  [[nodiscard]] std::uint64_t previous_live(std::uint64_t seq) const noexcept;
};

class State {
 public:
  State(std::uint64_t first_seq, bool has_subjects, std::uint64_t seed);

  [[nodiscard]] const View& view() const noexcept { return view_; }
  [[nodiscard]] bool has_subjects() const noexcept { return has_subjects_; }
  [[nodiscard]] std::uint64_t first_seq() const noexcept { return view_.first; }
  [[nodiscard]] std::uint64_t last_seq() const noexcept { return view_.last; }
  [[nodiscard]] std::int64_t last_time_ns() const noexcept { return last_time_ns_; }
  [[nodiscard]] std::int64_t first_time_ns() const noexcept;
  [[nodiscard]] std::uint64_t records() const noexcept;
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::uint64_t damaged() const noexcept;
  [[nodiscard]] std::size_t memory_bytes() const noexcept;
  // A copy that stays as it is. O(segments).
  [[nodiscard]] View snapshot() const;

  // ---- segments -----------------------------------------------------------------------------
  [[nodiscard]] std::deque<std::shared_ptr<Segment>>& segments() noexcept {
    return view_.segments;
  }
  [[nodiscard]] Segment* active() noexcept {
    return view_.segments.empty() || view_.segments.back()->is_sealed
               ? nullptr
               : view_.segments.back().get();
  }
  [[nodiscard]] std::shared_ptr<Segment> find_segment(std::uint64_t number) const noexcept;
  // Begins to write to a segment.
  void open_segment(std::shared_ptr<Segment> segment);
  void seal_active() noexcept;
  // The index of the active segment as it was read again.
  void adopt_active(std::shared_ptr<SegmentIndex> index);
  // Segments that hold nothing live any more; they are no longer part of the view.
  [[nodiscard]] std::vector<std::shared_ptr<Segment>>& dropped() noexcept { return dropped_; }

  // ---- changes ------------------------------------------------------------------------------
  // A record in the active segment; returns the id of its subject, Subjects::none without one.
  Subjects::Id add(const dunlin_record& record, const SegmentIndex::Item& item);
  // All records of the segment that was just opened, with their index.
  void add_all(SegmentContent& content);
  // A record that was erased: it takes its place in the index only.
  void add_erased(const dunlin_record& record, const SegmentIndex::Item& item);
  void skip(std::uint64_t first, std::uint64_t count, std::int64_t time_ns);
  // Sequences that were lost: they count as live and cannot be read.
  void lose(std::uint64_t first, std::uint64_t last);
  // Needs the indexes of the segments the ranges touch (`missing_for`), or what they would do.
  dunlin_removed remove(std::span<const Range> ranges, const Removals& removals = {});
  // Needs the same for everything below, but nothing when that is all; goes on at `below` when that
  // lies behind the end.
  dunlin_removed purge_below(std::uint64_t below, const Removals& removals = {});
  // Needs the same for everything above, and the index that holds `last`.
  dunlin_removed truncate(std::uint64_t last, const Removals& removals = {});
  // What it does to remove the live ones among these items, which ascend; the index is there.
  [[nodiscard]] Removal plan(const Segment& segment, std::span<const std::uint32_t> items) const;
  // False when the record is not live.
  bool reschedule(std::uint64_t seq, std::int64_t due_ns);
  // The segments whose indexes are needed to remove first..last and are not in memory.
  void missing_for(std::uint64_t first, std::uint64_t last,
                   std::vector<std::uint64_t>& numbers) const;

  // ---- subjects -----------------------------------------------------------------------------
  [[nodiscard]] Subjects& subjects() noexcept { return subjects_; }
  [[nodiscard]] const Subjects& subjects() const noexcept { return subjects_; }
  // Makes the span of a whole entry exact; names the segment whose index is needed for it, or 0.
  std::uint64_t resolve(Subjects::Id id);
  // The same for a span that is not in memory; what was searched already is not searched again.
  std::uint64_t resolve(std::string_view name, SubjectSpan& span) const;
  // What the runs say of a subject: its entry becomes whole.
  void settle(std::string_view name, const std::optional<SubjectSpan>& below);
  // What a search with these filters has to know of a subject before it may begin; null when
  // memory has it all.
  [[nodiscard]] const std::string* unknown_subject(const View& view,
                                                   const Filters& filters) const;
  // Lets go of entries in memory (Subjects::evict).
  void evict_subjects(std::size_t steps);
  // Memory knows of no subject any more; what comes is on top of runs that are yet to be made.
  void forget_subjects();
  // Takes an entry without records out, when nothing needs it any more.
  void erase_if_empty(Subjects::Id id);
  // Sequences were used twice: that one is live does not tell whose it is.
  [[nodiscard]] bool has_truncated() const noexcept { return has_truncated_; }
  void restore_truncated() noexcept { has_truncated_ = true; }

  // ---- searching ----------------------------------------------------------------------------
  // The first live match at or above `from`, the last at or below `to`. Damaged sequences are
  // matches of no filter.
  [[nodiscard]] Search next_match(const View& view, const Filters& filters,
                                  std::uint64_t from) const;
  [[nodiscard]] Search previous_match(const View& view, const Filters& filters,
                                      std::uint64_t to) const;
  // The items of a segment that match; its index must be loaded.
  [[nodiscard]] const std::vector<std::uint32_t>& matches_in(const Segment& segment,
                                                             const Filters& filters) const;

  // ---- due ----------------------------------------------------------------------------------
  [[nodiscard]] storage::DueIndex& expiries() noexcept { return expiries_; }
  [[nodiscard]] storage::DueIndex& schedules() noexcept { return schedules_; }
  // Does the schedule index still say so?
  [[nodiscard]] bool is_scheduled(std::uint64_t seq, std::int64_t at_ns) const noexcept;
  void restore_schedule(std::uint64_t seq, std::int64_t at_ns);

  // What a checkpoint gives back.
  struct Sums {
    std::uint64_t first = 1, last = 0, bytes = 0;
    std::int64_t last_time_ns = 0;
  };
  void restore(const Sums& sums) noexcept;
  void raise_last_time(std::int64_t time_ns) noexcept {
    if (time_ns > last_time_ns_) last_time_ns_ = time_ns;
  }
  void restore_gap(std::uint64_t first, std::uint64_t last) { gaps().add(first, last); }
  // What `segment` accounts for up to `last` and `index`, its own read again, has not: it is lost.
  std::vector<Range> lose_missing(Segment& segment, const SegmentIndex& index,
                                  std::uint64_t last);
  void restore_damage(std::uint64_t first, std::uint64_t last) {
    view_.damaged.emplace(first, last);
  }

 private:
  // The answer when the subject's span alone gives it.
  [[nodiscard]] std::optional<Search> match_by_span(const View& view, const Filters& filters,
                                                    std::uint64_t at, bool is_backward) const;
  // The gaps, for a change: a snapshot keeps those it has.
  [[nodiscard]] storage::GapSet& gaps();
  std::uint32_t local_subject(SegmentIndex& index, Subjects::Id id);
  // Its number in the index of the active segment; SegmentIndex::none when it has none there.
  [[nodiscard]] std::uint32_t known_local(const SegmentIndex& index,
                                          Subjects::Id id) const noexcept;
  void count_item(Segment& segment, std::uint64_t seq, const SegmentIndex::Item& item,
                  std::uint32_t content_bytes);
  void remove_in(Segment& segment, std::uint64_t first, std::uint64_t last,
                 dunlin_removed& removed);
  void forget_subject(const Segment& segment, std::uint32_t item, std::uint64_t seq);
  void forget_change(const Segment& segment, std::uint32_t item, std::uint64_t seq,
                     Subjects::Id id);
  void apply(Segment& segment, const Removal& removal, dunlin_removed& removed);
  void forget(const Segment& segment, const Removal::Subject& subject);
  // The neighbour of an item with the same subject that is still there, in its segment; 0 for
  // none.
  [[nodiscard]] std::uint64_t live_neighbour(const Segment& segment, std::uint32_t item,
                                             bool is_behind) const noexcept;
  void find_first_live(Segment& segment) const noexcept;
  void forgive(std::uint64_t first, std::uint64_t last);
  dunlin_removed clear();
  void advance_first();
  void drop_dead();

  View view_;
  bool has_subjects_;
  std::uint64_t bytes_ = 0;
  std::int64_t last_time_ns_ = 0;
  Subjects subjects_;
  bool has_truncated_ = false;
  storage::DueIndex expiries_, schedules_;
  std::unordered_map<std::uint64_t, std::int64_t> scheduled_;
  std::vector<std::shared_ptr<Segment>> dropped_;
};

}  // namespace dunlin::storage_file::engine
