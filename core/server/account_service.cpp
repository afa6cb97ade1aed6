#include "core/server/account_service.hpp"

#include <dunlin/ext/account.h>

#include "core/server/handles.hpp"

namespace dunlin::server {

AccountService::AccountService(PluginExecutor& executor, ClientDirectory& clients,
                               const std::string& system_account)
    : executor_(executor),
      clients_(clients),
      system_account_(system_account.empty() ? nullptr : &clients.account(system_account)) {
  clients_.on_account_added([this](routing::Account& account) {
    (void)executor_.post_control([this, &account] { tell(account, DUNLIN_ACCOUNT_ADDED); });
  });
}

dunlin_account* AccountService::find(std::string_view name) {
  return handle_of(clients_.find_account(name));
}

// Accounts come from the configuration, so what is not there now cannot be asked for elsewhere.
dunlin_status AccountService::fetch(plugin::Owner owner, std::string_view name, Found found,
                                    void* user) {
  routing::Account* const account = clients_.find_account(name);
  const bool posted = executor_.post_control([this, owner, account, found, user] {
    if (stopped_.contains(owner)) return;
    found(user, account == nullptr ? DUNLIN_E_NOT_FOUND : DUNLIN_OK, handle_of(account));
  });
  return posted ? DUNLIN_OK : DUNLIN_E_CLOSED;
}

dunlin_account* AccountService::global_account() { return handle_of(&clients_.global_account()); }

dunlin_account* AccountService::system_account() { return handle_of(system_account_); }

std::string_view AccountService::name(dunlin_account* account) {
  return account_of(account)->name();
}

// Limits of single accounts come with operators; the server's own are no account's.
dunlin_status AccountService::limit(dunlin_account*, std::string_view key, std::int64_t& out) {
  for (const std::string_view known : {"max_connections", "max_subscriptions", "max_payload"}) {
    if (key != known) continue;
    out = DUNLIN_LIMIT_NONE;
    return DUNLIN_OK;
  }
  return DUNLIN_E_NOT_FOUND;
}

std::string AccountService::claims(dunlin_account*) { return {}; }

// A visitor may ask for an account that does not exist yet: the list is taken before.
void AccountService::each(bool (*visit)(void* user, dunlin_account* account), void* user) {
  std::vector<routing::Account*> accounts;
  clients_.for_each_account([&accounts](routing::Account& one) { accounts.push_back(&one); });
  for (routing::Account* const account : accounts)
    if (!visit(user, handle_of(account))) return;
}

dunlin_status AccountService::watch(plugin::Owner owner, OnChange on_change, void* user,
                                    dunlin_watch& out) {
  out = ++last_id_;
  watches_.emplace(out, Watch{owner, on_change, user});
  return DUNLIN_OK;
}

void AccountService::unwatch(plugin::Owner owner, dunlin_watch watch) {
  const auto found = watches_.find(watch);
  if (found != watches_.end() && found->second.owner == owner) watches_.erase(found);
}

void AccountService::tell(routing::Account& account, std::uint32_t event) {
  // A callback may add and remove watches.
  const auto watches = watches_;
  for (const auto& [id, watch] : watches)
    if (watches_.contains(id)) watch.on_change(watch.user, handle_of(&account), event);
}

void AccountService::plugin_stopped(plugin::Owner owner) {
  stopped_.insert(owner);
  std::erase_if(watches_, [owner](const auto& one) { return one.second.owner == owner; });
}

}  // namespace dunlin::server
