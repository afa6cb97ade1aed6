// The tables over the server's services let nothing through that breaks their rules: subjects from
// one protocol must never become commands of another.
//
// Method: services that only remember what arrived.

#include <dunlin/ext/executor.h>
#include <gmock/gmock.h>

#include "core/plugin/argument_checks.hpp"
#include "core/plugin/context.hpp"
#include "core/plugin/plugin_host.hpp"
#include "tests/unit/core/plugin/support.hpp"

namespace dunlin::plugin::test {
namespace {

using testing::_;
using testing::DoAll;
using testing::Return;
using testing::SetArgReferee;
using testing::SizeIs;

class MockRouter : public RouterService {
 public:
  MOCK_METHOD(dunlin_status, publish,
              (Owner, dunlin_account*, dunlin_conn*, std::span<const dunlin_msg>, std::size_t&));
  MOCK_METHOD(dunlin_status, subscribe,
              (Owner, dunlin_account*, dunlin_conn*, const dunlin_sub_options&, dunlin_on_msgs,
               void*, dunlin_sub_id&));
  MOCK_METHOD(void, unsubscribe, (Owner, dunlin_sub_id));
  MOCK_METHOD(void, unsubscribe_async, (Owner, dunlin_sub_id, dunlin_task, void*));
  MOCK_METHOD(dunlin_status, request,
              (Owner, dunlin_account*, const dunlin_msg&, std::uint64_t, dunlin_on_reply, void*,
               dunlin_request_id&));
  MOCK_METHOD(void, request_cancel, (Owner, dunlin_request_id));
  MOCK_METHOD(bool, interest, (dunlin_account*, std::string_view));
  MOCK_METHOD(dunlin_status, reserve_prefix, (Owner, std::string_view));
  MOCK_METHOD(dunlin_status, buf_create,
              (std::span<const dunlin_bytes>, dunlin_buf*&, dunlin_bytes&));
  MOCK_METHOD(void, retain, (dunlin_buf*));
  MOCK_METHOD(void, release, (dunlin_buf*));
};

class MockLinks : public LinkService {
 public:
  MOCK_METHOD(dunlin_status, attach,
              (Owner, dunlin_conn*, const dunlin_link_options&, dunlin_link*&));
  MOCK_METHOD(void, detach, (Owner, dunlin_link*));
  MOCK_METHOD(dunlin_status, subscribe,
              (dunlin_link*, std::span<const dunlin_remote_sub>, std::size_t&));
  MOCK_METHOD(dunlin_status, publish,
              (dunlin_link*, std::span<const dunlin_routed_msg>, std::size_t&));
  MOCK_METHOD(dunlin_status, observe, (Owner, const dunlin_interest_options&, dunlin_observer&));
  MOCK_METHOD(void, unobserve, (Owner, dunlin_observer));
  MOCK_METHOD(dunlin_status, set_peer, (Owner, const dunlin_peer_info&));
  MOCK_METHOD(void, remove_peer, (Owner, std::string_view));
  MOCK_METHOD(void, each_peer, (bool (*)(void*, const dunlin_peer_info*), void*));
};

class Tables : public testing::Test {
 protected:
  static HostServices offered(RouterService* router, LinkService* links) {
    HostServices services;
    services.router = router;
    services.links = links;
    return services;
  }
  static Identity identity(std::uint32_t flags) {
    Identity out;
    out.id = "plugin";
    out.flags = flags;
    return out;
  }
  static dunlin_msg message(std::string_view subject) {
    dunlin_msg out{};
    out.subject = str(subject);
    return out;
  }

  HandExecutor executor;
  HandTime time;
  testing::StrictMock<MockRouter> router;
  testing::StrictMock<MockLinks> links;
  Shared shared{executor, time, offered(&router, &links), ConfigHelpers{}};
  PluginContext context{shared, 7, identity(DUNLIN_ENTRY_DRAFT), "p", {}};
  dunlin_account* account = reinterpret_cast<dunlin_account*>(&executor);
  const dunlin_router& table =
      *static_cast<const dunlin_router*>(context.extension(&context, DUNLIN_EXT_ROUTER));
};

TEST_F(Tables, draft_tables_are_for_draft_plugins_only) {
  EXPECT_NE(context.extension(&context, DUNLIN_EXT_LINKS), nullptr);
  PluginContext plain{shared, 8, identity(0), "p", {}};
  EXPECT_EQ(plain.extension(&plain, DUNLIN_EXT_LINKS), nullptr);
}

TEST_F(Tables, a_batch_is_routed_up_to_the_first_bad_subject) {
  const dunlin_msg messages[] = {message("a"), message("b.c"), message("d e"), message("f")};
  EXPECT_CALL(router, publish(7, account, nullptr, SizeIs(2), _))
      .WillOnce(DoAll(SetArgReferee<4>(2), Return(DUNLIN_OK)));
  std::size_t done = 99;
  EXPECT_EQ(table.publish(&context, account, nullptr, messages, 4, &done), DUNLIN_E_INVALID);
  EXPECT_EQ(done, 2u);
}

TEST_F(Tables, subjects_that_could_become_commands_never_arrive) {
  for (const std::string bad : {"", "a b", "a\r\nSUB x 1", "a\tb", "a..b", ".a", "a.",
                                "a\x01" "b", "a\x7f", "a.*", ">"}) {
    const auto one = message(bad);
    EXPECT_EQ(table.publish(&context, account, nullptr, &one, 1, nullptr), DUNLIN_E_INVALID) << bad;
  }
  const std::string zero("a\0b", 3);
  EXPECT_FALSE(is_publishable(zero));
  EXPECT_FALSE(is_subscribable(std::string(DUNLIN_SUBJECT_MAX + 1, 'a')));
  EXPECT_TRUE(is_subscribable("a.*.>"));
}

TEST_F(Tables, headers_must_be_whole) {
  auto one = message("a");
  const std::string cut = "NATS/1.0\r\nA: b\r\n";
  one.header = {reinterpret_cast<const std::uint8_t*>(cut.data()), cut.size()};
  EXPECT_EQ(table.publish(&context, account, nullptr, &one, 1, nullptr), DUNLIN_E_INVALID);
}

TEST_F(Tables, an_older_plugins_shorter_options_are_padded) {
  dunlin_sub_options options{};
  options.struct_size = offsetof(dunlin_sub_options, messages_max);
  options.home_shard = DUNLIN_SHARD_NONE;
  options.subject = str("a.>");
  options.messages_max = 5;  // behind what the plugin's header knows
  const dunlin_on_msgs on_msgs = [](void*, const dunlin_msg*, std::size_t) {};
  const auto padded = testing::Field(&dunlin_sub_options::messages_max, 0u);
  EXPECT_CALL(router, subscribe(7, account, nullptr, padded, on_msgs, _, _))
      .WillOnce(Return(DUNLIN_OK));
  dunlin_sub_id id = 0;
  EXPECT_EQ(table.subscribe(&context, account, nullptr, &options, on_msgs, nullptr, &id),
            DUNLIN_OK);
}

TEST_F(Tables, nonsense_arguments_are_refused_before_the_server_sees_them) {
  dunlin_sub_options options{};
  const dunlin_on_msgs on_msgs = [](void*, const dunlin_msg*, std::size_t) {};
  dunlin_sub_id id = 0;
  const auto subscribe = [&] {
    return table.subscribe(&context, account, nullptr, &options, on_msgs, nullptr, &id);
  };
  options.subject = str("a");
  EXPECT_EQ(subscribe(), DUNLIN_E_INVALID);  // no size
  options.struct_size = sizeof options;
  options.home_shard = 2;
  EXPECT_EQ(subscribe(), DUNLIN_E_INVALID);  // no such shard
  options.home_shard = 0;
  options.reserved = 1;
  EXPECT_EQ(subscribe(), DUNLIN_E_INVALID);
  options.reserved = 0;
  options.queue = str("a queue");
  EXPECT_EQ(subscribe(), DUNLIN_E_INVALID);
  options.queue = {nullptr, 3};
  EXPECT_EQ(subscribe(), DUNLIN_E_INVALID);
  EXPECT_EQ(table.publish(&context, account, nullptr, nullptr, 1, nullptr), DUNLIN_E_INVALID);
  EXPECT_EQ(table.reserve_prefix(&context, str("$MQTT")), DUNLIN_E_INVALID);  // no dot
}

TEST_F(Tables, a_stopped_plugin_routes_nothing) {
  context.stopped = true;
  const auto one = message("a");
  EXPECT_EQ(table.publish(&context, account, nullptr, &one, 1, nullptr), DUNLIN_E_CLOSED);
}

TEST_F(Tables, remote_interest_is_checked_like_local) {
  const auto& link_table =
      *static_cast<const dunlin_links*>(context.extension(&context, DUNLIN_EXT_LINKS));
  auto* const link = reinterpret_cast<dunlin_link*>(&time);
  dunlin_remote_sub subs[2]{};
  subs[0].account = account;
  subs[0].subject = str("a.>");
  subs[0].weight = 1;
  subs[1] = subs[0];
  subs[1].weight = -1;
  EXPECT_CALL(links, subscribe(link, SizeIs(1), _))
      .WillOnce(DoAll(SetArgReferee<2>(1), Return(DUNLIN_OK)));
  std::size_t done = 0;
  EXPECT_EQ(link_table.subscribe(&context, link, subs, 2, &done), DUNLIN_E_INVALID);
  EXPECT_EQ(done, 1u);
}

}  // namespace
}  // namespace dunlin::plugin::test
