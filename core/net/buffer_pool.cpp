#include "core/net/buffer_pool.hpp"

#include <bit>
#include <cstdlib>
#include <new>

namespace dunlin::net {

BufferPool::~BufferPool() { trim(); }

std::size_t BufferPool::class_of(std::size_t size) noexcept {
  if (size <= smallest) return 0;
  return static_cast<std::size_t>(std::bit_width(size - 1)) - 11u;
}

char* BufferPool::take(std::size_t size, std::size_t& capacity) {
  const std::size_t index = class_of(size);
  if (index < classes) {
    capacity = smallest << index;
    auto& kept = kept_[index];
    if (!kept.empty()) {
      char* const buffer = kept.back();
      kept.pop_back();
      kept_bytes_ -= capacity;
      return buffer;
    }
  } else {
    capacity = std::bit_ceil(size);
  }
  auto* const buffer = static_cast<char*>(std::malloc(capacity));
  if (buffer == nullptr) throw std::bad_alloc();
  return buffer;
}

void BufferPool::give_back(char* buffer, std::size_t capacity) noexcept {
  if (buffer == nullptr) return;
  if (capacity > largest_kept) {
    std::free(buffer);
    return;
  }
  kept_[class_of(capacity)].push_back(buffer);
  kept_bytes_ += capacity;
}

void BufferPool::trim() noexcept {
  for (auto& kept : kept_) {
    for (char* const buffer : kept) std::free(buffer);
    kept.clear();
    kept.shrink_to_fit();
  }
  kept_bytes_ = 0;
}

}  // namespace dunlin::net
