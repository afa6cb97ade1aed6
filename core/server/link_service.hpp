// dunlin.links/1 on this side: which connections are links, what their plugins announce and route,
// who observes interest, and the servers that plugins know of.

#pragma once

#include <map>
#include <string>

#include "core/plugin/host_services.hpp"
#include "core/server/interest_observers.hpp"
#include "core/server/net_service.hpp"

namespace dunlin::server {

class LinkService final : public plugin::LinkService {
 public:
  using Shards = std::vector<std::unique_ptr<net::Shard>>;

  // Everything outlives the service.  [control]
  LinkService(plugin::Executor& executor, Shards& shards, ClientDirectory& clients,
              NetService& net);
  ~LinkService();  // the shards have ended

  dunlin_status attach(plugin::Owner owner, dunlin_conn* conn, const dunlin_link_options& options,
                       dunlin_link*& out) override;
  void detach(plugin::Owner owner, dunlin_link* link) override;
  dunlin_status subscribe(dunlin_link* link, std::span<const dunlin_remote_sub> subs,
                          std::size_t& done) override;
  dunlin_status publish(dunlin_link* link, std::span<const dunlin_routed_msg> messages,
                        std::size_t& done) override;
  dunlin_status observe(plugin::Owner owner, const dunlin_interest_options& options,
                        dunlin_observer& out) override;
  void unobserve(plugin::Owner owner, dunlin_observer observer) override;
  dunlin_status set_peer(plugin::Owner owner, const dunlin_peer_info& peer) override;
  void remove_peer(plugin::Owner owner, std::string_view id) override;
  void each_peer(bool (*visit)(void* user, const dunlin_peer_info* peer), void* user) override;

  void plugin_stopped(plugin::Owner owner);  // [control]

 private:
  struct Peer {
    plugin::Owner owner;
    std::string id, name, cluster, domain, version;
    dunlin_peer_info numbers;  // its texts are those above
  };

  plugin::Executor& executor_;
  Shards& shards_;
  NetService& net_;
  InterestObservers observers_;
  std::map<std::string, Peer, std::less<>> peers_;  // [control]
};

}  // namespace dunlin::server
