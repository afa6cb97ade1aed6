// /metrics: every number once, every family in one piece.

#include "plugins/monitoring/metrics.hpp"

#include <gmock/gmock.h>

#include <set>
#include <sstream>

#include "tests/unit/plugins/monitoring/support.hpp"

namespace dunlin::monitoring::test {
namespace {

using testing::HasSubstr;

dunlin_metric_sample metric(std::uint32_t type, std::string_view plugin, std::string_view name) {
  dunlin_metric_sample sample{};
  sample.struct_size = sizeof sample;
  sample.type = type;
  sample.plugin = str(plugin);
  sample.name = str(name);
  sample.help = str("help");
  return sample;
}

TEST(Metrics, the_servers_numbers_are_there) {
  auto info = server_info();
  info.connections = 3;
  info.slow_consumers_by.leafs = 4;
  PrometheusText text;
  write_server_metrics(text, info);
  write_health_metrics(text, {{"", "core", 0}, {"storage-file", "logs", 1}});
  const auto out = text.take();
  EXPECT_THAT(out, HasSubstr("# TYPE nats_connections gauge\nnats_connections 3\n"));
  EXPECT_THAT(out, HasSubstr("nats_slow_consumers_total{kind=\"leaf\"} 4\n"));
  EXPECT_THAT(out, HasSubstr("nats_start_time_seconds 1795206602.5\n"));
  EXPECT_THAT(out, HasSubstr("nats_uptime_seconds 65\n"));
}

TEST(Metrics, no_family_is_described_twice) {
  PrometheusText text;
  const auto info = server_info();
  write_build_metrics(text, "product", info, {{"monitoring", "1", "started"}});
  write_server_metrics(text, info);
  write_account_metrics(text, {{"A", 1, 0, 0, 0, {}, {}}, {"B", 1, 0, 0, 0, {}, {}}});
  write_request_metrics(text, {{"/varz", 1}, {"/connz", 2}});
  std::istringstream lines(text.take());
  std::set<std::string> described;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("# TYPE ")) continue;
    EXPECT_TRUE(described.insert(line.substr(0, line.rfind(' '))).second) << line;
  }
  EXPECT_GT(described.size(), 30u);
}

TEST(Metrics, accounts_are_labels_and_seen_from_the_server) {
  PrometheusText text;
  write_account_metrics(text, {{"A\"", 1, 2, 3, 4, {5, 6}, {7, 8}}});
  const auto out = text.take();
  EXPECT_THAT(out, HasSubstr("nats_account_out_messages_total{account=\"A\\\"\"} 5\n"));
  EXPECT_THAT(out, HasSubstr("nats_account_in_bytes_total{account=\"A\\\"\"} 8\n"));
}

TEST(Metrics, registered_ones_are_labelled_with_their_plugin) {
  PrometheusText text;
  RegisteredMetrics registered(text);
  auto sample = metric(DUNLIN_METRIC_COUNTER, "store", "appends_total");
  const dunlin_label labels[] = {{str("kind"), str("file")}};
  sample.labels = labels;
  sample.label_count = 1;
  sample.value = 2;
  registered.add(sample);
  sample.plugin = {};
  registered.add(sample);
  registered.add(metric(99, "store", "of_a_newer_host"));
  EXPECT_EQ(text.take(),
            "# HELP dunlin_appends_total help\n# TYPE dunlin_appends_total counter\n"
            "dunlin_appends_total{plugin=\"store\",kind=\"file\"} 2\n"
            "dunlin_appends_total{kind=\"file\"} 2\n");
}

TEST(Metrics, registered_histograms_keep_their_buckets) {
  PrometheusText text;
  auto sample = metric(DUNLIN_METRIC_HISTOGRAM, "store", "sync_seconds");
  const double bounds[] = {1};
  const std::uint64_t counts[] = {1, 1};
  sample.bounds = bounds;
  sample.counts = counts;
  sample.bound_count = 1;
  sample.sum = 3;
  sample.count = 2;
  RegisteredMetrics(text).add(sample);
  EXPECT_THAT(text.take(), HasSubstr("dunlin_sync_seconds_bucket{plugin=\"store\",le=\"1\"} 1\n"));
}

}  // namespace
}  // namespace dunlin::monitoring::test
