#include "core/base/ensure.hpp"

#include <gtest/gtest.h>

namespace dunlin {
namespace {

TEST(EnsureDeathTest, names_the_invariant_and_the_place_before_the_process_ends) {
  const int connections = 3;
  EXPECT_DEATH(ensure(connections == 4), "invariant broken: connections == 4 .*ensure_test.cpp:");
}

TEST(Ensure, evaluates_its_condition_once) {
  int evaluated = 0;
  ensure(++evaluated == 1);
  EXPECT_EQ(evaluated, 1);
}

}  // namespace
}  // namespace dunlin
