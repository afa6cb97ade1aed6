// /accountz has the fields of nats-server in its order.

#include "plugins/monitoring/accountz.hpp"

#include <gtest/gtest.h>

#include "tests/unit/plugins/monitoring/support.hpp"

namespace dunlin::monitoring::test {
namespace {

dunlin_account_info account(std::string_view name) {
  dunlin_account_info info{};
  info.struct_size = sizeof info;
  info.name = str(name);
  info.is_complete = 1;
  info.update_ns = now_ns;
  return info;
}

TEST(Accountz, the_list_is_of_names) {
  EXPECT_EQ(accountz_list_text("NABC", now_ns, "$SYS", {"$G", "$SYS"}), R"({
  "server_id": "NABC",
  "now": "2026-11-20T20:31:07.5Z",
  "system_account": "$SYS",
  "accounts": [
    "$G",
    "$SYS"
  ]
})");
}

TEST(Accountz, the_detail_has_the_fields_of_the_reference_in_order) {
  const dunlin_subscriptions_info counts{};
  auto info = account("SYS");
  info.is_system = 1;
  const auto json =
      parse(accountz_detail_text("NABC", now_ns, "SYS", account_text(info, &counts)));
  EXPECT_EQ(names_of(json), (Names{"server_id", "now", "system_account", "account_detail"}));
  const auto& detail = json.at("account_detail");
  EXPECT_EQ(names_of(detail),
            (Names{"account_name", "update_time", "is_system", "expired", "complete",
                   "jetstream_enabled", "leafnode_connections", "client_connections",
                   "subscriptions", "name_tag", "sublist_stats"}));
  EXPECT_EQ(names_of(detail.at("sublist_stats")),
            (Names{"num_subscriptions", "num_cache", "num_inserts", "num_removes", "num_matches",
                   "cache_hit_rate", "max_fanout", "avg_fanout"}));
  EXPECT_EQ(detail.at("complete"), true);
  EXPECT_EQ(detail.at("name_tag"), "SYS");
}

TEST(Accountz, the_detail_is_indented_as_a_part_of_the_whole) {
  const auto text = accountz_detail_text("N", now_ns, "", account_text(account("A"), nullptr));
  EXPECT_NE(text.find("\n  \"account_detail\": {\n    \"account_name\": \"A\",\n"),
            std::string::npos);
  EXPECT_TRUE(text.ends_with("\n  }\n}"));
}

}  // namespace
}  // namespace dunlin::monitoring::test
