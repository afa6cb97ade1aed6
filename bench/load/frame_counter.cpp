#include "bench/load/frame_counter.hpp"

#include <algorithm>

namespace dunlin::bench {
namespace {

constexpr std::string_view plain_verb = "MSG ";
constexpr std::string_view headers_verb = "HMSG ";

// At most `size` bytes of the payload pattern, beginning at `offset`. The pattern repeats, so that
// one kept copy serves payloads of every size.
std::string_view payload_part(std::size_t offset, std::size_t size) {
  static const std::string pattern = [] {
    std::string text(26 * 1024, '\0');
    for (std::size_t i = 0; i < text.size(); ++i) text[i] = payload_byte(i);
    return text;
  }();
  return std::string_view{pattern}.substr(offset % 26, size);
}

}  // namespace

unsigned FrameCounter::take_pings() noexcept {
  const unsigned pings = pings_;
  pings_ = 0;
  return pings;
}

bool FrameCounter::feed(std::string_view data) {
  if (!error_.empty()) return false;
  if (is_checking_ || frame_size_ == 0 || !parser_.at_boundary()) {
    if (cut_ == 0) return feed_parsed(data);
  }
  return feed_fast(data);
}

bool FrameCounter::feed_parsed(std::string_view data) {
  if (!parser_.feed(data, *this) && error_.empty()) error_ = parser_.error();
  return error_.empty();
}

bool FrameCounter::is_plausible_frame(const char* frame) const noexcept {
  const std::string_view verb = header_size_ > 0 ? headers_verb : plain_verb;
  if (std::string_view{frame, verb.size()} != verb) return false;
  if (frame[line_size_ - 1] != '\n' || frame[frame_size_ - 1] != '\n') return false;
  if (payload_size_ == 0) return true;
  return frame[line_size_ + header_size_] == payload_byte(0) &&
         frame[frame_size_ - 3] == payload_byte(payload_size_ - 1);
}

bool FrameCounter::feed_fast(std::string_view data) {
  if (cut_ > 0) {
    const std::size_t rest = frame_size_ - cut_;
    if (data.size() < rest) {
      cut_ += data.size();
      return true;
    }
    if (data[rest - 1] != '\n') {
      error_ = "a frame of another size than the ones before";
      return false;
    }
    cut_ = 0;
    ++messages_;
    data.remove_prefix(rest);
    if (is_checking_) return feed_parsed(data);
  }
  const std::size_t whole = data.size() / frame_size_;
  const std::string_view tail = data.substr(whole * frame_size_);
  const std::string_view verb = header_size_ > 0 ? headers_verb : plain_verb;
  const std::size_t known = std::min(tail.size(), verb.size());
  if ((whole > 0 && !is_plausible_frame(tail.data() - frame_size_)) ||
      tail.substr(0, known) != verb.substr(0, known)) {
    return feed_parsed(data);
  }
  messages_ += whole;
  cut_ = tail.size();
  return true;
}

void FrameCounter::message_line(const MessageLine& line) {
  if (line.header_size != header_size_ || line.total_size != header_size_ + payload_size_) {
    error_ = "message of unexpected size on " + std::string(line.subject);
  }
  line_size_ = line.line_size;
  frame_size_ = line.line_size + line.total_size + 2;
}

void FrameCounter::message_bytes(std::string_view part, std::size_t offset) {
  if (!is_checking_ || !error_.empty()) return;
  if (offset < header_size_) {
    const std::size_t skip = std::min(header_size_ - offset, part.size());
    part.remove_prefix(skip);
    offset += skip;
  }
  while (!part.empty()) {
    const std::size_t at = offset - header_size_;
    const bool in_payload = at < payload_size_;
    std::string_view expected = in_payload ? payload_part(at, payload_size_ - at)
                                           : std::string_view{"\r\n"}.substr(at - payload_size_);
    expected = expected.substr(0, part.size());
    if (part.substr(0, expected.size()) != expected) {
      error_ = "payload differs from what was published";
      return;
    }
    part.remove_prefix(expected.size());
    offset += expected.size();
  }
}

void FrameCounter::control_line(std::string_view line) {
  if (line == "PING") {
    ++pings_;
  } else if (line == "PONG") {
    ++pongs_;
  } else if (line.starts_with("-ERR") && error_.empty()) {
    error_ = line;
  }
}

}  // namespace dunlin::bench
