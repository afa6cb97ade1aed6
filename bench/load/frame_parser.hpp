// Splits what a NATS server sends into frames, whatever the cuts between reads.
//
// Header-only because the handler's calls must be inlined. The parser accepts the server's half
// of the client protocol (INFO, MSG, HMSG, PING, PONG, +OK, -ERR) and stops for good at the first
// thing that is none of them. It copies only control lines that were cut by a read. Views passed
// to the handler are valid during the call. One thread, no system calls.

#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace dunlin::bench {

// The control line of one MSG or HMSG frame. `total_size` includes the headers.
struct MessageLine {
  std::string_view subject;
  std::string_view sid;
  std::string_view reply;
  std::size_t header_size = 0;
  std::size_t total_size = 0;
  std::size_t line_size = 0;  // With its CR LF.
};

// Reads one "MSG ..." or "HMSG ..." line without its CR LF. False when it is not canonical.
bool parse_message_line(std::string_view line, MessageLine& message) noexcept;

// `Handler` provides:
//   void message_line(const MessageLine&);
//   void message_bytes(std::string_view part, std::size_t offset);  // Payload, CR LF included.
//   void message_end();
//   void control_line(std::string_view line);  // INFO, PING, PONG, +OK, -ERR without CR LF.
class FrameParser {
 public:
  static constexpr std::size_t line_bytes_limit = 64 * 1024;

  // False once the stream has been malformed; error() then says how.
  template <typename Handler>
  bool feed(std::string_view data, Handler& handler) {
    while (!data.empty() && error_.empty()) {
      if (body_left_ > 0) {
        feed_body(data, handler);
      } else if (!feed_line(data, handler)) {
        break;
      }
    }
    return error_.empty();
  }

  // True between two frames.
  [[nodiscard]] bool at_boundary() const noexcept { return body_left_ == 0 && line_.empty(); }
  [[nodiscard]] const std::string& error() const noexcept { return error_; }

 private:
  template <typename Handler>
  void feed_body(std::string_view& data, Handler& handler) {
    const std::size_t take = data.size() < body_left_ ? data.size() : body_left_;
    handler.message_bytes(data.substr(0, take), body_size_ - body_left_);
    body_left_ -= take;
    data.remove_prefix(take);
    if (body_left_ == 0) handler.message_end();
  }

  // False when the line is not complete yet; what there is has been kept.
  template <typename Handler>
  bool feed_line(std::string_view& data, Handler& handler) {
    const void* newline = std::memchr(data.data(), '\n', data.size());
    if (newline == nullptr) {
      line_.append(data);
      if (line_.size() > line_bytes_limit) error_ = "control line too long";
      return false;
    }
    const auto size = static_cast<std::size_t>(static_cast<const char*>(newline) - data.data()) + 1;
    if (line_.empty()) {
      finish_line(data.substr(0, size), handler);
    } else {
      line_.append(data.substr(0, size));
      std::string whole;
      whole.swap(line_);
      finish_line(whole, handler);
      whole.clear();
      line_.swap(whole);
    }
    data.remove_prefix(size);
    return true;
  }

  template <typename Handler>
  void finish_line(std::string_view line, Handler& handler) {
    if (line.size() < 2 || line[line.size() - 2] != '\r') {
      error_ = "control line without CR LF: " + std::string(line.substr(0, 80));
      return;
    }
    const std::string_view text = line.substr(0, line.size() - 2);
    if (text.starts_with("MSG ") || text.starts_with("HMSG ")) {
      MessageLine message;
      if (!parse_message_line(text, message)) {
        error_ = "malformed message line: " + std::string(text.substr(0, 200));
        return;
      }
      message.line_size = line.size();
      body_size_ = body_left_ = message.total_size + 2;
      handler.message_line(message);
    } else if (text == "PING" || text == "PONG" || text == "+OK" || text.starts_with("-ERR") ||
               text.starts_with("INFO ")) {
      handler.control_line(text);
    } else {
      error_ = "unknown frame: " + std::string(text.substr(0, 80));
    }
  }

  std::string line_;
  std::size_t body_size_ = 0;
  std::size_t body_left_ = 0;
  std::string error_;
};

}  // namespace dunlin::bench
