// dunlin.account/1 on this side: the accounts of the client directory.

#pragma once

#include <map>
#include <set>

#include "core/plugin/host_services.hpp"
#include "core/server/client_directory.hpp"
#include "core/server/plugin_executor.hpp"

namespace dunlin::server {

class AccountService final : public plugin::AccountService {
 public:
  // Both outlive the service. `system_account` is empty when there is none.  [control]
  AccountService(PluginExecutor& executor, ClientDirectory& clients,
                 const std::string& system_account);

  dunlin_account* find(std::string_view name) override;
  dunlin_status fetch(plugin::Owner owner, std::string_view name, Found found,
                      void* user) override;
  dunlin_account* global_account() override;
  dunlin_account* system_account() override;
  std::string_view name(dunlin_account* account) override;
  dunlin_status limit(dunlin_account* account, std::string_view key, std::int64_t& out) override;
  std::string claims(dunlin_account* account) override;
  void each(bool (*visit)(void* user, dunlin_account* account), void* user) override;
  dunlin_status watch(plugin::Owner owner, OnChange on_change, void* user,
                      dunlin_watch& out) override;
  void unwatch(plugin::Owner owner, dunlin_watch watch) override;

  // [control]
  void plugin_stopped(plugin::Owner owner);

 private:
  struct Watch {
    plugin::Owner owner;
    OnChange on_change;
    void* user;
  };
  void tell(routing::Account& account, std::uint32_t event);

  PluginExecutor& executor_;
  ClientDirectory& clients_;
  routing::Account* const system_account_;
  // [control]
  std::map<dunlin_watch, Watch> watches_;
  std::set<plugin::Owner> stopped_;
  std::uint64_t last_id_ = 0;
};

}  // namespace dunlin::server
