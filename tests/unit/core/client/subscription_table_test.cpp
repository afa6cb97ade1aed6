#include "core/client/subscription_table.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <string>

namespace dunlin::client {
namespace {

struct Destroy {
  void operator()(Subscription* subscription) const { Subscription::destroy(subscription); }
};
using Owned = std::unique_ptr<Subscription, Destroy>;

Owned make(std::string_view sid) {
  return Owned(Subscription::create({.subject = "a.b", .queue = {}, .sid = sid}));
}

TEST(SubscriptionTable, an_empty_table_knows_no_sid) {
  SubscriptionTable table;
  EXPECT_EQ(table.find("1"), nullptr);
  EXPECT_EQ(table.find(""), nullptr);
  const auto stranger = make("1");
  EXPECT_FALSE(table.erase(stranger.get()));
  EXPECT_EQ(table.size(), 0u);
  EXPECT_TRUE(table.take_all().empty());
}

TEST(SubscriptionTable, finds_by_the_whole_sid) {
  SubscriptionTable table;
  const auto one = make("1");
  const auto eleven = make("11");
  table.insert(one.get());
  table.insert(eleven.get());
  EXPECT_EQ(table.find("1"), one.get());
  EXPECT_EQ(table.find("11"), eleven.get());
  EXPECT_EQ(table.find("111"), nullptr);
}

TEST(SubscriptionTable, another_subscription_with_the_same_sid_is_not_the_one_to_erase) {
  SubscriptionTable table;
  const auto inside = make("7");
  const auto outside = make("7");
  table.insert(inside.get());
  EXPECT_FALSE(table.erase(outside.get()));
  EXPECT_EQ(table.find("7"), inside.get());
  EXPECT_TRUE(table.erase(inside.get()));
  EXPECT_FALSE(table.erase(inside.get()));
}

TEST(SubscriptionTable, taking_all_leaves_it_empty_and_usable) {
  SubscriptionTable table;
  std::map<std::string, Owned> all;
  for (int i = 0; i < 50; ++i) {
    const auto sid = std::to_string(i);
    table.insert((all[sid] = make(sid)).get());
  }
  const auto taken = table.take_all();
  EXPECT_EQ(taken.size(), 50u);
  for (const auto* subscription : taken)
    EXPECT_EQ(all.erase(std::string(subscription->sid())), 1u);
  EXPECT_EQ(table.size(), 0u);
  EXPECT_EQ(table.find("1"), nullptr);
  const auto next = make("1");
  table.insert(next.get());
  EXPECT_EQ(table.find("1"), next.get());
}

// Few slots and many removals make runs that wrap around the end: the backward shift has to keep
// every entry of a run reachable.
void compare_with_a_map(unsigned seed, int sids, int steps) {
  std::mt19937 random(seed);
  SubscriptionTable table;
  std::map<std::string, Owned> model;
  for (int step = 0; step < steps; ++step) {
    const auto sid = std::to_string(random() % static_cast<unsigned>(sids));
    const auto found = model.find(sid);
    if (found == model.end()) {
      auto created = make(sid);
      table.insert(created.get());
      model.emplace(sid, std::move(created));
    } else {
      ASSERT_TRUE(table.erase(found->second.get()));
      model.erase(found);
    }
    ASSERT_EQ(table.size(), model.size());
    if (sids > 64 && step % 16 != 0) continue;
    for (int i = 0; i < sids; ++i) {
      const auto expected = model.find(std::to_string(i));
      ASSERT_EQ(table.find(std::to_string(i)),
                expected == model.end() ? nullptr : expected->second.get())
          << "seed " << seed << " step " << step;
    }
  }
  std::size_t visited = 0;
  table.for_each([&](Subscription& subscription) {
    ++visited;
    EXPECT_TRUE(model.contains(std::string(subscription.sid())));
  });
  EXPECT_EQ(visited, model.size());
}

TEST(SubscriptionTable, small_tables_agree_with_a_map_after_every_step) {
  for (unsigned seed = 1; seed <= 100; ++seed) compare_with_a_map(seed, 12, 200);
}

TEST(SubscriptionTable, large_tables_agree_with_a_map) {
  for (unsigned seed = 1; seed <= 3; ++seed) compare_with_a_map(seed, 500, 4000);
}

}  // namespace
}  // namespace dunlin::client
