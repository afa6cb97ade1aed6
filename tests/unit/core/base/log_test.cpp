#include "core/base/log.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace dunlin {
namespace {

using log::Level;

std::vector<std::pair<Level, std::string>> written;

class Log : public testing::Test {
 protected:
  void SetUp() override {
    written.clear();
    log::set_sink([](Level level, std::string_view text) { written.emplace_back(level, text); });
  }
  void TearDown() override {
    log::set_levels(false, false);
    log::set_sink(nullptr);
  }
};

TEST_F(Log, debug_and_trace_are_independent) {
  for (const bool debug : {false, true}) {
    for (const bool trace : {false, true}) {
      log::set_levels(debug, trace);
      EXPECT_EQ(log::enabled(Level::debug), debug);
      EXPECT_EQ(log::enabled(Level::trace), trace);
    }
  }
}

TEST_F(Log, everything_up_to_information_is_always_on) {
  log::set_levels(false, false);
  for (const Level level : {Level::fatal, Level::error, Level::warning, Level::info})
    EXPECT_TRUE(log::enabled(level));
}

TEST_F(Log, arguments_are_not_evaluated_while_the_level_is_off) {
  int evaluated = 0;
  log::set_levels(false, true);
  log_debug("{}", ++evaluated);
  EXPECT_EQ(evaluated, 0);
  log_trace("{}", ++evaluated);
  EXPECT_EQ(evaluated, 1);
}

TEST_F(Log, the_sink_gets_level_and_text) {
  log_warning("{} is {}", "max_payload", 9);
  log_error("plain");
  ASSERT_EQ(written.size(), 2u);
  EXPECT_EQ(written[0], std::pair(Level::warning, std::string("max_payload is 9")));
  EXPECT_EQ(written[1], std::pair(Level::error, std::string("plain")));
}

TEST_F(Log, without_a_sink_it_writes_lines_to_standard_error) {
  log::set_sink(nullptr);
  testing::internal::CaptureStderr();
  log_info("listening");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "listening\n");
  EXPECT_TRUE(written.empty());
}

}  // namespace
}  // namespace dunlin
