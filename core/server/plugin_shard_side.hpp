// What the services for plugins keep on each shard: open batches, memory to reuse, and the
// subscriptions of the connections that live there. Internal to the router service.  [one shard]

#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/routing/router.hpp"
#include "core/server/message_batch.hpp"
#include "core/server/plugin_subscription.hpp"

namespace dunlin::server {

struct PluginShardSide final : routing::TurnListener {
  // How often callbacks that cause deliveries to callbacks go on within one turn.
  static constexpr unsigned rounds_per_turn = 16;

  explicit PluginShardSide(routing::ShardRouter& used_router) : router(used_router) {}

  void on_turn_end() override {
    const net::Nanoseconds now = router.shard().now();
    rounds = now == round_of ? rounds + 1 : 1;
    round_of = now;
    delivering.swap(open);
    for (const auto& subscription : delivering) subscription->flush_open();
    delivering.clear();
    // Plugins that answer one another without end must not keep the shard from its other work.
    if (!open.empty() && rounds >= rounds_per_turn) router.shard().post([] {});
  }
  [[nodiscard]] bool has_unsent() const noexcept override {
    return !open.empty() && !(rounds >= rounds_per_turn && round_of == router.shard().now());
  }

  routing::ShardRouter& router;
  BatchMaker batches;
  std::vector<std::shared_ptr<PluginSubscription>> open, delivering;
  net::Nanoseconds round_of = 0;
  unsigned rounds = 0;
  // Frames being routed, the innermost last: a callback may publish while one is.
  std::vector<std::unique_ptr<std::string>> scratch;
  std::size_t depth = 0;
  std::unordered_map<const ActingConnection*, std::vector<std::shared_ptr<PluginSubscription>>>
      of_connection;
};

}  // namespace dunlin::server
