#include "bench/load/histogram.hpp"

#include <gtest/gtest.h>

namespace dunlin::bench {
namespace {

TEST(Histogram, is_zero_without_samples) {
  const Histogram histogram;
  EXPECT_EQ(histogram.quantile(0.5), 0u);
  EXPECT_EQ(histogram.count(), 0u);
}

TEST(Histogram, small_values_are_exact) {
  Histogram histogram;
  for (std::uint64_t value = 1; value <= 100; ++value) histogram.record(value);
  EXPECT_EQ(histogram.quantile(0.5), 50u);
  EXPECT_EQ(histogram.quantile(0.99), 99u);
  EXPECT_EQ(histogram.quantile(1.0), 100u);
}

TEST(Histogram, large_values_are_within_one_percent) {
  for (std::uint64_t value = 129; value < Histogram::value_max / 3; value = value * 3 + 1) {
    Histogram histogram;
    histogram.record(value);
    histogram.record(Histogram::value_max);
    const std::uint64_t reported = histogram.quantile(0.5);
    EXPECT_GE(reported, value);
    EXPECT_LE(static_cast<double>(reported - value), static_cast<double>(value) * 0.01);
  }
}

TEST(Histogram, quantiles_follow_the_ranks) {
  Histogram histogram;
  for (int i = 0; i < 990; ++i) histogram.record(10);
  for (int i = 0; i < 10; ++i) histogram.record(1'000'000);
  EXPECT_EQ(histogram.quantile(0.99), 10u);
  EXPECT_GT(histogram.quantile(0.995), 990'000u);
}

TEST(Histogram, values_beyond_the_range_count_as_the_largest) {
  Histogram histogram;
  histogram.record(~std::uint64_t{0});
  EXPECT_EQ(histogram.quantile(0.5), Histogram::value_max);
}

TEST(Histogram, adding_another_equals_recording_its_samples) {
  Histogram first;
  Histogram second;
  Histogram both;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    (i % 3 == 0 ? first : second).record(i * i);
    both.record(i * i);
  }
  first.add(second);
  EXPECT_EQ(first.count(), both.count());
  EXPECT_EQ(first.max(), both.max());
  for (const double fraction : {0.1, 0.5, 0.9, 0.999}) {
    EXPECT_EQ(first.quantile(fraction), both.quantile(fraction));
  }
}

}  // namespace
}  // namespace dunlin::bench
