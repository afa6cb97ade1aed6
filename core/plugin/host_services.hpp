// What the server does for plugins beyond this room: one interface per table, one virtual per
// operation. The server implements them; this room puts the C tables on top.
//
// Before a call arrives here, its arguments were checked: structs are complete (a shorter one of an
// older plugin was padded with zeroes), strings are valid where NULL is not allowed, subjects and
// queue names follow the grammar and its limits, and the thread is the one the header demands.
// Nothing here throws. Opaque handles (dunlin_conn, dunlin_account, dunlin_link, dunlin_buf,
// dunlin_snapshot) are the server's own objects under another name: it casts them back.
//
// `owner` says which plugin asked. When a plugin stops, plugin_stopped() is called on control:
// everything it still holds ends, without callbacks afterwards.

#pragma once

#include <dunlin/ext/account.h>
#include <dunlin/ext/draft/links.h>
#include <dunlin/ext/net.h>
#include <dunlin/ext/observe.h>
#include <dunlin/ext/router.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/plugin/config_node.hpp"

namespace dunlin::plugin {

using Owner = std::uint32_t;  // from 1; unique among the plugins of this process

// dunlin/ext/router.h
class RouterService {
 public:
  virtual dunlin_status publish(Owner owner, dunlin_account* account, dunlin_conn* on_behalf_of,
                                std::span<const dunlin_msg> messages, std::size_t& done) = 0;
  // The texts in `options` must be copied.
  virtual dunlin_status subscribe(Owner owner, dunlin_account* account, dunlin_conn* on_behalf_of,
                                  const dunlin_sub_options& options, dunlin_on_msgs on_msgs,
                                  void* user, dunlin_sub_id& out) = 0;
  virtual void unsubscribe(Owner owner, dunlin_sub_id sub) = 0;
  virtual void unsubscribe_async(Owner owner, dunlin_sub_id sub, dunlin_task done, void* user) = 0;
  virtual dunlin_status request(Owner owner, dunlin_account* account, const dunlin_msg& message,
                                std::uint64_t timeout_ns, dunlin_on_reply on_reply, void* user,
                                dunlin_request_id& out) = 0;
  virtual void request_cancel(Owner owner, dunlin_request_id request) = 0;
  virtual bool interest(dunlin_account* account, std::string_view subject) = 0;
  virtual dunlin_status reserve_prefix(Owner owner, std::string_view prefix) = 0;
  virtual dunlin_status buf_create(std::span<const dunlin_bytes> parts, dunlin_buf*& out,
                                   dunlin_bytes& view) = 0;
  virtual void retain(dunlin_buf* buf) = 0;
  virtual void release(dunlin_buf* buf) = 0;

 protected:
  ~RouterService() = default;
};

// dunlin/ext/account.h
class AccountService {
 public:
  using Found = void (*)(void* user, dunlin_status status, dunlin_account* account);
  using OnChange = void (*)(void* user, dunlin_account* account, std::uint32_t event);

  virtual dunlin_account* find(std::string_view name) = 0;
  virtual dunlin_status fetch(Owner owner, std::string_view name, Found found, void* user) = 0;
  virtual dunlin_account* global_account() = 0;
  virtual dunlin_account* system_account() = 0;
  virtual std::string_view name(dunlin_account* account) = 0;
  virtual dunlin_status limit(dunlin_account* account, std::string_view key,
                              std::int64_t& out) = 0;
  // Empty when there are none.
  virtual std::string claims(dunlin_account* account) = 0;
  virtual void each(bool (*visit)(void* user, dunlin_account* account), void* user) = 0;
  virtual dunlin_status watch(Owner owner, OnChange on_change, void* user, dunlin_watch& out) = 0;
  virtual void unwatch(Owner owner, dunlin_watch watch) = 0;

 protected:
  ~AccountService() = default;
};

// A listener's or connector's options after checking: `tls` is the adapted node, not the handle.
struct ListenRequest {
  dunlin_listener_options options;  // `options.tls` is not to be used
  dunlin_protocol protocol;         // a complete copy; keep it
  const ConfigNode* tls;
};
struct ConnectRequest {
  dunlin_connect_options options;
  dunlin_protocol protocol;
  const ConfigNode* tls;
};

// dunlin/ext/net.h. Functions on a connection are called on its shard.
class NetService {
 public:
  // On failure `why` is the sentence for the operator.
  virtual dunlin_status listen(Owner owner, const ListenRequest& request, dunlin_listener& out,
                               std::string& why) = 0;
  virtual std::uint16_t listener_port(dunlin_listener listener) = 0;
  virtual void unlisten(Owner owner, dunlin_listener listener) = 0;
  virtual void unlisten_async(Owner owner, dunlin_listener listener, dunlin_task done,
                              void* user) = 0;
  virtual dunlin_status connect(Owner owner, const ConnectRequest& request, dunlin_connector& out,
                                std::string& why) = 0;
  virtual void disconnect(Owner owner, dunlin_connector connector) = 0;

  virtual std::uint64_t id(dunlin_conn* conn) = 0;
  virtual std::uint32_t kind(dunlin_conn* conn) = 0;
  virtual std::uint32_t shard(dunlin_conn* conn) = 0;
  virtual dunlin_status peer(dunlin_conn* conn, dunlin_peer& out) = 0;
  virtual dunlin_status write(dunlin_conn* conn, std::span<const dunlin_part> parts) = 0;
  virtual dunlin_status deliver(dunlin_conn* conn, std::string_view subject,
                                std::span<const dunlin_part> parts) = 0;
  virtual void count_in(dunlin_conn* conn, std::uint64_t msgs, std::uint64_t bytes) = 0;
  virtual dunlin_status start_tls(dunlin_conn* conn) = 0;
  // The credentials must be copied.
  virtual dunlin_status authenticate(dunlin_conn* conn, const dunlin_credentials& credentials,
                                     dunlin_on_auth on_auth, void* state) = 0;
  virtual dunlin_status bind_account(dunlin_conn* conn, dunlin_account* account) = 0;
  virtual dunlin_account* account(dunlin_conn* conn) = 0;
  virtual bool may_publish(dunlin_conn* conn, std::string_view subject) = 0;
  virtual bool may_subscribe(dunlin_conn* conn, std::string_view subject,
                             std::string_view queue) = 0;
  virtual void describe(dunlin_conn* conn, std::string_view name, std::string_view lang,
                        std::string_view version) = 0;
  virtual void set_tick(dunlin_conn* conn, std::uint64_t interval_ns) = 0;
  virtual void pause(dunlin_conn* conn) = 0;
  virtual void resume(dunlin_conn* conn) = 0;
  virtual void shut(dunlin_conn* conn, dunlin_status why, std::string_view reason) = 0;

 protected:
  ~NetService() = default;
};

// dunlin/ext/observe.h. `done` runs on control, not from inside the call.
class ObserveService {
 public:
  using EachConnection = bool (*)(void* user, const dunlin_connection_info* info);
  using EachAccount = bool (*)(void* user, const dunlin_account_info* info);
  using EachSubscription = bool (*)(void* user, const dunlin_sub_info* info);

  virtual dunlin_status server(Owner owner, dunlin_on_snapshot done, void* user) = 0;
  // What the query points to must be copied.
  virtual dunlin_status connections(Owner owner, const dunlin_connections_query& query,
                                    dunlin_on_snapshot done, void* user) = 0;
  virtual dunlin_status accounts(Owner owner, std::string_view name, dunlin_on_snapshot done,
                                 void* user) = 0;
  virtual dunlin_status subscriptions(Owner owner, const dunlin_subscriptions_query& query,
                                      dunlin_on_snapshot done, void* user) = 0;

 protected:
  ~ObserveService() = default;
};

// The snapshots ObserveService hands to `done`: the server derives its own, and passes
// `snapshot->handle()`.
class Snapshot {
 public:
  virtual ~Snapshot() = default;

  [[nodiscard]] const dunlin_snapshot* handle() const noexcept {
    return reinterpret_cast<const dunlin_snapshot*>(this);
  }
  static const Snapshot& of(const dunlin_snapshot* handle) noexcept {
    return *reinterpret_cast<const Snapshot*>(handle);
  }

  // Absent parts stay at these defaults.
  [[nodiscard]] virtual const dunlin_server_info* server_info() const { return nullptr; }
  [[nodiscard]] virtual const dunlin_subscriptions_info* subscriptions_info() const {
    return nullptr;
  }
  virtual void each_connection(ObserveService::EachConnection, void*) const {}
  virtual void each_account(ObserveService::EachAccount, void*) const {}
  virtual void each_subscription(ObserveService::EachSubscription, void*) const {}
};

// dunlin/ext/draft/links.h
class LinkService {
 public:
  // The texts in `options` must be copied.
  virtual dunlin_status attach(Owner owner, dunlin_conn* conn, const dunlin_link_options& options,
                               dunlin_link*& out) = 0;
  virtual void detach(Owner owner, dunlin_link* link) = 0;
  virtual dunlin_status subscribe(dunlin_link* link, std::span<const dunlin_remote_sub> subs,
                                  std::size_t& done) = 0;
  virtual dunlin_status publish(dunlin_link* link, std::span<const dunlin_routed_msg> messages,
                                std::size_t& done) = 0;
  virtual dunlin_status observe(Owner owner, const dunlin_interest_options& options,
                                dunlin_observer& out) = 0;
  virtual void unobserve(Owner owner, dunlin_observer observer) = 0;
  virtual dunlin_status set_peer(Owner owner, const dunlin_peer_info& peer) = 0;
  virtual void remove_peer(Owner owner, std::string_view id) = 0;
  virtual void each_peer(bool (*visit)(void* user, const dunlin_peer_info* peer), void* user) = 0;

 protected:
  ~LinkService() = default;
};

// A NULL member means that this server does not offer the table: plugins get no such extension.
struct HostServices {
  RouterService* router = nullptr;
  AccountService* account = nullptr;
  NetService* net = nullptr;
  ObserveService* observe = nullptr;
  LinkService* links = nullptr;
  // Called on control after a plugin's stop(); may be NULL.
  void (*plugin_stopped)(void* context, Owner owner) = nullptr;
  void* plugin_stopped_context = nullptr;
};

}  // namespace dunlin::plugin
