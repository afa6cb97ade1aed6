// The time that calls into plugins take on shards.
//
// A shard serves many connections: a plugin that holds it up for longer than the budget of abi.h
// holds all of them up. ShardCall surrounds each call; an overrun is counted in the metric
// plugin_shard_overruns_total of the plugin and told in the log, once a minute for each function.
//
// Two readings of the clock per call, and calls are batches: of messages, or of what one read
// brought. It is the clock on the wall, so a machine with too few processors shows here as well.

#pragma once

#include <dunlin/ext/metrics.h>

#include <chrono>
#include <string>

#include "core/plugin/host_services.hpp"

namespace dunlin::plugin {

class ShardBudget {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::nanoseconds budget = std::chrono::microseconds(100);
  static constexpr std::chrono::nanoseconds quiet = std::chrono::minutes(1);

  // Overruns of plugins nobody added are not noted. `overruns` outlives remove().  [control]
  static void add(Owner owner, std::string name, dunlin_cell* overruns);
  static void remove(Owner owner);
  // `function` is a literal.  [any thread]
  static void overrun(Owner owner, const char* function, Clock::duration took,
                      Clock::time_point now) noexcept;
};

// Lives while a function of the plugin runs. Off the shards, `times` is false.
class ShardCall {
 public:
  ShardCall(Owner owner, const char* function, bool times = true) noexcept
      : owner_(owner), function_(function), outer_(innermost_), times_(times) {
    if (!times_) return;
    innermost_ = this;
    start_ = ShardBudget::Clock::now();
  }
  ~ShardCall() {
    if (!times_) return;
    const auto now = ShardBudget::Clock::now();
    const auto took = now - start_;
    innermost_ = outer_;
    // What another plugin took in the meantime is that one's.
    if (outer_ != nullptr) outer_->others_ += took;
    if (took - others_ > ShardBudget::budget) [[unlikely]]
      ShardBudget::overrun(owner_, function_, took - others_, now);
  }
  ShardCall(const ShardCall&) = delete;
  ShardCall& operator=(const ShardCall&) = delete;

 private:
  static thread_local ShardCall* innermost_;

  const Owner owner_;
  const char* const function_;
  ShardCall* const outer_;
  const bool times_;
  ShardBudget::Clock::time_point start_;
  ShardBudget::Clock::duration others_{0};
};

}  // namespace dunlin::plugin
