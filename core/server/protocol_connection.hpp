// A connection whose protocol a plugin speaks: the host owns the socket, its limits, deadlines and
// permissions; the plugin's dunlin_protocol gets bytes and writes answers.
//
//   open -> bytes ... -> authenticate / bind_account / attach -> bytes, tick ... -> close
//
// Rules the host keeps: input the plugin does not consume stays here, up to a maximum; a full
// buffer that is not consumed ends the connection. Before it is known who the peer is, all of its
// input together is bounded, however it comes in pieces: past that the connection ends, or, while
// credentials are being checked, is not read from. A peer that takes too long to say who it is ends
// as well, and so does one whose credentials have expired. The plugin's close comes
// from a turn of its own, never from inside another call into the plugin, exactly once.
//
// Belongs to its shard, like any connection; what other shards may ask of it is marked so.

#pragma once

#include <dunlin/ext/net.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/auth/authenticator.hpp"
#include "core/auth/permission_state.hpp"
#include "core/plugin/host_services.hpp"
#include "core/routing/router.hpp"
#include "core/server/client_directory.hpp"
#include "core/server/handles.hpp"
#include "core/server/message_batch.hpp"

namespace dunlin::server {

class LinkConnection;
class RouterService;

// What the connections of one listener or connector have in common.
struct ProtocolSettings {
  plugin::Owner owner = 0;
  std::string name;
  routing::Kind kind = routing::Kind::client;
  dunlin_protocol protocol{};
  void* user = nullptr;
  std::size_t input_max = 0;
  std::size_t preauth_max = 0;
  net::Nanoseconds auth_timeout = 0;  // 0: none
  net::OutboundLimits limits;
  std::int64_t connections_max = 65536;
  bool is_outbound = false;
  bool starts_with_tls = false;  // the protocol opens when the handshake is over
  // Of a listener that has TLS, at once or when the protocol starts it.
  std::shared_ptr<const net::TransportSettings> transport;
  // Run on the shard: the protocol was opened; the connection has closed, after that or before.
  std::function<void()> on_ready;
  std::function<void(net::ClosedReason, bool was_ready)> on_closed;

  std::atomic<std::int64_t> connections{0};
  std::atomic<bool> is_silent{false};  // the plugin has stopped: it is not called any more
};

// What connections need of the server around them.
struct ConnectionRoom {
  ClientDirectory& clients;
  RouterService& router_service;
  routing::ShardRouter& router;  // of this shard
  BatchMaker& batches;           // of this shard
};

class ProtocolConnection final : public routing::Endpoint, public ActingConnection {
 public:
  // `transport`: TLS, where the connection has it; null otherwise.
  ProtocolConnection(net::Shard& shard, int socket, std::uint64_t id, net::PeerAddress peer,
                     std::shared_ptr<ProtocolSettings> settings, const ConnectionRoom& room,
                     std::shared_ptr<const net::TransportSettings> transport);
  ~ProtocolConnection() override;

  // Every connection a plugin knows is one of these.
  static ProtocolConnection& of(dunlin_conn* handle) noexcept;
  [[nodiscard]] dunlin_conn* handle() noexcept { return handle_of(this); }
  [[nodiscard]] const ProtocolSettings& settings() const noexcept { return *settings_; }
  // Neither closed nor about to be.
  [[nodiscard]] bool is_usable() const noexcept { return !is_closed() && !is_shut_; }
  // The connection may be told apart from a stranger: it has an account, or is a link.
  void establish();

  // dunlin/ext/net.h
  dunlin_status write(std::span<const dunlin_part> parts);
  dunlin_status deliver(std::string_view subject, std::span<const dunlin_part> parts);
  dunlin_status authenticate(const dunlin_credentials& credentials, dunlin_on_auth on_auth,
                             void* state);
  dunlin_status bind_account(routing::Account& account);
  dunlin_status start_tls();
  void fill_peer(dunlin_peer& out);
  void describe(std::string_view name, std::string_view lang, std::string_view version);
  void count_in(std::uint64_t messages, std::uint64_t bytes);
  void count_out(std::uint64_t messages, std::uint64_t bytes, routing::Account* account);
  void set_tick(net::Nanoseconds interval);
  void hold();
  void go_on();
  void shut(dunlin_status why, std::string_view reason);
  // The server is leaving, at the latest at `deadline_ns`.
  void drain(std::uint64_t deadline_ns);

  // The link this connection is, if it is one. It stays until the connection is freed.
  [[nodiscard]] LinkConnection* link() const noexcept {
    return link_.load(std::memory_order_acquire);
  }
  LinkConnection& attach(std::unique_ptr<LinkConnection> link);
  void detach();

  // ActingConnection
  [[nodiscard]] routing::Endpoint& endpoint() noexcept override { return *this; }
  [[nodiscard]] bool may_publish(std::string_view subject) override;
  [[nodiscard]] bool may_subscribe(std::string_view subject, std::string_view queue) override;
  [[nodiscard]] observe::ConnectionSnapshot snapshot(bool with_subscriptions) override;

  // Endpoint
  bool denies_delivery(std::string_view subject, std::string_view queue) override;
  bool denies_member(std::string_view subject, std::string_view queue) const override;
  void reply_delivered(std::string_view reply) override;
  void auto_unsubscribe(subject::Subscription* subscription) override;
  void deliver_to_link(routing::Account& account, const routing::Message& message,
                       const routing::Origin& origin,
                       const std::vector<std::string_view>& queues) override;
  void flush_link() override;
  [[nodiscard]] std::string_view link_cluster() const noexcept override;
  [[nodiscard]] bool is_spoke() const noexcept override;
  [[nodiscard]] std::uint64_t link_distance() const noexcept override;

 protected:
  void on_open() override;
  void on_ready() override;
  std::size_t consume(char* data, std::size_t size) override;
  void on_closed() override;
  void on_timer(net::Nanoseconds now) override;
  void on_drained() override;
  void on_write_timeout(bool again) override;

 private:
  // The plugin may be called for this connection.
  [[nodiscard]] bool is_called() const noexcept {
    return state_ != nullptr && !settings_->is_silent.load(std::memory_order_acquire);
  }
  void begin();
  void take_early(std::string_view input);
  void bound_early();
  std::size_t offer(std::string_view input);
  bool keeps(std::size_t rest);
  void feed_held();
  void authenticated(auth::Decision decision, dunlin_on_auth on_auth, void* state);
  void enter(routing::Account& account);
  void end_plugin_side();
  void shut_as(dunlin_status why, net::ClosedReason closed_as, std::string_view reason);
  [[nodiscard]] const net::TlsSession* tls() const noexcept;
  void arm_timer();
  // Runs `task(*this)` in a later turn of this shard, unless the connection is closed by then.
  template <class Task>
  void later(Task task);

  const std::shared_ptr<ProtocolSettings> settings_;
  const ConnectionRoom room_;
  void* state_ = nullptr;  // the plugin's
  const std::shared_ptr<const net::TransportSettings> transport_settings_;
  std::string held_;       // input kept here rather than in the shard's reading buffer
  std::size_t early_ = 0;  // bytes received before it was established
  bool is_established_ = false;
  bool is_full_ = false;   // not read from until credentials were checked
  bool is_ready_ = false;
  bool is_offering_ = false;  // inside the plugin's bytes()
  bool starts_tls_ = false;   // asked for by the bytes() that is under way
  bool is_authenticating_ = false;
  bool is_held_ = false;   // the plugin asked for no more input
  bool is_shut_ = false;
  bool is_counted_ = false;
  bool wants_writable_ = false;
  dunlin_status why_ = DUNLIN_E_CLOSED;
  net::ClosedReason closed_as_ = net::ClosedReason::client_closed;
  std::string reason_;

  auth::PermissionState permissions_;
  std::atomic<const auth::Permissions*> filter_{nullptr};  // the same, for other shards
  std::atomic<LinkConnection*> link_{nullptr};
  std::vector<std::unique_ptr<LinkConnection>> links_;  // the present one and those detached
  std::string user_, client_name_, lang_, version_, type_, local_ip_, tls_subject_;

  net::Nanoseconds auth_due_ = net::never;
  net::Nanoseconds expiry_due_ = net::never;
  net::Nanoseconds tick_due_ = net::never;
  net::Nanoseconds tick_interval_ = 0;
  net::Nanoseconds started_;
  net::Nanoseconds last_activity_;
  std::int64_t started_wall_ns_;
};

}  // namespace dunlin::server
