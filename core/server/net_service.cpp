#include "core/server/net_service.hpp"

#include <unistd.h>

#include <algorithm>
#include <future>
#include <utility>

#include "core/base/log.hpp"
#include "core/config/tls_block.hpp"
#include "core/server/config_nodes.hpp"
#include "core/server/policy.hpp"

namespace dunlin::server {

namespace {

constexpr std::size_t preauth_usual = 64 * 1024;
// Frames of other servers may be larger than what clients here may send.
constexpr std::size_t link_input_usual = 64 * 1024 * 1024 + 128 * 1024;

std::chrono::nanoseconds nanoseconds_of(std::uint64_t count) {
  return std::chrono::nanoseconds(
      static_cast<std::int64_t>(std::min<std::uint64_t>(count, INT64_MAX)));
}

// What a plugin's tls table says; the defaults without one. Whether the handshake comes first is
// the plugin's choice, and limits on its rate are the client port's alone, as in nats-server.
result<std::shared_ptr<const net::TransportSettings>> tls_of(const plugin::ConfigNode* node,
                                                             net::TlsRole role,
                                                             std::string server_name) {
  const config::Value* const value = node == nullptr ? nullptr : ConfigNodes::value_of(*node);
  config::Tls given;
  if (value != nullptr) {
    config::Diagnostics found;
    given = config::read_tls_block(*value, found);
    if (!found.errors.empty()) return fail(found.errors.front().text());
  }
  if (role == net::TlsRole::server && given.cert_file.empty() && given.certs.empty())
    return fail("a listener with TLS needs a certificate: set cert_file and key_file in its tls");
  auto made = make_transport(given, role, std::move(server_name));
  if (!made) return made.error();
  (*made)->handshake_first = true;
  (*made)->handshake_first_fallback = 0;
  (*made)->handshake_rate = nullptr;
  return std::shared_ptr<const net::TransportSettings>(std::move(*made));
}

}  // namespace

NetService::NetService(plugin::Executor& executor, Shards& shards, Routers& routers,
                       ClientDirectory& clients, RouterService& router_service,
                       boost::asio::io_context& control)
    : executor_(executor),
      shards_(shards),
      routers_(routers),
      clients_(clients),
      router_service_(router_service),
      control_(control) {
  for (std::size_t i = 0; i < shards_.size(); ++i)
    batches_.push_back(std::make_unique<BatchMaker>());
}

NetService::~NetService() = default;

// ---- listeners ---------------------------------------------------------------------------------

std::shared_ptr<ProtocolSettings> NetService::settings_for(
    plugin::Owner owner, std::uint32_t kind, std::string_view name,
    const dunlin_protocol& protocol, void* user, std::uint64_t input_max,
    std::uint64_t pending_max, std::uint64_t write_deadline) const {
  const ClientPolicy& policy = clients_.policy();
  auto settings = std::make_shared<ProtocolSettings>();
  settings->owner = owner;
  settings->name = name.empty() ? std::string(protocol.name) : std::string(name);
  settings->kind = static_cast<routing::Kind>(kind);
  settings->protocol = protocol;
  settings->user = user;
  const bool is_link = settings->kind != routing::Kind::client;
  settings->input_max = input_max != 0 ? input_max
                        : is_link      ? link_input_usual
                                       : policy.settings.max_payload +
                                        policy.settings.max_control_line;
  settings->preauth_max = std::min(preauth_usual, settings->input_max);
  settings->limits = policy.limits;
  // Another server that is slow is kept, unless its plugin says how much may wait for it.
  if (is_link) {
    settings->limits.retries_after_timeout = true;
    settings->limits.pending_max = SIZE_MAX;
  }
  if (pending_max != 0) settings->limits.pending_max = pending_max;
  if (write_deadline != 0) settings->limits.write_deadline = write_deadline;
  settings->connections_max = policy.connections_max;
  return settings;
}

dunlin_status NetService::listen(plugin::Owner owner, const plugin::ListenRequest& request,
                                 dunlin_listener& out, std::string& why) {
  const dunlin_listener_options& options = request.options;
  std::shared_ptr<const net::TransportSettings> transport;
  if (options.tls_mode != DUNLIN_TLS_NONE) {
    auto made = tls_of(request.tls, net::TlsRole::server, {});
    if (!made) {
      why = made.error().text;
      return DUNLIN_E_CONFIG;
    }
    transport = std::move(*made);
  }
  const int port = options.port == 0 ? -1 : static_cast<int>(options.port);
  auto opened = net::Listener::open(std::string(view(options.address)), port);
  if (!opened) {
    why = opened.error().text;
    return DUNLIN_E_IO;
  }
  auto settings = settings_for(owner, options.kind, view(options.name), request.protocol,
                               options.user, options.input_bytes_max, options.pending_bytes_max,
                               options.write_deadline_ns);
  if (options.connections_max != 0)
    settings->connections_max = static_cast<std::int64_t>(
        std::min<std::uint64_t>(options.connections_max, INT64_MAX));
  if (options.preauth_bytes_max != 0) settings->preauth_max = options.preauth_bytes_max;
  settings->starts_with_tls = options.tls_mode == DUNLIN_TLS_FIRST;
  settings->transport = std::move(transport);
  settings->auth_timeout = options.auth_timeout_ns != 0 ? options.auth_timeout_ns
                                                        : clients_.policy().settings.auth_timeout;
  const std::unique_ptr<net::Listener>& socket = *opened;
  log_info("Listening for {} connections on {}:{}", settings->name, view(options.address),
           socket->port());
  // Accepting takes its turn with the shards' other work; connections go to the least busy one.
  socket->start(*shards_.front(), [this, settings](net::Accepted accepted) {
    net::Shard& chosen = least_busy();
    chosen.expect_connection();
    chosen.post([this, &chosen, settings, accepted = std::move(accepted)]() mutable {
      adopt(chosen, accepted.socket, std::move(accepted.peer), settings, settings->transport);
    });
  });
  const std::lock_guard lock(mutex_);
  out = ++last_id_;
  listeners_.emplace(out, ListenerEntry{std::move(*opened), std::move(settings)});
  return DUNLIN_OK;
}

net::Shard& NetService::least_busy() const noexcept {
  net::Shard* chosen = shards_.front().get();
  for (const auto& shard : shards_)
    if (shard->load() < chosen->load()) chosen = shard.get();
  return *chosen;
}

// On the connection's shard, which expects it.
void NetService::adopt(net::Shard& shard, int socket, net::PeerAddress peer,
                       const std::shared_ptr<ProtocolSettings>& settings,
                       const std::shared_ptr<const net::TransportSettings>& transport) {
  const ConnectionRoom room{clients_, router_service_, *routers_[shard.index()],
                            *batches_[shard.index()]};
  shard.adopt(std::make_unique<ProtocolConnection>(shard, socket, clients_.next_connection_id(),
                                                   std::move(peer), settings, room, transport));
}

std::uint16_t NetService::listener_port(dunlin_listener listener) {
  const std::lock_guard lock(mutex_);
  const auto found = listeners_.find(listener);
  return found == listeners_.end() ? std::uint16_t{0} : found->second.socket->port();
}

void NetService::unlisten(plugin::Owner owner, dunlin_listener listener) {
  ListenerEntry entry;
  {
    const std::lock_guard lock(mutex_);
    const auto found = listeners_.find(listener);
    if (found == listeners_.end() || found->second.settings->owner != owner) return;
    entry = std::move(found->second);
    listeners_.erase(found);
  }
  end(std::move(entry));
}

void NetService::unlisten_async(plugin::Owner owner, dunlin_listener listener, dunlin_task done,
                                void* user) {
  executor_.post_control([this, owner, listener, done, user] {
    unlisten(owner, listener);
    if (done != nullptr) done(user);
  });
}

void NetService::end(ListenerEntry entry) {
  // The last connection accepted is on its way to its shard when stop() returns.
  entry.socket->stop();
  close_connections(entry.settings);
}

void NetService::on_all_shards(const std::function<void(net::Shard&)>& each) {
  for (const auto& shard : shards_) {
    auto over = std::make_shared<std::promise<void>>();
    auto waiting = over->get_future();
    const bool posted = executor_.post_shard(shard->index(), [&shard, &each, over] {
      if (each) each(*shard);
      over->set_value();
    });
    if (posted) waiting.wait();
  }
}

void NetService::close_connections(const std::shared_ptr<ProtocolSettings>& settings) {
  on_all_shards([&settings](net::Shard& shard) {
    std::vector<net::Connection*> ours;
    shard.for_each_connection([&](net::Connection& connection) {
      auto* const one = dynamic_cast<ProtocolConnection*>(&connection);
      if (one != nullptr && &one->settings() == settings.get()) ours.push_back(one);
    });
    for (net::Connection* const one : ours) one->close(net::ClosedReason::server_shutdown);
  });
  // A plugin's close comes in a turn of its own.
  on_all_shards(nullptr);
}

// ---- outbound ----------------------------------------------------------------------------------

dunlin_status NetService::connect(plugin::Owner owner, const plugin::ConnectRequest& request,
                                  dunlin_connector& out, std::string& why) {
  const dunlin_connect_options& options = request.options;
  // Each host has to show a certificate of its own name.
  std::map<std::string, std::shared_ptr<const net::TransportSettings>> tls_of_host;
  for (std::size_t i = 0; options.tls_mode != DUNLIN_TLS_NONE && i < options.address_count; ++i) {
    const std::string host =
        OutboundConnector::host_of(std::string(view(options.addresses[i])));
    if (tls_of_host.contains(host)) continue;
    const std::string given(view(options.tls_server_name));
    auto made = tls_of(request.tls, net::TlsRole::client, given.empty() ? host : given);
    if (!made) {
      why = made.error().text;
      return DUNLIN_E_CONFIG;
    }
    tls_of_host.emplace(host, std::move(*made));
  }
  auto settings = settings_for(owner, options.kind, view(options.name), request.protocol,
                               options.user, options.input_bytes_max, options.pending_bytes_max,
                               options.write_deadline_ns);
  settings->is_outbound = true;
  settings->starts_with_tls = options.tls_mode == DUNLIN_TLS_FIRST;
  OutboundConnector::Wish wish;
  for (std::size_t i = 0; i < options.address_count; ++i)
    wish.addresses.emplace_back(view(options.addresses[i]));
  wish.attempts_max = options.attempts_max;
  wish.connect_timeout = nanoseconds_of(options.connect_timeout_ns);
  wish.delay = nanoseconds_of(options.retry_delay_ns);
  wish.delay_max = nanoseconds_of(options.retry_delay_max_ns);
  wish.jitter = nanoseconds_of(options.retry_jitter_ns);
  wish.on_connect = options.on_connect;
  wish.user = options.on_connect_user;
  {
    const std::lock_guard lock(mutex_);
    out = ++last_id_;
  }
  const auto adopt_here = [this, settings, tls_of_host = std::move(tls_of_host)](
                              net::Shard& shard, int socket, net::PeerAddress peer,
                              const std::string& host) {
    const auto tls = tls_of_host.find(host);
    shard.expect_connection();
    adopt(shard, socket, std::move(peer), settings,
          tls == tls_of_host.end() ? nullptr : tls->second);
  };
  auto connector = std::make_shared<OutboundConnector>(
      out, std::move(wish), settings, executor_, control_,
      [this]() -> net::Shard& { return least_busy(); }, adopt_here);
  connectors_.emplace(out, connector);
  connector->start();
  return DUNLIN_OK;
}

void NetService::disconnect(plugin::Owner owner, dunlin_connector id) {
  const auto found = connectors_.find(id);
  if (found == connectors_.end() || found->second->settings()->owner != owner) return;
  const auto connector = std::move(found->second);
  connectors_.erase(found);
  end(connector);
}

void NetService::end(const std::shared_ptr<OutboundConnector>& connector) {
  connector->end();
  close_connections(connector->settings());
}

void NetService::plugin_stopped(plugin::Owner owner) {
  std::vector<ListenerEntry> left;
  {
    const std::lock_guard lock(mutex_);
    for (auto entry = listeners_.begin(); entry != listeners_.end();) {
      if (entry->second.settings->owner == owner) {
        left.push_back(std::move(entry->second));
        entry = listeners_.erase(entry);
      } else {
        ++entry;
      }
    }
  }
  std::vector<std::shared_ptr<OutboundConnector>> outbound;
  for (auto entry = connectors_.begin(); entry != connectors_.end();) {
    if (entry->second->settings()->owner == owner) {
      outbound.push_back(std::move(entry->second));
      entry = connectors_.erase(entry);
    } else {
      ++entry;
    }
  }
  for (ListenerEntry& entry : left) {
    entry.settings->is_silent = true;
    end(std::move(entry));
  }
  for (const auto& connector : outbound) {
    connector->settings()->is_silent = true;
    end(connector);
  }
}

void NetService::drain(std::uint64_t deadline_ns) {
  // A shard may be waiting for the lock, so none is waited for while it is held. Only control,
  // which is here, takes listeners away.
  std::vector<net::Listener*> closing;
  {
    const std::lock_guard lock(mutex_);
    for (auto& [id, entry] : listeners_)
      if (entry.settings->kind == routing::Kind::client ||
          entry.settings->kind == routing::Kind::leaf)
        closing.push_back(entry.socket.get());
  }
  for (net::Listener* const socket : closing) socket->stop();
  on_all_shards([deadline_ns](net::Shard& shard) {
    std::vector<ProtocolConnection*> all;
    shard.for_each_connection([&](net::Connection& connection) {
      if (auto* const one = dynamic_cast<ProtocolConnection*>(&connection)) all.push_back(one);
    });
    for (ProtocolConnection* const one : all) one->drain(deadline_ns);
  });
}

// ---- connections -------------------------------------------------------------------------------

std::uint64_t NetService::id(dunlin_conn* conn) { return ProtocolConnection::of(conn).id(); }

std::uint32_t NetService::kind(dunlin_conn* conn) {
  return static_cast<std::uint32_t>(ProtocolConnection::of(conn).kind());
}

std::uint32_t NetService::shard(dunlin_conn* conn) {
  return ProtocolConnection::of(conn).shard().index();
}

dunlin_status NetService::peer(dunlin_conn* conn, dunlin_peer& out) {
  ProtocolConnection::of(conn).fill_peer(out);
  return DUNLIN_OK;
}

dunlin_status NetService::write(dunlin_conn* conn, std::span<const dunlin_part> parts) {
  return ProtocolConnection::of(conn).write(parts);
}

dunlin_status NetService::deliver(dunlin_conn* conn, std::string_view subject,
                                  std::span<const dunlin_part> parts) {
  return ProtocolConnection::of(conn).deliver(subject, parts);
}

void NetService::count_in(dunlin_conn* conn, std::uint64_t msgs, std::uint64_t bytes) {
  ProtocolConnection::of(conn).count_in(msgs, bytes);
}

dunlin_status NetService::start_tls(dunlin_conn* conn) {
  return ProtocolConnection::of(conn).start_tls();
}

dunlin_status NetService::authenticate(dunlin_conn* conn, const dunlin_credentials& credentials,
                                       dunlin_on_auth on_auth, void* state) {
  return ProtocolConnection::of(conn).authenticate(credentials, on_auth, state);
}

dunlin_status NetService::bind_account(dunlin_conn* conn, dunlin_account* account) {
  return ProtocolConnection::of(conn).bind_account(*account_of(account));
}

dunlin_account* NetService::account(dunlin_conn* conn) {
  return handle_of(ProtocolConnection::of(conn).account());
}

bool NetService::may_publish(dunlin_conn* conn, std::string_view subject) {
  return ProtocolConnection::of(conn).may_publish(subject);
}

bool NetService::may_subscribe(dunlin_conn* conn, std::string_view subject,
                               std::string_view queue) {
  return ProtocolConnection::of(conn).may_subscribe(subject, queue);
}

void NetService::describe(dunlin_conn* conn, std::string_view name, std::string_view lang,
                          std::string_view version) {
  ProtocolConnection::of(conn).describe(name, lang, version);
}

void NetService::set_tick(dunlin_conn* conn, std::uint64_t interval_ns) {
  ProtocolConnection::of(conn).set_tick(interval_ns);
}

void NetService::pause(dunlin_conn* conn) { ProtocolConnection::of(conn).hold(); }

void NetService::resume(dunlin_conn* conn) { ProtocolConnection::of(conn).go_on(); }

void NetService::shut(dunlin_conn* conn, dunlin_status why, std::string_view reason) {
  ProtocolConnection::of(conn).shut(why, reason);
}

}  // namespace dunlin::server
