// The Prometheus text format: names, escapes, histograms.

#include "plugins/monitoring/prometheus.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace dunlin::monitoring {
namespace {

using Label = PrometheusText::Label;

TEST(PrometheusText, a_family_has_help_and_type_before_its_samples) {
  PrometheusText text;
  text.single("nats_connections", "gauge", "Open connections", UINT64_MAX);
  EXPECT_EQ(text.take(),
            "# HELP nats_connections Open connections\n# TYPE nats_connections gauge\n"
            "nats_connections 18446744073709551615\n");
}

TEST(PrometheusText, values_and_help_are_escaped) {
  PrometheusText text;
  text.family("a", "gauge", "back\\slash \"quote\"\nline");
  const Label labels[] = {{"account", "a\"b\\c\nd"}, {"other", "x"}};
  text.sample(labels, 1.5);
  EXPECT_EQ(text.take(),
            "# HELP a back\\\\slash \"quote\"\\nline\n# TYPE a gauge\n"
            "a{account=\"a\\\"b\\\\c\\nd\",other=\"x\"} 1.5\n");
}

TEST(PrometheusText, names_are_made_valid) {
  PrometheusText text;
  text.family("1a-b:c", "counter", "");
  const Label labels[] = {{"x:y z", "v"}};
  text.sample(labels, 1);
  EXPECT_EQ(text.take(), "# HELP _1a_b:c \n# TYPE _1a_b:c counter\n_1a_b:c{x_y_z=\"v\"} 1\n");
}

TEST(PrometheusText, numbers_without_a_value_have_words) {
  PrometheusText text;
  text.family("a", "gauge", "");
  text.sample({}, std::numeric_limits<double>::quiet_NaN());
  text.sample({}, -std::numeric_limits<double>::infinity());
  EXPECT_TRUE(text.take().ends_with("a NaN\na -Inf\n"));
}

TEST(PrometheusText, the_buckets_of_a_histogram_add_up) {
  PrometheusText text;
  text.family("h", "histogram", "x");
  const double bounds[] = {0.5, 1};
  const std::uint64_t counts[] = {2, 3, 4};
  const Label labels[] = {{"plugin", "p"}};
  text.sample(labels, PrometheusText::Histogram{bounds, counts, 7.5, 9});
  EXPECT_EQ(text.take(),
            "# HELP h x\n# TYPE h histogram\nh_bucket{plugin=\"p\",le=\"0.5\"} 2\n"
            "h_bucket{plugin=\"p\",le=\"1\"} 5\nh_bucket{plugin=\"p\",le=\"+Inf\"} 9\n"
            "h_sum{plugin=\"p\"} 7.5\nh_count{plugin=\"p\"} 9\n");
}

}  // namespace
}  // namespace dunlin::monitoring
