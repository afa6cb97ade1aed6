// dunlin.observe/1 over the server's ObserveService, and the list of plugins.

#include <dunlin/ext/observe.h>

#include "core/plugin/argument_checks.hpp"
#include "core/plugin/context.hpp"
#include "core/plugin/plugin_host.hpp"

namespace dunlin::plugin {
namespace {

constexpr std::size_t cids_max = 1u << 20;

ObserveService& observe_of(const dunlin_host* host) {
  return *context_of(host).shared.services.observe;
}

// What every request must satisfy before it is looked at.
dunlin_status check_ask(const dunlin_host* host, dunlin_on_snapshot done) {
  if (done == nullptr) return DUNLIN_E_INVALID;
  if (!on_control(host, "observe")) return DUNLIN_E_WRONG_THREAD;
  return context_of(host).stopped.load() ? DUNLIN_E_CLOSED : DUNLIN_OK;
}

dunlin_status server(const dunlin_host* host, dunlin_on_snapshot done, void* user) {
  const auto status = check_ask(host, done);
  return status != DUNLIN_OK ? status
                             : observe_of(host).server(context_of(host).owner, done, user);
}

dunlin_status connections(const dunlin_host* host, const dunlin_connections_query* query,
                          dunlin_on_snapshot done, void* user) {
  if (const auto status = check_ask(host, done); status != DUNLIN_OK) return status;
  const auto copy = copy_sized(query);
  if (!copy || copy->state < DUNLIN_CONNS_OPEN || copy->state > DUNLIN_CONNS_ALL ||
      copy->subscriptions > DUNLIN_SUBS_DETAIL || copy->reserved != 0 ||
      copy->cid_count > cids_max || (copy->cids == nullptr && copy->cid_count > 0) ||
      !is_sound(copy->account) || !is_sound(copy->user) || !is_sound(copy->filter_subject)) {
    return DUNLIN_E_INVALID;
  }
  return observe_of(host).connections(context_of(host).owner, *copy, done, user);
}

dunlin_status accounts(const dunlin_host* host, dunlin_str name, dunlin_on_snapshot done,
                       void* user) {
  if (const auto status = check_ask(host, done); status != DUNLIN_OK) return status;
  if (!is_sound(name)) return DUNLIN_E_INVALID;
  return observe_of(host).accounts(context_of(host).owner, view(name), done, user);
}

dunlin_status subscriptions(const dunlin_host* host, const dunlin_subscriptions_query* query,
                            dunlin_on_snapshot done, void* user) {
  if (const auto status = check_ask(host, done); status != DUNLIN_OK) return status;
  const auto copy = copy_sized(query);
  if (!copy || !is_sound(copy->account) || !is_sound(copy->test)) return DUNLIN_E_INVALID;
  if (copy->test.size > 0 && !is_publishable(view(copy->test))) return DUNLIN_E_INVALID;
  return observe_of(host).subscriptions(context_of(host).owner, *copy, done, user);
}

void each_plugin(const dunlin_host* host,
                 bool (*visit)(void* user, const dunlin_plugin_info* info), void* user) {
  if (visit == nullptr || !on_control(host, "observe.each_plugin")) return;
  for (const auto& plugin : context_of(host).shared.list()) {
    dunlin_plugin_info info{};
    info.struct_size = sizeof info;
    info.is_static = plugin.is_static ? 1 : 0;
    info.id = str(plugin.id);
    info.version = str(plugin.version);
    info.summary = str(plugin.summary);
    info.license = str(plugin.license);
    info.origin = str(plugin.origin);
    info.sha256 = str(plugin.sha256);
    info.status = str(plugin.status);
    info.abi_version_built = plugin.built;
    info.abi_version_needed = plugin.needed;
    if (!visit(user, &info)) return;
  }
}

constexpr dunlin_observe table = {
    sizeof(dunlin_observe),
    0,
    server,
    connections,
    accounts,
    subscriptions,
    [](const dunlin_snapshot* snapshot) { return Snapshot::of(snapshot).server_info(); },
    [](const dunlin_snapshot* snapshot) { return Snapshot::of(snapshot).subscriptions_info(); },
    [](const dunlin_snapshot* snapshot, ObserveService::EachConnection visit, void* user) {
      if (visit != nullptr) Snapshot::of(snapshot).each_connection(visit, user);
    },
    [](const dunlin_snapshot* snapshot, ObserveService::EachAccount visit, void* user) {
      if (visit != nullptr) Snapshot::of(snapshot).each_account(visit, user);
    },
    [](const dunlin_snapshot* snapshot, ObserveService::EachSubscription visit, void* user) {
      if (visit != nullptr) Snapshot::of(snapshot).each_subscription(visit, user);
    },
    each_plugin};

}  // namespace

const void* observe_table() noexcept { return &table; }

}  // namespace dunlin::plugin
