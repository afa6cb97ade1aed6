// The client protocol's operations one by one: what each accepts and the exact bytes it answers.
#include <gmock/gmock.h>

#include "tests/server/harness/raw_client.hpp"

namespace dunlin::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Protocol : public ::testing::Test {
 protected:
  ServerProcess server;
};

// Go: TestClientCreateAndInfo
TEST_F(Protocol, info_is_the_first_line_and_names_the_limits) {
  RawClient client = RawClient::connect(server);
  EXPECT_THAT(client.info(), HasSubstr(R"("server_id":"N)"));
  EXPECT_THAT(client.info(), HasSubstr(R"("proto":1)"));
  EXPECT_THAT(client.info(), HasSubstr(R"("host":"127.0.0.1")"));
  EXPECT_THAT(client.info(), HasSubstr("\"port\":" + std::to_string(server.port())));
  EXPECT_THAT(client.info(), HasSubstr(R"("headers":true)"));
  EXPECT_THAT(client.info(), HasSubstr(R"("max_payload":1048576)"));
  EXPECT_THAT(client.info(), HasSubstr(R"("client_ip":"127.0.0.1")"));
  EXPECT_THAT(client.info(), Not(HasSubstr("auth_required")));
  EXPECT_THAT(client.info(), Not(HasSubstr("tls_required")));
  EXPECT_THAT(client.info(), Not(HasSubstr("nonce")));
  EXPECT_EQ(client.info().back(), ' ') << "every nats-server puts a blank before CRLF";
}

TEST_F(Protocol, client_ids_grow) {
  const auto id_of = [](const std::string& info) {
    return std::stoul(info.substr(info.find("\"client_id\":") + 12));
  };
  RawClient first = RawClient::connect(server);
  RawClient second = RawClient::connect(server);
  EXPECT_LT(id_of(first.info()), id_of(second.info()));
}

// Go: TestClientPing
TEST_F(Protocol, ping_is_answered_with_pong) {
  RawClient client = RawClient::connect(server);
  client.send("PING\r\nping junk\r\n");
  EXPECT_TRUE(client.receives("PONG\r\nPONG\r\n"));
}

// Go: TestUnpromptedPong
TEST_F(Protocol, unsolicited_pong_and_ok_are_ignored) {
  RawClient client = RawClient::connect(server);
  client.send("PONG\r\n+OK\r\nPONG\r\n");
  EXPECT_EQ(client.barrier(), "");
}

TEST_F(Protocol, info_from_a_client_is_ignored) {
  RawClient client = RawClient::connect(server);
  client.send("INFO {}\r\n");
  EXPECT_EQ(client.barrier(), "");
}

// Go: TestClientConnect
TEST_F(Protocol, connect_defaults_are_verbose_pedantic_and_echo) {
  RawClient client = RawClient::connect(server);
  client.send("CONNECT {}\r\nSUB a.* 1\r\nPUB a.* 1\r\nx\r\n");
  EXPECT_EQ(client.barrier(), "+OK\r\n+OK\r\n" + err("Invalid Publish Subject") + "+OK\r\n" +
                                  msg("a.* 1", "x"));
}

TEST_F(Protocol, operations_work_before_connect_when_no_credentials_are_needed) {
  RawClient client = RawClient::connect(server);
  client.send("SUB a 1\r\nPUB a 2\r\nhi\r\n");
  EXPECT_EQ(client.barrier(), "+OK\r\n+OK\r\n" + msg("a 1", "hi"));
}

TEST_F(Protocol, connect_needs_no_blank_and_ignores_the_case_of_keys) {
  RawClient client = RawClient::connect(server);
  client.send("CONNECT{\"VERBOSE\":false,\"unknown\":[1,{\"a\":null}]}\r\n");
  EXPECT_EQ(client.barrier(), "");
}

TEST_F(Protocol, operation_names_ignore_case_and_lines_may_end_in_a_bare_newline) {
  RawClient client = RawClient::connect(server, quiet);
  client.send("sUb a 1\npUB a 1\nx\r\nUNsub 1\nPub a 1\r\ny\r\n");
  EXPECT_EQ(client.barrier(), msg("a 1", "x"));
}

// Go: TestClientConnectInfo
TEST_F(Protocol, first_pong_is_followed_by_the_connect_info) {
  RawClient client = RawClient::connect(server);
  client.send("CONNECT {\"verbose\":false,\"protocol\":1}\r\nPING\r\n");
  EXPECT_TRUE(client.receives("PONG\r\n"));
  EXPECT_TRUE(client.read_info());
  EXPECT_THAT(client.info(), HasSubstr(R"("connect_info":true)"));
  EXPECT_THAT(client.info(), HasSubstr(R"("remote_account":"$G")"));
  EXPECT_EQ(client.barrier(), "") << "only the first PING brings an INFO";
}

TEST_F(Protocol, protocol_zero_gets_no_connect_info) {
  RawClient client = RawClient::connect(server);
  client.send("CONNECT {\"verbose\":false}\r\nPING\r\n");
  EXPECT_TRUE(client.receives("PONG\r\n"));
  EXPECT_EQ(client.barrier(), "");
}

// Go: TestClientSimplePubSub
TEST_F(Protocol, message_reaches_the_subscription) {
  RawClient publisher = RawClient::connect(server, quiet);
  RawClient subscriber = RawClient::connect(server, quiet);
  subscriber.send("SUB foo 1\r\n");
  EXPECT_EQ(subscriber.barrier(), "");
  publisher.send("PUB foo 5\r\nhello\r\nPUB bar 2\r\nno\r\n");
  EXPECT_EQ(publisher.barrier(), "");
  EXPECT_EQ(subscriber.barrier(), msg("foo 1", "hello"));
}

// Go: TestClientSimplePubSubWithReply, TestClientNoBodyPubSubWithReply
TEST_F(Protocol, reply_subject_is_carried_also_without_a_body) {
  RawClient client = RawClient::connect(server, quiet);
  client.send("SUB foo s1\r\nPUB foo bar 5\r\nhello\r\nPUB foo bar 0\r\n\r\n");
  EXPECT_EQ(client.barrier(), msg("foo s1 bar", "hello") + msg("foo s1 bar", ""));
}

TEST_F(Protocol, size_digits_are_echoed_as_sent) {
  RawClient client = RawClient::connect(server, quiet);
  client.send("SUB a 1\r\nPUB  a \t r   0002 \r\nhi\r\n");
  EXPECT_EQ(client.barrier(), "MSG a 1 r 0002\r\nhi\r\n");
}

// Go: TestClientHeaderDeliverMsg
TEST_F(Protocol, headers_are_delivered_to_a_receiver_that_knows_them) {
  RawClient client = RawClient::connect(server, quiet_headers);
  client.send("SUB a 1\r\nHPUB a r 22 24\r\nNATS/1.0\r\nName: v \r\n\r\nhi\r\n");
  EXPECT_EQ(client.barrier(), "HMSG a 1 r 22 24\r\nNATS/1.0\r\nName: v \r\n\r\nhi\r\n");
}

// Go: TestClientHeaderDeliverStrippedMsg
TEST_F(Protocol, headers_are_cut_for_a_receiver_that_does_not) {
  RawClient sender = RawClient::connect(server, quiet_headers);
  RawClient receiver = RawClient::connect(server, quiet);
  receiver.send("SUB a 1\r\n");
  receiver.barrier();
  sender.send("HPUB a 12 14\r\nNATS/1.0\r\n\r\nhi\r\n");
  sender.barrier();
  EXPECT_EQ(receiver.barrier(), msg("a 1", "hi"));
}

// Go: TestClientHeaderDeliverQueueSubStrippedMsg
TEST_F(Protocol, headers_are_cut_for_a_queue_member_that_does_not) {
  RawClient sender = RawClient::connect(server, quiet_headers);
  RawClient receiver = RawClient::connect(server, quiet);
  receiver.send("SUB a q 1\r\n");
  receiver.barrier();
  sender.send("HPUB a 12 14\r\nNATS/1.0\r\n\r\nhi\r\n");
  sender.barrier();
  EXPECT_EQ(receiver.barrier(), msg("a 1", "hi"));
}

TEST_F(Protocol, header_bytes_are_not_inspected) {
  RawClient client = RawClient::connect(server, quiet_headers);
  client.send("SUB a 1\r\nHPUB a 4 5\r\nabcdx\r\nHPUB a 0 1\r\ny\r\n");
  EXPECT_EQ(client.barrier(), "HMSG a 1 4 5\r\nabcdx\r\n" + msg("a 1", "y"));
}

// Go: TestServerHeaderSupport
TEST(ProtocolHeaders, server_without_header_support_says_so_and_closes_on_hpub) {
  ServerProcess server(ServerProcess::with_config("no_header_support: true\n"));
  RawClient client = RawClient::connect(server);
  EXPECT_THAT(client.info(), HasSubstr(R"("headers":false)"));
  client.send("CONNECT {\"verbose\":false,\"headers\":true}\r\n");
  client.send("HPUB a 12 13\r\nNATS/1.0\r\n\r\nx\r\n");
  EXPECT_TRUE(client.receives_and_closes(""));
}

// Go: TestClientUnSub
TEST_F(Protocol, unsub_removes_only_its_subscription) {
  RawClient client = RawClient::connect(server, quiet);
  client.send("SUB a 1\r\nSUB a 2\r\nUNSUB 1\r\nUNSUB 77\r\nPUB a 1\r\nx\r\n");
  EXPECT_EQ(client.barrier(), msg("a 2", "x"));
}

// Go: TestClientUnSubMax, TestUnsubMax
TEST_F(Protocol, unsub_max_delivers_exactly_so_many) {
  RawClient client = RawClient::connect(server, quiet);
  client.send("SUB a 1\r\nUNSUB 1 2\r\n");
  client.send("PUB a 1\r\n1\r\nPUB a 1\r\n2\r\nPUB a 1\r\n3\r\n");
  EXPECT_EQ(client.barrier(), msg("a 1", "1") + msg("a 1", "2"));
}

// Go: TestClientAutoUnsubExactReceived
TEST_F(Protocol, unsub_max_counts_from_the_subscription) {
  RawClient client = RawClient::connect(server, quiet);
  client.send("SUB a 1\r\nPUB a 1\r\n1\r\nUNSUB 1 2\r\nPUB a 1\r\n2\r\nPUB a 1\r\n3\r\n");
  EXPECT_EQ(client.barrier(), msg("a 1", "1") + msg("a 1", "2"));
}

TEST_F(Protocol, unsub_max_already_reached_zero_or_no_number_removes_at_once) {
  RawClient client = RawClient::connect(server, quiet);
  client.send("SUB a 1\r\nSUB b 2\r\nSUB c 3\r\nPUB a 1\r\n1\r\n");
  client.send("UNSUB 1 1\r\nUNSUB 2 0\r\nUNSUB 3 x\r\n");
  client.send("PUB a 1\r\n2\r\nPUB b 1\r\n2\r\nPUB c 1\r\n2\r\n");
  EXPECT_EQ(client.barrier(), msg("a 1", "1"));
}

// Go: TestClientUnsubAfterAutoUnsub
TEST_F(Protocol, unsub_after_unsub_max_removes_at_once) {
  RawClient client = RawClient::connect(server, quiet);
  client.send("SUB a 1\r\nUNSUB 1 5\r\nUNSUB 1\r\nPUB a 1\r\nx\r\n");
  EXPECT_EQ(client.barrier(), "");
}

// Go: TestDuplicateProtoSub
TEST_F(Protocol, second_subscription_with_the_same_sid_is_ignored) {
  RawClient client = RawClient::connect(server, R"({"verbose":true,"pedantic":false})");
  client.send("SUB a 1\r\nSUB b 1\r\nPUB a 1\r\nx\r\nPUB b 1\r\ny\r\n");
  EXPECT_EQ(client.barrier(), "+OK\r\n+OK\r\n+OK\r\n" + msg("a 1", "x") + "+OK\r\n");
}

TEST_F(Protocol, sid_may_be_any_text) {
  RawClient client = RawClient::connect(server, quiet);
  client.send("SUB a !x-9.z\r\nPUB a 1\r\nx\r\nUNSUB !x-9.z\r\nPUB a 1\r\ny\r\n");
  EXPECT_EQ(client.barrier(), msg("a !x-9.z", "x"));
}

// Go: TestVerbosePubSub, TestVerbosePing
TEST_F(Protocol, verbose_confirms_each_operation_before_its_delivery) {
  RawClient client = RawClient::connect(server, R"({"verbose":true,"pedantic":false})");
  client.send("SUB a 1\r\nPUB a 1\r\nx\r\nUNSUB 9\r\nPING\r\n");
  EXPECT_EQ(client.read_to_pong(), "+OK\r\n+OK\r\n" + msg("a 1", "x") + "+OK\r\n");
}

// Go: TestPedanticPub
TEST_F(Protocol, pedantic_reports_a_bad_publish_subject_and_delivers_it_still) {
  RawClient client = RawClient::connect(server, R"({"verbose":false,"pedantic":true})");
  client.send("SUB a.* 1\r\nPUB a.> 1\r\nx\r\nPUB a..b 1\r\ny\r\n");
  EXPECT_EQ(client.barrier(), err("Invalid Publish Subject") + msg("a.> 1", "x") +
                                  err("Invalid Publish Subject"));
}

// Go: TestClientPubSubNoEcho
TEST_F(Protocol, no_echo_keeps_own_messages_away) {
  RawClient quiet_one = RawClient::connect(server, R"({"verbose":false,"echo":false})");
  RawClient other = RawClient::connect(server, quiet);
  quiet_one.send("SUB a 1\r\n");
  other.send("SUB a 2\r\n");
  quiet_one.barrier();
  other.barrier();
  quiet_one.send("PUB a 1\r\nx\r\n");
  EXPECT_EQ(quiet_one.barrier(), "");
  EXPECT_EQ(other.barrier(), msg("a 2", "x"));
}

// Go: TestClientNoResponderSupport
TEST_F(Protocol, request_without_responder_is_answered_503) {
  RawClient client = RawClient::connect(server, quiet_headers);
  client.send("SUB _I.* 7\r\nPUB nobody _I.1 2\r\nhi\r\n");
  EXPECT_EQ(client.barrier(),
            "HMSG _I.1 7 38 38\r\nNATS/1.0 503\r\nNats-Subject: nobody\r\n\r\n\r\n");
}

TEST_F(Protocol, no_503_without_a_plain_subscription_of_the_same_connection) {
  RawClient client = RawClient::connect(server, quiet_headers);
  RawClient other = RawClient::connect(server, quiet_headers);
  other.send("SUB _I.> 1\r\n");
  other.barrier();
  client.send("SUB _J.> q 7\r\nPUB nobody _J.1 2\r\nhi\r\nPUB nobody _I.1 2\r\nhi\r\n");
  EXPECT_EQ(client.barrier(), "");
  EXPECT_EQ(other.barrier(), "");
}

TEST_F(Protocol, own_suppressed_echo_does_not_count_as_a_responder) {
  RawClient client = RawClient::connect(
      server, R"({"verbose":false,"echo":false,"headers":true,"no_responders":true})");
  client.send("SUB svc 1\r\nSUB _I.* 2\r\nPUB svc _I.1 0\r\n\r\n");
  EXPECT_EQ(client.barrier(),
            "HMSG _I.1 2 35 35\r\nNATS/1.0 503\r\nNats-Subject: svc\r\n\r\n\r\n");
}

// Go: TestClientRepeatConnectSwitchesAccountAndCleansOldSubs
TEST_F(Protocol, repeated_connect_removes_the_subscriptions) {
  RawClient client = RawClient::connect(server, quiet);
  client.send("SUB a 1\r\nCONNECT {\"verbose\":false}\r\nPUB a 1\r\nx\r\n");
  client.send("SUB a 1\r\nPUB a 1\r\ny\r\n");
  EXPECT_EQ(client.barrier(), msg("a 1", "y"));
}

// Go: TestWildcardCharsInLiteralSubjectWorks
TEST_F(Protocol, wildcard_characters_inside_a_token_are_literal) {
  RawClient client = RawClient::connect(server, quiet);
  client.send("SUB foo.bar,*,>,baz 1\r\nSUB foo* 2\r\n");
  client.send("PUB foo.bar,*,>,baz 1\r\nx\r\nPUB foox 1\r\ny\r\nPUB foo* 1\r\nz\r\n");
  EXPECT_EQ(client.barrier(), msg("foo.bar,*,>,baz 1", "x") + msg("foo* 2", "z"));
}

TEST_F(Protocol, wildcards_match_as_documented) {
  RawClient client = RawClient::connect(server, quiet);
  client.send("SUB foo.* star\r\nSUB foo.> rest\r\n");
  client.send("PUB foo 1\r\n0\r\nPUB foo.a.b 1\r\n2\r\nPUB foo. 1\r\n3\r\nPUB .foo 1\r\n4\r\n");
  EXPECT_EQ(client.barrier(), msg("foo.a.b rest", "2"));
}

// Go: TestTwoTokenPubMatchSingleTokenSub
TEST_F(Protocol, two_token_subject_does_not_match_a_single_token_subscription) {
  RawClient client = RawClient::connect(server, quiet);
  client.send("SUB foo 1\r\nPUB foo.bar 1\r\nx\r\nPUB foo 1\r\ny\r\n");
  EXPECT_EQ(client.barrier(), msg("foo 1", "y"));
}

TEST_F(Protocol, subject_bytes_pass_through_unchecked) {
  RawClient client = RawClient::connect(server, quiet);
  client.send("SUB \xc3\xa9\xff 1\r\nPUB \xc3\xa9\xff 1\r\nx\r\n");
  EXPECT_EQ(client.barrier(), msg("\xc3\xa9\xff 1", "x"));
}

// Go: TestClientRemoveSubsOnDisconnect
TEST_F(Protocol, subscriptions_go_with_their_connection) {
  RawClient asker = RawClient::connect(server, quiet_headers);
  asker.send("SUB _I.* 1\r\n");
  {
    RawClient responder = RawClient::connect(server, quiet);
    responder.send("SUB svc 1\r\n");
    responder.barrier();
    asker.send("PUB svc _I.1 0\r\n\r\n");
    EXPECT_EQ(asker.barrier(), "");
  }
  EXPECT_TRUE(eventually([&] {
    asker.send("PUB svc _I.1 0\r\n\r\n");
    return asker.barrier().find("503") != std::string::npos;
  }));
}

}  // namespace
}  // namespace dunlin::testing
