// The server's side of client connections: settings, admission, the count, who left.
//
// One per server. The settings are a snapshot that a reload replaces; shards read it without a lock
// and hold it no longer than a turn.

#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "core/auth/authenticator.hpp"
#include "core/base/quiescence.hpp"
#include "core/client/client.hpp"
#include "core/client/client_host.hpp"
#include "core/net/server_transport.hpp"
#include "core/observe/closed_clients.hpp"

namespace dunlin::server {

// What a reload may change, swapped as one.
struct ClientPolicy {
  client::ClientSettings settings;
  std::shared_ptr<const auth::Authenticator> authenticator;
  net::OutboundLimits limits;
  std::shared_ptr<const net::TransportSettings> transport;
  std::int64_t connections_max = 65536;
};

class ClientDirectory final : public client::ClientHost {
 public:
  ClientDirectory(Quiescence& quiescence, std::size_t shards, std::size_t closed_max);
  ~ClientDirectory();

  // [control]
  void set_policy(std::unique_ptr<const ClientPolicy> policy);
  // [shards, control]
  [[nodiscard]] const ClientPolicy& policy() const noexcept {
    return *policy_.load(std::memory_order_acquire);
  }
  // Keeps clients away from everything below these prefixes, also after a reload.  [control]
  void reserve_subjects(std::vector<std::string> prefixes);
  // Finds an account, creating it on first use.  [any thread]
  routing::Account& account(const std::string& name);
  // Null when it does not exist.  [any thread]
  [[nodiscard]] routing::Account* find_account(std::string_view name) const;
  // Told of every account that is created from now on, on the thread that creates it and under
  // the accounts' lock. For good.  [control]
  void on_account_added(std::function<void(routing::Account&)> callback);
  [[nodiscard]] routing::Account& global_account() noexcept { return *global_; }
  // [any thread]
  void for_each_account(const std::function<void(routing::Account&)>& visit) const;
  [[nodiscard]] std::int64_t client_count() const noexcept {
    return clients_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t total_clients() const noexcept {
    return total_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t stale_clients() const noexcept {
    return stale_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] const observe::ClosedClients& closed() const noexcept { return closed_; }
  [[nodiscard]] std::uint64_t next_connection_id() noexcept {
    return next_id_.fetch_add(1, std::memory_order_relaxed);
  }
  // Called when the last client has left.  Set before clients connect.
  void on_last_client(std::function<void()> callback) { last_client_ = std::move(callback); }

  // ClientHost
  [[nodiscard]] const client::ClientSettings& settings() const noexcept override {
    return policy().settings;
  }
  [[nodiscard]] client::Admission admit(const client::Client& client,
                                        const protocol::ConnectOptions& options,
                                        bool without_connect) override;
  [[nodiscard]] bool count_client() override;
  void adjust_first_info(const client::Client& client, protocol::InfoOverrides& values) override;
  void client_closed(client::Client& client) override;
  // The same for a connection that is no Client. `is_counted`: count_client() said yes to it.
  void connection_closed(observe::ConnectionSnapshot snapshot, bool is_counted);

 private:
  // `claimed`: the user name the client presented.
  client::Admission admission_of(auth::Decision decision, const std::string& claimed);

  Quiescence& quiescence_;
  const std::size_t shards_;
  std::atomic<const ClientPolicy*> policy_{nullptr};
  std::atomic<std::int64_t> clients_{0};
  std::atomic<std::uint64_t> total_{0};
  std::atomic<std::uint64_t> stale_{0};
  std::atomic<std::uint64_t> next_id_{5};  // as if internal clients had taken the first ones
  observe::ClosedClients closed_;
  std::function<void()> last_client_;
  std::shared_ptr<const auth::ReservedSubjects> reserved_;  // [control]

  mutable std::mutex accounts_mutex_;  // guards what follows; accounts stay for good
  std::unordered_map<std::string, std::unique_ptr<routing::Account>> accounts_;
  std::vector<std::function<void(routing::Account&)>> account_added_;
  routing::Account* global_ = nullptr;
};

// What monitoring shows of an open connection.  [the connection's shard]
observe::ConnectionSnapshot snapshot_of(const client::Client& client, bool with_subscriptions);

}  // namespace dunlin::server
