// The sequences of a log that are not live, for streams that lose few of them, nearly all of them,
// or long runs.
//
// Sequences are kept in blocks of 4096. A block holds a short list (two bytes a sequence), a
// bitmap (512 bytes), or belongs to a run of full blocks, which costs the same whatever its length.
// So a sequence costs one bit at most when they are many, and a run of any length costs no more
// than three blocks.
//
// Owned and used by one thread at a time. Out of memory throws std::bad_alloc; the set then holds a
// part of what was to be added.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

namespace dunlin::storage {

class GapSet {
 public:
  // Both ends are included. What is there already stays.
  void add(std::uint64_t first, std::uint64_t last);
  void add(std::uint64_t seq) { add(seq, seq); }
  void erase_below(std::uint64_t seq);
  void erase_above(std::uint64_t seq);
  void clear() noexcept { blocks_.clear(), size_ = 0; }

  [[nodiscard]] bool contains(std::uint64_t seq) const noexcept;
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  // How many lie in first..last. O(blocks between them).
  [[nodiscard]] std::uint64_t count(std::uint64_t first, std::uint64_t last) const noexcept;
  // The lowest sequence at or above `seq` that is not in the set; the highest at or below it,
  // 0 when all down to 1 are.
  [[nodiscard]] std::uint64_t next_absent(std::uint64_t seq) const noexcept;
  [[nodiscard]] std::uint64_t previous_absent(std::uint64_t seq) const noexcept;
  // Calls `visit(first, last)` for the runs inside from..to, ascending, cut at both ends, while it
  // answers true.
  template <class Visit>
  void each(std::uint64_t from, std::uint64_t to, Visit&& visit) const;

  [[nodiscard]] std::size_t memory_bytes() const noexcept;

 private:
  static constexpr unsigned block_bits = 12;
  static constexpr std::uint32_t block_size = 1u << block_bits;
  static constexpr std::size_t list_max = 192;  // a longer list is larger than the bitmap soon
  using Bitmap = std::array<std::uint64_t, block_size / 64>;

  // One block, or a run of full ones.
  struct Piece {
    std::uint64_t blocks = 1;
    std::uint32_t count = 0;          // of one block; block_size when full
    std::vector<std::uint16_t> list;  // ascending; empty when there is a bitmap or all is full
    std::unique_ptr<Bitmap> bits;

    [[nodiscard]] bool is_full() const noexcept { return count == block_size; }
    [[nodiscard]] bool contains(std::uint32_t at) const noexcept;
    [[nodiscard]] std::uint32_t count_in(std::uint32_t first, std::uint32_t last) const noexcept;
    // The first place at or behind `at` that is in the block or, when not `present`, is not;
    // block_size when there is none.
    [[nodiscard]] std::uint32_t next(std::uint32_t at, bool present) const noexcept;
    // The last place at or in front of `at` that is not in the block, which is not full;
    // block_size when there is none.
    [[nodiscard]] std::uint32_t previous_absent(std::uint32_t at) const noexcept;
    void add(std::uint32_t first, std::uint32_t last);
    void erase(std::uint32_t first, std::uint32_t last);
    void to_bits();
  };
  using Blocks = std::map<std::uint64_t, Piece>;  // by the number of the first block

  void add_in_block(std::uint64_t block, std::uint32_t first, std::uint32_t last);
  void add_full(std::uint64_t first_block, std::uint64_t blocks);
  void join_full(Blocks::iterator piece);
  // The piece that holds `block`, or the next one behind it.
  [[nodiscard]] Blocks::const_iterator at_or_behind(std::uint64_t block) const noexcept;
  // Cuts a run of full blocks so that `block` begins a piece.
  void cut_before(std::uint64_t block);
  void erase_in_block(std::uint64_t block, std::uint32_t first, std::uint32_t last);
  static std::uint64_t sequences(const Piece& piece) noexcept { return piece.blocks * piece.count; }

  Blocks blocks_;
  std::uint64_t size_ = 0;
};

template <class Visit>
void GapSet::each(std::uint64_t from, std::uint64_t to, Visit&& visit) const {
  if (from > to) return;
  std::uint64_t run_first = 0, run_last = 0;
  bool has_run = false;
  const auto take = [&](std::uint64_t first, std::uint64_t last) {
    if (has_run && first == run_last + 1) {
      run_last = last;
      return true;
    }
    if (has_run && !visit(run_first, run_last)) return has_run = false;
    run_first = first;
    run_last = last;
    return has_run = true;
  };
  for (auto it = at_or_behind(from >> block_bits); it != blocks_.end(); ++it) {
    const auto base = it->first << block_bits;
    if (base > to) break;
    const auto& piece = it->second;
    const auto end = base + ((piece.blocks << block_bits) - 1);
    const auto low = from > base ? from : base;
    const auto high = to < end ? to : end;
    if (piece.is_full()) {
      if (!take(low, high)) return;
      continue;
    }
    const auto limit = static_cast<std::uint32_t>(high - base);
    auto at = piece.next(static_cast<std::uint32_t>(low - base), true);
    while (at <= limit && at < block_size) {
      const auto behind = piece.next(at, false);
      const auto last = behind - 1 < limit ? behind - 1 : limit;
      if (!take(base + at, base + last)) return;
      at = behind < block_size ? piece.next(behind, true) : block_size;
    }
  }
  if (has_run) visit(run_first, run_last);
}

}  // namespace dunlin::storage
