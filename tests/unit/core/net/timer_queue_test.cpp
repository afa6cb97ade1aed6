#include "core/net/timer_queue.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <random>
#include <utility>
#include <vector>

namespace dunlin::net {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Recorder {
  TimerQueue queue;
  std::vector<int> ran;
};

class TestTimer final : public Timer {
 public:
  TestTimer(Recorder& recorder, int name) : recorder_(recorder), name_(name) {}
  void on_due(Nanoseconds now) override {
    EXPECT_FALSE(is_set());
    recorder_.ran.push_back(name_);
    if (then) then(now);
  }
  std::function<void(Nanoseconds)> then;

 private:
  Recorder& recorder_;
  int name_;
};

TEST(TimerQueue, runs_what_is_due_in_order_and_nothing_else) {
  Recorder recorder;
  TestTimer a(recorder, 1), b(recorder, 2), c(recorder, 3);
  EXPECT_EQ(recorder.queue.next(), never);
  recorder.queue.set(b, 20);
  recorder.queue.set(c, 30);
  recorder.queue.set(a, 10);
  EXPECT_EQ(recorder.queue.next(), 10u);
  recorder.queue.run(9);
  EXPECT_THAT(recorder.ran, IsEmpty());
  recorder.queue.run(20);
  EXPECT_THAT(recorder.ran, ElementsAre(1, 2));
  EXPECT_EQ(recorder.queue.next(), 30u);
  EXPECT_TRUE(c.is_set());
  EXPECT_FALSE(a.is_set());
}

TEST(TimerQueue, a_cancelled_timer_does_not_run) {
  Recorder recorder;
  TestTimer a(recorder, 1), b(recorder, 2);
  recorder.queue.set(a, 10);
  recorder.queue.set(b, 20);
  recorder.queue.cancel(a);
  recorder.queue.cancel(a);
  EXPECT_FALSE(a.is_set());
  recorder.queue.run(100);
  EXPECT_THAT(recorder.ran, ElementsAre(2));
}

TEST(TimerQueue, setting_again_moves_it_sooner_or_later) {
  Recorder recorder;
  TestTimer a(recorder, 1), b(recorder, 2), c(recorder, 3);
  recorder.queue.set(a, 10);
  recorder.queue.set(b, 20);
  recorder.queue.set(c, 30);
  recorder.queue.set(a, 40);
  recorder.queue.set(c, 5);
  recorder.queue.run(100);
  EXPECT_THAT(recorder.ran, ElementsAre(3, 2, 1));
}

TEST(TimerQueue, setting_to_never_cancels) {
  Recorder recorder;
  TestTimer a(recorder, 1);
  recorder.queue.set(a, 10);
  recorder.queue.set(a, never);
  EXPECT_FALSE(a.is_set());
  EXPECT_EQ(recorder.queue.next(), never);
}

TEST(TimerQueue, a_timer_may_cancel_another_that_is_due_too) {
  Recorder recorder;
  TestTimer a(recorder, 1), b(recorder, 2), c(recorder, 3);
  for (TestTimer* timer : {&a, &b, &c}) recorder.queue.set(*timer, 10);
  const auto cancel_all = [&](Nanoseconds) {
    for (TestTimer* timer : {&a, &b, &c}) recorder.queue.cancel(*timer);
  };
  a.then = b.then = c.then = cancel_all;
  recorder.queue.run(10);
  EXPECT_EQ(recorder.ran.size(), 1u);
}

TEST(TimerQueue, a_timer_may_set_itself_again) {
  Recorder recorder;
  TestTimer a(recorder, 1);
  a.then = [&](Nanoseconds now) { recorder.queue.set(a, now + 10); };
  recorder.queue.set(a, 10);
  recorder.queue.run(10);
  recorder.queue.run(19);
  EXPECT_THAT(recorder.ran, ElementsAre(1));
  recorder.queue.run(20);
  EXPECT_THAT(recorder.ran, ElementsAre(1, 1));
}

TEST(TimerQueue, random_calls_agree_with_a_plain_list) {
  std::mt19937 random(1);
  for (int round = 0; round < 30; ++round) {
    constexpr int count = 40;
    Recorder recorder;
    std::vector<std::unique_ptr<TestTimer>> timers;
    std::array<Nanoseconds, count> model;
    model.fill(never);
    for (int i = 0; i < count; ++i) timers.push_back(std::make_unique<TestTimer>(recorder, i));
    Nanoseconds now = 0;
    for (int step = 0; step < 400; ++step) {
      const int i = static_cast<int>(random() % count);
      switch (random() % 4) {
        case 0:
          recorder.queue.cancel(*timers[i]);
          model[i] = never;
          break;
        case 1: {
          now += random() % 30;
          recorder.ran.clear();
          recorder.queue.run(now);
          Nanoseconds before = 0;
          for (const int name : recorder.ran) {
            ASSERT_LE(model[name], now);
            ASSERT_LE(before, model[name]);
            before = std::exchange(model[name], never);
          }
          break;
        }
        default:
          model[i] = now + 1 + random() % 100;
          recorder.queue.set(*timers[i], model[i]);
      }
      // Nothing due is left behind, and the soonest is known.
      ASSERT_EQ(recorder.queue.next(), *std::min_element(model.begin(), model.end()));
      for (int k = 0; k < count; ++k) ASSERT_EQ(timers[k]->due(), model[k]);
    }
  }
}

}  // namespace
}  // namespace dunlin::net
