// The records of a log in segments, ascending by sequence.
//
// A copy is a snapshot: it refers to the same segments, and whoever changes the original takes
// copies of what is shared. Used by the thread of its log. Out of memory throws std::bad_alloc and
// changes nothing; what only removes does not need memory, unless there are snapshots.

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "plugins/storage-mem/segment.hpp"

namespace dunlin::storage_mem {

class Records {
 public:
  // Where a record is; valid until the next change.
  struct Position {
    std::size_t segment = 0, place = 0;
  };

  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return memory_bytes_; }

  // After `reserve`, the `append` of the same record cannot fail.
  void reserve(const dunlin_record& record);
  void append(const dunlin_record& record, std::uint32_t subject) noexcept;

  // The first record at or above `seq`, the last one at or below it.
  [[nodiscard]] std::optional<Position> at_or_above(std::uint64_t seq) const noexcept;
  [[nodiscard]] std::optional<Position> at_or_below(std::uint64_t seq) const noexcept;
  [[nodiscard]] std::optional<Position> next(Position position) const noexcept;
  [[nodiscard]] std::optional<Position> previous(Position position) const noexcept;
  [[nodiscard]] std::optional<Position> find(std::uint64_t seq) const noexcept;
  [[nodiscard]] Stored at(Position position) const noexcept {
    return slots_[position.segment].segment->record(position.place);
  }
  // The first record whose time is not before `time_ns`.
  [[nodiscard]] std::optional<Position> at_time(std::int64_t time_ns) const noexcept;
  // How many are at or above `seq`. O(segments).
  [[nodiscard]] std::uint64_t count_from(std::uint64_t seq) const noexcept;
  // The sequence of the record with so many in front of it; there is one. O(segments).
  [[nodiscard]] std::uint64_t nth(std::uint64_t in_front) const noexcept;
  // Calls `visit(first, last)` for each run of sequences in from..to without a record, ascending,
  // while it answers true.
  template <class Visit>
  void each_gap(std::uint64_t from, std::uint64_t to, Visit&& visit) const;

  // Removes one record. With `erase` its content is overwritten; what snapshots still see is
  // answered instead, to be overwritten later.
  std::optional<Erased> remove(Position position, bool erase);
  // Removes all below, or above; `visit(stored)` sees each first when `is_visited`.
  template <class Visit>
  void remove_below(std::uint64_t seq, Visit&& visit);
  template <class Visit>
  void remove_above(std::uint64_t seq, Visit&& visit);
  void clear() noexcept;

 private:
  struct Slot {
    std::uint64_t base;  // not above the first of the segment, above the last of the one before
    std::shared_ptr<Segment> segment;
  };
  using Slots = std::deque<Slot>;

  // The slot that holds `seq`, or the nearest before it; 0 when it lies in front of all.
  [[nodiscard]] std::size_t slot_of(std::uint64_t seq) const noexcept;
  [[nodiscard]] std::optional<Position> begin_of(std::size_t slot) const noexcept;
  [[nodiscard]] std::optional<Position> end_of(std::size_t slot) const noexcept;
  Segment& own(std::size_t slot);
  void drop(std::size_t slot) noexcept;
  // Gives back what removals have left unused in a segment to which nothing is added any more.
  void tidy(std::size_t slot) noexcept;
  void compact(std::size_t slot);
  bool join(std::size_t lower);
  [[nodiscard]] bool is_open(std::size_t slot) const noexcept { return slot + 1 == slots_.size(); }

  // Whatever changes a segment's memory goes through it.
  template <class Change>
  void change(std::size_t slot, Change&& change) {
    memory_bytes_ -= slots_[slot].segment->memory_bytes();
    change(*slots_[slot].segment);
    memory_bytes_ += slots_[slot].segment->memory_bytes();
  }

  Slots slots_;  // only the last segment may be empty
  std::uint64_t size_ = 0;
  std::size_t memory_bytes_ = 0;
};

template <class Visit>
void Records::each_gap(std::uint64_t from, std::uint64_t to, Visit&& visit) const {
  if (from > to) return;
  auto next_expected = from;
  for (auto position = at_or_above(from); position;) {
    const auto& segment = *slots_[position->segment].segment;
    const auto seq = segment.seq(position->place);
    if (seq > to) break;
    if (seq > next_expected && !visit(next_expected, seq - 1)) return;
    const auto run = segment.run_at(position->place);
    next_expected = seq + run;
    position->place += run - 1;
    position = next(*position);
  }
  if (next_expected <= to && next_expected >= from) visit(next_expected, to);
}

template <class Visit>
void Records::remove_below(std::uint64_t seq, Visit&& visit) {
  while (!slots_.empty() && size_ > 0) {
    auto& segment = own(0);
    const auto count = segment.place_of(seq);
    for (std::size_t place = 0; place < count; ++place) visit(segment.record(place));
    const bool is_done = count < segment.size();
    size_ -= count;
    if (is_done || is_open(0)) {
      change(0, [&](Segment& kept) { kept.remove_front(count); });
      if (!is_open(0)) tidy(0);
      return;
    }
    drop(0);
  }
}

template <class Visit>
void Records::remove_above(std::uint64_t seq, Visit&& visit) {
  while (!slots_.empty()) {
    const auto last = slots_.size() - 1;
    auto& segment = own(last);
    const auto kept_count = seq == ~std::uint64_t{0} ? segment.size() : segment.place_of(seq + 1);
    for (auto place = kept_count; place < segment.size(); ++place) visit(segment.record(place));
    size_ -= segment.size() - kept_count;
    // What was in the dropped segments may be appended to again: the base must lie below.
    if (kept_count > 0) {
      change(last, [&](Segment& kept) { kept.remove_back(kept.size() - kept_count); });
      return;
    }
    drop(last);
  }
}

}  // namespace dunlin::storage_mem
