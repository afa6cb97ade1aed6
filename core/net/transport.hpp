// What stands between a socket and a connection's bytes: TLS, the PROXY protocol, the moment in
// which it is not yet known which of them a peer speaks. A plain connection has none.

#pragma once

#include <cstddef>

#include "core/net/timer_queue.hpp"

namespace dunlin::net {

class Connection;

// `held`: not now; the transport marks the connection dirty when output can go on.
enum class Io { done, would_block, held, end_of_file, failed };

// One per connection; called on its shard.
class Transport {
 public:
  virtual ~Transport() = default;

  // The connection was accepted. Calls Connection::transport_ready() (greet the peer) and
  // transport_complete() (bytes flow), now or later.
  virtual void start(Connection& connection) = 0;
  // Plain bytes for the connection. `done` with 0 bytes: try again, something changed below.
  virtual Io read(Connection& connection, char* into, std::size_t room, std::size_t& got) = 0;
  // Takes plain bytes; `sent` counts those that need not be offered again.
  virtual Io write(Connection& connection, const char* data, std::size_t size,
                   std::size_t& sent) = 0;
  // Sends what the layer itself still holds. `would_block` while anything is left.
  virtual Io flush(Connection& connection) = 0;
  // Nothing stands between socket and connection any more: the transport may be removed.
  [[nodiscard]] virtual bool is_finished() const noexcept = 0;
  // The deadline set by Connection::set_transport_timer passed.
  virtual void on_timer(Connection& connection, Nanoseconds now) = 0;
};

}  // namespace dunlin::net
