// Which frames the publishers of a run send, and which subscriptions receive them.
//
// Everything is rendered before the clock starts: a publisher sends one block of whole frames of
// one size over and over. Plain data; building a shape of a million subjects allocates what those
// frames need.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "bench/load/options.hpp"

namespace dunlin::bench {

struct FrameBlock {
  std::string bytes;
  std::size_t frame_size = 0;
};

// Subscribers that share messages: one for a plain subscription, all members for a queue group.
struct SubscriberGroup {
  static constexpr std::size_t every_publisher = ~std::size_t{0};
  std::size_t publisher = every_publisher;  // Whose messages the group receives.
};

struct SubscriberPlan {
  std::string subscriptions;  // SUB lines.
  std::size_t group = 0;
};

struct Shape {
  std::vector<FrameBlock> blocks;  // One for each publisher, or one for all.
  std::vector<SubscriberPlan> subscribers;
  std::vector<SubscriberGroup> groups;
  std::size_t deliveries_per_message = 0;
  std::string slow_subscription;  // What a subscriber that never reads subscribes to.
};

Shape make_shape(const Options& options);

// One PUB or HPUB frame (for a relay: the MSG a subscriber expects) with the payload pattern.
std::string render_publish(const Options& options, std::string_view subject);

}  // namespace dunlin::bench
