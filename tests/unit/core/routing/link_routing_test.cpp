// One copy per link, whatever it wants the message for.

#include <gmock/gmock.h>

#include "tests/unit/core/routing/world.hpp"

namespace dunlin::routing::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class LinkRouting : public ::testing::Test {
 protected:
  World world;
  FakeLink& route = world.link({.kind = Kind::router});
};

// Go: TestRouteOnlySendOnce
TEST_F(LinkRouting, one_copy_with_all_groups_however_many_subscriptions_match) {
  for (const char* const pattern : {"a.b", "a.*", ">"}) world.subscribe(route, pattern);
  world.subscribe(route, "a.b", "q1");
  world.subscribe(route, "a.>", "q2");
  EXPECT_TRUE(world.publish(World::from(Kind::client), "a.b", "hello"));
  ASSERT_THAT(route.deliveries, SizeIs(1));
  const Delivery& got = route.deliveries[0];
  EXPECT_EQ(got.account, "A");
  EXPECT_EQ(got.subject, "a.b");
  EXPECT_EQ(got.payload, "hello");
  EXPECT_THAT(got.queues, UnorderedElementsAre("q1", "q2"));
}

TEST_F(LinkRouting, a_plain_subscriber_leaves_the_groups_it_was_not_chosen_for_alone) {
  FakeLocal& local = world.local();
  world.subscribe(route, "a");
  world.subscribe(local, "a", "q");
  world.publish(World::from(Kind::client), "a");
  ASSERT_THAT(route.deliveries, SizeIs(1));
  EXPECT_THAT(route.deliveries[0].queues, IsEmpty());
  EXPECT_EQ(local.received, 1u);
}

TEST_F(LinkRouting, a_message_from_a_route_stays_here) {
  FakeLink& other = world.link({.kind = Kind::router});
  FakeLocal& local = world.local();
  world.subscribe(other, "a");
  world.subscribe(route, "a");
  world.subscribe(local, "a");
  EXPECT_TRUE(world.publish(World::from(route), "a"));
  EXPECT_EQ(local.received, 1u);
  EXPECT_THAT(other.deliveries, IsEmpty());
  EXPECT_THAT(route.deliveries, IsEmpty());
}

TEST_F(LinkRouting, a_leafnodes_message_names_its_cluster_to_routes) {
  FakeLink& leaf = world.link({.kind = Kind::leaf, .cluster = "L"});
  FakeLink& sibling = world.link({.kind = Kind::leaf, .cluster = "L"});
  for (FakeLink* const one : {&route, &leaf, &sibling}) world.subscribe(*one, "a");
  world.publish(World::from(leaf), "a");
  ASSERT_THAT(route.deliveries, SizeIs(1));
  EXPECT_EQ(route.deliveries[0].leaf_cluster, "L");
  EXPECT_THAT(leaf.deliveries, IsEmpty());
  EXPECT_THAT(sibling.deliveries, IsEmpty());
}

TEST_F(LinkRouting, what_a_subscriber_publishes_while_it_is_served_goes_its_own_way) {
  FakeLocal& local = world.local();
  FakeLink& inner = world.link({.kind = Kind::router});
  world.subscribe(route, "outer");
  world.subscribe(local, "outer", "q");
  world.subscribe(inner, "inner");
  local.on_each = [this] { world.publish(World::from(Kind::system), "inner", "i"); };
  world.publish(World::from(Kind::client), "outer", "o");
  ASSERT_THAT(route.deliveries, SizeIs(1));
  EXPECT_EQ(route.deliveries[0].subject, "outer");
  EXPECT_EQ(route.deliveries[0].payload, "o");
  ASSERT_THAT(inner.deliveries, SizeIs(1));
  EXPECT_EQ(inner.deliveries[0].subject, "inner");
  EXPECT_EQ(inner.deliveries[0].payload, "i");
}

TEST_F(LinkRouting, interest_that_was_withdrawn_gets_nothing) {
  world.subscribe(route, "a").close();
  EXPECT_FALSE(world.publish(World::from(Kind::client), "a"));
  EXPECT_THAT(route.deliveries, IsEmpty());
}

TEST_F(LinkRouting, a_link_denied_the_subject_gets_nothing) {
  FakeLink& leaf = world.link({.kind = Kind::leaf, .cluster = "L"});
  world.subscribe(leaf, ">");
  leaf.deny("secret");
  EXPECT_FALSE(world.publish(World::from(Kind::client), "secret"));
  EXPECT_TRUE(world.publish(World::from(Kind::client), "open"));
  ASSERT_THAT(leaf.deliveries, SizeIs(1));
  EXPECT_EQ(leaf.deliveries[0].subject, "open");
}

TEST_F(LinkRouting, a_link_alone_counts_as_a_delivery) {
  EXPECT_FALSE(world.publish(World::from(Kind::client), "a"));
  world.subscribe(route, "a");
  EXPECT_TRUE(world.publish(World::from(Kind::client), "a"));
}

}  // namespace
}  // namespace dunlin::routing::testing
