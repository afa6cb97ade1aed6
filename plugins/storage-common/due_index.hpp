// Sequences by the moment at which something is to happen to them: expiry, or a schedule.
//
// 16 bytes an item and little more when moments come in order, as they do when all records live
// equally long. Owned and used by one thread at a time. Out of memory throws std::bad_alloc and
// changes nothing.

#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "plugins/storage-common/sorted_chunks.hpp"

namespace dunlin::storage {

class DueIndex {
 public:
  static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

  struct Item {
    std::int64_t at_ns;
    std::uint64_t seq;
    auto operator<=>(const Item&) const = default;
  };

  // O(log n). An item that is there stays as it is.
  void insert(std::int64_t at_ns, std::uint64_t seq) { items_.insert({at_ns, seq}); }
  // O(log n); false when it is not there.
  bool erase(std::int64_t at_ns, std::uint64_t seq) noexcept { return items_.erase({at_ns, seq}); }
  void clear() noexcept { items_.clear(); }

  [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }
  // The earliest moment, `never` when there is none.
  [[nodiscard]] std::int64_t next_ns() const noexcept {
    return at(items_.at_or_above({std::numeric_limits<std::int64_t>::min(), 0}));
  }
  // The earliest moment behind `now_ns`.
  [[nodiscard]] std::int64_t next_ns(std::int64_t now_ns) const noexcept {
    return at(next_item(now_ns));
  }
  // The item of that moment; null when there is none. Stands until the index changes.
  [[nodiscard]] const Item* next_item(std::int64_t now_ns) const noexcept {
    return now_ns == never ? nullptr : items_.at_or_above({now_ns + 1, 0});
  }
  // Calls `visit(item)` for the items not behind `now_ns`, in order, while it answers true. `visit`
  // must not change the index.
  template <class Visit>
  void each_due(std::int64_t now_ns, Visit&& visit) const {
    items_.each([&](const Item& item) { return item.at_ns <= now_ns && visit(item); });
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return items_.memory_bytes(); }

 private:
  static std::int64_t at(const Item* item) noexcept { return item ? item->at_ns : never; }

  SortedChunks<Item> items_;
};

}  // namespace dunlin::storage
