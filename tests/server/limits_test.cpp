// Limits a server sets: control line, payload, subscriptions, tokens, connections, pending bytes.
#include <gmock/gmock.h>

#include "tests/server/harness/raw_client.hpp"

namespace dunlin::testing {
namespace {

using ::testing::HasSubstr;

// Go: TestMaxControlLine, TestControlLineMaximums
TEST(ControlLine, argument_of_the_limit_passes_and_one_byte_more_closes) {
  ServerProcess server;
  RawClient client = RawClient::connect(server, quiet);
  client.send("SUB " + std::string(4094, 'a') + " 1\r\n");
  EXPECT_EQ(client.barrier(), "");
  client.send("SUB " + std::string(4095, 'a') + " 1\r\n");
  EXPECT_TRUE(client.receives_and_closes(err("maximum control line exceeded")));
}

TEST(ControlLine, endless_line_is_refused_before_it_ends) {
  ServerProcess server;
  RawClient client = RawClient::connect(server);
  client.send("SUB " + std::string(5000, 'a'));
  EXPECT_TRUE(client.receives_and_closes(err("maximum control line exceeded")));
}

// Go: TestMaxPayload, TestMaxPayloadOverrun
TEST(Payload, one_byte_over_the_limit_is_refused_from_the_control_line) {
  ServerProcess server(ServerProcess::with_config("max_payload: 100\n"));
  RawClient client = RawClient::connect(server, quiet);
  EXPECT_THAT(client.info(), HasSubstr("\"max_payload\":100"));
  client.send("SUB a 1\r\nPUB a 100\r\n" + std::string(100, 'x') + "\r\n");
  EXPECT_EQ(client.barrier(), msg("a 1", std::string(100, 'x')));
  client.send("PUB a 101\r\n");
  EXPECT_TRUE(client.receives_and_closes(err("Maximum Payload Violation")));
}

TEST(Payload, headers_count_to_the_payload) {
  ServerProcess server(ServerProcess::with_config("max_payload: 100\n"));
  RawClient client = RawClient::connect(server, quiet_headers);
  client.send("HPUB a 12 101\r\n");
  EXPECT_TRUE(client.receives_and_closes(err("Maximum Payload Violation")));
}

TEST(Payload, mebibyte_messages_arrive_whole_with_and_without_headers) {
  ServerProcess server;
  RawClient sender = RawClient::connect(server, quiet_headers);
  RawClient receiver = RawClient::connect(server, quiet_headers);
  receiver.send("SUB big 1\r\n");
  receiver.barrier();
  const std::string header = "NATS/1.0\r\nA: b\r\n\r\n";
  std::string body(1048576 - header.size(), '\0');
  for (std::size_t i = 0; i < body.size(); ++i) {
    body[i] = static_cast<char>(i * 7 + i / 255);
  }
  const std::string total = std::to_string(header.size() + body.size());
  const std::string tail = " big 1 18 " + total + "\r\n" + header + body + "\r\n";
  for (int i = 0; i < 4; ++i) {
    sender.send("HPUB big 18 " + total + "\r\n" + header + body + "\r\n");
    ASSERT_TRUE(receiver.read_bytes(4 + tail.size()) == "HMSG" + tail);
  }
  const std::string plain = std::string(1048576, 'z');
  sender.send("PUB big 1048576\r\n" + plain + "\r\n");
  const std::string expected = msg("big 1", plain);
  EXPECT_TRUE(receiver.read_bytes(expected.size()) == expected);
}

// Go: TestMaxSubscriptions
TEST(Subscriptions, limit_refuses_further_ones_and_keeps_the_connection) {
  ServerProcess server(ServerProcess::with_config("max_subscriptions: 2\n"));
  RawClient client = RawClient::connect(server, quiet);
  client.send("SUB a 1\r\nSUB b 2\r\nSUB c 3\r\nPUB c 1\r\nx\r\n");
  EXPECT_EQ(client.barrier(), err("maximum subscriptions exceeded"));
  client.send("UNSUB 1\r\nSUB c 3\r\nPUB c 1\r\nx\r\n");
  EXPECT_EQ(client.barrier(), msg("c 3", "x"));
  RawClient other = RawClient::connect(server, quiet);
  other.send("SUB a 1\r\nSUB b 2\r\n");
  EXPECT_EQ(other.barrier(), "") << "the limit is one connection's";
}

TEST(Subscriptions, too_many_tokens_are_refused) {
  ServerProcess server(ServerProcess::with_config("max_sub_tokens: 3\n"));
  RawClient client = RawClient::connect(server, quiet);
  client.send("SUB a.b.c 1\r\nSUB a.b.c.d 2\r\nSUB a.b.c.> 3\r\n");
  EXPECT_EQ(client.barrier(),
            err("Permissions Violation for Subscription to \"a.b.c.d\", too many tokens") +
                err("Permissions Violation for Subscription to \"a.b.c.>\", too many tokens"));
}

// Go: TestMaxConnections
TEST(Connections, one_too_many_is_told_after_info) {
  ServerProcess server(ServerProcess::with_config("max_connections: 2\n"));
  RawClient first = RawClient::connect(server, quiet);
  {
    RawClient second = RawClient::connect(server, quiet);
    RawClient third = RawClient::connect(server);
    EXPECT_TRUE(third.receives_and_closes(err("maximum connections exceeded")));
    EXPECT_EQ(second.barrier(), "");
  }
  EXPECT_TRUE(eventually([&] {
    RawClient next = RawClient::connect(server);
    next.send("CONNECT {\"verbose\":false}\r\nPING\r\n");
    return next.read_line() == "PONG\r\n";
  })) << "a place that became free is given away";
}

// Go: TestMaxConnectionsPreventsAll
TEST(Connections, minus_one_refuses_everybody) {
  ServerProcess server(ServerProcess::with_config("max_connections: -1\n"));
  RawClient client = RawClient::connect(server);
  EXPECT_TRUE(client.receives_and_closes(err("maximum connections exceeded")));
}

// Go: TestClientMaxPending, TestNoClientLeakOnSlowConsumer
TEST(SlowConsumer, connection_past_its_pending_limit_is_closed_and_others_are_not) {
  ServerProcess server(
      ServerProcess::with_config("max_pending: 2MB\nwrite_deadline: \"60s\"\ndebug: true\n"));
  RawClient slow = RawClient::open(server.port());
  slow.shrink_receive_buffer();
  slow.read_info();
  slow.send("CONNECT {\"verbose\":false}\r\nSUB a 1\r\nPING\r\n");
  slow.read_to_pong();
  RawClient other = RawClient::connect(server, quiet);
  other.send("SUB b 1\r\n");
  other.barrier();
  RawClient publisher = RawClient::connect(server, quiet);
  const std::string frame = "PUB a 65536\r\n" + std::string(65536, 'x') + "\r\n";
  bool closed = false;
  for (int i = 0; i < 2000 && !closed; ++i) {
    publisher.send(frame);
    publisher.barrier();
    closed = server.log().find("Slow Consumer Detected: MaxPending of 2097152 Exceeded") !=
             std::string::npos;
  }
  EXPECT_TRUE(closed) << server.log();
  EXPECT_TRUE(server.wait_for_log("Slow Consumer (Pending Bytes)"));
  publisher.send("PUB b 2\r\nok\r\n");
  publisher.barrier();
  EXPECT_THAT(other.barrier(), HasSubstr(msg("b 1", "ok")));
}

// A subscriber that does not read, and more for it than the sockets hold.
struct Unread {
  explicit Unread(const ServerProcess& server)
      : slow(RawClient::open(server.port())), publisher(RawClient::connect(server, quiet)) {
    slow.shrink_receive_buffer();
    slow.read_info();
    slow.send("CONNECT {\"verbose\":false}\r\nSUB a 1\r\nPING\r\n");
    slow.read_to_pong();
    const std::string frame = "PUB a 1000000\r\n" + std::string(1000000, 'x') + "\r\n";
    for (int i = 0; i < 12; ++i) publisher.send(frame);
  }
  RawClient slow, publisher;
};

TEST(SlowConsumer, write_deadline_closes_a_connection_that_does_not_read) {
  ServerProcess server(ServerProcess::with_config("write_deadline: \"200ms\"\ndebug: true\n"));
  Unread unread(server);
  EXPECT_TRUE(server.wait_for_log("Slow Consumer (Write Deadline)")) << server.log();
  unread.publisher.barrier();
  EXPECT_EQ(unread.publisher.barrier(), "");
}

// Go: TestClientFlushOutboundWriteTimeoutPolicy
TEST(SlowConsumer, write_timeout_retry_tries_again_after_a_write_that_made_progress) {
  ServerProcess server(ServerProcess::with_config(
      "write_deadline: \"200ms\"\nwrite_timeout: retry\ndebug: true\n"));
  const Unread unread(server);
  // The first write filled the socket's buffer; nothing is read, so the second one sends nothing.
  EXPECT_TRUE(server.wait_for_log("Slow Consumer State: WriteDeadline of 200ms exceeded with 1 ch"))
      << server.log();
  EXPECT_TRUE(server.wait_for_log("Slow Consumer (Write Deadline)"));
  const std::string log = server.log();
  const auto first = log.find("Slow Consumer Detected: WriteDeadline of 200ms exceeded with 1 ch");
  EXPECT_LT(first, log.find("Slow Consumer State"));
}

}  // namespace
}  // namespace dunlin::testing
