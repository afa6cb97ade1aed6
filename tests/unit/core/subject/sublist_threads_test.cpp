// Readers match while writers subscribe and leave: a thread must see every steady subscription, no
// freed one, and whatever was linked before it was told. Run under AddressSanitizer and
// ThreadSanitizer. TestSublistRaceOnRemove, TestSublistRaceOnInsert, TestSublistRaceOnMatch.

#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>

#include "core/subject/match_cache.hpp"
#include "core/subject/subject.hpp"
#include "tests/unit/core/subject/support.hpp"

namespace dunlin::subject {
namespace {

constexpr int writer_count = 2, reader_count = 2;
constexpr int writer_steps = 4000;

void release(void* subscription) {
  Subscription::destroy(static_cast<Subscription*>(subscription));
}

std::string random_pattern(std::mt19937& random) {
  static const char* const patterns[] = {"s.a",   "s.*",   "s.a.b", "s.*.b",   "s.a.*",
                                         "s.>",   ">",     "*.a",   "s.a.b.c", "s.a.*.c",
                                         "s.*.*", "*.a.b", "x.y",   "s.a.b.>", "s.b"};
  if (random() % 4 == 0) return "s.u" + std::to_string(random() % 300) + (random() % 2 ? ".*" : "");
  return patterns[random() % std::size(patterns)];
}

class Race {
 public:
  Race() {
    for (const auto* subject : {"s.a", "s.*", "s.>", "s.a.b", "s.*.b", "*.a.b"}) {
      steady_.push_back(make_subscription(subject));
      EXPECT_TRUE(sublist.insert(steady_.back().get()));
    }
  }

  void write(unsigned seed) {
    std::mt19937 random(seed);
    std::vector<Subscription*> mine;
    for (int step = 0; step < writer_steps; ++step) {
      if (mine.size() < 40 || random() % 2 == 0) {
        auto owned = make_subscription(random_pattern(random), random() % 4 == 0 ? "q" : "",
                                       Kind::client, 1, static_cast<std::uint16_t>(seed));
        mine.push_back(owned.release());
        EXPECT_TRUE(sublist.insert(mine.back()));
      } else {
        std::swap(mine[random() % mine.size()], mine.back());
        mine.back()->close();
        EXPECT_TRUE(sublist.remove(mine.back()));
        quiescence.retire(mine.back(), release);
        mine.pop_back();
      }
      quiescence.collect();
    }
    for (auto* const subscription : mine) {
      EXPECT_TRUE(sublist.remove(subscription));
      quiescence.retire(subscription, release);
    }
    writers_left.fetch_sub(1);
  }

  void read() {
    const auto reader = quiescence.enter();
    quiescence.online(reader);
    MatchCache cache(64, 2000);
    Match fresh;
    static constexpr std::string_view subjects[] = {"s.a", "s.a.b", "s.c.b", "s.u7.x", "s.a.b.c"};
    std::size_t at = 0;
    while (writers_left.load() != 0) {
      const auto epoch = quiescence.current();
      for (int i = 0; i < 20; ++i) {
        const auto subject = subjects[at++ % std::size(subjects)];
        sublist.match(subject, hash_bytes(subject), fresh);
        check(fresh, subject);
        check(cache.lookup(sublist, subject, hash_bytes(subject)), subject);
        EXPECT_TRUE(sublist.has_interest(subject));
      }
      quiescence.announce(reader, epoch);
    }
    quiescence.leave(reader);
  }

  // Reads every subscription, so that a freed one shows.
  void check(const Match& match, std::string_view subject) const {
    const std::set<Subscription*> unique(match.plain.begin(), match.plain.end());
    EXPECT_EQ(unique.size(), match.plain.size());
    for (const auto& one : steady_)
      if (matches(one->subject(), subject)) {
        EXPECT_TRUE(unique.contains(one.get())) << one->subject() << " on " << subject;
      }
    for (const auto* const each : match.plain) EXPECT_TRUE(matches(each->subject(), subject));
    for (const auto* const each : match.members) EXPECT_TRUE(matches(each->subject(), subject));
    EXPECT_LE(match.groups.size(), 1u);
  }

  Quiescence quiescence;
  std::vector<OwnedSubscription> steady_;
  Sublist sublist{quiescence};
  std::atomic<int> writers_left{writer_count};
};

TEST(sublist_threads, readers_see_steady_subscriptions_while_others_come_and_go) {
  Race race;
  std::vector<std::jthread> threads;
  for (int i = 0; i < reader_count; ++i) threads.emplace_back([&] { race.read(); });
  for (int i = 0; i < writer_count; ++i)
    threads.emplace_back([&race, i] { race.write(static_cast<unsigned>(i + 1)); });
  threads.clear();
  EXPECT_EQ(race.sublist.size(), race.steady_.size());
}

TEST(sublist_threads, a_subscription_made_before_is_seen_through_a_warm_cache) {
  Quiescence quiescence;
  Sublist sublist(quiescence);
  const auto background = make_subscription("s.>");
  ASSERT_TRUE(sublist.insert(background.get()));
  std::atomic<Subscription*> told{nullptr};
  std::atomic<bool> done{false};
  std::jthread reader([&] {
    const auto id = quiescence.enter();
    quiescence.online(id);
    MatchCache cache(64);
    while (!done.load()) {
      const auto epoch = quiescence.current();
      if (auto* const subscription = told.load(std::memory_order_acquire)) {
        const auto& plain = cache.lookup(sublist, "s.a", hash_bytes("s.a")).plain;
        EXPECT_NE(std::find(plain.begin(), plain.end(), subscription), plain.end());
        told.store(nullptr, std::memory_order_release);
      } else {
        cache.lookup(sublist, "s.a", hash_bytes("s.a"));
      }
      quiescence.announce(id, epoch);
    }
    quiescence.leave(id);
  });
  for (int i = 0; i < 2000; ++i) {
    auto* const subscription = make_subscription(i % 2 == 0 ? "s.a" : "*.a").release();
    ASSERT_TRUE(sublist.insert(subscription));
    told.store(subscription, std::memory_order_release);
    while (told.load(std::memory_order_acquire) != nullptr) std::this_thread::yield();
    ASSERT_TRUE(sublist.remove(subscription));
    quiescence.retire(subscription, release);
    quiescence.collect();
  }
  done = true;
}

}  // namespace
}  // namespace dunlin::subject
