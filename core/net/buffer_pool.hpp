// Buffers for connections' output, owned by one shard.
//
// Powers of two from 2 KiB to 256 KiB are kept for reuse; larger ones go back to the heap at once.
// trim() gives everything kept back, so that an idle server is small again.  [one shard]

#pragma once

#include <array>
#include <cstddef>
#include <vector>

namespace dunlin::net {

class BufferPool {
 public:
  static constexpr std::size_t smallest = 2048;
  static constexpr std::size_t largest_kept = 256 * 1024;

  BufferPool() = default;
  ~BufferPool();
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  // A buffer of at least `size` bytes; `capacity` receives its size, to be given back with it.
  char* take(std::size_t size, std::size_t& capacity);
  void give_back(char* buffer, std::size_t capacity) noexcept;
  void trim() noexcept;
  [[nodiscard]] std::size_t kept_bytes() const noexcept { return kept_bytes_; }

 private:
  static constexpr std::size_t classes = 8;  // 2 KiB << 7 == 256 KiB
  static std::size_t class_of(std::size_t size) noexcept;

  std::array<std::vector<char*>, classes> kept_;
  std::size_t kept_bytes_ = 0;
};

}  // namespace dunlin::net
