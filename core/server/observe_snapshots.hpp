// The snapshots handed to plugins: plain copies, described as the table wants them when visited.
// Internal to the observe service.  [control]

#pragma once

#include <dunlin/ext/observe.h>

#include <string>
#include <vector>

#include "core/observe/closed_clients.hpp"
#include "core/plugin/host_services.hpp"

namespace dunlin::server {

class ServerSnapshot final : public plugin::Snapshot {
 public:
  dunlin_server_info info{};
  // What `info` points to.
  std::vector<std::string> texts;
  std::vector<dunlin_str> tags, metadata, cmdline;

  // Keeps a copy; call reserve_texts() with room for all before the first.
  void reserve_texts(std::size_t count) { texts.reserve(count); }
  [[nodiscard]] dunlin_str keep(std::string text);
  [[nodiscard]] const dunlin_server_info* server_info() const override { return &info; }
};

class ConnectionsSnapshot final : public plugin::Snapshot {
 public:
  std::vector<observe::ConnectionSnapshot> connections;
  void each_connection(plugin::ObserveService::EachConnection visit, void* user) const override;
};

struct AccountEntry {
  std::string name;
  dunlin_account_info info{};  // without the name
};

class AccountsSnapshot final : public plugin::Snapshot {
 public:
  std::vector<AccountEntry> accounts;
  void each_account(plugin::ObserveService::EachAccount visit, void* user) const override;
};

struct SubscriptionEntry {
  std::string account, subject, queue, sid;
  std::uint64_t connection = 0, delivered = 0, max = 0;
};

class SubscriptionsSnapshot final : public plugin::Snapshot {
 public:
  dunlin_subscriptions_info info{};
  std::vector<SubscriptionEntry> list;
  [[nodiscard]] const dunlin_subscriptions_info* subscriptions_info() const override {
    return &info;
  }
  void each_subscription(plugin::ObserveService::EachSubscription visit,
                         void* user) const override;
};

}  // namespace dunlin::server
