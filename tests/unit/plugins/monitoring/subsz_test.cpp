// /subsz: parameters and the fields of nats-server in its order.

#include "plugins/monitoring/subsz.hpp"

#include <gtest/gtest.h>

#include "tests/unit/plugins/monitoring/support.hpp"

namespace dunlin::monitoring::test {
namespace {

dunlin_subscriptions_info counts() {
  dunlin_subscriptions_info info{};
  info.struct_size = sizeof info;
  info.num_subscriptions = 303;
  info.cache_hit_rate = 0.5964912280701754;
  info.total = 22;
  return info;
}

TEST(SubszOptions, a_test_subject_must_be_one_to_publish_to) {
  EXPECT_EQ(subsz_options(Query("subs=1&test=foo.*")).error(),
            "invalid test subject, must be valid publish subject: foo.*");
  EXPECT_EQ(subsz_options(Query("test=a..b")).error(),
            "invalid test subject, must be valid publish subject: a..b");
  EXPECT_TRUE(subsz_options(Query("test=foo.bar")));
  EXPECT_TRUE(subsz_options(Query("subs=maybe")).error().starts_with("Error decoding boolean"));
}

TEST(IsLiteralSubject, wildcards_count_only_as_whole_tokens) {
  EXPECT_TRUE(is_literal_subject("foo"));
  EXPECT_TRUE(is_literal_subject("foo*.>bar"));
  for (const char* wrong : {"", ".", "foo.", ".foo", "*", ">", "a.*.b", "a.>"}) {
    EXPECT_FALSE(is_literal_subject(wrong)) << wrong;
  }
}

TEST(SubszText, without_a_list_the_total_is_zero) {
  SubszText text("NABC", now_ns, *subsz_options(Query("")), counts());
  const auto json = parse(text.finish());
  EXPECT_EQ(names_of(json),
            (Names{"server_id", "now", "num_subscriptions", "num_cache", "num_inserts",
                   "num_removes", "num_matches", "cache_hit_rate", "max_fanout", "avg_fanout",
                   "total", "offset", "limit"}));
  EXPECT_EQ(json.at("total"), 0);
  EXPECT_EQ(json.at("limit"), 1024);
}

TEST(SubszText, a_list_names_the_account_of_each_subscription) {
  SubszText text("NABC", now_ns, *subsz_options(Query("subs=1&limit=5")), counts());
  text.add({str("A"), str("tmp.>"), str("q"), str("1"), 0, 9, 40});
  text.add({str("A"), str("foo"), {}, str("2"), 0, 0, 41});
  const auto json = parse(text.finish());
  EXPECT_EQ(json.at("total"), 22);
  const auto& list = json.at("subscriptions_list");
  EXPECT_EQ(names_of(list.at(0)), (Names{"account", "account_tag", "subject", "qgroup", "sid",
                                         "msgs", "max", "cid"}));
  EXPECT_EQ(names_of(list.at(1)),
            (Names{"account", "account_tag", "subject", "sid", "msgs", "cid"}));
}

}  // namespace
}  // namespace dunlin::monitoring::test
