// What users may publish and subscribe: allow and deny lists, queues, responses, exact texts.
#include <gmock/gmock.h>

#include "tests/server/harness/raw_client.hpp"

namespace dunlin::testing {
namespace {

class Permissions : public ::testing::Test {
 protected:
  RawClient login(const std::string& user) {
    return RawClient::connect(server,
                              R"({"verbose":false,"pedantic":false,"pass":"p","user":")" + user +
                                  "\"}");
  }

  ServerProcess server{ServerProcess::with_config(R"(
    authorization {
      users [
        { user: all, password: p }
        { user: lists, password: p, permissions {
            publish { allow: ["ok.>", "x.*"], deny: "ok.not" }
            subscribe { allow: ["ok.>", "t.*"], deny: "ok.not" } } }
        { user: overlap, password: p, permissions { subscribe { deny: ["no.>", "w.* bad"] } } }
        { user: queues, password: p, permissions {
            subscribe: ["foo v1", "foo v2.*", "bar", "baz", "baz v1"] } }
        { user: once, password: p, permissions { subscribe: "svc.>", allow_responses: true } }
        { user: thrice, password: p, permissions {
            subscribe: "svc.>", allow_responses { max: 3 } } }
        { user: brief, password: p, permissions {
            subscribe: "svc.>", allow_responses { max: -1, expires: "50ms" } } }
      ]
    })")};
};

std::string publish_error(const std::string& subject) {
  return err("Permissions Violation for Publish to \"" + subject + "\"");
}

std::string subscribe_error(const std::string& subject, const std::string& queue = {}) {
  return err("Permissions Violation for Subscription to \"" + subject + "\"" +
             (queue.empty() ? "" : " using queue \"" + queue + "\""));
}

// Go: TestUserAuthorizationProto
TEST_F(Permissions, publish_needs_the_allow_list_and_no_deny) {
  RawClient client = login("lists");
  client.send("PUB ok.a 1\r\nx\r\nPUB ok.not 1\r\nx\r\nPUB x.a 1\r\nx\r\nPUB x.a.b 1\r\nx\r\n");
  client.send("PUB x.> 1\r\nx\r\n");
  EXPECT_EQ(client.barrier(), publish_error("ok.not") + publish_error("x.a.b"));
}

TEST_F(Permissions, refused_publish_is_not_confirmed_and_not_delivered) {
  RawClient watcher = login("all");
  watcher.send("SUB > 1\r\n");
  watcher.barrier();
  RawClient client = RawClient::connect(server, R"({"verbose":true,"user":"lists","pass":"p"})");
  client.send("PUB no 1\r\nx\r\nPUB ok.a 1\r\nx\r\n");
  EXPECT_EQ(client.barrier(), publish_error("no") + "+OK\r\n");
  EXPECT_EQ(watcher.barrier(), msg("ok.a 1", "x"));
  EXPECT_TRUE(server.wait_for_log("Publish Violation"));
}

TEST_F(Permissions, subscribe_takes_wildcards_as_plain_tokens) {
  RawClient client = login("lists");
  client.send("SUB ok.a 1\r\nSUB t.a 2\r\nSUB t.* 3\r\nSUB t.> 4\r\n");
  EXPECT_EQ(client.barrier(), "");
  client.send("SUB t.a.b 5\r\nSUB *.a 6\r\nSUB > 7\r\nSUB ok.not 8\r\nSUB no q 9\r\n");
  EXPECT_EQ(client.barrier(), subscribe_error("t.a.b") + subscribe_error("*.a") +
                                  subscribe_error(">") + subscribe_error("ok.not") +
                                  subscribe_error("no", "q"));
}

// Go: TestClientSubscribeDenyWildcardOverlapBlocksDelivery
TEST_F(Permissions, wildcard_that_overlaps_a_deny_is_filtered_at_delivery) {
  RawClient client = login("overlap");
  client.send("SUB > 1\r\nSUB no.a 2\r\nSUB no.> 3\r\n");
  EXPECT_EQ(client.barrier(), subscribe_error("no.a") + subscribe_error("no.>"));
  RawClient publisher = login("all");
  publisher.send("PUB no.a 1\r\nx\r\nPUB yes 1\r\ny\r\nPUB no.a.b 1\r\nx\r\nPUB no 1\r\nz\r\n");
  publisher.barrier();
  EXPECT_EQ(client.barrier(), msg("yes 1", "y") + msg("no 1", "z"));
}

TEST_F(Permissions, denied_queue_member_is_skipped_for_another) {
  RawClient denied = login("overlap");
  RawClient member = login("all");
  denied.send("SUB > q 1\r\n");
  member.send("SUB > q 1\r\n");
  denied.barrier();
  member.barrier();
  RawClient publisher = login("all");
  std::string expected;
  for (int i = 0; i < 20; ++i) {
    publisher.send("PUB no.a 1\r\nx\r\n");
    expected += msg("no.a 1", "x");
  }
  publisher.barrier();
  EXPECT_EQ(member.barrier(), expected);
  EXPECT_EQ(denied.barrier(), "");
}

// Go: TestClientQueueScopedSubscribeDenyBlocksOnlyMatchingQueue
TEST_F(Permissions, queue_deny_concerns_only_that_queue) {
  RawClient client = login("overlap");
  client.send("SUB w.a 1\r\nSUB w.a good 2\r\nSUB w.a bad 3\r\n");
  EXPECT_EQ(client.barrier(), subscribe_error("w.a", "bad"));
}

// Go: TestQueueSubscribePermissions
TEST_F(Permissions, queue_entries_name_the_queues_allowed) {
  RawClient client = login("queues");
  client.send("SUB foo v1 1\r\nSUB foo v2.a 2\r\nSUB bar 3\r\nSUB bar any 4\r\n");
  client.send("SUB baz 5\r\nSUB baz v1 6\r\n");
  EXPECT_EQ(client.barrier(), "");
  client.send("SUB foo 7\r\nSUB foo v3 8\r\nSUB baz v2 9\r\n");
  EXPECT_EQ(client.barrier(), subscribe_error("foo") + subscribe_error("foo", "v3") +
                                  subscribe_error("baz", "v2"));
}

// Go: TestUserAuthorizationAllowResponses
TEST_F(Permissions, response_is_allowed_once_and_only_to_the_reply) {
  RawClient responder = login("once");
  RawClient asker = login("all");
  responder.send("SUB svc.> 1\r\n");
  asker.send("SUB r.* 1\r\n");
  responder.barrier();
  asker.send("PUB svc.a r.1 1\r\n?\r\n");
  asker.barrier();
  EXPECT_EQ(responder.barrier(), msg("svc.a 1 r.1", "?"));
  responder.send("PUB r.2 1\r\nx\r\nPUB r.1 1\r\n!\r\nPUB r.1 1\r\n!\r\n");
  EXPECT_EQ(responder.barrier(), publish_error("r.2") + publish_error("r.1"));
  EXPECT_EQ(asker.barrier(), msg("r.1 1", "!"));
}

TEST_F(Permissions, responses_have_their_configured_number) {
  RawClient responder = login("thrice");
  responder.send("SUB svc.> 1\r\n");
  responder.barrier();
  RawClient asker = login("all");
  asker.send("PUB svc.a r.1 1\r\n?\r\n");
  asker.barrier();
  responder.barrier();
  for (int i = 0; i < 3; ++i) {
    responder.send("PUB r.1 1\r\n!\r\n");
    EXPECT_EQ(responder.barrier(), "") << "response " << i;
  }
  responder.send("PUB r.1 1\r\n!\r\n");
  EXPECT_EQ(responder.barrier(), publish_error("r.1"));
}

TEST_F(Permissions, response_expires) {
  RawClient responder = login("brief");
  responder.send("SUB svc.> 1\r\n");
  responder.barrier();
  RawClient asker = login("all");
  asker.send("PUB svc.a r.1 1\r\n?\r\n");
  asker.barrier();
  responder.barrier();
  EXPECT_TRUE(eventually([&] {
    responder.send("PUB r.1 1\r\n!\r\n");
    return responder.barrier() == publish_error("r.1");
  }));
}

TEST_F(Permissions, second_delivery_of_a_request_spends_the_response) {
  RawClient responder = login("once");
  responder.send("SUB svc.> 1\r\nSUB svc.* 2\r\n");
  responder.barrier();
  RawClient asker = login("all");
  asker.send("PUB svc.a r.1 1\r\n?\r\n");
  asker.barrier();
  responder.barrier();
  responder.send("PUB r.1 1\r\n!\r\n");
  EXPECT_EQ(responder.barrier(), publish_error("r.1"));
}

}  // namespace
}  // namespace dunlin::testing
