#include "bench/load/client.hpp"

#include <poll.h>

#include <array>
#include <stdexcept>

namespace dunlin::bench {
namespace {

constexpr std::uint64_t handshake_ns_limit = 20'000'000'000;

// Waits for one PONG and remembers an error and PINGs on the way.
struct BarrierHandler {
  void message_line(const MessageLine&) { error = "message outside of the load"; }
  void message_bytes(std::string_view, std::size_t) {}
  void message_end() {}
  void control_line(std::string_view line) {
    if (line == "PONG") has_pong = true;
    if (line == "PING") ++pings;
    if (line.starts_with("-ERR")) error = line;
  }

  bool has_pong = false;
  unsigned pings = 0;
  std::string error;
};

}  // namespace

std::string connect_line(const Target& target) {
  std::string line =
      R"(CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true,)"
      R"("protocol":1,"echo":true,"lang":"dunlin-bench","version":"1")";
  if (!target.user.empty()) {
    line += R"(,"user":")" + target.user + R"(","pass":")" + target.password + '"';
  }
  return line + "}\r\n";
}

Client::Client(const Target& target, unsigned source)
    : socket_{Socket::start_connect(target.endpoint, source)}, is_relay_{target.is_relay} {
  if (!wait_for(socket_.fd(), POLLOUT, now_ns() + handshake_ns_limit)) {
    throw std::runtime_error("connecting took too long");
  }
  apply(is_relay_ ? std::string{} : connect_line(target));
}

void Client::send_all(std::string_view data, std::uint64_t deadline_ns) {
  while (!data.empty()) {
    const std::size_t sent = socket_.send(data);
    data.remove_prefix(sent);
    if (sent == 0 && !wait_for(socket_.fd(), POLLOUT, deadline_ns)) {
      throw std::runtime_error("sending took too long");
    }
  }
}

void Client::apply(std::string_view frames, std::chrono::milliseconds limit) {
  if (is_relay_) return;
  const std::uint64_t deadline_ns =
      now_ns() + static_cast<std::uint64_t>(limit.count()) * 1'000'000u;
  send_all(frames, deadline_ns);
  send_all("PING\r\n", deadline_ns);
  BarrierHandler handler;
  std::array<char, 16 * 1024> buffer;
  while (!handler.has_pong) {
    const std::size_t size = socket_.receive(buffer.data(), buffer.size());
    if (size == 0 && !wait_for(socket_.fd(), POLLIN, deadline_ns)) {
      throw std::runtime_error("the server did not answer PING in time");
    }
    if (!parser_.feed({buffer.data(), size}, handler)) throw std::runtime_error(parser_.error());
    if (!handler.error.empty()) throw std::runtime_error(handler.error);
    for (; handler.pings > 0; --handler.pings) send_all("PONG\r\n", deadline_ns);
  }
}

}  // namespace dunlin::bench
