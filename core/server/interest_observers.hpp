// Who wants to know which interest there is, so that it can be announced to other servers.
//
// Interest of clients and of the server itself is what the accounts' Sublists tell; interest that
// links hold is counted here, because it is told by the leafnode cluster it comes from, which a
// Sublist does not know. Each observer hears what exists first, then every change, in order within
// one account, on the shard it chose.
//
// Lock order: accounts of the directory, mutex_, then a Sublist's or interest_mutex_, then an
// observer's own.

#pragma once

#include <dunlin/ext/draft/links.h>

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/plugin/executor.hpp"
#include "core/plugin/host_services.hpp"
#include "core/server/client_directory.hpp"

namespace dunlin::server {

class InterestObservers {
 public:
  InterestObservers(plugin::Executor& executor, ClientDirectory& clients);
  ~InterestObservers();  // no subscription changes any more

  // [control]
  dunlin_observer observe(plugin::Owner owner, const dunlin_interest_options& options);
  // Returns after the last callback.  [control]
  void unobserve(plugin::Owner owner, dunlin_observer id);
  void plugin_stopped(plugin::Owner owner);  // [control]

  // A link's interest changed by `delta` members; `origin` is the leafnode cluster it is for.
  // [any shard]
  void link_interest(routing::Account& account, const subject::Subscription& subscription,
                     std::string_view origin, std::int32_t delta);
  // A new account: for observers of all.  [any thread, under the directory's lock]
  void account_created(routing::Account& account);

 private:
  class Observer;
  struct LinkKey {
    std::string subject, queue, origin;
    routing::Kind kind;
    bool operator==(const LinkKey&) const = default;
  };
  struct LinkKeyHash {
    std::size_t operator()(const LinkKey& key) const noexcept;
  };
  using LinkCounts = std::unordered_map<LinkKey, std::int32_t, LinkKeyHash>;

  void feed(Observer& observer, routing::Account& account);
  void end(std::shared_ptr<Observer> observer);

  plugin::Executor& executor_;
  ClientDirectory& clients_;

  std::mutex mutex_;  // guards observers_ and which accounts feed them
  std::vector<std::shared_ptr<Observer>> observers_;
  dunlin_observer last_id_ = 0;

  std::mutex interest_mutex_;  // guards what follows
  std::unordered_map<routing::Account*, LinkCounts> link_interest_;
  std::vector<Observer*> link_listeners_;  // observers that want links' interest
};

}  // namespace dunlin::server
