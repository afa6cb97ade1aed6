// The server's side below a connection: PROXY header, TLS or plain, in the order a peer may speak
// them.
//
//   greet now (INFO) unless the handshake comes first
//   [PROXY header]  ->  [is it TLS? only where both are allowed]  ->  [TLS handshake]  ->  bytes
//
// Once a connection turns out plain the transport is finished and goes away, so that plain
// connections pay nothing for it.
//
// Two more ways lead to TLS: a protocol may speak in clear first and upgrade(), and where this side
// connected, a context in the role of a client makes the same handshake from the other end.

#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "core/net/proxy_protocol.hpp"
#include "core/net/tls_context.hpp"
#include "core/net/tls_session.hpp"
#include "core/net/transport.hpp"

namespace dunlin::net {

// How many handshakes may begin in a second.  [any thread]
class HandshakeRate {
 public:
  explicit HandshakeRate(std::int64_t per_second) : per_second_(per_second) {}
  [[nodiscard]] bool allow(Nanoseconds now) noexcept;

 private:
  const std::int64_t per_second_;
  std::atomic<Nanoseconds> window_end_{0};
  std::atomic<std::int64_t> begun_{0};
};

// Of one listener; shared by its connections, replaced at reload.
struct TransportSettings {
  std::shared_ptr<const TlsContext> tls;  // null without TLS
  bool allows_plain = false;              // TLS is offered, not demanded
  bool handshake_first = false;
  Nanoseconds handshake_first_fallback = 0;  // greet after this long without a byte; 0: never
  Nanoseconds tls_timeout = 2 * seconds;
  bool proxy_protocol = false;
  std::shared_ptr<HandshakeRate> handshake_rate;  // null: no limit

  [[nodiscard]] bool is_plain() const noexcept { return tls == nullptr && !proxy_protocol; }
};

class ServerTransport final : public Transport {
 public:
  explicit ServerTransport(std::shared_ptr<const TransportSettings> settings);
  ~ServerTransport() override;

  void start(Connection& connection) override;
  Io read(Connection& connection, char* into, std::size_t room, std::size_t& got) override;
  Io write(Connection& connection, const char* data, std::size_t size, std::size_t& sent) override;
  Io flush(Connection& connection) override;
  void on_timer(Connection& connection, Nanoseconds now) override;
  [[nodiscard]] bool is_finished() const noexcept override { return stage_ == Stage::plain; }

  // Instead of start(), on a connection that has been open: what is queued now leaves in clear, and
  // what follows is encrypted.
  void upgrade(Connection& connection);
  // Encrypted bytes that came together with the last clear ones.
  void take_early(Connection& connection, std::string_view raw);

  // The handshake came before the greeting.
  [[nodiscard]] bool did_handshake_first() const noexcept { return did_handshake_first_; }
  [[nodiscard]] bool awaits_proxy_header() const noexcept { return settings_->proxy_protocol; }
  // Null without a complete handshake.
  [[nodiscard]] const TlsSession* tls() const noexcept;

 private:
  enum class Stage : std::uint8_t { first_byte, proxy, sniff, tls, plain };

  Stage after_proxy() const noexcept;
  void enter(Connection& connection, Stage stage);
  Io take(Connection& connection, std::string_view raw, char* into, std::size_t room,
          std::size_t& got);
  Io take_proxy(Connection& connection, std::string_view raw, char* into, std::size_t room,
                std::size_t& got);
  Io take_tls(Connection& connection, std::string_view raw, char* into, std::size_t room,
              std::size_t& got);
  Io read_tls(Connection& connection, char* into, std::size_t room, std::size_t& got);
  Io handshake_failed(Connection& connection, const std::string& why);
  void established(Connection& connection);
  Io send_pending(Connection& connection);

  std::shared_ptr<const TransportSettings> settings_;
  std::size_t clear_left_ = 0;  // bytes of the queue that an upgrade lets go as they are
  Stage stage_ = Stage::plain;
  bool did_handshake_first_ = false;
  bool is_established_ = false;
  std::optional<ProxyHeader> proxy_;
  std::unique_ptr<TlsSession> session_;
};

}  // namespace dunlin::net
