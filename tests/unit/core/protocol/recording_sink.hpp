// What ClientParser calls, written down as one text per operation, so that two runs over the same
// bytes can be compared. Shared by the unit tests and the fuzz target.  [one thread]

#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "core/protocol/client_parser.hpp"

namespace dunlin::protocol::testing {

struct RecordingSink {
  bool needs_connect = false;
  bool has_anonymous_user = false;
  bool headers = true;
  std::size_t control_line = 4096;
  std::size_t payload_max = 1024 * 1024;
  std::vector<std::string> operations;
  std::size_t short_frames = 0;  // those that took the short path
  std::vector<bool> repeats;     // of each frame: repeats_subject
  bool closed = false;

  bool awaiting_connect() const { return needs_connect; }
  bool begin_without_connect() {
    if (has_anonymous_user) needs_connect = false;
    return has_anonymous_user;
  }
  bool accepts_headers() const { return headers; }
  std::size_t max_control_line() const { return control_line; }
  std::size_t max_payload() const { return payload_max; }
  std::uint64_t hash(std::string_view subject) const { return subject.size() * 31; }
  void prefetch(std::uint64_t) const {}

  bool publish(const Publish* frames, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) record(frames[i]);
    return true;
  }
  bool connect(std::string_view argument) {
    needs_connect = false;
    return note("CONNECT", {argument});
  }
  bool subscribe(std::string_view subject, std::string_view queue, std::string_view sid) {
    return note("SUB", {subject, queue, sid});
  }
  bool unsubscribe(std::string_view sid, std::uint64_t max) {
    return note("UNSUB", {sid, std::to_string(max)});
  }
  bool ping() { return note("PING", {}); }
  bool pong() { return note("PONG", {}); }
  bool info(std::string_view argument) { return note("INFO", {argument}); }
  void violation(Violation violation) {
    static constexpr std::string_view names[] = {"unknown_operation", "bad_arguments",
                                                 "control_line",      "payload",
                                                 "authorization",     "client_error"};
    operations.emplace_back(names[static_cast<std::size_t>(violation)]);
    closed = true;
  }

 private:
  bool note(std::string_view name, std::initializer_list<std::string_view> fields) {
    std::string text(name);
    for (const auto field : fields) text.append("|").append(field);
    operations.push_back(std::move(text));
    return true;
  }
  void record(const Publish& frame) {
    if (frame.hash != hash(frame.subject)) operations.emplace_back("wrong hash");
    repeats.push_back(frame.repeats_subject);
    if (frame.tail != nullptr) {
      ++short_frames;
      check_tail(frame);
    }
    note(frame.has_header ? "HPUB" : "PUB",
         {frame.subject, frame.reply, frame.header_digits, frame.size_digits,
          std::to_string(frame.header_size), {frame.payload, frame.size}});
  }
  // The tail has to be what a MSG frame ends with: fields, CRLF, payload, CRLF.
  void check_tail(const Publish& frame) {
    std::string expected;
    for (const auto field : {frame.reply, frame.header_digits, frame.size_digits})
      if (!field.empty()) expected.append(expected.empty() ? "" : " ").append(field);
    expected.append("\r\n").append(frame.payload, frame.size).append("\r\n");
    if (expected != std::string_view(frame.tail, frame.tail_size))
      operations.emplace_back("wrong tail");
  }
};

// Keeps what the parser left, as a connection does.
class Feeder {
 public:
  explicit Feeder(RecordingSink& sink) : sink_(sink) {}

  void feed(std::string_view bytes) {
    if (sink_.closed) return;
    held_.append(bytes);
    using Parser = ClientParser<RecordingSink>;
    // A block of exactly this size, so that a sanitizer sees what is read beyond the slack.
    std::vector<char> block(held_.size() + Parser::slack);
    if (!held_.empty()) std::memcpy(block.data(), held_.data(), held_.size());
    const std::size_t used = Parser(sink_, state_).parse(block.data(), held_.size());
    if (used > held_.size()) sink_.operations.emplace_back("consumed too much");
    held_.erase(0, std::min(used, held_.size()));
  }
  [[nodiscard]] std::size_t held() const noexcept { return held_.size(); }
  [[nodiscard]] std::size_t needed() const noexcept { return state_.need; }

 private:
  RecordingSink& sink_;
  ClientParserState state_;
  std::string held_;
};

}  // namespace dunlin::protocol::testing
