#include "plugins/storage-common/gap_set.hpp"

#include <algorithm>
#include <bit>
#include <iterator>
#include <utility>

namespace dunlin::storage {
namespace {

// The bits first..last of one word.
std::uint64_t mask(unsigned first, unsigned last) noexcept {
  return (~std::uint64_t{0} << first) & (~std::uint64_t{0} >> (63 - last));
}

// Calls `apply(word, bits)` for each word that first..last touches.
template <class Apply>
void over_words(std::uint32_t first, std::uint32_t last, Apply&& apply) {
  for (auto word = first / 64; word <= last / 64; ++word) {
    const auto low = word == first / 64 ? first % 64 : 0;
    const auto high = word == last / 64 ? last % 64 : 63;
    apply(word, mask(low, high));
  }
}

}  // namespace

// ---- one block ------------------------------------------------------------------------------

bool GapSet::Piece::contains(std::uint32_t at) const noexcept {
  if (is_full()) return true;
  if (bits) return ((*bits)[at / 64] >> (at % 64) & 1) != 0;
  return std::binary_search(list.begin(), list.end(), static_cast<std::uint16_t>(at));
}

std::uint32_t GapSet::Piece::count_in(std::uint32_t first, std::uint32_t last) const noexcept {
  if (is_full()) return last - first + 1;
  std::uint32_t found = 0;
  if (bits) {
    over_words(first, last, [&](std::uint32_t word, std::uint64_t wanted) {
      found += static_cast<std::uint32_t>(std::popcount((*bits)[word] & wanted));
    });
    return found;
  }
  const auto low = std::lower_bound(list.begin(), list.end(), static_cast<std::uint16_t>(first));
  const auto high = std::upper_bound(low, list.end(), static_cast<std::uint16_t>(last));
  return static_cast<std::uint32_t>(high - low);
}

std::uint32_t GapSet::Piece::next(std::uint32_t at, bool present) const noexcept {
  if (at >= block_size) return block_size;
  if (is_full()) return present ? at : block_size;
  if (bits) {
    for (auto word = at / 64; word < bits->size(); ++word) {
      auto found = present ? (*bits)[word] : ~(*bits)[word];
      if (word == at / 64) found &= ~std::uint64_t{0} << (at % 64);
      if (found != 0) return word * 64 + static_cast<std::uint32_t>(std::countr_zero(found));
    }
    return block_size;
  }
  auto it = std::lower_bound(list.begin(), list.end(), static_cast<std::uint16_t>(at));
  if (present) return it == list.end() ? block_size : *it;
  for (; it != list.end() && *it == at; ++it) ++at;
  return at;
}

std::uint32_t GapSet::Piece::previous_absent(std::uint32_t at) const noexcept {
  if (bits) {
    for (auto word = at / 64 + 1; word-- > 0;) {
      auto found = ~(*bits)[word];
      if (word == at / 64) found &= mask(0, at % 64);
      if (found != 0) return word * 64 + 63 - static_cast<std::uint32_t>(std::countl_zero(found));
    }
    return block_size;
  }
  auto it = std::upper_bound(list.begin(), list.end(), static_cast<std::uint16_t>(at));
  for (; it != list.begin() && *std::prev(it) == at; --it) {
    if (at == 0) return block_size;
    --at;
  }
  return at;
}

void GapSet::Piece::to_bits() {
  auto made = std::make_unique<Bitmap>();
  made->fill(is_full() ? ~std::uint64_t{0} : 0);
  for (const auto at : list) (*made)[at / 64] |= std::uint64_t{1} << (at % 64);
  bits = std::move(made);
  std::vector<std::uint16_t>().swap(list);
}

void GapSet::Piece::add(std::uint32_t first, std::uint32_t last) {
  if (is_full()) return;
  const auto fresh = last - first + 1 - count_in(first, last);
  if (fresh == 0) return;
  if (count + fresh == block_size) {
    bits.reset();
    std::vector<std::uint16_t>().swap(list);
  } else if (!bits && count + fresh <= list_max) {
    const auto low = std::lower_bound(list.begin(), list.end(), static_cast<std::uint16_t>(first));
    const auto high = std::upper_bound(low, list.end(), static_cast<std::uint16_t>(last));
    std::vector<std::uint16_t> made;
    // An ascending fill appends: room is made by doubling then.
    if (low == list.end()) {
      for (auto at = first; at <= last; ++at) list.push_back(static_cast<std::uint16_t>(at));
    } else {
      made.reserve(count + fresh);
      made.assign(list.begin(), low);
      for (auto at = first; at <= last; ++at) made.push_back(static_cast<std::uint16_t>(at));
      made.insert(made.end(), high, list.end());
      list.swap(made);
    }
  } else {
    if (!bits) to_bits();
    over_words(first, last,
               [&](std::uint32_t word, std::uint64_t wanted) { (*bits)[word] |= wanted; });
  }
  count += fresh;
}

void GapSet::Piece::erase(std::uint32_t first, std::uint32_t last) {
  const auto found = count_in(first, last);
  if (found == 0) return;
  if (is_full()) to_bits();
  if (bits) {
    over_words(first, last,
               [&](std::uint32_t word, std::uint64_t wanted) { (*bits)[word] &= ~wanted; });
  } else {
    const auto low = std::lower_bound(list.begin(), list.end(), static_cast<std::uint16_t>(first));
    list.erase(low, low + found);
  }
  count -= found;
}

// ---- the set --------------------------------------------------------------------------------

GapSet::Blocks::const_iterator GapSet::at_or_behind(std::uint64_t block) const noexcept {
  auto it = blocks_.upper_bound(block);
  if (it != blocks_.begin()) {
    const auto before = std::prev(it);
    if (before->first + before->second.blocks > block) return before;
  }
  return it;
}

bool GapSet::contains(std::uint64_t seq) const noexcept {
  const auto block = seq >> block_bits;
  const auto it = at_or_behind(block);
  return it != blocks_.end() && it->first <= block && it->second.contains(seq % block_size);
}

void GapSet::add(std::uint64_t first, std::uint64_t last) {
  const auto last_block = last >> block_bits;
  auto block = first >> block_bits;
  if (block == last_block) {
    add_in_block(block, first % block_size, last % block_size);
    return;
  }
  if (first % block_size != 0) {
    add_in_block(block, first % block_size, block_size - 1);
    ++block;
  }
  const bool ends_full = last % block_size == block_size - 1;
  const auto full_end = ends_full ? last_block + 1 : last_block;
  if (block < full_end) add_full(block, full_end - block);
  if (!ends_full) add_in_block(last_block, 0, last % block_size);
}

void GapSet::add_in_block(std::uint64_t block, std::uint32_t first, std::uint32_t last) {
  auto it = blocks_.upper_bound(block);
  if (it != blocks_.begin()) {
    const auto before = std::prev(it);
    if (before->first + before->second.blocks > block) {
      if (before->second.is_full()) return;
      it = before;
    }
  }
  if (it == blocks_.end() || it->first != block) it = blocks_.emplace_hint(it, block, Piece{});
  auto& piece = it->second;
  const auto count_before = piece.count;
  piece.add(first, last);
  size_ += piece.count - count_before;
  if (piece.is_full()) join_full(it);
}

void GapSet::add_full(std::uint64_t first_block, std::uint64_t blocks) {
  cut_before(first_block);
  cut_before(first_block + blocks);
  const auto end = blocks_.lower_bound(first_block + blocks);
  for (auto it = blocks_.lower_bound(first_block); it != end;) {
    size_ -= sequences(it->second);
    it = blocks_.erase(it);
  }
  Piece piece;
  piece.blocks = blocks;
  piece.count = block_size;
  size_ += sequences(piece);
  join_full(blocks_.emplace_hint(end, first_block, std::move(piece)));
}

void GapSet::join_full(Blocks::iterator piece) {
  const auto next = std::next(piece);
  if (next != blocks_.end() && next->second.is_full() &&
      piece->first + piece->second.blocks == next->first) {
    piece->second.blocks += next->second.blocks;
    blocks_.erase(next);
  }
  if (piece == blocks_.begin()) return;
  const auto before = std::prev(piece);
  if (before->second.is_full() && before->first + before->second.blocks == piece->first) {
    before->second.blocks += piece->second.blocks;
    blocks_.erase(piece);
  }
}

void GapSet::cut_before(std::uint64_t block) {
  const auto it = blocks_.upper_bound(block);
  if (it == blocks_.begin()) return;
  const auto before = std::prev(it);
  const auto end = before->first + before->second.blocks;
  if (before->first >= block || end <= block) return;
  Piece rest;
  rest.blocks = end - block;
  rest.count = block_size;
  blocks_.emplace_hint(it, block, std::move(rest));
  before->second.blocks = block - before->first;
}

void GapSet::erase_in_block(std::uint64_t block, std::uint32_t first, std::uint32_t last) {
  cut_before(block);
  cut_before(block + 1);
  const auto it = blocks_.find(block);
  if (it == blocks_.end()) return;
  const auto count_before = it->second.count;
  it->second.erase(first, last);
  size_ -= count_before - it->second.count;
  if (it->second.count == 0) blocks_.erase(it);
}

void GapSet::erase_below(std::uint64_t seq) {
  const auto block = seq >> block_bits;
  cut_before(block);
  const auto end = blocks_.lower_bound(block);
  for (auto it = blocks_.begin(); it != end;) {
    size_ -= sequences(it->second);
    it = blocks_.erase(it);
  }
  if (seq % block_size != 0) {
    erase_in_block(block, 0, static_cast<std::uint32_t>(seq % block_size) - 1);
  }
}

void GapSet::erase_above(std::uint64_t seq) {
  const auto block = seq >> block_bits;
  cut_before(block + 1);
  for (auto it = blocks_.lower_bound(block + 1); it != blocks_.end();) {
    size_ -= sequences(it->second);
    it = blocks_.erase(it);
  }
  if (seq % block_size != block_size - 1) {
    erase_in_block(block, static_cast<std::uint32_t>(seq % block_size) + 1, block_size - 1);
  }
}

std::uint64_t GapSet::count(std::uint64_t first, std::uint64_t last) const noexcept {
  std::uint64_t found = 0;
  for (auto it = at_or_behind(first >> block_bits); it != blocks_.end(); ++it) {
    const auto base = it->first << block_bits;
    if (base > last) break;
    const auto end = base + ((it->second.blocks << block_bits) - 1);
    const auto low = std::max(first, base);
    const auto high = std::min(last, end);
    if (it->second.is_full()) {
      found += high - low + 1;
    } else {
      found += it->second.count_in(static_cast<std::uint32_t>(low - base),
                                   static_cast<std::uint32_t>(high - base));
    }
  }
  return found;
}

std::uint64_t GapSet::next_absent(std::uint64_t seq) const noexcept {
  for (auto it = at_or_behind(seq >> block_bits); it != blocks_.end(); ++it) {
    const auto base = it->first << block_bits;
    if (base > seq) return seq;
    if (!it->second.is_full()) {
      const auto at = it->second.next(static_cast<std::uint32_t>(seq - base), false);
      if (at < block_size) return base + at;
    }
    seq = base + (it->second.blocks << block_bits);
  }
  return seq;
}

std::uint64_t GapSet::previous_absent(std::uint64_t seq) const noexcept {
  for (auto it = at_or_behind(seq >> block_bits); it != blocks_.end();) {
    const auto base = it->first << block_bits;
    if (base > seq || seq - base >= it->second.blocks << block_bits) return seq;
    if (!it->second.is_full()) {
      const auto at = it->second.previous_absent(static_cast<std::uint32_t>(seq - base));
      if (at < block_size) return base + at;
    }
    if (base == 0) return 0;
    seq = base - 1;
    if (it == blocks_.begin()) return seq;
    --it;
  }
  return seq;
}

std::size_t GapSet::memory_bytes() const noexcept {
  constexpr std::size_t node = sizeof(Blocks::value_type) + 4 * sizeof(void*) + 16;
  std::size_t total = blocks_.size() * node;
  for (const auto& [block, piece] : blocks_) {
    if (piece.bits) total += sizeof(Bitmap) + 16;
    if (piece.list.capacity() != 0) total += piece.list.capacity() * sizeof(piece.list[0]) + 16;
  }
  return total;
}

}  // namespace dunlin::storage
