// A connection that speaks the client protocol up to the point where the load begins.
//
// Connecting, the handshake and barriers wait, each with a deadline; the load itself then drives
// socket() without waiting. Failures throw. One thread.

#pragma once

#include <netinet/in.h>

#include <chrono>
#include <string>
#include <string_view>

#include "bench/load/frame_parser.hpp"
#include "bench/load/socket.hpp"

namespace dunlin::bench {

struct Target {
  sockaddr_in endpoint{};
  std::string user;
  std::string password;
  bool is_relay = false;  // A plain byte relay: no handshake, no barriers.
};

class Client {
 public:
  // Connects and waits for the handshake to finish.
  explicit Client(const Target& target, unsigned source = 0);

  // Sends all of `frames`, then returns when the server has answered a PING sent after them.
  // Must not be called while messages may arrive.
  void apply(std::string_view frames,
             std::chrono::milliseconds limit = std::chrono::seconds{60});

  [[nodiscard]] Socket& socket() noexcept { return socket_; }

 private:
  void send_all(std::string_view data, std::uint64_t deadline_ns);

  Socket socket_;
  bool is_relay_;
  FrameParser parser_;
};

// What a client sends first: CONNECT with the target's credentials.
std::string connect_line(const Target& target);

}  // namespace dunlin::bench
