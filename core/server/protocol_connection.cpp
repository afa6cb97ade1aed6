// Life, input and output of a plugin's connection; who it is stands in protocol_identity.cpp.

#include "core/server/protocol_connection.hpp"

#include <algorithm>
#include <chrono>

#include "core/base/ensure.hpp"
#include "core/base/log.hpp"
#include "core/plugin/shard_budget.hpp"
#include "core/server/link_connection.hpp"
#include "core/server/router_service.hpp"

namespace dunlin::server {

namespace {

// Unconsumed input up to this size is kept with what the next read brings; more is collected here.
constexpr std::size_t short_rest = 32 * 1024;
// Output that waits for a peer that does not read: the plugin is asked to pause.
constexpr std::size_t high_mark = 1024 * 1024;

std::int64_t wall_now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

net::ClosedReason reason_of(dunlin_status why) {
  switch (why) {
    case DUNLIN_E_DENIED: return net::ClosedReason::authentication_failure;
    case DUNLIN_E_INVALID: return net::ClosedReason::protocol_violation;
    case DUNLIN_E_TIMEOUT: return net::ClosedReason::stale_connection;
    default: return net::ClosedReason::client_closed;
  }
}

dunlin_status status_of(net::ClosedReason reason) {
  switch (reason) {
    case net::ClosedReason::slow_consumer_pending_bytes: return DUNLIN_E_LIMIT;
    case net::ClosedReason::slow_consumer_write_deadline: return DUNLIN_E_TIMEOUT;
    case net::ClosedReason::read_error:
    case net::ClosedReason::write_error: return DUNLIN_E_IO;
    case net::ClosedReason::server_shutdown: return DUNLIN_OK;
    default: return DUNLIN_E_CLOSED;
  }
}

}  // namespace

ProtocolConnection::ProtocolConnection(net::Shard& shard, int socket, std::uint64_t id,
                                       net::PeerAddress peer,
                                       std::shared_ptr<ProtocolSettings> settings,
                                       const ConnectionRoom& room,
                                       std::shared_ptr<const net::TransportSettings> transport)
    : Endpoint(shard, socket, id, std::move(peer), settings->kind),
      settings_(std::move(settings)),
      room_(room),
      transport_settings_(std::move(transport)),
      started_(shard.now()),
      last_activity_(started_),
      started_wall_ns_(wall_now_ns()) {
  wants_headers_ = true;
  set_limits(settings_->limits);
  set_read_limit(static_cast<std::uint32_t>(settings_->preauth_max));
  if (transport_settings_ != nullptr && settings_->starts_with_tls)
    set_transport(std::make_unique<net::ServerTransport>(transport_settings_));
  settings_->connections.fetch_add(1, std::memory_order_relaxed);
}

ProtocolConnection::~ProtocolConnection() = default;

ProtocolConnection& ProtocolConnection::of(dunlin_conn* handle) noexcept {
  return static_cast<ProtocolConnection&>(*connection_of(handle));
}

template <class Task>
void ProtocolConnection::later(Task task) {
  shard().post([where = &shard(), id = id(), task = std::move(task)] {
    net::Connection* const found = where->find(id);
    if (found != nullptr && !found->is_closed()) task(static_cast<ProtocolConnection&>(*found));
  });
}

// ---- life --------------------------------------------------------------------------------------

// With TLS first both come when the handshake is over, without it both come at once.
void ProtocolConnection::on_open() { begin(); }

void ProtocolConnection::on_ready() {
  is_ready_ = is_usable();
  if (is_ready_ && settings_->on_ready) settings_->on_ready();
  if (is_closed() || is_established_ || settings_->auth_timeout == 0) return;
  auth_due_ = shard().now() + settings_->auth_timeout;
  arm_timer();
}

void ProtocolConnection::begin() {
  if (settings_->connections.load(std::memory_order_relaxed) > settings_->connections_max) {
    close(net::ClosedReason::maximum_connections_exceeded);
    return;
  }
  if (kind() == routing::Kind::client) {
    is_counted_ = room_.clients.count_client();
    if (!is_counted_) {
      close(net::ClosedReason::maximum_connections_exceeded);
      return;
    }
  }
  if (settings_->is_silent.load(std::memory_order_acquire)) {
    close(net::ClosedReason::server_shutdown);
    return;
  }
  {
    const plugin::ShardCall call(settings_->owner, "open");
    state_ = settings_->protocol.open(settings_->user, handle());
  }
  if (state_ == nullptr) shut(DUNLIN_E_CLOSED, "refused by the protocol");
}

void ProtocolConnection::establish() {
  if (std::exchange(is_established_, true)) return;
  auth_due_ = net::never;
  arm_timer();
  set_read_limit(read_unlimited);
  if (!std::exchange(is_full_, false)) return;
  later([](ProtocolConnection& self) {
    if (!self.is_held_) self.resume();
  });
}

void ProtocolConnection::shut(dunlin_status why, std::string_view reason) {
  shut_as(why, reason_of(why), reason);
}

void ProtocolConnection::shut_as(dunlin_status why, net::ClosedReason closed_as,
                                 std::string_view reason) {
  if (!is_usable()) return;
  is_shut_ = true;
  why_ = why;
  closed_as_ = closed_as;
  reason_ = reason;
  later([](ProtocolConnection& self) { self.close(self.closed_as_); });
}

void ProtocolConnection::drain(std::uint64_t deadline_ns) {
  if (!is_usable() || !is_called() || settings_->protocol.drain == nullptr) return;
  const plugin::ShardCall call(settings_->owner, "drain");
  settings_->protocol.drain(state_, handle(), deadline_ns);
}

void ProtocolConnection::on_closed() {
  if (!is_shut_) {
    why_ = status_of(closed_reason());
    reason_ = protocol::text_of(closed_reason());
  }
  if (closed_reason() == net::ClosedReason::slow_consumer_pending_bytes) on_write_timeout(false);
  log_debug("{}:{} - {}:{} - connection closed: {}", peer().ip, peer().port, settings_->name, id(),
            reason_);
  room_.clients.connection_closed(snapshot(true), is_counted_);
  if (LinkConnection* const link = this->link()) link->end();
  room_.router_service.connection_closed(*this);
  if (account() != nullptr) {
    auto& bound = kind() == routing::Kind::leaf ? account()->leafnodes : account()->clients;
    if (kind() == routing::Kind::leaf || kind() == routing::Kind::client)
      bound.fetch_sub(1, std::memory_order_relaxed);
  }
  settings_->connections.fetch_sub(1, std::memory_order_relaxed);
  // Alive when the task runs: a connection is freed in a later turn than it was closed in.
  shard().post([this] { end_plugin_side(); });
}

void ProtocolConnection::end_plugin_side() {
  if (is_called()) {
    const plugin::ShardCall call(settings_->owner, "close");
    settings_->protocol.close(state_, handle(), why_);
  }
  state_ = nullptr;
  if (settings_->on_closed) settings_->on_closed(closed_reason(), is_ready_);
}

void ProtocolConnection::on_timer(net::Nanoseconds now) {
  if (now >= auth_due_) {
    auth_due_ = net::never;
    constexpr auto reason = net::ClosedReason::authentication_timeout;
    shut_as(DUNLIN_E_TIMEOUT, reason, protocol::text_of(reason));
    return;
  }
  if (now >= expiry_due_) {
    expiry_due_ = net::never;
    constexpr auto reason = net::ClosedReason::authentication_expired;
    shut_as(DUNLIN_E_DENIED, reason, protocol::text_of(reason));
    return;
  }
  if (now >= tick_due_) {
    tick_due_ = now + tick_interval_;
    if (is_usable() && is_called() && settings_->protocol.tick != nullptr) {
      const plugin::ShardCall call(settings_->owner, "tick");
      settings_->protocol.tick(state_, handle(), now);
    }
  }
  if (!is_closed()) arm_timer();
}

void ProtocolConnection::set_tick(net::Nanoseconds interval) {
  if (!is_usable()) return;
  tick_interval_ = interval;
  tick_due_ = interval == 0 ? net::never : shard().now() + interval;
  arm_timer();
}

void ProtocolConnection::arm_timer() {
  set_timer(std::min({auth_due_, tick_due_, expiry_due_}));
}

// ---- input -------------------------------------------------------------------------------------

std::size_t ProtocolConnection::consume(char* data, std::size_t size) {
  last_activity_ = shard().now();
  if (!is_usable()) return size;
  if (!is_established_) {
    take_early({data, size});
    return size;
  }
  if (!held_.empty() || is_held_) {
    held_.append(data, size);
    feed_held();
    // A receiver that has drained may have resumed what the plugin paused.
    if (is_held_) pause(net::never);
    return size;
  }
  const std::size_t used = offer({data, size});
  const std::size_t rest = size - used;
  if (rest == 0 || !keeps(rest)) return size;
  if (rest <= short_rest && !is_held_) return used;
  held_.assign(data + used, rest);
  return size;
}

// Nothing is left in the reading buffer, so that each byte comes by here once and can be counted.
void ProtocolConnection::take_early(std::string_view input) {
  early_ += input.size();
  if (held_.empty() && !is_held_) {
    const std::size_t used = offer(input);
    if (used < input.size() && is_usable()) held_.assign(input.substr(used));
  } else {
    held_.append(input);
    feed_held();
  }
  bound_early();
}

void ProtocolConnection::bound_early() {
  if (is_established_ || !is_usable()) return;
  if (early_ < settings_->preauth_max) {
    set_read_limit(static_cast<std::uint32_t>(settings_->preauth_max - early_));
    return;
  }
  if (is_authenticating_) {
    is_full_ = true;
    pause(net::never);
    return;
  }
  log_error("{}:{} - {}:{} - {} bytes of input before authentication", peer().ip, peer().port,
            settings_->name, id(), early_);
  shut(DUNLIN_E_LIMIT, protocol::text_of(net::ClosedReason::protocol_violation));
}

// Gives the plugin what there is, again and again while it takes something.
std::size_t ProtocolConnection::offer(std::string_view input) {
  flush_link();
  const plugin::ShardCall call(settings_->owner, "bytes");
  std::size_t used = 0;
  while (used < input.size() && is_usable() && !is_held_) {
    if (!is_called()) return input.size();
    is_offering_ = true;
    const std::size_t took =
        settings_->protocol.bytes(state_, handle(), bytes_of(input.substr(used)));
    is_offering_ = false;
    if (took > input.size() - used) {
      log_error("plugin protocol {}: bytes() consumed more than it was given", settings_->name);
      shut(DUNLIN_E_INTERNAL, "protocol consumed more than it was given");
      return input.size();
    }
    used += took;
    if (std::exchange(starts_tls_, false)) {
      // What follows is the peer's handshake.
      if (used < input.size() && is_usable())
        static_cast<net::ServerTransport*>(transport())->take_early(*this, input.substr(used));
      return input.size();
    }
    if (took == 0) break;
  }
  return used;
}

// Whether `rest` unconsumed bytes may stay. What arrives while the plugin has asked for none is
// bounded by one read, and before the peer is known all of it together is.
bool ProtocolConnection::keeps(std::size_t rest) {
  if (!is_usable()) return false;
  if (rest < settings_->input_max || is_held_ || !is_established_) return true;
  log_error("{}:{} - {}:{} - input of {} bytes is not taken by its protocol", peer().ip,
            peer().port, settings_->name, id(), rest);
  shut(DUNLIN_E_LIMIT, protocol::text_of(net::ClosedReason::protocol_violation));
  return false;
}

void ProtocolConnection::feed_held() {
  const std::size_t used = offer(held_);
  if (used == held_.size() || !keeps(held_.size() - used)) {
    held_.clear();
    if (held_.capacity() > short_rest) held_.shrink_to_fit();
    return;
  }
  held_.erase(0, used);
}

void ProtocolConnection::hold() {
  if (!is_usable()) return;
  is_held_ = true;
  pause(net::never);
}

void ProtocolConnection::go_on() {
  if (!is_usable() || !is_held_) return;
  later([](ProtocolConnection& self) {
    if (!self.is_held_ || !self.is_usable()) return;
    self.is_held_ = false;
    if (!self.held_.empty()) self.feed_held();
    if (!self.is_held_ && !self.is_full_) self.resume();
  });
}

// ---- TLS ---------------------------------------------------------------------------------------

dunlin_status ProtocolConnection::start_tls() {
  if (!is_usable()) return DUNLIN_E_CLOSED;
  if (transport_settings_ == nullptr || settings_->starts_with_tls) return DUNLIN_E_UNSUPPORTED;
  if (transport() != nullptr) return DUNLIN_E_EXISTS;
  auto transport = std::make_unique<net::ServerTransport>(transport_settings_);
  net::ServerTransport& below = *transport;
  set_transport(std::move(transport));
  starts_tls_ = is_offering_;
  below.upgrade(*this);
  return DUNLIN_OK;
}

const net::TlsSession* ProtocolConnection::tls() const noexcept {
  const auto* const below = static_cast<const net::ServerTransport*>(transport());
  return below == nullptr ? nullptr : below->tls();
}

// ---- output ------------------------------------------------------------------------------------

dunlin_status ProtocolConnection::write(std::span<const dunlin_part> parts) {
  if (!is_usable()) return DUNLIN_E_CLOSED;
  for (const dunlin_part& part : parts) output().append(shard().buffers(), view(part.bytes));
  if (!appended()) return DUNLIN_E_CLOSED;
  if (pending() > limits().pending_max) {
    close(net::ClosedReason::slow_consumer_pending_bytes);
    return DUNLIN_E_CLOSED;
  }
  if (pending() < high_mark) return DUNLIN_OK;
  wants_writable_ = true;
  return DUNLIN_E_AGAIN;
}

dunlin_status ProtocolConnection::deliver(std::string_view subject,
                                          std::span<const dunlin_part> parts) {
  if (!is_usable()) return DUNLIN_E_CLOSED;
  if (denies_delivery(subject, {})) return DUNLIN_E_DENIED;
  std::size_t bytes = 0;
  for (const dunlin_part& part : parts) bytes += part.bytes.size;
  count_out(1, bytes, account());
  return write(parts);
}

void ProtocolConnection::count_in(std::uint64_t messages, std::uint64_t bytes) {
  in_messages.add(messages);
  in_bytes.add(bytes);
}

void ProtocolConnection::count_out(std::uint64_t messages, std::uint64_t bytes,
                                   routing::Account* account) {
  out_messages.add(messages);
  out_bytes.add(bytes);
  routing::ShardStats& stats = room_.router.stats();
  stats.out_messages.add(messages);
  stats.out_bytes.add(bytes);
  if (account == nullptr) return;
  routing::TrafficCounters& traffic = account->traffic().at(shard().index());
  traffic.out_messages.add(messages);
  traffic.out_bytes.add(bytes);
}

void ProtocolConnection::on_drained() {
  Endpoint::on_drained();
  if (!wants_writable_) return;
  wants_writable_ = false;
  later([](ProtocolConnection& self) {
    if (!self.is_usable() || !self.is_called() || self.settings_->protocol.writable == nullptr)
      return;
    const plugin::ShardCall call(self.settings_->owner, "writable");
    self.settings_->protocol.writable(self.state_, self.handle());
  });
}

void ProtocolConnection::on_write_timeout(bool again) {
  room_.router.stats().slow_consumers.add(1);
  if (account() != nullptr) account()->traffic().at(shard().index()).slow_consumers.add(1);
  log_info("{}:{} - {}:{} - Slow Consumer {}: {} bytes pending", peer().ip, peer().port,
           settings_->name, id(), again ? "State" : "Detected", pending());
}

// ---- as a link ---------------------------------------------------------------------------------

LinkConnection& ProtocolConnection::attach(std::unique_ptr<LinkConnection> link) {
  links_.push_back(std::move(link));
  link_.store(links_.back().get(), std::memory_order_release);
  establish();
  return *links_.back();
}

void ProtocolConnection::detach() {
  if (LinkConnection* const present = link_.exchange(nullptr)) present->end();
}

void ProtocolConnection::deliver_to_link(routing::Account& account,
                                         const routing::Message& message,
                                         const routing::Origin& origin,
                                         const std::vector<std::string_view>& queues) {
  if (LinkConnection* const link = this->link()) link->take(account, message, origin, queues);
}

void ProtocolConnection::flush_link() {
  if (LinkConnection* const link = this->link()) link->flush(is_usable() && is_called());
}

std::string_view ProtocolConnection::link_cluster() const noexcept {
  const LinkConnection* const link = this->link();
  return link == nullptr ? std::string_view() : link->cluster();
}

bool ProtocolConnection::is_spoke() const noexcept {
  const LinkConnection* const link = this->link();
  return link != nullptr && link->is_spoke();
}

std::uint64_t ProtocolConnection::link_distance() const noexcept {
  const LinkConnection* const link = this->link();
  return link == nullptr ? 0 : link->distance();
}

void ProtocolConnection::auto_unsubscribe(subject::Subscription*) {
  ensure(!"a link's subscriptions have no maximum");
}

}  // namespace dunlin::server
