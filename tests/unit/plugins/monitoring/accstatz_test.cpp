// /accstatz has the fields of nats-server in its order.

#include "plugins/monitoring/accstatz.hpp"

#include <gtest/gtest.h>

#include "tests/unit/plugins/monitoring/support.hpp"

namespace dunlin::monitoring::test {
namespace {

TEST(Accstatz, an_account_has_the_fields_of_the_reference_in_order) {
  dunlin_account_info info{};
  info.struct_size = sizeof info;
  info.name = str("A");
  info.client_connections = 1;
  info.leafnode_connections = 2;
  info.total_connections = 3;
  info.subscriptions = 4;
  info.slow_consumers = 5;
  info.sent = {6, 7};
  info.received = {8, 9};
  info.sent_gateways = {10, 11};
  info.sent_routes = {12, 13};
  info.sent_leafs = {14, 15};
  info.received_leafs = {16, 17};
  EXPECT_EQ(accstatz_text("NABC", now_ns, {accstat_text(info)}), R"({
  "server_id": "NABC",
  "now": "2026-11-20T20:31:07.5Z",
  "account_statz": [
    {
      "acc": "A",
      "name": "A",
      "conns": 1,
      "leafnodes": 2,
      "total_conns": 3,
      "num_subscriptions": 4,
      "sent": {
        "msgs": 6,
        "bytes": 7,
        "gateways": {
          "msgs": 10,
          "bytes": 11
        },
        "routes": {
          "msgs": 12,
          "bytes": 13
        },
        "leafs": {
          "msgs": 14,
          "bytes": 15
        }
      },
      "received": {
        "msgs": 8,
        "bytes": 9,
        "gateways": {
          "msgs": 0,
          "bytes": 0
        },
        "routes": {
          "msgs": 0,
          "bytes": 0
        },
        "leafs": {
          "msgs": 16,
          "bytes": 17
        }
      },
      "slow_consumers": 5
    }
  ]
})");
}

TEST(Accstatz, without_accounts_the_list_is_empty) {
  EXPECT_EQ(accstatz_text("NABC", now_ns, {}), R"({
  "server_id": "NABC",
  "now": "2026-11-20T20:31:07.5Z",
  "account_statz": []
})");
}

TEST(Accstatz, an_account_goes_by_its_tag) {
  dunlin_account_info info{};
  info.name = str("ABCD");
  info.name_tag = str("sales");
  const auto json = parse(accstat_text(info));
  EXPECT_EQ(json.at("acc"), "ABCD");
  EXPECT_EQ(json.at("name"), "sales");
}

}  // namespace
}  // namespace dunlin::monitoring::test
