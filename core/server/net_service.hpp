// dunlin.net/1 on this side: listeners, outbound connections and connections of plugins.
//
// Listeners and connectors live on control; their connections on the shards. Ending one waits for
// the shards, which never wait for control.

#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/net/listener.hpp"
#include "core/plugin/executor.hpp"
#include "core/plugin/host_services.hpp"
#include "core/server/outbound_connector.hpp"
#include "core/server/protocol_connection.hpp"

namespace dunlin::server {

class NetService final : public plugin::NetService {
 public:
  using Shards = std::vector<std::unique_ptr<net::Shard>>;
  using Routers = std::vector<std::unique_ptr<routing::ShardRouter>>;

  // Everything outlives the service.  [control]
  NetService(plugin::Executor& executor, Shards& shards, Routers& routers,
             ClientDirectory& clients, RouterService& router_service,
             boost::asio::io_context& control);
  ~NetService();  // the shards have ended

  dunlin_status listen(plugin::Owner owner, const plugin::ListenRequest& request,
                       dunlin_listener& out, std::string& why) override;
  std::uint16_t listener_port(dunlin_listener listener) override;
  void unlisten(plugin::Owner owner, dunlin_listener listener) override;
  void unlisten_async(plugin::Owner owner, dunlin_listener listener, dunlin_task done,
                      void* user) override;
  dunlin_status connect(plugin::Owner owner, const plugin::ConnectRequest& request,
                        dunlin_connector& out, std::string& why) override;
  void disconnect(plugin::Owner owner, dunlin_connector connector) override;

  std::uint64_t id(dunlin_conn* conn) override;
  std::uint32_t kind(dunlin_conn* conn) override;
  std::uint32_t shard(dunlin_conn* conn) override;
  dunlin_status peer(dunlin_conn* conn, dunlin_peer& out) override;
  dunlin_status write(dunlin_conn* conn, std::span<const dunlin_part> parts) override;
  dunlin_status deliver(dunlin_conn* conn, std::string_view subject,
                        std::span<const dunlin_part> parts) override;
  void count_in(dunlin_conn* conn, std::uint64_t msgs, std::uint64_t bytes) override;
  dunlin_status start_tls(dunlin_conn* conn) override;
  dunlin_status authenticate(dunlin_conn* conn, const dunlin_credentials& credentials,
                             dunlin_on_auth on_auth, void* state) override;
  dunlin_status bind_account(dunlin_conn* conn, dunlin_account* account) override;
  dunlin_account* account(dunlin_conn* conn) override;
  bool may_publish(dunlin_conn* conn, std::string_view subject) override;
  bool may_subscribe(dunlin_conn* conn, std::string_view subject,
                     std::string_view queue) override;
  void describe(dunlin_conn* conn, std::string_view name, std::string_view lang,
                std::string_view version) override;
  void set_tick(dunlin_conn* conn, std::uint64_t interval_ns) override;
  void pause(dunlin_conn* conn) override;
  void resume(dunlin_conn* conn) override;
  void shut(dunlin_conn* conn, dunlin_status why, std::string_view reason) override;

  // Everything the plugin still holds ends, without callbacks afterwards.  [control]
  void plugin_stopped(plugin::Owner owner);
  // Listeners for clients and leafnodes close; connections are told that the server leaves, and
  // when.  [control]
  void drain(std::uint64_t deadline_ns);
  // Where the messages of links on this shard are collected.
  [[nodiscard]] BatchMaker& batches(std::uint16_t shard) noexcept { return *batches_[shard]; }
  [[nodiscard]] routing::ShardRouter& router(std::uint16_t shard) noexcept {
    return *routers_[shard];
  }

 private:
  struct ListenerEntry {
    std::unique_ptr<net::Listener> socket;
    std::shared_ptr<ProtocolSettings> settings;
  };

  [[nodiscard]] std::shared_ptr<ProtocolSettings> settings_for(
      plugin::Owner owner, std::uint32_t kind, std::string_view name,
      const dunlin_protocol& protocol, void* user, std::uint64_t input_max,
      std::uint64_t pending_max, std::uint64_t write_deadline) const;
  [[nodiscard]] net::Shard& least_busy() const noexcept;
  void adopt(net::Shard& shard, int socket, net::PeerAddress peer,
             const std::shared_ptr<ProtocolSettings>& settings,
             const std::shared_ptr<const net::TransportSettings>& transport);
  // Runs `each` on every shard and waits for all; false where shards take no more work.
  void on_all_shards(const std::function<void(net::Shard&)>& each);
  void close_connections(const std::shared_ptr<ProtocolSettings>& settings);
  void end(ListenerEntry entry);
  void end(const std::shared_ptr<OutboundConnector>& connector);

  plugin::Executor& executor_;
  Shards& shards_;
  Routers& routers_;
  ClientDirectory& clients_;
  RouterService& router_service_;
  boost::asio::io_context& control_;
  std::vector<std::unique_ptr<BatchMaker>> batches_;  // by shard

  std::mutex mutex_;  // guards listeners_: ports are asked for on any thread
  std::map<dunlin_listener, ListenerEntry> listeners_;
  std::map<dunlin_connector, std::shared_ptr<OutboundConnector>> connectors_;  // [control]
  std::uint64_t last_id_ = 0;                                                  // [control]
};

}  // namespace dunlin::server
