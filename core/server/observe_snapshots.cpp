#include "core/server/observe_snapshots.hpp"

#include <dunlin/ext/net.h>

#include "core/base/ensure.hpp"
#include "core/server/handles.hpp"

namespace dunlin::server {

namespace {

std::uint32_t kind_of(std::string_view text) {
  if (text == "Leafnode") return DUNLIN_KIND_LEAF;
  if (text == "Router") return DUNLIN_KIND_ROUTER;
  if (text == "Gateway") return DUNLIN_KIND_GATEWAY;
  return DUNLIN_KIND_CLIENT;
}

dunlin_connection_info describe(const observe::ConnectionSnapshot& from) {
  dunlin_connection_info info{};
  info.struct_size = sizeof info;
  info.kind = kind_of(from.kind);
  info.cid = from.id;
  info.type = str(from.type);
  info.ip = str(from.ip);
  info.port = from.port;
  info.closed = from.stop != 0 ? 1 : 0;
  info.start_ns = from.start;
  info.last_activity_ns = from.last_activity;
  info.stop_ns = from.stop;
  info.reason = str(from.reason);
  info.rtt_ns = static_cast<std::int64_t>(from.round_trip);
  info.pending_bytes = from.pending_bytes;
  info.in_msgs = from.in_messages;
  info.out_msgs = from.out_messages;
  info.in_bytes = from.in_bytes;
  info.out_bytes = from.out_bytes;
  info.stalls = from.stalls;
  info.subscription_count = from.subscription_count;
  info.name = str(from.name);
  info.lang = str(from.lang);
  info.version = str(from.version);
  info.account = str(from.account);
  info.authorized_user = str(from.user);
  info.tls_version = str(from.tls_version);
  info.tls_cipher = str(from.tls_cipher);
  info.tls_first = from.tls_first ? 1 : 0;
  info.shard = from.shard;
  return info;
}

}  // namespace

dunlin_str ServerSnapshot::keep(std::string text) {
  ensure(texts.size() < texts.capacity());  // what was kept before must not move
  return str(texts.emplace_back(std::move(text)));
}

void ConnectionsSnapshot::each_connection(plugin::ObserveService::EachConnection visit,
                                          void* user) const {
  std::vector<dunlin_sub_info> subscriptions;
  for (const observe::ConnectionSnapshot& connection : connections) {
    dunlin_connection_info info = describe(connection);
    subscriptions.clear();
    for (const observe::SubscriptionSnapshot& one : connection.subscriptions)
      subscriptions.push_back({str(connection.account), str(one.subject), str(one.queue),
                               str(one.sid), one.delivered, one.max, connection.id});
    info.subs = subscriptions.data();
    info.sub_count = subscriptions.size();
    if (!visit(user, &info)) return;
  }
}

void AccountsSnapshot::each_account(plugin::ObserveService::EachAccount visit,
                                    void* user) const {
  for (const AccountEntry& account : accounts) {
    dunlin_account_info info = account.info;
    info.struct_size = sizeof info;
    info.name = str(account.name);
    if (!visit(user, &info)) return;
  }
}

void SubscriptionsSnapshot::each_subscription(plugin::ObserveService::EachSubscription visit,
                                              void* user) const {
  for (const SubscriptionEntry& one : list) {
    const dunlin_sub_info shown{str(one.account), str(one.subject), str(one.queue), str(one.sid),
                                one.delivered,    one.max,          one.connection};
    if (!visit(user, &shown)) return;
  }
}

}  // namespace dunlin::server
