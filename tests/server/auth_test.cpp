// Who may log in: user and password, token, several users, the guest user.
#include <gmock/gmock.h>

#include "tests/server/harness/raw_client.hpp"

namespace dunlin::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string refused = err("Authorization Violation");

std::string answer(const ServerProcess& server, const std::string& connect_json) {
  RawClient client = RawClient::connect(server);
  client.send("CONNECT " + connect_json + "\r\nPING\r\n");
  return client.read_line();
}

TEST(Auth, single_user_needs_name_and_password) {
  ServerProcess server(ServerProcess::with_config("authorization { user: u, password: p }\n"));
  EXPECT_THAT(RawClient::connect(server).info(), HasSubstr(R"("auth_required":true)"));
  EXPECT_EQ(answer(server, R"({"verbose":false,"user":"u","pass":"p"})"), "PONG\r\n");
  EXPECT_EQ(answer(server, R"({"verbose":true,"user":"u","pass":"p"})"), "+OK\r\n");
  EXPECT_EQ(answer(server, R"({"user":"u","pass":"x"})"), refused);
  EXPECT_EQ(answer(server, R"({"user":"x","pass":"p"})"), refused);
  EXPECT_EQ(answer(server, R"({"auth_token":"p"})"), refused);
  EXPECT_EQ(answer(server, "{}"), refused);
}

TEST(Auth, credentials_can_be_given_by_flags) {
  ServerOptions by_user;
  by_user.args = {"--user", "u", "--pass", "p"};
  ServerProcess user_server(by_user);
  EXPECT_EQ(answer(user_server, R"({"verbose":false,"user":"u","pass":"p"})"), "PONG\r\n");
  EXPECT_EQ(answer(user_server, R"({"user":"u","pass":"x"})"), refused);
  ServerOptions by_token;
  by_token.args = {"--auth", "t0"};
  ServerProcess token_server(by_token);
  EXPECT_EQ(answer(token_server, R"({"verbose":false,"auth_token":"t0"})"), "PONG\r\n");
  EXPECT_EQ(answer(token_server, R"({"auth_token":"t1"})"), refused);
}

TEST(Auth, first_operation_must_be_connect) {
  ServerProcess server(ServerProcess::with_config("authorization { token: t }\n"));
  for (const char* first : {"PING\r\n", "SUB a 1\r\n", "INFO {}\r\n", "\r\n"}) {
    RawClient client = RawClient::connect(server);
    client.send(first);
    EXPECT_TRUE(client.receives_and_closes(refused)) << first;
  }
}

TEST(Auth, refusal_closes_and_nothing_after_it_is_done) {
  ServerProcess server(ServerProcess::with_config(
      "authorization { users [ {user: a, password: a}, {user: b, password: b} ] }\n"));
  RawClient watcher = RawClient::connect(server, R"({"verbose":false,"user":"a","pass":"a"})");
  watcher.send("SUB x 1\r\n");
  watcher.barrier();
  RawClient client = RawClient::connect(server);
  client.send("CONNECT {\"user\":\"b\",\"pass\":\"x\"}\r\nPUB x 1\r\nx\r\n");
  EXPECT_TRUE(client.receives_and_closes(refused));
  EXPECT_EQ(watcher.barrier(), "");
  EXPECT_TRUE(server.wait_for_log("authentication error - User \"b\""));
}

TEST(Auth, plain_passwords_in_the_configuration_are_warned_about) {
  ServerProcess server(ServerProcess::with_config("authorization { user: u, password: p }\n"));
  EXPECT_THAT(server.log(),
              HasSubstr("[WRN] Plaintext passwords detected, use nkeys or bcrypt"));
}

// Go: TestNoPasswordsFromConnectTrace
TEST(Auth, trace_hides_secrets) {
  ServerProcess server(
      ServerProcess::with_config("authorization { user: u, password: p4ss }\ntrace: true\n"));
  RawClient client =
      RawClient::connect(server, R"({"user":"u","pass":"p4ss","auth_token":"t0k"})");
  ASSERT_TRUE(server.wait_for_log("<<- [CONNECT "));
  EXPECT_THAT(server.log(), Not(HasSubstr("p4ss\"")));
  EXPECT_THAT(server.log(), Not(HasSubstr("t0k")));
  EXPECT_THAT(server.log(), HasSubstr("[REDACTED]"));
}

// Go: TestClientAuthRequiredNoAuthUser, TestParsePingNoAuthUserExceptionsAndRestrictions
TEST(Auth, guest_user_takes_connections_without_credentials) {
  ServerProcess server(ServerProcess::with_config(
      "authorization { users [ {user: guest, password: g, permissions { publish: open }},"
      " {user: full, password: f} ] }\nno_auth_user: guest\n"));
  RawClient client = RawClient::connect(server);
  EXPECT_THAT(client.info(), Not(HasSubstr("auth_required")));
  client.send("PING\r\nPUB closed 1\r\nx\r\n");
  EXPECT_TRUE(client.receives("PONG\r\n"));
  EXPECT_THAT(client.barrier(), HasSubstr("Permissions Violation for Publish to \"closed\""));
  RawClient full = RawClient::connect(server, R"({"verbose":false,"user":"full","pass":"f"})");
  full.send("PUB closed 1\r\nx\r\n");
  EXPECT_EQ(full.barrier(), "");
  EXPECT_EQ(answer(server, R"({"user":"full","pass":"x"})"), refused);
}

}  // namespace
}  // namespace dunlin::testing
