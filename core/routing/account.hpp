// An account: a subject space of its own. Every connection belongs to one, every message is routed
// in one.
//
// Accounts live as long as the server. The Sublist is read by every shard; counters are kept per
// shard and summed when read.

#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "core/base/quiescence.hpp"
#include "core/base/counter.hpp"
#include "core/subject/sublist.hpp"
#include "core/subject/transform.hpp"

namespace dunlin::routing {

struct TrafficCounters {
  Counter in_messages, in_bytes, out_messages, out_bytes, slow_consumers;
};

struct Traffic {
  std::uint64_t in_messages = 0, in_bytes = 0, out_messages = 0, out_bytes = 0;
  std::uint64_t slow_consumers = 0;
};

// One TrafficCounters per shard, each on its own cache lines.
class ShardedTraffic {
 public:
  explicit ShardedTraffic(std::size_t shards) : cells_(shards) {}
  [[nodiscard]] TrafficCounters& at(std::uint16_t shard) noexcept { return cells_[shard].counters; }
  [[nodiscard]] Traffic sum() const noexcept;

 private:
  struct alignas(64) Cell {
    TrafficCounters counters;
  };
  std::vector<Cell> cells_;
};

// Tried in order; the first that covers a subject decides.
using Mappings = std::vector<subject::Mapping>;

class Account {
 public:
  Account(std::string name, std::size_t shards, Quiescence& quiescence)
      : name_(std::move(name)),
        quiescence_(quiescence),
        sublist_(quiescence),
        traffic_(shards) {}
  ~Account() { delete mappings_.load(); }
  Account(const Account&) = delete;
  Account& operator=(const Account&) = delete;

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] subject::Sublist& sublist() noexcept { return sublist_; }
  [[nodiscard]] const subject::Sublist& sublist() const noexcept { return sublist_; }
  [[nodiscard]] ShardedTraffic& traffic() noexcept { return traffic_; }
  [[nodiscard]] const ShardedTraffic& traffic() const noexcept { return traffic_; }

  // Subject mappings; null without any. Hold it no longer than a turn.  [reader]
  [[nodiscard]] const Mappings* mappings() const noexcept {
    return mappings_.load(std::memory_order_acquire);
  }
  // Replaces all mappings; null for none.  [control]
  void set_mappings(std::unique_ptr<const Mappings> mappings);

  // Client connections bound to this account.  [any thread]
  std::atomic<std::int64_t> clients{0};
  std::atomic<std::int64_t> leafnodes{0};

 private:
  std::string name_;
  Quiescence& quiescence_;
  std::atomic<const Mappings*> mappings_{nullptr};
  subject::Sublist sublist_;
  ShardedTraffic traffic_;
};

}  // namespace dunlin::routing
