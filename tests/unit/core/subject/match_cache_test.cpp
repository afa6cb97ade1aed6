// A shard's match cache: what it keeps, for how long, and when it steps aside.

#include "core/subject/match_cache.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/core/subject/support.hpp"

namespace dunlin::subject {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

class match_cache : public testing::Test {
 protected:
  Subscription* add(Sublist& to, std::string_view subject) {
    owned.push_back(make_subscription(subject));
    EXPECT_TRUE(to.insert(owned.back().get()));
    return owned.back().get();
  }
  static const Match& look(MatchCache& cache, const Sublist& in, std::string_view subject) {
    return cache.lookup(in, subject, hash_bytes(subject));
  }

  Quiescence quiescence;
  std::vector<OwnedSubscription> owned;
  Sublist sublist{quiescence};
};

TEST_F(match_cache, admits_on_the_second_sighting_and_hits_on_the_third) {
  MatchCache cache;
  auto* const star = add(sublist, "foo.*");
  for (int i = 0; i < 4; ++i) EXPECT_THAT(look(cache, sublist, "foo.a").plain, ElementsAre(star));
  EXPECT_EQ(cache.stats().lookups, 4u);
  EXPECT_EQ(cache.stats().hits, 2u);
  EXPECT_EQ(cache.stats().entries, 1u);
  EXPECT_EQ(cache.stats().max_fanout, 1u);
}

TEST_F(match_cache, sees_every_subscription_made_before) {
  MatchCache cache;
  auto* const star = add(sublist, "foo.*");
  for (int i = 0; i < 3; ++i) look(cache, sublist, "foo.a");
  auto* const literal = add(sublist, "foo.a");
  EXPECT_THAT(look(cache, sublist, "foo.a").plain, UnorderedElementsAre(star, literal));
  auto* const full = add(sublist, ">");
  EXPECT_THAT(look(cache, sublist, "foo.a").plain, UnorderedElementsAre(star, literal, full));
  ASSERT_TRUE(sublist.remove(star));
  EXPECT_THAT(look(cache, sublist, "foo.a").plain, UnorderedElementsAre(literal, full));
}

TEST_F(match_cache, also_remembers_that_nobody_wants_a_subject) {
  MatchCache cache;
  add(sublist, "foo.*");
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(look(cache, sublist, "bar").empty());
  EXPECT_EQ(cache.stats().hits, 1u);
  add(sublist, "bar");
  EXPECT_FALSE(look(cache, sublist, "bar").empty());
}

TEST_F(match_cache, leaves_inboxes_and_plain_tables_alone) {
  MatchCache cache;
  add(sublist, "foo");
  for (int i = 0; i < 4; ++i) look(cache, sublist, "foo");
  EXPECT_EQ(cache.stats().lookups, 0u);
  add(sublist, "_INBOX.x.*");
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(look(cache, sublist, "_INBOX.x.1").empty());
  EXPECT_EQ(cache.stats().lookups, 0u);
  EXPECT_EQ(cache.stats().bypassed, 8u);
}

TEST_F(match_cache, keeps_sublists_apart_even_at_one_address) {
  MatchCache cache;
  alignas(Sublist) unsigned char place[sizeof(Sublist)];
  for (int round = 0; round < 3; ++round) {
    auto* const other = new (place) Sublist(quiescence);
    auto* const star = add(*other, "foo.*");
    for (int i = 0; i < 3; ++i) EXPECT_THAT(look(cache, *other, "foo.a").plain, ElementsAre(star));
    EXPECT_TRUE(look(cache, sublist, "foo.a").empty());
    other->~Sublist();
  }
}

TEST_F(match_cache, large_fan_outs_are_kept_within_the_bound) {
  MatchCache cache(64, 1000);
  for (int i = 0; i < 400; ++i) add(sublist, "big.>");
  for (int subject = 0; subject < 10; ++subject)
    for (int i = 0; i < 3; ++i)
      EXPECT_EQ(look(cache, sublist, "big." + std::to_string(subject)).plain.size(), 400u);
  EXPECT_GE(cache.stats().entries, 1u);
  EXPECT_LE(cache.stats().members, 1000u);
  EXPECT_GE(cache.stats().hits, 10u);
  for (int i = 0; i < 200; ++i) add(sublist, "big.>");
  EXPECT_EQ(look(cache, sublist, "big.1").plain.size(), 600u);
  EXPECT_LE(cache.stats().members, 1000u);
}

TEST_F(match_cache, rests_when_it_never_hits) {
  MatchCache cache(64);
  add(sublist, "foo.*");
  for (int i = 0; i < 6000; ++i) look(cache, sublist, "foo." + std::to_string(i));
  const auto stats = cache.stats();
  EXPECT_GT(stats.bypassed, 0u);
  EXPECT_EQ(stats.lookups + stats.bypassed, 6000u);
  // It tries again later, and then hot subjects hit.
  for (int i = 0; i < 200'000; ++i) look(cache, sublist, "foo.hot");
  EXPECT_GT(cache.stats().hits, 100'000u);
}

TEST_F(match_cache, can_be_disabled) {
  MatchCache cache(0);
  auto* const star = add(sublist, "foo.*");
  for (int i = 0; i < 4; ++i) EXPECT_THAT(look(cache, sublist, "foo.a").plain, ElementsAre(star));
  EXPECT_EQ(cache.stats().lookups, 0u);
}

}  // namespace
}  // namespace dunlin::subject
