// Numbers, times and texts look as nats-server prints them. Expected texts come from its output.

#include "plugins/monitoring/go_format.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace dunlin::monitoring {
namespace {

TEST(GoFormat, durations_use_the_largest_unit_that_fits) {
  EXPECT_EQ(go_duration(0), "0s");
  EXPECT_EQ(go_duration(999), "999ns");
  EXPECT_EQ(go_duration(298'000), "298µs");
  EXPECT_EQ(go_duration(1'500), "1.5µs");
  EXPECT_EQ(go_duration(1'539'113), "1.539113ms");
  EXPECT_EQ(go_duration(200'084'905), "200.084905ms");
  EXPECT_EQ(go_duration(2'000'000'000), "2s");
  EXPECT_EQ(go_duration(120'000'000'000), "2m0s");
  EXPECT_EQ(go_duration(3'661'500'000'000), "1h1m1.5s");
  EXPECT_EQ(go_duration(-1'500'000), "-1.5ms");
  EXPECT_EQ(go_duration(std::numeric_limits<std::int64_t>::min()), "-2562047h47m16.854775808s");
}

TEST(GoFormat, uptime_counts_whole_seconds_up_to_years) {
  constexpr std::int64_t second = 1'000'000'000, minute = 60 * second, hour = 60 * minute,
                         day = 24 * hour, year = 365 * day;
  EXPECT_EQ(uptime_text(5 * second + 999'999'999), "5s");
  EXPECT_EQ(uptime_text(minute + 5 * second), "1m5s");
  EXPECT_EQ(uptime_text(2 * hour + minute + 5 * second), "2h1m5s");
  EXPECT_EQ(uptime_text(3 * day), "3d0h0m0s");
  EXPECT_EQ(uptime_text(year + 3 * day + 2 * hour + minute + 5 * second), "1y3d2h1m5s");
  EXPECT_EQ(uptime_text(-second), "0s");
}

TEST(GoFormat, times_have_as_many_digits_as_they_need) {
  EXPECT_EQ(rfc3339(1'795'206'667'268'287'595), "2026-11-20T20:31:07.268287595Z");
  EXPECT_EQ(rfc3339(1'795'206'667'658'179'680), "2026-11-20T20:31:07.65817968Z");
  EXPECT_EQ(rfc3339(1'795'206'667'000'000'000), "2026-11-20T20:31:07Z");
  EXPECT_EQ(rfc3339(1'795'206'667'000'000'001), "2026-11-20T20:31:07.000000001Z");
}

TEST(GoFormat, an_unknown_time_is_the_zero_time) {
  EXPECT_EQ(rfc3339(0), "0001-01-01T00:00:00Z");
}

TEST(GoFormat, http_dates_are_those_of_the_standard) {
  EXPECT_EQ(http_date(784'111'777'000'000'000), "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST(GoFormat, numbers_are_the_shortest_that_read_back) {
  EXPECT_EQ(json_number(0), "0");
  EXPECT_EQ(json_number(2), "2");
  EXPECT_EQ(json_number(0.5964912280701754), "0.5964912280701754");
  EXPECT_EQ(json_number(1e20), "100000000000000000000");
  EXPECT_EQ(json_number(1e21), "1e+21");
  EXPECT_EQ(json_number(0.000001), "0.000001");
  EXPECT_EQ(json_number(1.5e-9), "1.5e-9");
  EXPECT_EQ(json_number(-2.5), "-2.5");
  EXPECT_EQ(json_number(std::numeric_limits<double>::infinity()), "0");
}

TEST(GoFormat, quoting_escapes_what_cannot_be_seen) {
  EXPECT_EQ(go_quote("maybe"), "\"maybe\"");
  EXPECT_EQ(go_quote(std::string("\"\0", 2)), R"("\"\x00")");
  EXPECT_EQ(go_quote("a\n\t\\\x7f"), R"("a\n\t\\\x7f")");
  EXPECT_EQ(go_quote("µ\xff"), "\"µ\\xff\"");
  EXPECT_EQ(go_quote("\u00ad"), R"("\u00ad")");
}

TEST(GoFormat, an_address_with_colons_gets_brackets) {
  EXPECT_EQ(join_host_port("127.0.0.1", 8222), "127.0.0.1:8222");
  EXPECT_EQ(join_host_port("::1", 8222), "[::1]:8222");
}

TEST(GoFormat, only_well_formed_utf8_has_a_length) {
  EXPECT_EQ(utf8_length("a"), 1u);
  EXPECT_EQ(utf8_length("µ"), 2u);
  EXPECT_EQ(utf8_length("€"), 3u);
  EXPECT_EQ(utf8_length("😀"), 4u);
  for (const char* wrong : {"\x80", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
                            "\xf4\x90\x80\x80", "\xf8", "\xc3", "\xe2\x82"}) {
    EXPECT_EQ(utf8_length(wrong), 0u);
  }
}

}  // namespace
}  // namespace dunlin::monitoring
