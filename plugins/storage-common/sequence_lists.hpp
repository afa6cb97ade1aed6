// For each subject of a SubjectTable the sequences of its live records, ascending.
//
// The table's entry knows the first and the last; only a subject with three or more records has a
// list here, named by the entry's `extra`: an array while it is short, SortedChunks beyond. Entry
// and list are changed together, by these functions only. Sequences are added in ascending order.
//
// Cost: O(log n) each, and O(n / 256) to count. Owned and used by one thread at a time. Out of
// memory throws std::bad_alloc and changes nothing.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "plugins/storage-common/pages.hpp"
#include "plugins/storage-common/sorted_chunks.hpp"
#include "plugins/storage-common/subject_table.hpp"

namespace dunlin::storage {

class SequenceLists {
 public:
  using Entry = SubjectTable::Entry;
  static constexpr std::uint64_t none = 0;

  // Behind all that are there.
  void append(Entry& entry, std::uint64_t seq);
  // It is there.
  void erase(Entry& entry, std::uint64_t seq) noexcept;
  void erase_below(Entry& entry, std::uint64_t seq) noexcept;
  void clear() noexcept;

  // The lowest at or above `seq`, the highest at or below it; `none` when there is none.
  [[nodiscard]] std::uint64_t at_or_above(const Entry& entry, std::uint64_t seq) const noexcept;
  [[nodiscard]] std::uint64_t at_or_below(const Entry& entry, std::uint64_t seq) const noexcept;
  // How many are at or above `seq`.
  [[nodiscard]] std::uint64_t count_from(const Entry& entry, std::uint64_t seq) const noexcept;

  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return lists_.memory_bytes() + list_bytes_;
  }

 private:
  static constexpr std::uint32_t array_max = 256;

  struct List {
    std::unique_ptr<std::uint64_t[]> array;  // of `size` used places, or ...
    std::unique_ptr<SortedChunks<std::uint64_t>> chunks;
    std::uint32_t size = 0, room = 0;
  };

  static bool has_list(const Entry& entry) noexcept { return entry.count > 2; }
  std::uint32_t make(const Entry& entry);
  void release(std::uint32_t place) noexcept;
  void push(List& list, std::uint64_t seq);
  // Brings the entry in line with a list that lost something.
  void settle(Entry& entry, std::uint64_t count) noexcept;

  Pages<List, 512> lists_;
  std::uint32_t free_ = no_place;  // linked through `size`
  std::size_t list_bytes_ = 0;     // roughly: what the lists point to
  static constexpr std::uint32_t no_place = 0xffffffff;
};

}  // namespace dunlin::storage
