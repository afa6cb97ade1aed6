// Bursts of messages to one subject take a way of their own through the server (see
// ShardRouter::route_run): what they deliver must be what single messages deliver.
#include <gmock/gmock.h>

#include "tests/server/harness/raw_client.hpp"

namespace dunlin::testing {
namespace {

std::string pub(std::string_view head, std::string_view payload) {
  return "PUB " + std::string(head) + " " + std::to_string(payload.size()) + "\r\n" +
         std::string(payload) + "\r\n";
}

class Runs : public ::testing::Test {
 protected:
  ServerProcess server;
};

TEST_F(Runs, one_subscriber_gets_every_size_in_order) {
  RawClient subscriber = RawClient::connect(server, quiet);
  subscriber.send("SUB a.b 77\r\n");
  subscriber.barrier();
  RawClient publisher = RawClient::connect(server, quiet);
  std::string burst, expected;
  for (std::size_t size = 0; size < 300; ++size) {
    const std::string payload(size, static_cast<char>('a' + size % 26));
    burst += pub("a.b", payload);
    expected += msg("a.b 77", payload);
  }
  publisher.send(burst);
  publisher.barrier();
  EXPECT_EQ(subscriber.barrier(), expected);
}

TEST_F(Runs, replies_and_headers_may_come_and_go) {
  RawClient subscriber = RawClient::connect(server, quiet_headers);
  subscriber.send("SUB a 1\r\n");
  subscriber.barrier();
  RawClient publisher = RawClient::connect(server, quiet_headers);
  publisher.send("PUB a 1\r\nx\r\nPUB a _INBOX.r 1\r\ny\r\nHPUB a 12 13\r\nNATS/1.0\r\n\r\nz\r\n"
                 "HPUB a r 12 13\r\nNATS/1.0\r\n\r\nz\r\nPUB a 0\r\n\r\n");
  publisher.barrier();
  EXPECT_EQ(subscriber.barrier(),
            "MSG a 1 1\r\nx\r\nMSG a 1 _INBOX.r 1\r\ny\r\n"
            "HMSG a 1 12 13\r\nNATS/1.0\r\n\r\nz\r\nHMSG a 1 r 12 13\r\nNATS/1.0\r\n\r\nz\r\n"
            "MSG a 1 0\r\n\r\n");
}

TEST_F(Runs, subscriber_without_headers_gets_the_payload_alone) {
  RawClient subscriber = RawClient::connect(server, quiet);
  subscriber.send("SUB a 1\r\n");
  subscriber.barrier();
  RawClient publisher = RawClient::connect(server, quiet_headers);
  publisher.send("PUB a 1\r\nx\r\nPUB a 1\r\ny\r\nHPUB a 12 13\r\nNATS/1.0\r\n\r\nz\r\n"
                 "PUB a 1\r\n!\r\n");
  publisher.barrier();
  EXPECT_EQ(subscriber.barrier(),
            msg("a 1", "x") + msg("a 1", "y") + msg("a 1", "z") + msg("a 1", "!"));
}

TEST_F(Runs, reserved_reply_in_the_middle_is_refused_alone) {
  RawClient subscriber = RawClient::connect(server, quiet);
  subscriber.send("SUB a 1\r\n");
  subscriber.barrier();
  RawClient publisher = RawClient::connect(server, quiet);
  publisher.send("PUB a 1\r\nx\r\nPUB a 1\r\ny\r\nPUB a $JS.ACK.s.c 1\r\n-\r\nPUB a 1\r\nz\r\n");
  EXPECT_EQ(publisher.barrier(),
            "-ERR 'Permissions Violation for Publish with Reply of \"$JS.ACK.s.c\"'\r\n");
  EXPECT_EQ(subscriber.barrier(), msg("a 1", "x") + msg("a 1", "y") + msg("a 1", "z"));
}

// Go: TestAutoUnsub
TEST_F(Runs, auto_unsubscribe_ends_in_the_middle) {
  RawClient subscriber = RawClient::connect(server, quiet);
  subscriber.send("SUB a 1\r\nUNSUB 1 3\r\n");
  subscriber.barrier();
  RawClient publisher = RawClient::connect(server, quiet);
  std::string burst;
  for (int i = 0; i < 10; ++i) burst += pub("a", std::to_string(i));
  publisher.send(burst);
  publisher.barrier();
  EXPECT_EQ(subscriber.barrier(), msg("a 1", "0") + msg("a 1", "1") + msg("a 1", "2"));
}

TEST_F(Runs, each_request_nobody_answers_is_told) {
  RawClient client = RawClient::connect(
      server, R"({"verbose":false,"headers":true,"no_responders":true})");
  client.send("SUB r.* 1\r\n");
  client.barrier();
  client.send("PUB a r.1 0\r\n\r\nPUB a r.2 0\r\n\r\nPUB a r.3 0\r\n\r\n");
  const std::string received = client.barrier();
  for (const char* reply : {"HMSG r.1 1", "HMSG r.2 1", "HMSG r.3 1"})
    EXPECT_THAT(received, ::testing::HasSubstr(reply));
}

TEST_F(Runs, publisher_without_echo_gets_nothing_back) {
  RawClient client = RawClient::connect(server, R"({"verbose":false,"echo":false})");
  client.send("SUB a 1\r\nPUB a 1\r\nx\r\nPUB a 1\r\ny\r\n");
  EXPECT_EQ(client.barrier(), "");
}

TEST_F(Runs, overlapping_subscriptions_of_one_client_keep_message_order) {
  RawClient subscriber = RawClient::connect(server, quiet);
  subscriber.send("SUB a 1\r\nSUB * 2\r\n");
  subscriber.barrier();
  RawClient publisher = RawClient::connect(server, quiet);
  publisher.send("PUB a 1\r\nx\r\nPUB a 1\r\ny\r\n");
  publisher.barrier();
  const std::string received = subscriber.barrier();
  EXPECT_GT(received.find("\r\ny\r\n"), received.rfind("\r\nx\r\n")) << received;
}

TEST_F(Runs, subjects_and_sids_of_any_length_stand_in_the_frame) {
  RawClient subscriber = RawClient::connect(server, quiet);
  RawClient publisher = RawClient::connect(server, quiet);
  std::string burst, expected;
  for (const std::size_t size :
       {1U, 3U, 4U, 7U, 8U, 15U, 16U, 17U, 31U, 33U, 60U, 65U, 130U, 600U}) {
    const std::string subject(size, 's');
    const std::string sid(size, '9');
    subscriber.send("SUB " + subject + " " + sid + "\r\n");
    for (const char* payload : {"x", "yy", ""}) {
      burst += pub(subject, payload);
      expected += msg(subject + " " + sid, payload);
    }
  }
  subscriber.barrier();
  publisher.send(burst);
  publisher.barrier();
  EXPECT_EQ(subscriber.barrier(), expected);
}

TEST_F(Runs, nothing_is_lost_where_output_is_flushed_in_between) {
  RawClient subscriber = RawClient::connect(server, quiet);
  subscriber.send("SUB a 1\r\n");
  subscriber.barrier();
  RawClient publisher = RawClient::connect(server, quiet);
  const std::string payload(30000, 'p');
  std::string burst, expected;
  for (int i = 0; i < 40; ++i) {
    burst += pub("a", payload);
    expected += msg("a 1", payload);
  }
  publisher.send(burst);
  EXPECT_EQ(subscriber.read_bytes(expected.size()), expected);
}

}  // namespace
}  // namespace dunlin::testing
