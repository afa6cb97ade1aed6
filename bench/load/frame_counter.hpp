// Counts the messages one subscriber receives, exactly and cheaply.
//
// Two ways of counting. Checked: every frame is parsed, its sizes and payload compared with what
// was published. Fast, for streams whose frames all have one size: frames are counted by length,
// and in each read the last whole frame and the start of the cut one are verified. Anything that
// shifts the stream (a PING, an error, a frame of another size) fails that verification, and the
// read is parsed frame by frame instead, so the count stays exact.
//
// One thread, no system calls; allocates only for a control line that a read has cut.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "bench/load/frame_parser.hpp"

namespace dunlin::bench {

// The byte that published payloads hold at `offset`; both sides of a check use it.
constexpr char payload_byte(std::size_t offset) noexcept {
  return static_cast<char>('a' + offset % 26);
}

class FrameCounter {
 public:
  // `header_size` is 0 for MSG; otherwise every frame must be an HMSG with that many header bytes.
  FrameCounter(std::size_t payload_size, std::size_t header_size) noexcept
      : payload_size_{payload_size}, header_size_{header_size} {}

  // While on, every frame is parsed and its whole payload compared. On at construction.
  void set_checking(bool on) noexcept { is_checking_ = on; }

  // False when the stream is malformed or holds something that was never published.
  bool feed(std::string_view data);

  [[nodiscard]] std::uint64_t messages() const noexcept { return messages_; }
  [[nodiscard]] std::uint64_t pongs() const noexcept { return pongs_; }
  [[nodiscard]] const std::string& error() const noexcept { return error_; }

  // How many PINGs arrived since the last call.
  unsigned take_pings() noexcept;

  // Called by the parser only.
  void message_line(const MessageLine& line);
  void message_bytes(std::string_view part, std::size_t offset);
  void message_end() noexcept { ++messages_; }
  void control_line(std::string_view line);

 private:
  bool feed_parsed(std::string_view data);
  bool feed_fast(std::string_view data);
  [[nodiscard]] bool is_plausible_frame(const char* frame) const noexcept;

  std::size_t payload_size_;
  std::size_t header_size_;
  std::size_t frame_size_ = 0;  // Of the frames seen so far; 0 before the first.
  std::size_t line_size_ = 0;   // Part of frame_size_.
  std::size_t cut_ = 0;         // Bytes of the current frame consumed by the fast way.
  bool is_checking_ = true;
  unsigned pings_ = 0;
  std::uint64_t messages_ = 0;
  std::uint64_t pongs_ = 0;
  FrameParser parser_;
  std::string error_;
};

}  // namespace dunlin::bench
