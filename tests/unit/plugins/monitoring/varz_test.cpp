// /varz has the fields of nats-server in its order.

#include "plugins/monitoring/varz.hpp"

#include <gtest/gtest.h>

#include "tests/unit/plugins/monitoring/support.hpp"

namespace dunlin::monitoring::test {
namespace {

TEST(Varz, a_plain_server_has_the_fields_of_the_reference_in_order) {
  const auto json = parse(varz_text(server_info(), Settings{}, {{"/varz", 1}}));
  // As printed by nats-server 2.15.1 without configuration, but for feature_flags.
  const Names expected = {
      "server_id", "server_name", "version", "proto", "go", "host", "port", "max_connections",
      "ping_interval", "ping_max", "http_host", "http_port", "http_base_path", "https_port",
      "auth_timeout", "max_control_line", "max_payload", "max_pending", "cluster", "gateway",
      "leaf", "mqtt", "websocket", "jetstream", "tls_timeout", "write_deadline", "start", "now",
      "uptime", "mem", "cores", "gomaxprocs", "cpu", "connections", "total_connections", "routes",
      "remotes", "leafnodes", "in_msgs", "in_bytes", "in_client_msgs", "in_client_bytes",
      "out_msgs", "out_bytes", "out_client_msgs", "out_client_bytes", "slow_consumers",
      "stale_connections", "stalled_clients", "subscriptions", "http_req_stats",
      "config_load_time", "config_digest", "system_account", "slow_consumer_stats",
      "stale_connection_stats", "disk_io_wait_stats"};
  EXPECT_EQ(names_of(json), expected);
  EXPECT_EQ(names_of(json.at("stale_connection_stats")),
            (Names{"clients", "routes", "gateways", "leafs"}));
  EXPECT_EQ(names_of(json.at("disk_io_wait_stats")),
            (Names{"waiters", "waits", "wait_time", "max_wait_time"}));
}

TEST(Varz, values_have_the_units_of_the_reference) {
  const auto text = varz_text(server_info(), Settings{}, {});
  const auto json = parse(text);
  EXPECT_EQ(json.at("ping_interval"), 120'000'000'000);
  EXPECT_EQ(json.at("auth_timeout"), 2);
  EXPECT_NE(text.find("\"tls_timeout\": 0.5,"), std::string::npos);
  EXPECT_EQ(json.at("uptime"), "1m5s");
  EXPECT_EQ(json.at("go"), "none, c++20");
  EXPECT_EQ(json.at("now"), "2026-11-20T20:31:07.5Z");
  EXPECT_EQ(json.at("cluster"), boost::json::object());
}

TEST(Varz, what_is_configured_and_rare_is_shown_when_it_is_there) {
  auto info = server_info();
  const dunlin_str urls[] = {str("10.0.0.1:4222")};
  const dunlin_str tags[] = {str("az:4")};
  const dunlin_str metadata[] = {str("zone"), str("b"), str("region"), str("lab")};
  info.auth_required = info.tls_required = info.tls_verify = 1;
  info.git_commit = str("abcdef0");
  info.write_timeout = str("retry");
  info.ip = str("10.0.0.1");
  info.max_subscriptions = 7;
  info.connect_urls = urls;
  info.connect_url_count = 1;
  info.tags = tags;
  info.tag_count = 1;
  info.metadata = metadata;
  info.metadata_count = 2;
  Settings settings;
  settings.base_written = "mon/";
  settings.http_port = -1;
  const auto json = parse(varz_text(info, settings, {{"/", 1}, {"/varz", 2}}));
  const auto names = names_of(json);
  const auto at = std::find(names.begin(), names.end(), "port");
  EXPECT_EQ(Names(at, at + 8), (Names{"port", "auth_required", "tls_required", "tls_verify", "ip",
                                      "connect_urls", "max_connections", "max_subscriptions"}));
  const auto deadline = std::find(names.begin(), names.end(), "write_deadline");
  EXPECT_EQ(Names(deadline, deadline + 2), (Names{"write_deadline", "write_timeout"}));
  EXPECT_EQ(json.at("write_timeout"), "retry");
  EXPECT_EQ(json.at("http_base_path"), "mon/");
  EXPECT_EQ(names_of(json.at("metadata")), (Names{"region", "zone"}));
  EXPECT_EQ(json.at("tags").at(0), "az:4");
  EXPECT_EQ(json.at("http_req_stats").at("/varz"), 2);
}

TEST(Varz, an_older_host_tells_less) {
  auto info = server_info();
  info.struct_size = offsetof(dunlin_server_info, go);
  info.write_timeout = str("retry");  // what lies behind the struct is not read
  const auto json = parse(varz_text(info, Settings{}, {}));
  EXPECT_FALSE(json.as_object().contains("write_timeout"));
}

}  // namespace
}  // namespace dunlin::monitoring::test
