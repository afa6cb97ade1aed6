// Connections as monitoring shows them: a snapshot of an open one, and the ring of closed ones.

#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

namespace dunlin::observe {

struct SubscriptionSnapshot {
  std::string subject, queue, sid;
  std::uint64_t delivered = 0, max = 0;
};

// Plain data, copied on the connection's shard. Times are Unix nanoseconds, durations nanoseconds.
struct ConnectionSnapshot {
  std::uint64_t id = 0;
  std::uint16_t shard = 0;
  std::string kind = "Client";
  std::string type = "nats";
  std::string ip;
  std::uint16_t port = 0;
  std::int64_t start = 0;
  std::int64_t last_activity = 0;
  std::int64_t stop = 0;      // 0 while open
  std::string reason;         // of a closed one
  std::uint64_t round_trip = 0;
  std::uint64_t pending_bytes = 0;
  std::uint64_t in_messages = 0, in_bytes = 0, out_messages = 0, out_bytes = 0;
  std::uint64_t stalls = 0;  // how often publishers were held back for its sake
  std::uint64_t subscription_count = 0;
  std::string name, lang, version, account, user;
  std::string tls_version, tls_cipher;
  bool tls_first = false;
  std::vector<SubscriptionSnapshot> subscriptions;
};

// The last closed connections, oldest dropped first.  [any thread]
class ClosedClients {
 public:
  explicit ClosedClients(std::size_t most) : most_(most) {}
  void add(ConnectionSnapshot snapshot);
  [[nodiscard]] std::vector<ConnectionSnapshot> all() const;
  [[nodiscard]] std::uint64_t total() const;

 private:
  const std::size_t most_;
  mutable std::mutex mutex_;  // guards what follows
  std::deque<ConnectionSnapshot> ring_;
  std::uint64_t total_ = 0;
};

}  // namespace dunlin::observe
