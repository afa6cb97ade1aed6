#include "core/net/server_transport.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "core/base/log.hpp"
#include "core/net/connection.hpp"

namespace dunlin::net {

namespace {

constexpr Nanoseconds proxy_timeout = 5 * seconds;
constexpr char tls_handshake_byte = 0x16;
constexpr std::size_t raw_buffer_size = 64 * 1024;

// Encrypted and undecided bytes pass through here. Its content never outlives a call.
char* raw_buffer() {
  thread_local const auto buffer = std::make_unique_for_overwrite<char[]>(raw_buffer_size);
  return buffer.get();
}

Io receive(Connection& connection, char* into, std::size_t room, std::size_t& got) {
  const ssize_t n = ::recv(connection.socket(), into, room, MSG_DONTWAIT);
  if (n > 0) {
    got = static_cast<std::size_t>(n);
    return Io::done;
  }
  if (n == 0) return Io::end_of_file;
  return errno == EAGAIN || errno == EINTR ? Io::would_block : Io::failed;
}

std::string peer_text(const Connection& connection) {
  return fmt::format("{}:{} - cid:{}", connection.peer().ip, connection.peer().port,
                     connection.id());
}

}  // namespace

bool HandshakeRate::allow(Nanoseconds now) noexcept {
  Nanoseconds end = window_end_.load(std::memory_order_relaxed);
  if (now >= end && window_end_.compare_exchange_strong(end, now + seconds)) begun_ = 0;
  return begun_.fetch_add(1, std::memory_order_relaxed) < per_second_;
}

ServerTransport::ServerTransport(std::shared_ptr<const TransportSettings> settings)
    : settings_(std::move(settings)) {}

ServerTransport::~ServerTransport() = default;

const TlsSession* ServerTransport::tls() const noexcept {
  return is_established_ ? session_.get() : nullptr;
}

void ServerTransport::start(Connection& connection) {
  const bool first = settings_->tls != nullptr && settings_->handshake_first;
  if (!first) {
    connection.transport_ready();
    // The greeting goes out as it is, before anything is encrypted.
    connection.flush();
  }
  if (connection.is_closed()) return;
  if (first && settings_->handshake_first_fallback != 0) {
    stage_ = Stage::first_byte;
    connection.set_transport_timer(connection.shard().now() + settings_->handshake_first_fallback);
    return;
  }
  did_handshake_first_ = first;
  enter(connection, settings_->proxy_protocol ? Stage::proxy : after_proxy());
}

ServerTransport::Stage ServerTransport::after_proxy() const noexcept {
  if (settings_->tls == nullptr) return Stage::plain;
  return settings_->allows_plain && !did_handshake_first_ ? Stage::sniff : Stage::tls;
}

void ServerTransport::enter(Connection& connection, Stage stage) {
  const Nanoseconds now = connection.shard().now();
  if (stage == Stage::tls && settings_->handshake_rate != nullptr &&
      !settings_->handshake_rate->allow(now)) {
    connection.send("-ERR 'Connection throttling is active. Please try again later.'\r\n");
    connection.close(ClosedReason::maximum_connections_exceeded);
    return;
  }
  stage_ = stage;
  switch (stage) {
    case Stage::proxy:
      proxy_.emplace();
      connection.set_transport_timer(now + proxy_timeout);
      return;
    case Stage::sniff: connection.set_transport_timer(now + settings_->tls_timeout); return;
    case Stage::tls:
      log_debug("{} - Starting TLS client {}handshake", peer_text(connection),
                settings_->tls->role() == TlsRole::server ? "connection " : "");
      session_ = settings_->tls->new_session();
      session_->start();
      connection.set_transport_timer(now + settings_->tls_timeout);
      send_pending(connection);
      return;
    case Stage::plain:
      connection.set_transport_timer(never);
      connection.transport_complete();
      return;
    case Stage::first_byte: return;
  }
}

void ServerTransport::upgrade(Connection& connection) {
  clear_left_ = connection.pending();
  enter(connection, Stage::tls);
  if (!connection.is_closed()) connection.mark_dirty();
}

// No more than the beginning of a handshake can be among them: the peer's next bytes answer ours.
void ServerTransport::take_early(Connection& connection, std::string_view raw) {
  const TlsSession::Status status = session_->feed({raw.data(), raw.size()});
  session_->keep_input();
  send_pending(connection);
  if (status == TlsSession::Status::failed) handshake_failed(connection, session_->error());
}

void ServerTransport::on_timer(Connection& connection, Nanoseconds) {
  switch (stage_) {
    case Stage::first_byte:
      // Nobody begins a handshake unasked: greet, and go on as if it had never been first.
      stage_ = Stage::plain;
      connection.transport_ready();
      connection.flush();
      if (!connection.is_closed())
        enter(connection, settings_->proxy_protocol ? Stage::proxy : after_proxy());
      return;
    case Stage::proxy:
      log_warning("Error reading PROXY protocol header from {}:{}: timeout", connection.peer().ip,
                  connection.peer().port);
      connection.close(ClosedReason::protocol_violation);
      return;
    case Stage::sniff:
      // A silent client is taken for a plain one; the next read removes this layer.
      enter(connection, Stage::plain);
      return;
    case Stage::tls:
      if (is_established_) return;
      log_debug("{} - TLS handshake timeout", peer_text(connection));
      connection.close(ClosedReason::tls_handshake_failure);
      return;
    case Stage::plain: return;
  }
}

Io ServerTransport::read(Connection& connection, char* into, std::size_t room, std::size_t& got) {
  got = 0;
  if (stage_ == Stage::tls && is_established_) {
    const Io kept = read_tls(connection, into, room, got);
    if (kept != Io::would_block) return kept;
  }
  char* const raw = raw_buffer();
  std::size_t size = 0;
  const Io received = receive(connection, raw, std::min(room, raw_buffer_size), size);
  if (received != Io::done) return received;
  return take(connection, {raw, size}, into, room, got);
}

Io ServerTransport::take(Connection& connection, std::string_view raw, char* into,
                         std::size_t room, std::size_t& got) {
  if (connection.is_closed()) return Io::would_block;
  switch (stage_) {
    case Stage::first_byte:
      did_handshake_first_ = true;
      enter(connection, settings_->proxy_protocol ? Stage::proxy : Stage::tls);
      return take(connection, raw, into, room, got);
    case Stage::proxy: return take_proxy(connection, raw, into, room, got);
    case Stage::sniff:
      if (raw.empty()) return Io::done;
      enter(connection, raw[0] == tls_handshake_byte ? Stage::tls : Stage::plain);
      return take(connection, raw, into, room, got);
    case Stage::tls: return take_tls(connection, raw, into, room, got);
    case Stage::plain: break;
  }
  std::memcpy(into, raw.data(), raw.size());
  got = raw.size();
  return Io::done;
}

Io ServerTransport::take_proxy(Connection& connection, std::string_view raw, char* into,
                               std::size_t room, std::size_t& got) {
  const ProxyHeader::Step step = proxy_->feed(raw);
  switch (step.status) {
    case ProxyHeader::Status::need_more: return Io::done;
    case ProxyHeader::Status::broken:
      log_warning("Error reading PROXY protocol header from {}:{}: {}", connection.peer().ip,
                  connection.peer().port, proxy_->reason());
      connection.close(ClosedReason::protocol_violation);
      return Io::would_block;
    case ProxyHeader::Status::not_proxy: {
      const std::string all = std::string(proxy_->held()) + std::string(raw);
      proxy_.reset();
      enter(connection, after_proxy());
      return take(connection, all, into, room, got);
    }
    case ProxyHeader::Status::done: break;
  }
  if (const auto& source = proxy_->source()) connection.set_peer({source->ip, source->port});
  proxy_.reset();
  enter(connection, after_proxy());
  raw.remove_prefix(step.consumed);
  return raw.empty() ? Io::done : take(connection, raw, into, room, got);
}

Io ServerTransport::take_tls(Connection& connection, std::string_view raw, char* into,
                             std::size_t room, std::size_t& got) {
  const TlsSession::Status status = session_->feed({raw.data(), raw.size()});
  send_pending(connection);
  if (status == TlsSession::Status::failed) return handshake_failed(connection, session_->error());
  if (!is_established_ && session_->is_established()) established(connection);
  if (connection.is_closed()) return Io::would_block;
  const Io outcome = is_established_ ? read_tls(connection, into, room, got) : Io::done;
  session_->keep_input();
  return outcome == Io::would_block ? Io::done : outcome;
}

Io ServerTransport::read_tls(Connection& connection, char* into, std::size_t room,
                             std::size_t& got) {
  while (got < room) {
    const TlsSession::Read read = session_->read(into + got, room - got);
    if (read.status == TlsSession::Status::ready) {
      got += read.size;
      continue;
    }
    if (read.status == TlsSession::Status::need_more) break;
    if (got != 0) break;  // what came before the end still counts; the next read meets it again
    return read.status == TlsSession::Status::closed ? Io::end_of_file : Io::failed;
  }
  send_pending(connection);
  return got == 0 ? Io::would_block : Io::done;
}

void ServerTransport::established(Connection& connection) {
  is_established_ = true;
  connection.set_transport_timer(never);
  log_debug("{} - TLS handshake complete", peer_text(connection));
  log_debug("{} - TLS version {}, cipher suite {}", peer_text(connection), session_->version(),
            session_->cipher_suite());
  connection.transport_ready();
  if (connection.is_closed()) return;
  connection.transport_complete();
  connection.mark_dirty();
}

Io ServerTransport::handshake_failed(Connection& connection, const std::string& why) {
  if (is_established_) return Io::failed;
  log_error("{} - TLS handshake error: {}", peer_text(connection), why);
  connection.close(ClosedReason::tls_handshake_failure);
  return Io::would_block;
}

Io ServerTransport::write(Connection& connection, const char* data, std::size_t size,
                          std::size_t& sent) {
  sent = 0;
  if (stage_ != Stage::tls || clear_left_ != 0) {
    if (clear_left_ != 0) size = std::min(size, clear_left_);
    const ssize_t n = ::send(connection.socket(), data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) return errno == EAGAIN || errno == EINTR ? Io::would_block : Io::failed;
    sent = static_cast<std::size_t>(n);
    if (clear_left_ == 0) return Io::done;
    clear_left_ -= sent;
    return clear_left_ == 0 && send_pending(connection) == Io::failed ? Io::failed : Io::done;
  }
  if (!is_established_) return Io::held;
  if (!session_->pending_output().empty()) {
    const Io earlier = send_pending(connection);
    if (earlier != Io::done) return earlier;
  }
  // Sealing more than the socket takes only moves the backlog to where nobody counts it.
  const std::size_t part = std::min<std::size_t>(size, 128 * 1024);
  if (session_->write({data, part}) != TlsSession::Status::ready) return Io::failed;
  sent = part;
  const Io outcome = send_pending(connection);
  return outcome == Io::would_block ? Io::done : outcome;
}

Io ServerTransport::flush(Connection& connection) {
  return session_ == nullptr ? Io::done : send_pending(connection);
}

Io ServerTransport::send_pending(Connection& connection) {
  if (clear_left_ != 0) return Io::done;  // the queue's flush comes back here
  while (!session_->pending_output().empty()) {
    const std::string_view pending = session_->pending_output();
    const ssize_t n =
        ::send(connection.socket(), pending.data(), pending.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) {
      if (errno != EAGAIN && errno != EINTR) return Io::failed;
      connection.want_write();
      return Io::would_block;
    }
    session_->sent(static_cast<std::size_t>(n));
  }
  return Io::done;
}

}  // namespace dunlin::net
