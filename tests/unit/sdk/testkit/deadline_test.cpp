#include "sdk/testkit/deadline.hpp"

#include <gtest/gtest.h>

namespace dunlin::testkit {
namespace {

using namespace std::chrono_literals;

TEST(Deadline, is_over_when_the_time_was_looked_at_for_as_long) {
  auto now = Deadline::Clock::time_point(1h);
  Deadline deadline(20s, now);
  for (int looks = 1; looks < 200; ++looks)
    EXPECT_FALSE(deadline.is_over(now += Deadline::look)) << looks;
  EXPECT_TRUE(deadline.is_over(now += Deadline::look));
}

// A kit whose processes were stopped for 22 s said that "short write at call 174" had hung.
TEST(Deadline, does_not_count_what_passed_while_nobody_could_look) {
  auto now = Deadline::Clock::time_point(1h);
  Deadline deadline(20s, now);
  EXPECT_FALSE(deadline.is_over(now += 5s));
  EXPECT_FALSE(deadline.is_over(now += 22s));
  EXPECT_FALSE(deadline.is_over(now += 24h));
  for (int looks = 1; looks < 185; ++looks)
    EXPECT_FALSE(deadline.is_over(now += Deadline::look)) << looks;
  EXPECT_TRUE(deadline.is_over(now += Deadline::look));
}

}  // namespace
}  // namespace dunlin::testkit
