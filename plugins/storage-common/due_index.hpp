// Sequences by the moment at which something is to happen to them: expiry, or a schedule.
//
// An ordered set of (moment, sequence) in chunks of up to 256: 16 bytes an item and little more
// when moments come in order, as they do when all records live equally long. Owned and used by one
// thread at a time. Out of memory throws std::bad_alloc and changes nothing.

#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

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
  void insert(std::int64_t at_ns, std::uint64_t seq);
  // O(log n); false when it is not there.
  bool erase(std::int64_t at_ns, std::uint64_t seq) noexcept;
  void clear() noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  // The earliest moment, `never` when there is none.
  [[nodiscard]] std::int64_t next_ns() const noexcept;
  // The earliest moment behind `now_ns`.
  [[nodiscard]] std::int64_t next_ns(std::int64_t now_ns) const noexcept;
  // Calls `visit(item)` for the items not behind `now_ns`, in order, while it answers true. `visit`
  // must not change the index.
  template <class Visit>
  void each_due(std::int64_t now_ns, Visit&& visit) const {
    for (auto chunk = head_; chunk < chunks_.size(); ++chunk) {
      for (const auto& item : chunks_[chunk]) {
        if (item.at_ns > now_ns || !visit(item)) return;
      }
    }
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept;

 private:
  using Chunk = std::vector<Item>;
  static constexpr std::size_t chunk_max = 256, chunk_min = 64;

  // The chunk an item belongs to: the last one that does not begin behind it.
  [[nodiscard]] std::size_t chunk_of(const Item& item) const noexcept;
  void split(std::size_t chunk);
  void drop(std::size_t chunk) noexcept;
  void join(std::size_t chunk) noexcept;

  std::vector<Chunk> chunks_;  // none is empty, from head_ on
  std::size_t head_ = 0;       // those in front are used up
  std::size_t size_ = 0;
};

}  // namespace dunlin::storage
