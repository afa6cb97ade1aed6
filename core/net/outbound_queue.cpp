#include "core/net/outbound_queue.hpp"

#include <algorithm>

namespace dunlin::net {

void OutboundQueue::grow(BufferPool& pool, std::size_t size) {
  const std::size_t held = pending();
  // Moving is cheap while it frees at least as much as it copies; otherwise a larger buffer.
  if (begin_ >= held && held + size <= capacity_) {
    std::memcpy(data_, data_ + begin_, held);
  } else {
    std::size_t capacity = 0;
    const std::size_t expected = std::min(usual_, BufferPool::largest_kept);
    char* const larger = pool.take(std::max(held + size + held / 2, expected), capacity);
    if (held != 0) std::memcpy(larger, data_ + begin_, held);
    pool.give_back(data_, capacity_);
    data_ = larger;
    capacity_ = capacity;
  }
  begin_ = 0;
  end_ = held;
}

}  // namespace dunlin::net
