// The Sublist, rule by rule. Names in comments are nats-server's tests for the same behaviour.

#include "core/subject/sublist.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/core/subject/support.hpp"

namespace dunlin::subject {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class sublist_test : public testing::Test {
 protected:
  Subscription* add(std::string_view subject, std::string_view queue = {},
                    Kind kind = Kind::client, std::int32_t weight = 1, std::uint16_t shard = 0) {
    owned.push_back(make_subscription(subject, queue, kind, weight, shard));
    EXPECT_TRUE(sublist.insert(owned.back().get())) << subject;
    return owned.back().get();
  }
  [[nodiscard]] std::vector<Subscription*> plain(std::string_view subject) const {
    return match_of(sublist, subject).plain;
  }
  std::vector<Subscription*> reverse(std::string_view pattern) const {
    std::vector<Subscription*> out;
    sublist.reverse_match(pattern, out);
    return out;
  }

  Quiescence quiescence;
  std::vector<OwnedSubscription> owned;
  Sublist sublist{quiescence};
};

// TestSublistInit, TestSublistInsertCount, TestSublistNoCacheStats
TEST_F(sublist_test, counts_subscriptions) {
  EXPECT_EQ(sublist.size(), 0u);
  add("foo");
  add("bar");
  auto* const last = add("foo.*");
  EXPECT_EQ(sublist.size(), 3u);
  ASSERT_TRUE(sublist.remove(last));
  const auto stats = sublist.stats();
  EXPECT_EQ(stats.subscriptions, 2u);
  EXPECT_EQ(stats.inserts, 3u);
  EXPECT_EQ(stats.removes, 1u);
  EXPECT_EQ(stats.literals, 2u);
  EXPECT_EQ(stats.wildcards, 0u);
}

// TestSublistSimple, TestSublistSimpleMultiTokens
TEST_F(sublist_test, literals_match_exactly) {
  auto* const foo = add("foo");
  auto* const deep = add("foo.bar.baz");
  EXPECT_THAT(plain("foo"), ElementsAre(foo));
  EXPECT_THAT(plain("foo.bar.baz"), ElementsAre(deep));
  EXPECT_THAT(plain("foo.bar"), IsEmpty());
}

// TestSublistPartialWildcard, TestSublistPartialWildcardAtEnd, TestSublistFullWildcard
TEST_F(sublist_test, wildcards_match_tokens) {
  auto* const literal = add("a.b.c");
  auto* const middle = add("a.*.c");
  auto* const end = add("a.b.*");
  auto* const full = add("a.>");
  auto* const all = add(">");
  EXPECT_THAT(plain("a.b.c"), UnorderedElementsAre(literal, middle, end, full, all));
  EXPECT_THAT(plain("a.x.c"), UnorderedElementsAre(middle, full, all));
  EXPECT_THAT(plain("a"), ElementsAre(all));
  EXPECT_THAT(plain("a.b"), UnorderedElementsAre(full, all));
  EXPECT_THAT(plain("x.y.z.w"), ElementsAre(all));
}

// TestSublistTwoTokenPubMatchSingleTokenSub
TEST_F(sublist_test, a_longer_subject_does_not_match_a_shorter_literal) {
  auto* const foo = add("foo");
  EXPECT_THAT(plain("foo"), ElementsAre(foo));
  EXPECT_THAT(plain("foo.bar"), IsEmpty());
}

// TestSublistInsertWithWildcardsAsLiterals, TestSublistRemoveWithWildcardsAsLiterals
TEST_F(sublist_test, wildcards_inside_tokens_are_text) {
  for (const auto* text : {"foo.*-", "foo.>-", "*foo", ">>"}) {
    auto* const subscription = add(text);
    EXPECT_THAT(plain(text), ElementsAre(subscription));
    EXPECT_THAT(plain("foo.bar"), IsEmpty());
    EXPECT_FALSE(sublist.has_wildcards());
    ASSERT_TRUE(sublist.remove(subscription));
    EXPECT_THAT(plain(text), IsEmpty());
  }
}

TEST_F(sublist_test, wildcards_in_the_published_subject_are_text) {
  auto* const star = add("a.*");
  add("a.b");
  EXPECT_THAT(plain("a.*"), ElementsAre(star));
  EXPECT_THAT(plain("a.>"), ElementsAre(star));
  EXPECT_THAT(plain("*.b"), IsEmpty());
}

// TestSublistInvalidSubjectsInsert
TEST_F(sublist_test, refuses_invalid_subjects) {
  for (const auto* bad : {".foo", "foo.", "foo..bar", "foo.bar..baz", "foo.>.bar", ""}) {
    const auto subscription = make_subscription(bad);
    const auto inserted = sublist.insert(subscription.get());
    ASSERT_FALSE(inserted) << bad;
    EXPECT_EQ(inserted.error().text, "sublist: invalid subject");
  }
  EXPECT_EQ(sublist.size(), 0u);
}

// TestSublistMatchWithEmptyTokens
TEST_F(sublist_test, subjects_with_empty_tokens_match_nothing) {
  add(">");
  add(">", "queue");
  add("*.*");
  for (const auto* bad : {".foo", "..foo", "foo..", "foo.", "foo..bar", "foo...bar", "", "."}) {
    EXPECT_TRUE(match_of(sublist, bad).empty()) << bad;
    EXPECT_FALSE(sublist.has_interest(bad)) << bad;
  }
}

// TestSublistRemove, TestSublistRemoveWildcard, TestSublistRemoveCleanup*
TEST_F(sublist_test, removal_leaves_the_others) {
  auto* const first = add("a.b.c");
  auto* const twin = add("a.b.c");
  auto* const star = add("a.*.c");
  auto* const deep = add("a.*.c.>");
  ASSERT_TRUE(sublist.remove(first));
  EXPECT_THAT(plain("a.b.c"), UnorderedElementsAre(twin, star));
  ASSERT_TRUE(sublist.remove(star));
  EXPECT_THAT(plain("a.b.c"), ElementsAre(twin));
  EXPECT_THAT(plain("a.b.c.d"), ElementsAre(deep));
  ASSERT_TRUE(sublist.remove(deep));
  ASSERT_TRUE(sublist.remove(twin));
  EXPECT_EQ(sublist.size(), 0u);
  EXPECT_TRUE(match_of(sublist, "a.b.c").empty());
}

// TestSublistBadSubjectOnRemove
TEST_F(sublist_test, only_the_exact_instance_is_removed) {
  add("foo");
  add("foo.*");
  add("x.y", "q");
  for (const auto& [subject, queue] : std::vector<std::pair<std::string, std::string>>{
           {"foo", ""}, {"foo.*", ""}, {"foo.>", ""}, {"bar", ""}, {"x.y", "q"}, {"a..b", ""}}) {
    const auto stranger = make_subscription(subject, queue);
    const auto removed = sublist.remove(stranger.get());
    ASSERT_FALSE(removed) << subject;
    EXPECT_EQ(removed.error().text, "sublist: no matches found");
  }
  EXPECT_EQ(sublist.size(), 3u);
}

// TestSublistRemoveWithLargeSubs
TEST_F(sublist_test, thousands_on_one_subject_come_and_go) {
  constexpr std::size_t count = 3000;
  std::vector<Subscription*> all;
  for (std::size_t i = 0; i < count; ++i)
    all.push_back(add("busy", "", Kind::client, 1, static_cast<std::uint16_t>(i % 3)));
  EXPECT_EQ(plain("busy").size(), count);
  EXPECT_TRUE(sublist.worth_caching());
  for (std::size_t i = 0; i < count; i += 2) ASSERT_TRUE(sublist.remove(all[i]));
  const auto rest = plain("busy");
  EXPECT_EQ(rest.size(), count / 2);
  // Sorted by shard, and within one in the order of subscribing.
  EXPECT_TRUE(std::is_sorted(rest.begin(), rest.end(), [&](auto* a, auto* b) {
    const auto place = [&](auto* each) { return std::find(all.begin(), all.end(), each); };
    return a->shard() != b->shard() ? a->shard() < b->shard() : place(a) < place(b);
  }));
  for (std::size_t i = 1; i < count; i += 2) ASSERT_TRUE(sublist.remove(all[i]));
  EXPECT_THAT(plain("busy"), IsEmpty());
  EXPECT_FALSE(sublist.worth_caching());
}

// TestSublistNoCacheRemoveBatch, TestSublistRemoveBatchWithError
TEST_F(sublist_test, a_batch_goes_on_after_absent_ones) {
  std::vector<Subscription*> batch = {add("foo"), add("bar.*"), add("baz", "q")};
  auto* const stays = add("stays");
  const auto stranger = make_subscription("foo");
  batch.insert(batch.begin() + 1, stranger.get());
  const auto removed = sublist.remove(batch);
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().text, "sublist: no matches found");
  EXPECT_EQ(sublist.size(), 1u);
  EXPECT_THAT(plain("stays"), ElementsAre(stays));
}

// TestSublistBasicQueueResults
TEST_F(sublist_test, queue_groups_are_apart_by_name) {
  auto* const one = add("foo", "bar");
  auto* const other = add("foo", "baz");
  auto* const more = add("foo", "bar");
  auto* const alone = add("foo");
  const auto answer = answer_of(match_of(sublist, "foo"));
  EXPECT_THAT(answer.plain, ElementsAre(alone));
  ASSERT_EQ(answer.groups.size(), 2u);
  EXPECT_THAT(answer.groups.at("bar"), UnorderedElementsAre(one, more));
  EXPECT_THAT(answer.groups.at("baz"), ElementsAre(other));
}

TEST_F(sublist_test, a_group_on_several_patterns_is_one_group) {
  auto* const literal = add("z.a", "q");
  auto* const star = add("z.*", "q");
  auto* const full = add("z.>", "r");
  const auto match = match_of(sublist, "z.a");
  EXPECT_EQ(match.groups.size(), 2u);
  const auto answer = answer_of(match);
  EXPECT_THAT(answer.groups.at("q"), UnorderedElementsAre(literal, star));
  EXPECT_THAT(answer.groups.at("r"), ElementsAre(full));
}

TEST_F(sublist_test, many_groups_on_two_patterns_are_merged_too) {
  for (int i = 0; i < 40; ++i) {
    add("z.a", "q" + std::to_string(i));
    add("z.*", "q" + std::to_string(39 - i));
  }
  const auto match = match_of(sublist, "z.a");
  EXPECT_EQ(match.groups.size(), 40u);
  for (const auto& group : match.groups) {
    ASSERT_EQ(group.end - group.begin, 2u);
    EXPECT_EQ(match.members[group.begin]->queue(), group.queue);
    EXPECT_NE(match.members[group.begin], match.members[group.begin + 1]);
  }
}

// TestSublistRemoteQueueSubscriptions
TEST_F(sublist_test, remote_members_count_by_weight) {
  auto* const local = add("foo", "q");
  auto* const routed = add("foo", "q", Kind::router, 5);
  auto* const leaf = add("foo", "q", Kind::leaf, 2);
  add("foo", "q", Kind::router, 0);
  const auto slot = Sublist::generation_slot("foo");
  auto members = answer_of(match_of(sublist, "foo")).groups.at("q");
  EXPECT_EQ(std::count(members.begin(), members.end(), local), 1);
  EXPECT_EQ(std::count(members.begin(), members.end(), routed), 5);
  EXPECT_EQ(std::count(members.begin(), members.end(), leaf), 2);
  EXPECT_EQ(members.size(), 8u);
  const auto generation = sublist.generation_at(slot);
  routed->set_queue_weight(1);
  sublist.weight_changed(routed, 5);
  EXPECT_NE(sublist.generation_at(slot), generation);
  EXPECT_EQ(answer_of(match_of(sublist, "foo")).groups.at("q").size(), 4u);
}

TEST_F(sublist_test, an_absurd_weight_is_bounded) {
  add("foo", "q", Kind::router, 2'000'000'000);
  EXPECT_EQ(match_of(sublist, "foo").members.size(),
            static_cast<std::size_t>(Subscription::weight_max));
}

// TestSublistHasInterest, TestSublistHasInterestOverlapping
TEST_F(sublist_test, has_interest_answers_as_match_does) {
  EXPECT_FALSE(sublist.has_interest("foo"));
  auto* const foo = add("foo");
  auto* const star = add("stream.*.child", "q");
  auto* const full = add("stream.A.>");
  EXPECT_TRUE(sublist.has_interest("foo"));
  EXPECT_FALSE(sublist.has_interest("foo.bar"));
  EXPECT_TRUE(sublist.has_interest("stream.A.child"));
  EXPECT_TRUE(sublist.has_interest("stream.B.child"));
  EXPECT_FALSE(sublist.has_interest("stream.A"));
  ASSERT_TRUE(sublist.remove(std::vector{foo, star, full}));
  EXPECT_FALSE(sublist.has_interest("stream.A.child"));
}

// TestSublistReverseMatch, TestSublistReverseMatchWider
TEST_F(sublist_test, reverse_match_finds_what_a_pattern_could_match) {
  auto* const foo = add("foo");
  auto* const bar = add("bar");
  auto* const foo_bar = add("foo.bar");
  auto* const foo_baz = add("foo.baz");
  auto* const deep = add("foo.bar.baz");
  EXPECT_THAT(reverse("foo"), ElementsAre(foo));
  EXPECT_THAT(reverse("*"), UnorderedElementsAre(foo, bar));
  EXPECT_THAT(reverse("baz"), IsEmpty());
  EXPECT_THAT(reverse("*.*"), UnorderedElementsAre(foo_bar, foo_baz));
  EXPECT_THAT(reverse("*.bar"), ElementsAre(foo_bar));
  EXPECT_THAT(reverse("foo.>"), UnorderedElementsAre(foo_bar, foo_baz, deep));
  EXPECT_EQ(reverse(">").size(), 5u);
  auto* const wide = add("uplink.*.*.>");
  EXPECT_THAT(reverse("uplink.1.*.*.>"), ElementsAre(wide));
  EXPECT_THAT(reverse("uplink.1.2.3.>"), ElementsAre(wide));
  EXPECT_THAT(reverse("uplink.1.2.3"), ElementsAre(wide));
}

// TestSublistCache: what a change elsewhere must not disturb, and what it must.
TEST_F(sublist_test, generations_follow_the_first_token) {
  std::string other = "other";
  while (Sublist::generation_slot(other) == Sublist::generation_slot("foo")) other += 'x';
  const auto foo = sublist.generation("foo.bar");
  add(other + ".a");
  EXPECT_EQ(sublist.generation("foo.bar"), foo);
  add("foo.*");
  const auto changed = sublist.generation("foo.bar");
  EXPECT_NE(changed, foo);
  add("*.x");
  EXPECT_NE(sublist.generation("foo.bar"), changed);
}

TEST_F(sublist_test, patterns_that_share_a_path_are_told_apart) {
  auto* const temp = add("dev.*.s1.id7.temp");
  auto* const wet = add("dev.*.s1.id7.wet");
  auto* const near = add("dev.*.s1.id7");
  auto* const below = add("dev.*.s1.id7.>");
  auto* const others = add("dev.*.s1.*.temp");
  EXPECT_THAT(plain("dev.r.s1.id7.temp"), UnorderedElementsAre(temp, below, others));
  EXPECT_THAT(plain("dev.r.s1.id7.wet"), UnorderedElementsAre(wet, below));
  EXPECT_THAT(plain("dev.r.s1.id7"), ElementsAre(near));
  EXPECT_THAT(plain("dev.r.s1.id8.temp"), ElementsAre(others));
  EXPECT_THAT(plain("dev.r.s2.id7.temp"), IsEmpty());
}

TEST_F(sublist_test, very_long_patterns_are_no_trouble) {
  std::string stars = "*", tokens = "a";
  for (int i = 0; i < 20000; ++i) {
    stars += ".*";
    tokens += ".a";
  }
  auto* const wide = add(stars);
  auto* const mixed = add(tokens.substr(0, 20001) + ".>");
  auto* const again = add(stars.substr(0, 30001) + ".>");
  EXPECT_THAT(plain(tokens), UnorderedElementsAre(wide, mixed, again));
  ASSERT_TRUE(sublist.remove(std::vector{wide, mixed, again}));
  EXPECT_FALSE(sublist.has_wildcards());
}

}  // namespace
}  // namespace dunlin::subject
