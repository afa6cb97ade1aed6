// A connection that sends a block of frames over and over, without copying or allocating.
//
// Control lines (PONG, PING, SUB, UNSUB) slip in between two frames. Owned and driven by one run,
// on its thread. Socket failures throw.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "bench/load/client.hpp"
#include "bench/load/frame_counter.hpp"
#include "bench/load/shape.hpp"

namespace dunlin::bench {

class Publisher {
 public:
  // `block` must outlive the publisher.
  Publisher(const Target& target, const FrameBlock& block, unsigned source)
      : client_{target, source}, block_{&block} {}

  // Sends control lines if a frame has just ended, then at most `bytes_max` of frames; returns
  // the number of frame bytes the kernel took.
  std::size_t publish(std::size_t bytes_max);

  // Queues a control line for the next gap between frames.
  void add_control(std::string_view line) { control_ += line; }

  [[nodiscard]] bool has_control() const noexcept { return !control_.empty(); }

  // Bytes until the frame being sent is complete.
  [[nodiscard]] std::size_t unfinished() const noexcept {
    const std::size_t part = offset_ % block_->frame_size;
    return part == 0 ? 0 : block_->frame_size - part;
  }

  [[nodiscard]] std::uint64_t sent_messages() const noexcept {
    return sent_bytes_ / block_->frame_size;
  }

  // Set when the kernel took less than it was offered; cleared by the run on EPOLLOUT.
  bool is_blocked = false;

  [[nodiscard]] Socket& socket() noexcept { return client_.socket(); }

  // What the server says to a publisher: PING, PONG, errors, no messages.
  FrameCounter replies{0, 0};

 private:
  bool flush_control();

  Client client_;
  const FrameBlock* block_;
  std::size_t offset_ = 0;
  std::uint64_t sent_bytes_ = 0;
  std::string control_;
};

}  // namespace dunlin::bench
