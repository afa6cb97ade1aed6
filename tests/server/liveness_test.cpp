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

}  // namespace
}  // namespace dunlin::testing
