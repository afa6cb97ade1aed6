// Timers fire on their thread, not before their time, and never after they were cancelled.

#include "core/plugin/timers.hpp"

#include <dunlin/ext/executor.h>
#include <gtest/gtest.h>

#include <future>

#include "tests/unit/core/plugin/support.hpp"

namespace dunlin::plugin::test {
namespace {

class TimersTest : public testing::Test {
 protected:
  dunlin_timer start(std::uint64_t at, std::uint64_t period = 0,
                     std::uint32_t thread = DUNLIN_THREAD_CONTROL) {
    dunlin_timer_options options{};
    options.struct_size = sizeof options;
    options.thread = thread;
    options.at_ns = at;
    options.period_ns = period;
    dunlin_timer timer = 0;
    const auto fire = [](void* user) {
      auto& self = *static_cast<TimersTest*>(user);
      self.fired.push_back(self.time.now);
      self.where = self.executor.here;
    };
    EXPECT_EQ(timers.start(1, options, fire, this, timer), DUNLIN_OK);
    return timer;
  }
  void pass_to(std::uint64_t at) {
    time.advance_to(at);
    executor.run();
  }

  HandExecutor executor;
  HandTime time;
  Timers timers{executor, time};
  std::vector<std::uint64_t> fired;
  ThreadKind where = ThreadKind::other;
};

TEST_F(TimersTest, one_shot_fires_once_on_its_thread) {
  start(2'000, 0, DUNLIN_THREAD_WORKER);
  pass_to(1'999);
  EXPECT_TRUE(fired.empty());
  pass_to(2'000);
  pass_to(9'000);
  EXPECT_EQ(fired, std::vector<std::uint64_t>{2'000});
  EXPECT_EQ(where, ThreadKind::worker);
}

TEST_F(TimersTest, periods_that_were_missed_are_skipped) {
  start(2'000, 100);
  pass_to(2'000);
  pass_to(2'350);
  pass_to(2'399);
  pass_to(2'400);
  EXPECT_EQ(fired, (std::vector<std::uint64_t>{2'000, 2'350, 2'400}));
}

TEST_F(TimersTest, a_cancelled_timer_does_not_fire_even_when_it_is_due) {
  const auto timer = start(2'000);
  time.advance_to(2'000);  // on its way to the control thread
  timers.cancel(timer);
  executor.run();
  EXPECT_TRUE(fired.empty());
}

TEST_F(TimersTest, cancel_async_reports_after_the_last_fire) {
  const auto timer = start(2'000);
  time.advance_to(2'000);
  bool done = false;
  timers.cancel_async(timer, [](void* user) { *static_cast<bool*>(user) = true; }, &done);
  EXPECT_FALSE(done);
  executor.run();
  EXPECT_TRUE(done);
  EXPECT_TRUE(fired.empty());
}

TEST_F(TimersTest, cancelling_all_of_a_holder_leaves_those_of_others) {
  start(2'000);
  timers.cancel_all(2);
  timers.cancel_all(1);
  start(3'000);
  pass_to(5'000);
  EXPECT_EQ(fired, std::vector<std::uint64_t>{5'000});
}

TEST_F(TimersTest, an_unknown_thread_or_shard_is_refused) {
  dunlin_timer_options options{};
  options.struct_size = sizeof options;
  dunlin_timer timer = 0;
  EXPECT_EQ(timers.start(1, options, [](void*) {}, nullptr, timer), DUNLIN_E_INVALID);
  options.thread = DUNLIN_THREAD_SHARD;
  options.shard = 2;
  EXPECT_EQ(timers.start(1, options, [](void*) {}, nullptr, timer), DUNLIN_E_INVALID);
}

TEST(SystemTimeTest, wakes_in_order_and_not_early) {
  const auto time = make_system_time();
  const auto begin = time->monotonic_ns();
  std::promise<std::uint64_t> later;
  std::vector<int> order;
  time->wake_at(begin + 4'000'000, [&] {
    order.push_back(2);
    later.set_value(time->monotonic_ns());
  });
  time->wake_at(begin + 1'000'000, [&] { order.push_back(1); });
  EXPECT_GE(later.get_future().get(), begin + 4'000'000);
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

}  // namespace
}  // namespace dunlin::plugin::test
