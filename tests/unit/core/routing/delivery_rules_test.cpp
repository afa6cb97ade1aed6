// The whole table: from each kind of connection to each, for plain subscriptions and for members of
// a queue group.

#include <gtest/gtest.h>

#include "core/routing/delivery_rules.hpp"
#include "tests/unit/core/routing/world.hpp"

namespace dunlin::routing::testing {
namespace {

enum Target { route, gateway, leaf_of_hub, leaf_to_hub, target_count };

class DeliveryRules : public ::testing::Test {
 protected:
  DeliveryRules() {
    targets[route] = &world.link({.kind = Kind::router});
    targets[gateway] = &world.link({.kind = Kind::gateway});
    targets[leaf_of_hub] = &world.link({.kind = Kind::leaf, .cluster = "spokes"});
    targets[leaf_to_hub] =
        &world.link({.kind = Kind::leaf, .cluster = "hub", .is_spoke = true});
  }
  static Origin from_hub() {
    Origin origin = World::from(Kind::leaf);
    origin.is_spoke = true;
    return origin;
  }
  // A letter per target: y or n.
  std::string crossings(const Origin& origin, std::string_view subject = "a") {
    std::string out;
    for (const FakeLink* const target : targets)
      out += may_cross(origin, subject, *target) ? 'y' : 'n';
    return out;
  }
  // A letter per target: - never, g gateway, r route, l leaf, ! at once.
  std::string places(const Origin& origin, std::string_view leaf_origin = {}) {
    std::string out;
    for (const FakeLink* const target : targets) {
      const bool is_route = target->kind() == Kind::router;
      const auto place = place_in_group(origin, *target, is_route ? leaf_origin : "");
      out += "-grl!"[static_cast<int>(place)];
    }
    return out;
  }

  World world;
  FakeLink* targets[target_count];
};

// Go: TestRouteOneHopSemantics, TestGatewayDoesntSendBackToItself
TEST_F(DeliveryRules, plain_interest_of_other_servers_by_source) {
  for (const Kind local : {Kind::client, Kind::system, Kind::jetstream, Kind::account})
    EXPECT_EQ(crossings(World::from(local)), "yyyy");
  EXPECT_EQ(crossings(World::from(Kind::router)), "nnyn");
  EXPECT_EQ(crossings(World::from(Kind::gateway)), "ynyy");
  EXPECT_EQ(crossings(World::from(Kind::leaf)), "yyyy");
  EXPECT_EQ(crossings(from_hub()), "nyyy");
}

TEST_F(DeliveryRules, queue_members_of_other_servers_by_source) {
  for (const Kind local : {Kind::client, Kind::system, Kind::jetstream, Kind::account})
    EXPECT_EQ(places(World::from(local)), "!gll");
  EXPECT_EQ(places(World::from(Kind::router)), "r-ll");
  EXPECT_EQ(places(World::from(Kind::gateway)), "!-ll");
  EXPECT_EQ(places(World::from(Kind::leaf)), "!gll");
  EXPECT_EQ(places(from_hub()), "-gll");
}

TEST_F(DeliveryRules, service_replies_from_a_route_reach_the_hub) {
  EXPECT_EQ(crossings(World::from(Kind::router), "_R_.abc"), "nnyy");
  EXPECT_EQ(crossings(World::from(Kind::router), "_R_"), "nnyn");
}

// Go: TestGatewaySendReplyAcrossGateways
TEST_F(DeliveryRules, forwarded_gateway_replies_take_one_more_hop) {
  Origin origin = World::from(Kind::router);
  origin.forwards = true;
  EXPECT_EQ(crossings(origin), "yyyn");
  EXPECT_EQ(places(origin), "rgll");
  origin = World::from(Kind::gateway);
  origin.forwards = true;
  EXPECT_EQ(crossings(origin), "yyyy");
  EXPECT_EQ(places(origin), "!gll");
}

TEST_F(DeliveryRules, nothing_goes_back_to_the_connection_it_came_from) {
  for (const FakeLink* const target : targets) {
    for (const Kind kind : {Kind::client, Kind::router, Kind::gateway, Kind::leaf}) {
      Origin origin = World::from(kind);
      origin.connection = target->id();
      origin.forwards = true;
      EXPECT_FALSE(may_cross(origin, "a", *target));
      EXPECT_EQ(place_in_group(origin, *target, ""), GroupPlace::never);
    }
  }
}

// Go: TestLeafNodeLMsgSplit, TestNewRouteLeafNodeOriginSupport
TEST_F(DeliveryRules, a_leafnode_clusters_messages_do_not_return_to_it_by_any_way) {
  for (const Kind kind : {Kind::leaf, Kind::router, Kind::gateway}) {
    Origin origin = World::from(kind);
    origin.leaf_cluster = "spokes";
    EXPECT_FALSE(may_cross(origin, "a", *targets[leaf_of_hub]));
    EXPECT_EQ(place_in_group(origin, *targets[leaf_of_hub], ""), GroupPlace::never);
    origin.leaf_cluster = "others";
    EXPECT_TRUE(may_cross(origin, "a", *targets[leaf_of_hub]));
    EXPECT_EQ(place_in_group(origin, *targets[leaf_of_hub], ""), GroupPlace::leaf);
  }
}

TEST_F(DeliveryRules, a_members_leafnode_behind_a_route_is_a_fallback) {
  Origin origin = World::from(Kind::leaf);
  origin.leaf_cluster = "mine";
  EXPECT_EQ(place_in_group(origin, *targets[route], "theirs"), GroupPlace::route);
  EXPECT_EQ(place_in_group(origin, *targets[route], "_"), GroupPlace::route);
  EXPECT_EQ(place_in_group(origin, *targets[route], "mine"), GroupPlace::never);
  EXPECT_EQ(place_in_group(World::from(Kind::client), *targets[route], "theirs"),
            GroupPlace::route);
}

}  // namespace
}  // namespace dunlin::routing::testing
