// dunlin.observe/1 on this side: snapshots of the server, its connections, accounts and
// subscriptions, gathered without stopping anything and handed over on control.
//
// What counts atomically is read from control; what belongs to a shard is copied there by posted
// tasks, a limited number of connections per turn.

#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/observe/closed_clients.hpp"
#include "core/plugin/host_services.hpp"
#include "core/server/plugin_executor.hpp"

namespace dunlin::server {

class Server;

class ObserveService final : public plugin::ObserveService {
 public:
  // Both outlive the service.  [control]
  ObserveService(Server& server, PluginExecutor& executor);

  dunlin_status server(plugin::Owner owner, dunlin_on_snapshot done, void* user) override;
  dunlin_status connections(plugin::Owner owner, const dunlin_connections_query& query,
                            dunlin_on_snapshot done, void* user) override;
  dunlin_status accounts(plugin::Owner owner, std::string_view name, dunlin_on_snapshot done,
                         void* user) override;
  dunlin_status subscriptions(plugin::Owner owner, const dunlin_subscriptions_query& query,
                              dunlin_on_snapshot done, void* user) override;

  // [control]
  void plugin_stopped(plugin::Owner owner) { stopped_.insert(owner); }

 private:
  struct Asker {
    plugin::Owner owner;
    dunlin_on_snapshot done;
    void* user;
  };
  struct ConnectionsQuery;
  struct Gathering;

  // Calls the asker on control, later. `snapshot` may be null when `status` says why.
  dunlin_status answer(const Asker& asker, dunlin_status status,
                       std::shared_ptr<const plugin::Snapshot> snapshot);
  void gather(const std::shared_ptr<Gathering>& gathering, std::uint32_t shard,
              std::size_t first);
  void gathered(const std::shared_ptr<Gathering>& gathering,
                std::vector<observe::ConnectionSnapshot> found);
  [[nodiscard]] double cpu_percent();

  Server& server_;
  PluginExecutor& executor_;
  std::set<plugin::Owner> stopped_;
  // When processor time was last looked at, and how much had been used.
  std::int64_t cpu_looked_ns_ = 0;
  std::int64_t cpu_used_ns_ = 0;
  double cpu_percent_ = 0;
};

}  // namespace dunlin::server
