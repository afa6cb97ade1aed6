// Which member of a queue group gets a message when members stand behind links.

#include <gmock/gmock.h>

#include "tests/unit/core/routing/world.hpp"

namespace dunlin::routing::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int rounds = 2000;

class QueueChoice : public ::testing::Test {
 protected:
  World world;
  FakeLocal& local = world.local();
  FakeLink& route = world.link({.kind = Kind::router});
  FakeLink& leaf = world.link({.kind = Kind::leaf, .cluster = "L"});
  FakeLink& gateway = world.link({.kind = Kind::gateway, .distance = 5});

  void publish(const Origin& origin, int count = rounds) {
    for (int i = 0; i < count; ++i) world.publish(origin, "a");
  }
  static Origin routed(const std::vector<std::string_view>& queues) {
    Origin origin = World::from(Kind::router);
    origin.queues = queues.data();
    origin.queue_count = queues.size();
    origin.restricts_queues = true;
    return origin;
  }
};

// Go: TestNewRouteQueueSubsDistribution
TEST_F(QueueChoice, a_routes_share_is_its_weight) {
  world.subscribe(local, "a", "q");
  world.subscribe(route, "a", "q", 3);
  publish(World::from(Kind::client));
  EXPECT_EQ(local.received + route.deliveries.size(), std::size_t{rounds});
  ASSERT_NEAR(static_cast<double>(route.deliveries.size()), rounds * 0.75, rounds * 0.08);
  EXPECT_THAT(route.deliveries.front().queues, ElementsAre("q"));
}

TEST_F(QueueChoice, a_changed_weight_changes_the_share) {
  world.subscribe(local, "a", "q");
  Subscription& remote = world.subscribe(route, "a", "q", 3);
  publish(World::from(Kind::client), 10);
  route.deliveries.clear();
  local.received = 0;
  remote.set_queue_weight(1);
  world.account.sublist().weight_changed(&remote, 3);
  publish(World::from(Kind::client));
  EXPECT_NEAR(static_cast<double>(route.deliveries.size()), rounds * 0.5, rounds * 0.08);
}

TEST_F(QueueChoice, leafnodes_are_used_only_when_nobody_nearer_is_there) {
  world.subscribe(leaf, "a", "q", 50);
  world.subscribe(gateway, "a", "q");
  publish(World::from(Kind::client), 10);
  EXPECT_EQ(leaf.deliveries.size(), 10u);
  EXPECT_THAT(gateway.deliveries, IsEmpty());
  world.subscribe(local, "a", "q");
  publish(World::from(Kind::client), 100);
  EXPECT_EQ(local.received, 100u);
  EXPECT_EQ(leaf.deliveries.size(), 10u);
}

TEST_F(QueueChoice, a_route_is_preferred_to_leafnodes_of_its_own_and_of_others) {
  FakeLink& other = world.link({.kind = Kind::router});
  world.subscribe(leaf, "a", "q", 50);
  world.subscribe(other, "a", "q", 50, "far-leafs");
  world.subscribe(route, "a", "q");
  publish(World::from(Kind::client), 200);
  EXPECT_EQ(route.deliveries.size(), 200u);
}

// Go: TestGatewayMsgSentOnlyOnce, TestGatewayOrderedOutbounds
TEST_F(QueueChoice, the_nearest_gateway_serves_a_group_nobody_here_serves) {
  FakeLink& near = world.link({.kind = Kind::gateway, .distance = 1});
  FakeLink& far = world.link({.kind = Kind::gateway, .distance = 9});
  for (FakeLink* const one : {&far, &gateway, &near}) world.subscribe(*one, "a", "q");
  publish(World::from(Kind::client), 100);
  EXPECT_EQ(near.deliveries.size(), 100u);
  EXPECT_THAT(far.deliveries, IsEmpty());
  EXPECT_THAT(gateway.deliveries, IsEmpty());
}

TEST_F(QueueChoice, from_a_route_local_members_come_first) {
  world.subscribe(leaf, "a", "q", 20);
  world.subscribe(route, "a", "q", 20);
  world.subscribe(local, "a", "q");
  publish(routed({"q"}), 200);
  EXPECT_EQ(local.received, 200u);
}

TEST_F(QueueChoice, from_a_route_leafnodes_come_before_other_routes_and_share) {
  FakeLink& second = world.link({.kind = Kind::leaf, .cluster = "L2"});
  world.subscribe(route, "a", "q", 20);
  world.subscribe(leaf, "a", "q");
  world.subscribe(second, "a", "q");
  publish(routed({"q"}));
  EXPECT_EQ(leaf.deliveries.size() + second.deliveries.size(), std::size_t{rounds});
  EXPECT_GT(leaf.deliveries.size(), std::size_t{rounds / 5});
  EXPECT_GT(second.deliveries.size(), std::size_t{rounds / 5});
  EXPECT_THAT(route.deliveries, IsEmpty());
}

// Go: TestNewRouteNoQueueSubscribersBounce
TEST_F(QueueChoice, from_a_route_another_route_is_the_last_resort) {
  Subscription& gone = world.subscribe(local, "a", "q");
  gone.close();
  world.subscribe(route, "a", "q");
  publish(routed({"q"}), 1);
  ASSERT_EQ(route.deliveries.size(), 1u);
  EXPECT_THAT(route.deliveries[0].queues, ElementsAre("q"));
}

TEST_F(QueueChoice, only_listed_groups_are_served_for_another_server) {
  FakeLocal& unlisted = world.local();
  FakeLocal& plain = world.local();
  world.subscribe(local, "a", "q1");
  world.subscribe(unlisted, "a", "q2");
  world.subscribe(plain, "a");
  publish(routed({"q1", "q9"}), 10);
  EXPECT_EQ(local.received, 10u);
  EXPECT_EQ(unlisted.received, 0u);
  EXPECT_EQ(plain.received, 10u);
}

TEST_F(QueueChoice, an_empty_list_of_groups_means_no_queue_delivery) {
  FakeLocal& plain = world.local();
  world.subscribe(local, "a", "q");
  world.subscribe(plain, "a");
  EXPECT_TRUE(world.publish(routed({}), "a"));
  EXPECT_EQ(local.received, 0u);
  EXPECT_EQ(plain.received, 1u);
}

TEST_F(QueueChoice, a_spoke_does_not_give_its_hubs_messages_to_its_cluster) {
  FakeLink& hub = world.link({.kind = Kind::leaf, .cluster = "hub", .is_spoke = true});
  world.subscribe(route, "a", "q", 10);
  EXPECT_FALSE(world.publish(World::from(hub), "a"));
  world.subscribe(local, "a", "q");
  publish(World::from(hub), 50);
  EXPECT_EQ(local.received, 50u);
  EXPECT_THAT(route.deliveries, IsEmpty());
}

TEST_F(QueueChoice, a_member_that_left_is_skipped_for_a_link) {
  world.subscribe(local, "a", "q").close();
  world.subscribe(leaf, "a", "q");
  publish(World::from(Kind::client), 20);
  EXPECT_EQ(leaf.deliveries.size(), 20u);
}

// Go: TestGatewayQueueSubNotSuppressedByDeniedLeafQueue
TEST_F(QueueChoice, a_leafnode_that_may_not_get_it_does_not_keep_it_from_a_gateway) {
  world.subscribe(leaf, "a", "q");
  world.subscribe(gateway, "a", "q");
  leaf.deny("a");
  publish(World::from(Kind::client), 5);
  EXPECT_THAT(leaf.deliveries, IsEmpty());
  EXPECT_EQ(gateway.deliveries.size(), 5u);
}

TEST_F(QueueChoice, a_group_is_served_once_wherever_its_patterns_differ) {
  world.subscribe(route, "a", "q");
  world.subscribe(route, "*", "q");
  world.subscribe(local, ">", "q");
  publish(World::from(Kind::client), 300);
  EXPECT_EQ(local.received + route.deliveries.size(), 300u);
  for (const Delivery& delivery : route.deliveries)
    EXPECT_THAT(delivery.queues, ElementsAre("q"));
}

}  // namespace
}  // namespace dunlin::routing::testing
