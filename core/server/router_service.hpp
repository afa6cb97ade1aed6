// dunlin.router/1 on this side: publishing, subscriptions, requests, reserved prefixes and shared
// buffers of plugins.
//
// What a plugin publishes on a shard is routed there and then. From another thread a copy goes to
// one shard, the same one for the same plugin, so that its order is kept. Lives from the first
// plugin to the end of the shards.

#pragma once

#include <boost/asio/io_context.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/plugin/host_services.hpp"
#include "core/routing/router.hpp"
#include "core/server/client_directory.hpp"
#include "core/server/plugin_executor.hpp"
#include "core/server/plugin_subscription.hpp"

namespace dunlin::server {

class PluginRequest;
struct PluginShardSide;

class RouterService final : public plugin::RouterService, public SubscriptionHost {
 public:
  using Routers = std::vector<std::unique_ptr<routing::ShardRouter>>;

  // Everything outlives the service. [control]
  RouterService(PluginExecutor& executor, Routers& routers, ClientDirectory& clients,
                Quiescence& quiescence, boost::asio::io_context& control);
  ~RouterService();  // the shards have ended

  dunlin_status publish(plugin::Owner owner, dunlin_account* account, dunlin_conn* on_behalf_of,
                        std::span<const dunlin_msg> messages, std::size_t& done) override;
  dunlin_status subscribe(plugin::Owner owner, dunlin_account* account, dunlin_conn* on_behalf_of,
                          const dunlin_sub_options& options, dunlin_on_msgs on_msgs, void* user,
                          dunlin_sub_id& out) override;
  void unsubscribe(plugin::Owner owner, dunlin_sub_id sub) override;
  void unsubscribe_async(plugin::Owner owner, dunlin_sub_id sub, dunlin_task done,
                         void* user) override;
  dunlin_status request(plugin::Owner owner, dunlin_account* account, const dunlin_msg& message,
                        std::uint64_t timeout_ns, dunlin_on_reply on_reply, void* user,
                        dunlin_request_id& out) override;
  void request_cancel(plugin::Owner owner, dunlin_request_id request) override;
  bool interest(dunlin_account* account, std::string_view subject) override;
  dunlin_status reserve_prefix(plugin::Owner owner, std::string_view prefix) override;
  dunlin_status buf_create(std::span<const dunlin_bytes> parts, dunlin_buf*& out,
                           dunlin_bytes& view_of_all) override;
  void retain(dunlin_buf* buf) override { SharedBuffer::of(buf)->retain(); }
  void release(dunlin_buf* buf) override { SharedBuffer::of(buf)->release(); }

  // Everything the plugin still holds ends, without callbacks afterwards.  [control]
  void plugin_stopped(plugin::Owner owner);
  // The connection is closing: its subscriptions end.  [its shard]
  void connection_closed(ActingConnection& connection);
  // For listings.  [its shard]
  [[nodiscard]] std::vector<observe::SubscriptionSnapshot> subscriptions_of(
      ActingConnection& connection);

 private:
  friend class PluginRequest;
  using Subscription = std::shared_ptr<PluginSubscription>;
  struct PostedBatch;

  // SubscriptionHost
  BatchMaker& batches() override;
  void note_open(PluginSubscription& subscription) override;
  void post_run(bool on_worker, std::function<void()> task) override;
  void exhausted(PluginSubscription& subscription) override;
  [[nodiscard]] std::size_t pending_max() const override;

  [[nodiscard]] PluginShardSide& side();
  [[nodiscard]] std::uint32_t shard_for(plugin::Owner owner) const;
  dunlin_status check_connection(ActingConnection& connection, const dunlin_msg& message) const;
  bool map_subject(const routing::Mappings& mappings, dunlin_msg& message,
                   std::optional<std::string>& mapped);
  bool route(routing::Account& account, const dunlin_msg& message, routing::Origin origin,
             bool from_user);
  // `routed` (may be empty) learns on the shard whether the last message reached anyone.
  dunlin_status post_batch(plugin::Owner owner, routing::Account& account,
                           std::span<const dunlin_msg> messages,
                           std::function<void(bool)> routed);
  [[nodiscard]] static routing::Origin origin_of(plugin::Owner owner, std::size_t shard,
                                                 const dunlin_msg& message);
  dunlin_status may_subscribe(ActingConnection& connection, const dunlin_sub_options& options);
  [[nodiscard]] Subscription find(plugin::Owner owner, dunlin_sub_id id);
  // Unlinks it and, behind everything that was under way to it, puts `last` into its inbox.
  // False, without `last`, when the shards have ended.
  bool end(const Subscription& subscription, bool in_place, std::function<void()> last);
  // Nothing is delivered to them any more when it returns.
  void end_and_wait(const std::vector<Subscription>& subscriptions);
  void forget(dunlin_sub_id id);
  void forget_request(dunlin_request_id id);

  PluginExecutor& executor_;
  Routers& routers_;
  ClientDirectory& clients_;
  Quiescence& quiescence_;
  boost::asio::io_context& control_;
  std::vector<std::unique_ptr<PluginShardSide>> sides_;

  std::mutex mutex_;  // guards what follows
  std::unordered_map<dunlin_sub_id, Subscription> subscriptions_;
  std::unordered_map<dunlin_request_id, std::shared_ptr<PluginRequest>> requests_;
  std::uint64_t last_id_ = 0;
  std::map<std::string, plugin::Owner, std::less<>> prefixes_;
};

}  // namespace dunlin::server
