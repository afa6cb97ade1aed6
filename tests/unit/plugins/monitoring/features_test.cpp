// What is answered for features that are other plugins': as nats-server 2.15.1 without them.

#include "plugins/monitoring/features.hpp"

#include <gtest/gtest.h>

#include "tests/unit/plugins/monitoring/support.hpp"

namespace dunlin::monitoring::test {
namespace {

const WhoAndWhen who{"NABC", "one", now_ns};

TEST(AbsentFeatures, there_are_no_routes) {
  EXPECT_EQ(absent_routez_text(who), R"({
  "server_id": "NABC",
  "server_name": "one",
  "now": "2026-11-20T20:31:07.5Z",
  "num_routes": 0,
  "routes": []
})");
}

TEST(AbsentFeatures, there_are_no_gateways) {
  EXPECT_EQ(absent_gatewayz_text(who), R"({
  "server_id": "NABC",
  "now": "2026-11-20T20:31:07.5Z",
  "outbound_gateways": {},
  "inbound_gateways": {}
})");
}

TEST(AbsentFeatures, there_are_no_leafnodes) {
  EXPECT_EQ(absent_leafz_text(who), R"({
  "server_id": "NABC",
  "now": "2026-11-20T20:31:07.5Z",
  "leafnodes": 0,
  "leafs": []
})");
}

TEST(AbsentFeatures, jetstream_is_disabled) {
  EXPECT_EQ(absent_jsz_text(who), R"({
  "memory": 0,
  "storage": 0,
  "reserved_memory": 0,
  "reserved_storage": 0,
  "accounts": 0,
  "ha_assets": 0,
  "api": {
    "level": 0,
    "total": 0,
    "errors": 0
  },
  "server_id": "NABC",
  "now": "2026-11-20T20:31:07.5Z",
  "disabled": true,
  "config": {
    "max_memory": 0,
    "max_storage": 0
  },
  "streams": 0,
  "consumers": 0,
  "messages": 0,
  "bytes": 0,
  "total": 0
})");
}

}  // namespace
}  // namespace dunlin::monitoring::test
