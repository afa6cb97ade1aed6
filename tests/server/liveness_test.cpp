// What a server does by its clock: pings, stale connections, the authentication deadline.
#include <gmock/gmock.h>

#include "tests/server/harness/raw_client.hpp"

namespace dunlin::testing {
namespace {

// Go: TestPingInterval
TEST(Liveness, silent_connection_is_pinged_then_closed_as_stale) {
  ServerProcess server(ServerProcess::with_config("ping_interval: \"100ms\"\nping_max: 2\n"));
  RawClient client = RawClient::connect(server);
  client.send("CONNECT {\"verbose\":false}\r\n");
  EXPECT_TRUE(client.receives("PING\r\nPING\r\n"));
  EXPECT_TRUE(client.receives_and_closes(err("Stale Connection")));
}

TEST(Liveness, connection_without_connect_is_pinged_as_well) {
  ServerProcess server(ServerProcess::with_config("ping_interval: \"100ms\"\nping_max: 2\n"));
  RawClient client = RawClient::connect(server);
  EXPECT_TRUE(client.receives("PING\r\nPING\r\n"));
  EXPECT_TRUE(client.receives_and_closes(err("Stale Connection")));
}

TEST(Liveness, connection_that_answers_is_kept) {
  ServerProcess server(ServerProcess::with_config("ping_interval: \"50ms\"\nping_max: 1\n"));
  RawClient client = RawClient::connect(server);
  client.send("CONNECT {\"verbose\":false}\r\n");
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(client.receives("PING\r\n"));
    client.send("PONG\r\n");
  }
}

// Go: TestPingSuppresion
TEST(Liveness, traffic_replaces_pings) {
  ServerProcess server(ServerProcess::with_config("ping_interval: \"300ms\"\n"));
  RawClient client = RawClient::connect(server);
  client.send("CONNECT {\"verbose\":false}\r\n");
  ASSERT_TRUE(client.receives("PING\r\n"));
  client.send("PONG\r\n");
  const Clock::time_point end = Clock::now() + std::chrono::milliseconds(900);
  std::string other_answers;
  while (Clock::now() < end) {
    client.send("PUB a 1\r\nx\r\n");
    other_answers += client.barrier();
  }
  EXPECT_EQ(other_answers, "");
}

// Go: TestAuthorizationTimeout
TEST(Liveness, missing_credentials_are_waited_for_only_so_long) {
  ServerProcess server(
      ServerProcess::with_config("authorization { user: u, password: p, timeout: 0.2 }\n"));
  RawClient client = RawClient::connect(server);
  EXPECT_TRUE(client.receives_and_closes(err("Authentication Timeout")));
}

TEST(Liveness, authenticated_connection_outlives_the_deadline) {
  ServerProcess server(
      ServerProcess::with_config("authorization { user: u, password: p, timeout: 0.2 }\n"));
  RawClient good = RawClient::connect(server, R"({"verbose":false,"user":"u","pass":"p"})");
  RawClient late = RawClient::connect(server);
  EXPECT_TRUE(late.receives_and_closes(err("Authentication Timeout")));
  EXPECT_EQ(good.barrier(), "");
}

TEST(Liveness, half_a_connect_does_not_stop_the_deadline) {
  ServerProcess server(
      ServerProcess::with_config("authorization { user: u, password: p, timeout: 0.2 }\n"));
  RawClient client = RawClient::connect(server);
  client.send("CONNECT {\"user\":\"u\"");
  EXPECT_TRUE(client.receives_and_closes(err("Authentication Timeout")));
}

// Reads steadily, but takes several write deadlines for what is pending at the first of them.
class SlowReader : public ::testing::Test {
 protected:
  static constexpr std::size_t messages = 32;
  static constexpr std::size_t size = 1'000'000;
  static constexpr std::size_t piece = 100'000;

  // Everything it got, up to the close or the last message.
  std::string read_slowly(const std::string& config) {
    ServerProcess server(ServerProcess::with_config("write_deadline: \"500ms\"\n" + config));
    RawClient reader = RawClient::connect(server, quiet);
    reader.send("SUB a 1\r\n");
    reader.barrier();
    RawClient publisher = RawClient::connect(server, quiet);
    const std::string frame = "PUB a 1000000\r\n" + std::string(size, 'x') + "\r\n";
    for (std::size_t i = 0; i < messages; ++i) publisher.send(frame);
    const std::size_t all = messages * msg("a 1", std::string(size, 'x')).size();
    std::string got;
    for (std::size_t wanted = piece; wanted == piece; wanted = std::min(piece, all - got.size())) {
      const std::size_t before = got.size();
      got += reader.read_bytes(wanted);
      if (got.size() < before + wanted) break;
      ::poll(nullptr, 0, 5);
    }
    return got + reader.read_bytes(all - got.size());
  }
};

TEST_F(SlowReader, is_closed_at_the_write_deadline) {
  EXPECT_LT(read_slowly("").size(), messages * size);
}

// Go: TestClientFlushOutboundWriteTimeoutPolicy
TEST_F(SlowReader, is_kept_where_a_write_that_made_progress_is_tried_again) {
  const std::string got = read_slowly("write_timeout: retry\n");
  std::string expected;
  for (std::size_t i = 0; i < messages; ++i) expected += msg("a 1", std::string(size, 'x'));
  EXPECT_TRUE(got == expected);
}

// What a connection is said to have ended for, when neither side had closed it.
TEST(BrokenConnection, that_was_reset_is_a_read_error) {
  ServerProcess server(ServerProcess::with_config("debug: true\n"));
  RawClient client = RawClient::connect(server, quiet);
  client.abort();
  EXPECT_TRUE(server.wait_for_log("Client connection closed: Read Error"));
}

}  // namespace
}  // namespace dunlin::testing
