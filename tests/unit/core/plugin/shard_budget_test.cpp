// What is noted of plugins that hold a shard up.

#include "core/plugin/shard_budget.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "core/base/log.hpp"

namespace dunlin::plugin::test {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::MatchesRegex;
using ::testing::SizeIs;

constexpr Owner slow = 71, patient = 72;

std::vector<std::string> lines;

class Budget : public ::testing::Test {
 protected:
  Budget() {
    lines.clear();
    log::set_sink([](log::Level, std::string_view line) { lines.emplace_back(line); });
    ShardBudget::add(slow, "slow 1.0.0", &overruns);
    ShardBudget::add(patient, "patient 1.0.0", nullptr);
  }
  ~Budget() override {
    ShardBudget::remove(slow);
    ShardBudget::remove(patient);
    log::set_sink(nullptr);
  }
  static void spin(microseconds time) {
    const auto end = ShardBudget::Clock::now() + time;
    while (ShardBudget::Clock::now() < end) continue;
  }

  dunlin_cell overruns{};
};

TEST_F(Budget, an_overrun_is_counted_and_told_with_plugin_and_function) {
  ShardBudget::overrun(slow, "bytes", microseconds(152), {});
  EXPECT_EQ(overruns.value, 1);
  EXPECT_THAT(lines, ElementsAre("plugin slow 1.0.0: bytes took 152 µs on a shard; at most 100 µs "
                                 "are allowed"));
}

TEST_F(Budget, each_function_is_told_once_a_minute_and_always_counted) {
  const ShardBudget::Clock::time_point start{};
  ShardBudget::overrun(slow, "bytes", microseconds(200), start);
  ShardBudget::overrun(slow, "bytes", microseconds(200), start + seconds(59));
  ShardBudget::overrun(slow, "tick", microseconds(200), start + seconds(59));
  EXPECT_THAT(lines, SizeIs(2));
  ShardBudget::overrun(slow, "bytes", microseconds(200), start + seconds(60));
  EXPECT_THAT(lines, SizeIs(3));
  EXPECT_EQ(overruns.value, 4);
}

TEST_F(Budget, a_plugin_that_is_gone_is_not_told_of) {
  ShardBudget::overrun(999, "bytes", microseconds(200), {});
  EXPECT_TRUE(lines.empty());
}

TEST_F(Budget, a_call_that_is_short_costs_nothing) {
  // Whoever measures may be interrupted; a hundred times in a row it is not.
  for (int i = 0; i < 100 && overruns.value == i; ++i) const ShardCall call(slow, "bytes");
  EXPECT_LT(overruns.value, 100);
}

TEST_F(Budget, a_call_that_is_long_is_noted) {
  {
    const ShardCall call(slow, "bytes");
    spin(microseconds(300));
  }
  EXPECT_EQ(overruns.value, 1);
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_THAT(lines[0], MatchesRegex("plugin slow 1\\.0\\.0: bytes took [0-9]+ µs on a shard; .*"));
}

TEST_F(Budget, what_runs_elsewhere_is_not_timed) {
  {
    const ShardCall call(slow, "on_msgs", false);
    spin(microseconds(300));
  }
  EXPECT_EQ(overruns.value, 0);
}

TEST_F(Budget, a_plugin_does_not_pay_for_another_one_it_calls) {
  {
    const ShardCall outer(patient, "on_msgs");
    const ShardCall inner(slow, "bytes");
    spin(microseconds(300));
  }
  EXPECT_EQ(overruns.value, 1);
  ASSERT_FALSE(lines.empty());
  EXPECT_THAT(lines[0], MatchesRegex("plugin slow .*"));
}

}  // namespace
}  // namespace dunlin::plugin::test
