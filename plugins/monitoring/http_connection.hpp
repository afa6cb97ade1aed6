// HttpConnection: one connection of the listener, from its first request to its close.
//
// Everything runs on the listener's thread. The server keeps it alive and calls close_if_late()
// now and then; whatever ends the connection ends in `on_end`, once.

#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "http_message.hpp"
#include "limits.hpp"
#include "request_reader.hpp"
#include "stream.hpp"

namespace dunlin::monitoring {

class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  struct Owner {
    // The reply to it arrives at answer().
    std::function<void(HttpConnection& from, Request request)> on_request;
    std::function<void(HttpConnection& ended)> on_end;
    std::function<std::uint64_t()> monotonic_ns;
    std::function<std::int64_t()> wall_ns;
  };

  // `owner` outlives the connection.
  HttpConnection(std::unique_ptr<Stream> stream, std::string remote, const Owner& owner);

  void start() { read(); }
  void answer(Response response);
  void close();
  void close_if_late(std::uint64_t now_ns);
  // Waits for a next request that has not begun: may be closed to make room.
  [[nodiscard]] bool is_idle() const noexcept { return phase_ == Phase::idle && served_ > 0; }
  [[nodiscard]] std::uint64_t deadline_ns() const noexcept { return deadline_ns_; }

 private:
  enum class Phase { idle, reading, answering, writing, ending, closed };

  void enter(Phase phase, std::uint64_t allowed_ns);
  void read();
  void handle(RequestReader::Status status);
  void write(std::string head, std::string body, bool keep_alive);
  void write_rest();
  void written();

  std::unique_ptr<Stream> stream_;
  std::string remote_;
  const Owner& owner_;
  RequestReader reader_;
  Request asked_;  // without what was handed on: method, version, keep_alive
  Phase phase_ = Phase::idle;
  std::uint64_t deadline_ns_ = 0;
  std::uint64_t served_ = 0;
  std::string head_, body_;  // not yet written
  std::size_t sent_ = 0;     // of the one being written
  bool stays_ = false;
  std::array<char, limits::read_bytes> input_;
};

}  // namespace dunlin::monitoring
