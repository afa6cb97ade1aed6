#include "plugins/storage-common/due_index.hpp"

#include <algorithm>

namespace dunlin::storage {

std::size_t DueIndex::chunk_of(const Item& item) const noexcept {
  const auto begin = chunks_.begin() + static_cast<std::ptrdiff_t>(head_);
  const auto behind = std::upper_bound(
      begin, chunks_.end(), item,
      [](const Item& wanted, const Chunk& chunk) { return wanted < chunk.front(); });
  const auto place = static_cast<std::size_t>(behind - chunks_.begin());
  return place > head_ ? place - 1 : head_;
}

void DueIndex::insert(std::int64_t at_ns, std::uint64_t seq) {
  const Item item{at_ns, seq};
  if (size_ == 0) {
    clear();
    Chunk chunk{item};
    chunks_.push_back(std::move(chunk));
    size_ = 1;
    return;
  }
  auto place = chunk_of(item);
  if (chunks_[place].size() >= chunk_max) {
    if (place + 1 == chunks_.size() && chunks_[place].back() < item) {
      // Moments that come in order fill their chunks.
      Chunk chunk;
      chunk.reserve(chunk_max);
      chunk.push_back(item);
      chunks_.push_back(std::move(chunk));
      ++size_;
      return;
    }
    split(place);
    place = chunk_of(item);
  }
  auto& chunk = chunks_[place];
  const auto at = std::lower_bound(chunk.begin(), chunk.end(), item);
  if (at != chunk.end() && *at == item) return;
  chunk.insert(at, item);
  ++size_;
}

bool DueIndex::erase(std::int64_t at_ns, std::uint64_t seq) noexcept {
  if (size_ == 0) return false;
  const Item item{at_ns, seq};
  const auto place = chunk_of(item);
  auto& chunk = chunks_[place];
  const auto at = std::lower_bound(chunk.begin(), chunk.end(), item);
  if (at == chunk.end() || *at != item) return false;
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

void DueIndex::clear() noexcept {
  std::vector<Chunk>().swap(chunks_);
  head_ = size_ = 0;
}

std::int64_t DueIndex::next_ns() const noexcept {
  return size_ == 0 ? never : chunks_[head_].front().at_ns;
}

std::int64_t DueIndex::next_ns(std::int64_t now_ns) const noexcept {
  if (size_ == 0) return never;
  const Item last_due{now_ns, std::numeric_limits<std::uint64_t>::max()};
  for (auto place = chunk_of(last_due); place < chunks_.size(); ++place) {
    const auto& chunk = chunks_[place];
    const auto at = std::upper_bound(chunk.begin(), chunk.end(), last_due);
    if (at != chunk.end()) return at->at_ns;
  }
  return never;
}

std::size_t DueIndex::memory_bytes() const noexcept {
  std::size_t total = chunks_.capacity() * sizeof(Chunk);
  for (const auto& chunk : chunks_) total += chunk.capacity() * sizeof(Item);
  return total;
}

void DueIndex::split(std::size_t place) {
  const auto middle = chunks_[place].begin() + chunk_max / 2;
  Chunk upper(middle, chunks_[place].end());
  chunks_.insert(chunks_.begin() + static_cast<std::ptrdiff_t>(place) + 1, std::move(upper));
  chunks_[place].resize(chunk_max / 2);
}

void DueIndex::drop(std::size_t place) noexcept {
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
void DueIndex::join(std::size_t place) noexcept {
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

}  // namespace dunlin::storage
