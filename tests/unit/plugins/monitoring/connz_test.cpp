// /connz: parameters, sorting, paging, and the fields of nats-server in its order.

#include "plugins/monitoring/connz.hpp"

#include <gtest/gtest.h>

#include "tests/unit/plugins/monitoring/support.hpp"

namespace dunlin::monitoring::test {
namespace {

using Cids = std::vector<std::uint64_t>;

ConnzOptions options_of(std::string_view query) {
  const auto options = connz_options(Query(query));
  EXPECT_TRUE(options) << query;
  return *options;
}

std::string refusal_of(std::string_view query) {
  const auto options = connz_options(Query(query));
  return options ? connz_problem(*options) : options.error();
}

// Pages what `each` makes of connections 1 to `count`.
template <class Each>
Cids page_of_connections(std::string_view query, std::uint64_t count, Each&& each) {
  const auto options = options_of(query);
  ConnzPage page(options, now_ns);
  for (std::uint64_t cid = 1; cid <= count; ++cid) {
    auto info = connection(cid);
    each(info);
    page.add(info);
  }
  page.finish();
  return page.cids();
}

TEST(ConnzOptions, defaults_are_those_of_the_reference) {
  const auto options = options_of("");
  EXPECT_EQ(options.page.offset, 0);
  EXPECT_EQ(options.page.limit, 1024);
  EXPECT_EQ(options.state, ConnState::open);
  EXPECT_EQ(options.subscriptions, DUNLIN_SUBS_NONE);
  EXPECT_EQ(connz_problem(options), "");
}

TEST(ConnzOptions, values_out_of_range_fall_back) {
  EXPECT_EQ(options_of("offset=-5").page.offset, 0);
  EXPECT_EQ(options_of("limit=0").page.limit, 1024);
  EXPECT_EQ(options_of("limit=-3").page.limit, 1024);
  EXPECT_EQ(options_of("cid=4&limit=9").page.limit, 1);
}

TEST(ConnzOptions, states_and_details_are_written_in_any_case) {
  EXPECT_EQ(options_of("state=Closed").state, ConnState::closed);
  EXPECT_EQ(options_of("state=ANY").state, ConnState::all);
  EXPECT_EQ(options_of("state=all").state, ConnState::all);
  EXPECT_EQ(options_of("subs=Detail").subscriptions, DUNLIN_SUBS_DETAIL);
  EXPECT_EQ(options_of("subs=1").subscriptions, DUNLIN_SUBS_LIST);
}

TEST(ConnzOptions, mistakes_are_refused_in_the_words_of_the_reference) {
  EXPECT_EQ(refusal_of("sort=bogus"), "invalid sorting option: bogus");
  EXPECT_EQ(refusal_of("sort=stop"), "sort by stop only valid on closed connections");
  EXPECT_EQ(refusal_of("sort=reason&state=all"),
            "sort by reason only valid on closed connections");
  EXPECT_EQ(refusal_of("state=zzz"), "Error decoding state for zzz");
  EXPECT_EQ(refusal_of("subs=x"),
            "Error decoding boolean for 'subs': strconv.ParseBool: parsing \"x\": invalid syntax");
  EXPECT_EQ(refusal_of("sort=stop&state=closed"), "");
  // Of several mistakes the first parameter's counts, not the first written.
  EXPECT_TRUE(refusal_of("state=zzz&auth=maybe").starts_with("Error decoding boolean for 'auth'"));
}

TEST(ConnzPage, connections_come_by_id) {
  const auto options = options_of("");
  ConnzPage page(options, now_ns);
  for (const std::uint64_t cid : {3, 1, 2}) page.add(connection(cid));
  page.finish();
  EXPECT_EQ(page.cids(), (Cids{1, 2, 3}));
  EXPECT_EQ(page.place(3), 2u);
  EXPECT_EQ(page.place(9), ConnzPage::npos);
}

TEST(ConnzPage, counts_sort_from_the_largest) {
  const auto by = [](auto member) {
    return [member](dunlin_connection_info& info) { info.*member = info.cid % 3; };
  };
  const Cids expected = {2, 1, 4, 3};
  EXPECT_EQ(page_of_connections("sort=subs", 4, by(&dunlin_connection_info::subscription_count)),
            expected);
  EXPECT_EQ(page_of_connections("sort=pending", 4, by(&dunlin_connection_info::pending_bytes)),
            expected);
  EXPECT_EQ(page_of_connections("sort=msgs_to", 4, by(&dunlin_connection_info::out_msgs)),
            expected);
  EXPECT_EQ(page_of_connections("sort=msgs_from", 4, by(&dunlin_connection_info::in_msgs)),
            expected);
  EXPECT_EQ(page_of_connections("sort=bytes_to", 4, by(&dunlin_connection_info::out_bytes)),
            expected);
  EXPECT_EQ(page_of_connections("sort=bytes_from", 4, by(&dunlin_connection_info::in_bytes)),
            expected);
}

TEST(ConnzPage, times_sort_each_in_its_own_direction) {
  const auto activity = [](dunlin_connection_info& info) {
    info.last_activity_ns = now_ns - static_cast<std::int64_t>(info.cid) * second;
  };
  EXPECT_EQ(page_of_connections("sort=last", 3, activity), (Cids{1, 2, 3}));
  EXPECT_EQ(page_of_connections("sort=idle", 3, activity), (Cids{3, 2, 1}));
  const auto age = [](dunlin_connection_info& info) {
    info.start_ns = now_ns - static_cast<std::int64_t>(10 - info.cid) * second;
  };
  EXPECT_EQ(page_of_connections("sort=uptime", 3, age), (Cids{3, 2, 1}));
  const auto start = [](dunlin_connection_info& info) {
    info.start_ns = now_ns - static_cast<std::int64_t>(info.cid) * second;
  };
  EXPECT_EQ(page_of_connections("sort=start", 3, start), (Cids{3, 2, 1}));
  const auto rtt = [](dunlin_connection_info& info) {
    info.rtt_ns = static_cast<std::int64_t>(info.cid);
  };
  EXPECT_EQ(page_of_connections("sort=rtt", 3, rtt), (Cids{3, 2, 1}));
}

TEST(ConnzPage, closed_connections_sort_by_their_end) {
  const auto closed = [](dunlin_connection_info& info) {
    info.closed = 1;
    info.stop_ns = now_ns - static_cast<std::int64_t>(info.cid) * second;
    info.reason = str(info.cid == 2 ? "Authentication Failure" : "Client Closed");
  };
  EXPECT_EQ(page_of_connections("state=closed&sort=stop", 3, closed), (Cids{1, 2, 3}));
  EXPECT_EQ(page_of_connections("state=closed&sort=reason", 3, closed), (Cids{2, 1, 3}));
}

TEST(ConnzPage, a_page_is_cut_from_the_sorted_list) {
  const auto same = [](dunlin_connection_info&) {};
  EXPECT_EQ(page_of_connections("offset=1&limit=2", 4, same), (Cids{2, 3}));
  EXPECT_EQ(page_of_connections("offset=3&limit=2", 4, same), (Cids{4}));
  EXPECT_EQ(page_of_connections("offset=999", 4, same), (Cids{}));
  EXPECT_EQ(page_of_connections("offset=9223372036854775807&limit=9223372036854775807", 4, same),
            (Cids{}));
}

TEST(ConnzPage, filters_do_not_lower_the_total) {
  const auto options = options_of("user=b");
  ConnzPage page(options, now_ns);
  for (std::uint64_t cid = 1; cid <= 3; ++cid) {
    auto info = connection(cid);
    info.authorized_user = str(cid == 2 ? "b" : "a");
    page.add(info);
  }
  page.finish();
  EXPECT_EQ(page.cids(), (Cids{2}));
  EXPECT_EQ(page.total(), 3u);
}

TEST(ConnzPage, one_connection_is_found_by_id_or_mqtt_name) {
  const auto named = [](dunlin_connection_info& info) {
    info.mqtt_client = str(info.cid == 3 ? "mq1" : "");
  };
  EXPECT_EQ(page_of_connections("cid=2", 3, named), (Cids{2}));
  EXPECT_EQ(page_of_connections("mqtt_client=mq1", 3, named), (Cids{3}));
}

TEST(ConnectionText, an_open_client_has_the_fields_of_the_reference_in_order) {
  auto info = connection(28);
  info.rtt_ns = 298'641;
  info.name = str("appA");
  info.lang = str("py-raw");
  info.version = str("0.1");
  info.authorized_user = str("a");
  const auto json = parse(connection_text(info, options_of(""), now_ns));
  EXPECT_EQ(names_of(json),
            (Names{"cid", "kind", "type", "ip", "port", "start", "last_activity", "rtt", "uptime",
                   "idle", "pending_bytes", "in_msgs", "out_msgs", "in_bytes", "out_bytes",
                   "subscriptions", "name", "lang", "version"}));
  EXPECT_EQ(json.at("rtt"), "298µs");
  EXPECT_EQ(json.at("uptime"), "9s");
  EXPECT_EQ(json.at("idle"), "8s");
  EXPECT_EQ(json.at("kind"), "Client");
}

TEST(ConnectionText, identity_and_subscriptions_come_when_asked_for) {
  auto info = connection(28);
  const dunlin_sub_info subs[] = {
      {str("A"), str("svc.>"), str("workers"), str("1"), 1, 5, 28},
      {str("A"), str("foo"), {}, str("3"), 6, 0, 28},
  };
  info.account = str("A");
  info.authorized_user = str("a");
  info.tls_version = str("1.3");
  info.tls_cipher = str("TLS_AES_128_GCM_SHA256");
  info.tls_first = 1;
  info.stalls = 2;
  info.subs = subs;
  info.sub_count = 2;
  auto json = parse(connection_text(info, options_of("auth=1&subs=1"), now_ns));
  const auto names = names_of(json);
  EXPECT_EQ(Names(names.end() - 9, names.end()),
            (Names{"stalls", "subscriptions", "tls_version", "tls_cipher_suite", "tls_first",
                   "authorized_user", "account", "subscriptions_list", "name_tag"}));
  EXPECT_EQ(json.at("subscriptions_list").at(0), "svc.>");
  EXPECT_EQ(json.at("name_tag"), "A");
  json = parse(connection_text(info, options_of("subs=detail"), now_ns));
  const auto& detail = json.at("subscriptions_list_detail");
  EXPECT_EQ(names_of(detail.at(0)), (Names{"subject", "qgroup", "sid", "msgs", "max", "cid"}));
  EXPECT_EQ(names_of(detail.at(1)), (Names{"subject", "sid", "msgs", "cid"}));
}

TEST(ConnectionText, the_global_account_is_a_tag_and_no_account) {
  auto info = connection(1);
  info.authorized_user = str("any");
  auto names = names_of(parse(connection_text(info, options_of("auth=1"), now_ns)));
  EXPECT_EQ(Names(names.end() - 2, names.end()), (Names{"authorized_user", "name_tag"}));
  info.closed = 1;
  info.stop_ns = now_ns;
  names = names_of(parse(connection_text(info, options_of("auth=1"), now_ns)));
  EXPECT_EQ(names.back(), "authorized_user");
}

TEST(ConnectionText, a_closed_connection_tells_when_and_why) {
  auto info = connection(43);
  info.closed = 1;
  info.stop_ns = info.start_ns + 3 * second;
  info.reason = str("Authentication Failure");
  const auto json = parse(connection_text(info, options_of(""), now_ns));
  const auto names = names_of(json);
  EXPECT_EQ(Names(names.begin() + 5, names.begin() + 10),
            (Names{"start", "last_activity", "stop", "reason", "rtt"}));
  EXPECT_EQ(json.at("uptime"), "3s");
}

TEST(ConnectionText, a_leafnode_has_no_type) {
  auto info = connection(14);
  info.kind = DUNLIN_KIND_LEAF;
  const auto json = parse(connection_text(info, options_of(""), now_ns));
  EXPECT_EQ(json.at("kind"), "Leafnode");
  EXPECT_FALSE(json.as_object().contains("type"));
}

TEST(ConnzText, the_envelope_is_that_of_the_reference) {
  const std::vector<std::string> none;
  EXPECT_EQ(connz_text("NABC", now_ns, options_of("offset=999"), 4, &none), R"({
  "server_id": "NABC",
  "now": "2026-11-20T20:31:07.5Z",
  "num_connections": 0,
  "total": 4,
  "offset": 999,
  "limit": 1024,
  "connections": []
})");
}

TEST(ConnzText, an_account_that_does_not_exist_has_neither_server_nor_list) {
  const auto json = parse(connz_text("", now_ns, options_of("acc=NOPE"), 0, nullptr));
  EXPECT_EQ(json.at("server_id"), "");
  EXPECT_TRUE(json.at("connections").is_null());
}

TEST(ConnzText, connections_that_went_away_in_between_are_not_counted) {
  const std::vector<std::string> elements = {"{}", "", "{}"};
  const auto json = parse(connz_text("NABC", now_ns, options_of(""), 3, &elements));
  EXPECT_EQ(json.at("num_connections"), 2);
  EXPECT_EQ(json.at("connections").as_array().size(), 2u);
}

}  // namespace
}  // namespace dunlin::monitoring::test
