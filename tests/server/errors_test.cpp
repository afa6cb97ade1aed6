// Every error a client can provoke without credentials: its exact text, and whether the connection
// is closed. A table of inputs where one line says it all, tests of their own where it does not.
#include <gmock/gmock.h>

#include "tests/server/harness/raw_client.hpp"

namespace dunlin::testing {
namespace {

struct Case {
  const char* name;
  std::string input;
  std::string output;
};

void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }

std::string case_name(const ::testing::TestParamInfo<Case>& info) { return info.param.name; }

const std::string unknown = err("Unknown Protocol Operation");

class ClosingError : public ::testing::TestWithParam<Case> {};

// Go: TestProtoErr, TestProtoCrash, TestShouldFail, TestIncompletePubArg, TestParsePubBadSize,
// TestParsePubSizeOverflow
TEST_P(ClosingError, answers_and_closes) {
  ServerProcess server;
  RawClient client = RawClient::connect(server, quiet);
  client.send(GetParam().input);
  EXPECT_TRUE(client.receives_and_closes(GetParam().output));
}

INSTANTIATE_TEST_SUITE_P(
    UnknownOperation, ClosingError,
    ::testing::Values(
        Case{"garbage", "ZZZ\r\n", unknown}, Case{"blank_line", "\r\n", unknown},
        Case{"leading_blank", " PING\r\n", unknown},
        Case{"sub_without_blank", "SUBa 1\r\n", unknown},
        Case{"half_an_operation", "PIG\r\n", unknown},
        Case{"message_from_a_client", "MSG a 1 1\r\n", unknown},
        Case{"route_subscription", "RS+ $G a\r\n", unknown},
        Case{"leaf_subscription", "LS+ a\r\n", unknown},
        Case{"account_operation", "A+ $G\r\n", unknown},
        Case{"payload_longer_than_announced", "PUB a 1\r\nxy\r\n", unknown},
        Case{"payload_ended_by_newline_only", "PUB a 1\r\nx\n", unknown},
        Case{"http_request", "GET / HTTP/1.1\r\n", unknown}),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    ArgumentError, ClosingError,
    ::testing::Values(
        Case{"sub_without_sid", "SUB a\r\n", ""}, Case{"sub_with_four", "SUB a q 1 2\r\n", ""},
        Case{"pub_without_size", "PUB a\r\n", ""}, Case{"pub_with_four", "PUB a b c 1\r\n", ""},
        Case{"pub_size_is_text", "PUB a x\r\n", ""}, Case{"pub_size_negative", "PUB a -1\r\n", ""},
        Case{"pub_size_too_many_digits", "PUB a 1234567890\r\n", ""},
        Case{"unsub_with_three", "UNSUB 1 2 3\r\n", ""},
        Case{"unsub_without_sid", "UNSUB \r\n", ""},
        Case{"hpub_without_negotiated_headers", "HPUB a 1 2\r\nxy\r\n", ""},
        Case{"connect_is_not_json", "CONNECT nonsense\r\n", ""},
        Case{"connect_with_a_tail", "CONNECT {\"verbose\":false} x\r\n", ""},
        Case{"connect_with_wrong_type", "CONNECT {\"verbose\":1}\r\n", ""},
        Case{"info_is_not_json", "INFO nonsense\r\n", ""},
        Case{"error_from_a_client", "-ERR 'no'\r\n", ""}),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    ConnectError, ClosingError,
    ::testing::Values(
        Case{"protocol_too_new", "CONNECT {\"verbose\":false,\"protocol\":2}\r\n",
             err("invalid client protocol")},
        Case{"protocol_negative", "CONNECT {\"verbose\":false,\"protocol\":-1}\r\n",
             err("invalid client protocol")},
        Case{"no_responders_without_headers",
             "CONNECT {\"verbose\":false,\"headers\":false,\"no_responders\":true}\r\n",
             err("no responders requires headers support")},
        Case{"account_named", "CONNECT {\"verbose\":false,\"account\":\"A\"}\r\n",
             err("Authorization Violation")},
        Case{"new_account", "CONNECT {\"verbose\":false,\"new_account\":true}\r\n",
             err("Authorization Violation")}),
    case_name);

class HarmlessError : public ::testing::TestWithParam<Case> {};

TEST_P(HarmlessError, answers_and_stays_open) {
  ServerProcess server;
  RawClient client = RawClient::connect(server, quiet);
  client.send(GetParam().input);
  EXPECT_EQ(client.barrier(), GetParam().output);
}

// Go: TestPedanticSub
INSTANTIATE_TEST_SUITE_P(
    Subjects, HarmlessError,
    ::testing::Values(
        Case{"sub_empty_token", "SUB a..b 1\r\n", err("Invalid Subject")},
        Case{"sub_leading_dot", "SUB .a 1\r\n", err("Invalid Subject")},
        Case{"sub_trailing_dot", "SUB a. 1\r\n", err("Invalid Subject")},
        Case{"sub_full_wildcard_not_last", "SUB a.>.b 1\r\n", err("Invalid Subject")},
        Case{"system_queue", "SUB a _sys_ 1\r\n",
             err("Permissions Violation for Subscription to \"a\" using queue \"_sys_\"")},
        Case{"reply_to_service_prefix", "PUB a _R_.x 0\r\n\r\n",
             err("Permissions Violation for Publish with Reply of \"_R_.x\"")},
        Case{"reply_to_ack_prefix", "PUB a $JS.ACK.x 0\r\n\r\n",
             err("Permissions Violation for Publish with Reply of \"$JS.ACK.x\"")},
        Case{"reply_to_gateway_prefix", "PUB a _GR_.x 0\r\n\r\n",
             err("Permissions Violation for Publish with Reply of \"_GR_.x\"")},
        Case{"publish_to_gateway_prefix", "PUB _GR_.x 0\r\n\r\n",
             err("Permissions Violation for Publish to \"_GR_.x\"")},
        Case{"publish_to_raft_prefix", "PUB $NRG.x 0\r\n\r\n",
             err("Permissions Violation for Publish to \"$NRG.x\"")}),
    case_name);

// Go: TestParseHeaderPubArg
TEST(HeaderErrors, header_longer_than_message_closes_silently) {
  ServerProcess server;
  RawClient client = RawClient::connect(server, quiet_headers);
  client.send("HPUB a 3 2\r\nxy\r\n");
  EXPECT_TRUE(client.receives_and_closes(""));
}

TEST(ErrorFlush, everything_queued_before_the_error_is_delivered_first) {
  ServerProcess server;
  RawClient client = RawClient::connect(server, R"({"verbose":true,"pedantic":false})");
  std::string script = "SUB a 1\r\n";
  std::string expected = "+OK\r\n";
  for (int i = 0; i < 500; ++i) {
    script += "PUB a 4\r\nbody\r\n";
    expected += "+OK\r\n" + msg("a 1", "body");
  }
  client.send(script + "WRONG\r\n");
  EXPECT_TRUE(client.receives_and_closes(expected + unknown));
}

TEST(ErrorFlush, deliveries_to_others_survive_the_publishers_error) {
  ServerProcess server;
  RawClient subscriber = RawClient::connect(server, quiet);
  subscriber.send("SUB a 1\r\n");
  subscriber.barrier();
  RawClient publisher = RawClient::connect(server, quiet);
  publisher.send("PUB a 1\r\nx\r\nPUB a b c d\r\n");
  EXPECT_TRUE(publisher.receives_and_closes(""));
  EXPECT_TRUE(subscriber.receives(msg("a 1", "x")));
}

TEST(ErrorText, subjects_are_quoted_like_go_strings) {
  ServerProcess server(ServerProcess::with_config(
      "authorization { users [ { user: u, password: p, permissions { subscribe: ok } } ] }\n"));
  RawClient client =
      RawClient::connect(server, R"({"verbose":false,"user":"u","pass":"p"})");
  client.send("SUB a\"b 1\r\nSUB \xc3\xa9\xff 3\r\nSUB a\\b q\x01 4\r\n");
  EXPECT_EQ(client.barrier(),
            err(R"(Permissions Violation for Subscription to "a\"b")") +
                err("Permissions Violation for Subscription to \"\xc3\xa9\\xff\"") +
                err(R"(Permissions Violation for Subscription to "a\\b" using queue "q\x01")"));
}

}  // namespace
}  // namespace dunlin::testing
