// An ordered set of small values in chunks of up to 256: compact where values come in order, and
// without a node for each.
//
// Owned and used by one thread at a time. O(log n) to find, insert and erase, but for a directory
// with one entry for each chunk that is moved when a chunk is made or goes. Out of memory throws
// std::bad_alloc and changes nothing. Pointers are valid until the next change.

#pragma once

#include <algorithm>
#include <cstddef>
#include <new>
#include <utility>
#include <vector>

namespace dunlin::storage {

template <class T>
class SortedChunks {
 public:
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  // False when it is there already.
  bool insert(const T& value) {
    if (size_ == 0) {
      clear();
      append_chunk(value, 1);
      return true;
    }
    if (chunks_.back().back() < value) {
      append(value);
      return true;
    }
    auto place = chunk_of(value);
    if (chunks_[place].size() >= chunk_max) {
      split(place);
      place = chunk_of(value);
    }
    auto& chunk = chunks_[place];
    const auto at = std::lower_bound(chunk.begin(), chunk.end(), value);
    if (at != chunk.end() && *at == value) return false;
    chunk.insert(at, value);
    ++size_;
    return true;
  }

  // False when it is not there.
  bool erase(const T& value) noexcept {
    if (size_ == 0) return false;
    const auto place = chunk_of(value);
    auto& chunk = chunks_[place];
    const auto at = std::lower_bound(chunk.begin(), chunk.end(), value);
    if (at == chunk.end() || *at != value) return false;
    chunk.erase(at);
    --size_;
    if (size_ == 0) {
      clear();
    } else if (chunk.empty()) {
      drop(place);
    } else if (chunk.size() < chunk_min) {
      join(place);
    }
    return true;
  }

  // Erases everything below `value`, whole chunks at once.
  void erase_below(const T& value) noexcept {
    while (size_ > 0 && chunks_[head_].back() < value) {
      size_ -= chunks_[head_].size();
      drop(head_);
    }
    if (size_ == 0) {
      clear();
      return;
    }
    auto& chunk = chunks_[head_];
    const auto end = std::lower_bound(chunk.begin(), chunk.end(), value);
    size_ -= static_cast<std::size_t>(end - chunk.begin());
    chunk.erase(chunk.begin(), end);
  }

  void clear() noexcept {
    std::vector<Chunk>().swap(chunks_);
    head_ = size_ = 0;
  }

  // NULL when there is none.
  [[nodiscard]] const T* at_or_above(const T& value) const noexcept {
    if (size_ == 0) return nullptr;
    const auto place = chunk_of(value);
    const auto& chunk = chunks_[place];
    const auto at = std::lower_bound(chunk.begin(), chunk.end(), value);
    if (at != chunk.end()) return &*at;
    return place + 1 < chunks_.size() ? &chunks_[place + 1].front() : nullptr;
  }
  [[nodiscard]] const T* at_or_below(const T& value) const noexcept {
    if (size_ == 0) return nullptr;
    const auto& chunk = chunks_[chunk_of(value)];
    const auto behind = std::upper_bound(chunk.begin(), chunk.end(), value);
    return behind == chunk.begin() ? nullptr : &*std::prev(behind);
  }
  // How many are at or above `value`. O(chunks behind it).
  [[nodiscard]] std::size_t count_from(const T& value) const noexcept {
    if (size_ == 0) return 0;
    const auto place = chunk_of(value);
    const auto& chunk = chunks_[place];
    auto found = static_cast<std::size_t>(
        chunk.end() - std::lower_bound(chunk.begin(), chunk.end(), value));
    for (auto next = place + 1; next < chunks_.size(); ++next) found += chunks_[next].size();
    return found;
  }
  // Calls `visit(value)` in order while it answers true.
  template <class Visit>
  void each(Visit&& visit) const {
    for (auto place = head_; place < chunks_.size(); ++place) {
      for (const auto& value : chunks_[place]) {
        if (!visit(value)) return;
      }
    }
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    std::size_t total = chunks_.capacity() * sizeof(Chunk);
    for (const auto& chunk : chunks_) total += chunk.capacity() * sizeof(T);
    return total;
  }

 private:
  using Chunk = std::vector<T>;
  static constexpr std::size_t chunk_max = 256, chunk_min = 64;

  // The chunk a value belongs to: the last one that does not begin behind it.
  [[nodiscard]] std::size_t chunk_of(const T& value) const noexcept {
    const auto behind = std::upper_bound(
        chunks_.begin() + static_cast<std::ptrdiff_t>(head_), chunks_.end(), value,
        [](const T& wanted, const Chunk& chunk) { return wanted < chunk.front(); });
    const auto place = static_cast<std::size_t>(behind - chunks_.begin());
    return place > head_ ? place - 1 : head_;
  }

  // Values that come in order fill their chunks.
  void append(const T& value) {
    if (chunks_.back().size() >= chunk_max) {
      append_chunk(value, chunk_max);
    } else {
      chunks_.back().push_back(value);
      ++size_;
    }
  }
  void append_chunk(const T& value, std::size_t room) {
    Chunk chunk;
    chunk.reserve(room);
    chunk.push_back(value);
    chunks_.push_back(std::move(chunk));
    ++size_;
  }
  void split(std::size_t place) {
    const auto middle = chunks_[place].begin() + chunk_max / 2;
    Chunk upper(middle, chunks_[place].end());
    chunks_.insert(chunks_.begin() + static_cast<std::ptrdiff_t>(place) + 1, std::move(upper));
    chunks_[place].resize(chunk_max / 2);
  }
  void drop(std::size_t place) noexcept {
    if (place != head_) {
      chunks_.erase(chunks_.begin() + static_cast<std::ptrdiff_t>(place));
      return;
    }
    Chunk().swap(chunks_[head_++]);
    // What is used up in front is given back once it is half of the directory.
    if (head_ * 2 > chunks_.size()) {
      chunks_.erase(chunks_.begin(), chunks_.begin() + static_cast<std::ptrdiff_t>(head_));
      head_ = 0;
    }
  }
  // Puts a chunk that became small together with a neighbour, when both leave room in one.
  void join(std::size_t place) noexcept {
    const auto fits = [&](std::size_t lower) {
      return lower >= head_ && lower + 1 < chunks_.size() &&
             chunks_[lower].size() + chunks_[lower + 1].size() <= chunk_max - chunk_min;
    };
    auto lower = place;
    if (!fits(lower)) {
      if (place == head_ || !fits(place - 1)) return;
      lower = place - 1;
    }
    auto& into = chunks_[lower];
    const auto& from = chunks_[lower + 1];
    // A failed allocation leaves both as they are: small is wasteful, not wrong.
    try {
      into.insert(into.end(), from.begin(), from.end());
    } catch (const std::bad_alloc&) {
      return;
    }
    chunks_.erase(chunks_.begin() + static_cast<std::ptrdiff_t>(lower) + 1);
  }

  std::vector<Chunk> chunks_;  // none is empty, from head_ on
  std::size_t head_ = 0;       // those in front are used up
  std::size_t size_ = 0;
};

}  // namespace dunlin::storage
