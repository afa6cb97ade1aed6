// SIGHUP: what a running server takes over from a changed configuration, and what it refuses.
#include <gmock/gmock.h>
#include <signal.h>

#include "tests/server/harness/raw_client.hpp"

namespace dunlin::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Reload, max_payload_holds_for_old_and_new_connections) {
  ServerProcess server(ServerProcess::with_config("max_payload: 1000\n"));
  RawClient old = RawClient::connect(server, quiet);
  ASSERT_TRUE(server.reload("max_payload: 100\n"));
  EXPECT_THAT(server.log(), HasSubstr("Reloaded: max_payload = 100"));
  EXPECT_THAT(RawClient::connect(server).info(), HasSubstr("\"max_payload\":100,"));
  old.send("PUB a 101\r\n");
  EXPECT_TRUE(old.receives_and_closes(err("Maximum Payload Violation")));
}

TEST(Reload, max_control_line_holds_for_old_connections) {
  ServerProcess server(ServerProcess::with_config("max_control_line: 1000\n"));
  RawClient old = RawClient::connect(server, quiet);
  ASSERT_TRUE(server.reload("max_control_line: 100\n"));
  old.send("SUB " + std::string(200, 'a') + " 1\r\n");
  EXPECT_TRUE(old.receives_and_closes(err("maximum control line exceeded")));
}

TEST(Reload, fewer_max_connections_closes_the_excess) {
  ServerProcess server(ServerProcess::with_config("max_connections: 10\n"));
  std::vector<RawClient> clients;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(RawClient::connect(server, quiet));
  }
  ASSERT_TRUE(server.reload("max_connections: 1\n"));
  int closed = 0;
  for (RawClient& client : clients) {
    closed += client.barrier() == err("maximum connections exceeded") ? 1 : 0;
  }
  EXPECT_EQ(closed, 3);
  EXPECT_TRUE(server.wait_for_log("Closed 3 connections to fall within max_connections"));
}

TEST(Reload, removed_user_is_closed_and_a_new_one_may_log_in) {
  const std::string first = "authorization { users [ {user: a, password: a} ] }\n";
  const std::string second = "authorization { users [ {user: b, password: b} ] }\n";
  ServerProcess server(ServerProcess::with_config(first));
  RawClient a = RawClient::connect(server, R"({"verbose":false,"user":"a","pass":"a"})");
  ASSERT_TRUE(server.reload(second));
  const std::string farewell = a.read_to_close();
  EXPECT_TRUE(farewell.empty() || farewell == err("Authorization Violation")) << farewell;
  RawClient b = RawClient::connect(server, R"({"verbose":false,"user":"b","pass":"b"})");
  EXPECT_EQ(b.barrier(), "");
}

TEST(Reload, subscription_no_longer_allowed_is_removed_with_its_error) {
  const auto config = [](const std::string& subjects) {
    return "authorization { users [ {user: u, password: p, permissions { subscribe: " + subjects +
           " }} ] }\n";
  };
  ServerProcess server(ServerProcess::with_config(config("[\"a\", \"b\"]")));
  RawClient client = RawClient::connect(server, R"({"verbose":false,"user":"u","pass":"p"})");
  client.send("SUB a 1\r\nSUB b 2\r\nSUB b q 3\r\n");
  client.barrier();
  ASSERT_TRUE(server.reload(config("[\"a\"]")));
  const std::string plain = err("Permissions Violation for Subscription to \"b\" (sid \"2\")");
  const std::string queued =
      err("Permissions Violation for Subscription to \"b\" using queue \"q\" (sid \"3\")");
  client.send("PUB a 1\r\nx\r\nPUB b 1\r\ny\r\n");
  const std::string received = client.barrier();
  EXPECT_TRUE(received == plain + queued + msg("a 1", "x") ||
              received == queued + plain + msg("a 1", "x"))
      << received;
}

TEST(Reload, debug_and_trace_can_be_switched_on) {
  ServerProcess server(ServerProcess::with_config("debug: false\n"));
  RawClient client = RawClient::connect(server, quiet);
  EXPECT_THAT(server.log(), Not(HasSubstr("[DBG]")));
  ASSERT_TRUE(server.reload("debug: true\ntrace: true\n"));
  client.send("SUB traced 1\r\n");
  client.barrier();
  EXPECT_TRUE(server.wait_for_log("<<- [SUB traced 1]"));
}

TEST(Reload, ping_interval_is_taken_over) {
  ServerProcess server(ServerProcess::with_config("ping_interval: \"1m\"\n"));
  ASSERT_TRUE(server.reload("ping_interval: \"50ms\"\n"));
  RawClient client = RawClient::connect(server, quiet);
  EXPECT_TRUE(client.receives("PING\r\n"));
}

TEST(Reload, what_needs_a_restart_is_refused_and_nothing_changes) {
  ServerProcess server(ServerProcess::with_config("max_subscriptions: 10\nmax_payload: 1000\n"));
  const std::size_t before = server.log_size();
  server.dir().write("server.conf", "max_subscriptions: 5\nmax_payload: 10\n");
  server.signal(SIGHUP);
  EXPECT_TRUE(server.wait_for_log("config reload not supported for MaxSubs: old=10, new=5",
                                  patience, before));
  EXPECT_THAT(RawClient::connect(server).info(), HasSubstr("\"max_payload\":1000,"));
}

TEST(Reload, broken_configuration_is_reported_and_nothing_changes) {
  ServerProcess server(ServerProcess::with_config("max_payload: 1000\n"));
  server.dir().write("server.conf", "max_payload: [\n");
  server.signal(SIGHUP);
  EXPECT_TRUE(server.wait_for_log("[ERR] Failed to reload server configuration: "));
  EXPECT_THAT(RawClient::connect(server).info(), HasSubstr("\"max_payload\":1000,"));
}

TEST(Reload, without_a_file_there_is_nothing_to_reload) {
  ServerProcess server;
  server.signal(SIGHUP);
  EXPECT_TRUE(server.wait_for_log(
      "can only reload config when a file is provided using -c or --config"));
  EXPECT_EQ(RawClient::connect(server, quiet).barrier(), "");
}

TEST(Reload, flags_win_over_the_changed_file) {
  ServerOptions options;
  options.config = "debug: false\n";
  options.args = {"-D=false"};
  ServerProcess server(options);
  ASSERT_TRUE(server.reload("debug: true\n"));
  RawClient client = RawClient::connect(server, quiet);
  EXPECT_THAT(server.log(), Not(HasSubstr("Client connection created")));
}

}  // namespace
}  // namespace dunlin::testing
