// What a connection has still to send: one contiguous run of bytes.
//
// Writers append in place: reserve(n) gives room, commit(n) makes the bytes pending. The shard
// flushes with one send per turn and calls consume() for what the socket took. When drained the
// buffer goes back to the shard's pool, so an idle connection owns none.  [the connection's shard]

#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "core/net/buffer_pool.hpp"

namespace dunlin::net {

class OutboundQueue {
 public:
  OutboundQueue() = default;
  OutboundQueue(const OutboundQueue&) = delete;
  OutboundQueue& operator=(const OutboundQueue&) = delete;

  // Room for `size` more bytes behind what is pending.
  char* reserve(BufferPool& pool, std::size_t size) {
    if (__builtin_expect(end_ + size > capacity_, 0)) grow(pool, size);
    return data_ + end_;
  }
  void commit(std::size_t size) noexcept { end_ += size; }
  void append(BufferPool& pool, std::string_view bytes) {
    if (bytes.empty()) return;  // there may be no buffer to copy nothing to
    std::memcpy(reserve(pool, bytes.size()), bytes.data(), bytes.size());
    commit(bytes.size());
  }

  [[nodiscard]] const char* pending_data() const noexcept { return data_ + begin_; }
  [[nodiscard]] std::size_t pending() const noexcept { return end_ - begin_; }
  [[nodiscard]] bool empty() const noexcept { return end_ == begin_; }

  // The socket took `size` bytes.
  void consume(std::size_t size) noexcept {
    begin_ += size;
    if (begin_ != end_) return;
    usual_ = end_;
    begin_ = end_ = 0;
  }
  // Gives the buffer back; whatever is pending is dropped.
  void release(BufferPool& pool) noexcept {
    pool.give_back(data_, capacity_);
    data_ = nullptr;
    begin_ = end_ = capacity_ = 0;
  }

 private:
  void grow(BufferPool& pool, std::size_t size);

  char* data_ = nullptr;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t capacity_ = 0;
  std::size_t usual_ = 0;  // what the last fill came to: the next one begins with room for it
};

}  // namespace dunlin::net
