// A listening TCP socket. Opened on the main thread, so that a port in use is a start-up error;
// served by one shard, which hands each accepted socket to its callback.

#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <memory>
#include <string>

#include "core/base/result.hpp"
#include "core/net/connection.hpp"
#include "core/net/shard.hpp"

namespace dunlin::net {

struct Accepted {
  int socket;  // the receiver's to close
  PeerAddress peer;
};

class Listener {
 public:
  using OnAccept = std::function<void(Accepted)>;

  // Binds and listens. A wildcard host takes IPv4 and IPv6; port -1 takes a free one. The error has
  // the form tools know: `listen tcp 0.0.0.0:4222: bind: address already in use`.
  static result<std::unique_ptr<Listener>> open(const std::string& host, int port);
  ~Listener();

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  // Accepts on `shard` from now on; `on_accept` runs there.  [any thread]
  void start(Shard& shard, OnAccept on_accept);
  // Stops accepting and closes the socket; returns when that is done.  [not the shard's thread]
  void stop();

 private:
  Listener(int socket, std::uint16_t port) : socket_(socket), port_(port) {}
  void arm();
  void accept_all();

  int socket_;
  std::uint16_t port_;
  Shard* shard_ = nullptr;
  OnAccept on_accept_;
  std::unique_ptr<boost::asio::posix::stream_descriptor> descriptor_;  // the shard's
};

// "127.0.0.1" and the like of a socket address; IPv4-mapped addresses appear as IPv4.
PeerAddress address_of(const struct sockaddr* address);

}  // namespace dunlin::net
