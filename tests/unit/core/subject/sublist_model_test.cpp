// Random inserts, removes, weights and matches, compared step by step with the plain model.

#include <gtest/gtest.h>

#include <random>

#include "core/subject/match_cache.hpp"
#include "core/subject/subject.hpp"
#include "tests/unit/core/subject/support.hpp"

namespace dunlin::subject {
namespace {

using Random = std::mt19937;

unsigned below(Random& random, unsigned bound) {
  return std::uniform_int_distribution<unsigned>(0, bound - 1)(random);
}

// Few tokens, so that patterns share paths; some that only look like wildcards.
std::string random_subject(Random& random, bool wildcards, unsigned depth) {
  static const char* const words[] = {"a", "b", "c", "dd", "*e", "f>", "token", "_INBOX"};
  std::string out;
  const unsigned count = 1 + below(random, depth);
  for (unsigned i = 0; i < count; ++i) {
    if (i != 0) out += '.';
    const unsigned pick = below(random, 10);
    if (wildcards && pick == 0 && i + 1 == count)
      out += '>';
    else if (wildcards && pick <= 2)
      out += '*';
    else
      out += words[below(random, 8)];
  }
  return out;
}

struct Counts final : InterestObserver {
  std::map<std::tuple<std::string, std::string, Kind>, std::int32_t> seen;
  void interest_changed(const InterestChange& change) override {
    const auto key =
        std::tuple(std::string(change.subject), std::string(change.queue), change.kind);
    auto& count = seen[key];
    EXPECT_EQ(count, change.queue.empty() ? std::min(change.before, 1) : change.before);
    EXPECT_EQ(change.all[static_cast<std::size_t>(change.kind)], change.after);
    count = change.queue.empty() ? std::min(change.after, 1) : change.after;
    if (count == 0) seen.erase(key);
  }
};

// What an observer must know of the interest there is.
auto interest_in(const ModelSublist& model) {
  std::map<std::tuple<std::string, std::string, Kind>, std::int32_t> expected;
  for (const auto* const subscription : model.all()) {
    auto& count = expected[{std::string(subscription->subject()),
                            std::string(subscription->queue()), subscription->kind()}];
    count = subscription->is_queue() ? count + subscription->weight() : 1;
  }
  return expected;
}

class Churn : public testing::TestWithParam<unsigned> {};

TEST_P(Churn, sublist_cache_and_observers_agree_with_the_model_after_every_step) {
  Random random(GetParam());
  Quiescence quiescence;
  Sublist sublist(quiescence);
  ModelSublist model;
  MatchCache cache(64, 200);
  Counts early, late;
  sublist.add_observer(&early);
  std::vector<OwnedSubscription> owned, gone;
  const unsigned depth = 1 + GetParam() % 5;
  static const Kind kinds[] = {Kind::client, Kind::router, Kind::leaf, Kind::account};
  for (unsigned step = 0; step < 1500; ++step) {
    const bool growing = step % 500 < 300;
    if (owned.empty() || below(random, 10) < (growing ? 7u : 2u)) {
      const auto queue = below(random, 3) == 0 ? "q" + std::to_string(below(random, 40)) : "";
      owned.push_back(make_subscription(random_subject(random, true, depth), queue,
                                        kinds[below(random, 4)],
                                        static_cast<std::int32_t>(1 + below(random, 3)),
                                        static_cast<std::uint16_t>(below(random, 4))));
      ASSERT_TRUE(sublist.insert(owned.back().get()));
      model.insert(owned.back().get());
    } else if (below(random, 8) == 0) {
      auto* const subscription = owned[below(random, unsigned(owned.size()))].get();
      const auto before = subscription->weight();
      subscription->set_queue_weight(static_cast<std::int32_t>(1 + below(random, 5)));
      if (subscription->is_queue()) sublist.weight_changed(subscription, before);
    } else {
      const auto at = below(random, unsigned(owned.size()));
      std::swap(owned[at], owned.back());
      ASSERT_TRUE(sublist.remove(owned.back().get()));
      model.remove(owned.back().get());
      gone.push_back(std::move(owned.back()));
      owned.pop_back();
    }
    for (int i = 0; i < 3; ++i) {
      auto subject = random_subject(random, below(random, 8) == 0, depth + 1);
      if (below(random, 20) == 0) subject.insert(below(random, unsigned(subject.size()) + 1), ".");
      const auto expected = model.match(subject);
      ASSERT_EQ(answer_of(match_of(sublist, subject)), expected) << subject;
      ASSERT_EQ(answer_of(cache.lookup(sublist, subject, hash_bytes(subject))), expected)
          << subject;
      ASSERT_EQ(sublist.has_interest(subject),
                !expected.plain.empty() || !expected.groups.empty());
      const auto plain = match_of(sublist, subject).plain;
      ASSERT_TRUE(std::is_sorted(plain.begin(), plain.end(), [](auto* one, auto* other) {
        return one->shard() < other->shard();
      }));
    }
    if (step == 750) sublist.add_observer(&late);
    quiescence.collect();
  }
  EXPECT_EQ(sublist.size(), model.all().size());
  EXPECT_EQ(early.seen, interest_in(model));
  EXPECT_EQ(late.seen, early.seen);
  std::set<const Subscription*> enumerated;
  sublist.for_each([&](const Subscription& each) {
    EXPECT_TRUE(enumerated.insert(&each).second) << "enumerated twice";
  });
  EXPECT_EQ(enumerated, model.all());
  for (const auto& subscription : owned) ASSERT_TRUE(sublist.remove(subscription.get()));
  EXPECT_TRUE(early.seen.empty());
  EXPECT_FALSE(sublist.has_wildcards());
  EXPECT_FALSE(sublist.worth_caching());
  sublist.remove_observer(&early);
  sublist.remove_observer(&late);
}

INSTANTIATE_TEST_SUITE_P(seeds, Churn, testing::Range(1u, 9u));

TEST(reverse_match_model, finds_what_collides_with_the_pattern) {
  Random random(7);
  Quiescence quiescence;
  Sublist sublist(quiescence);
  std::vector<OwnedSubscription> owned;
  for (int i = 0; i < 400; ++i) {
    owned.push_back(make_subscription(random_subject(random, true, 4)));
    ASSERT_TRUE(sublist.insert(owned.back().get()));
  }
  for (int i = 0; i < 400; ++i) {
    const auto pattern = random_subject(random, true, 4);
    std::vector<Subscription*> found;
    sublist.reverse_match(pattern, found);
    const std::set<const Subscription*> unique(found.begin(), found.end());
    EXPECT_EQ(unique.size(), found.size());
    std::set<const Subscription*> expected;
    for (const auto& subscription : owned)
      if (collides(subscription->subject(), pattern)) expected.insert(subscription.get());
    EXPECT_EQ(unique, expected) << pattern;
  }
}

}  // namespace
}  // namespace dunlin::subject
