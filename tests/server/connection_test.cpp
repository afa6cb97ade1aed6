// Connections whose protocol a plugin speaks, from both ends: a test plugin does on each what it is
// told in a line (tests/plugins/wire), and the server around it keeps its rules.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <csignal>

#include "tests/server/harness/certificates.hpp"
#include "tests/server/harness/raw_client.hpp"

namespace dunlin::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string loading(const std::string& section, const std::string& more = {}) {
  const std::string path = std::string(DUNLIN_TEST_PLUGINS) + "/wire.so";
  // Files in build trees are usually writable by a group; plugins may not be.
  ::chmod(path.c_str(), 0755);
  return "threads: 2\nplugins { load: [ { id: \"wire\", path: \"" + path + "\" } ] }\nwire { " +
         section + " }\n" + more;
}

constexpr std::string_view users =
    "authorization { users: [ { user: ann, password: pw,"
    " permissions: { subscribe: { deny: \"secret.>\" } } } ] }\n";

std::uint16_t wire_port(const ServerProcess& server) {
  const std::string log = server.log();
  const std::string line = "Listening for wire connections on 127.0.0.1:";
  const std::size_t at = log.find(line);
  if (at == std::string::npos) throw std::runtime_error(log);
  return static_cast<std::uint16_t>(std::stoi(log.substr(at + line.size())));
}

class Wire : public ::testing::Test {
 protected:
  void start(const std::string& section, const std::string& more = {}) {
    server = std::make_unique<ServerProcess>(ServerProcess::with_config(loading(section, more)));
  }
  RawClient open() { return RawClient::open(wire_port(*server)); }
  RawClient open_as_ann() {
    RawClient client = open();
    client.send("AUTH ann pw\n");
    EXPECT_EQ(client.read_line(), "AUTH $G\n");
    return client;
  }
  bool logs(const std::string& text) { return server->wait_for_log(text); }

  std::unique_ptr<ServerProcess> server;
};

// ---- who it is ---------------------------------------------------------------------------------

TEST_F(Wire, a_client_gets_its_account_with_the_right_password) {
  start("", std::string(users));
  RawClient client = open();
  client.send("HELLO\nAUTH ann pw\n");
  EXPECT_EQ(client.read_line(), "HELLO 0 - -\n");
  EXPECT_EQ(client.read_line(), "AUTH $G\n");
}

TEST_F(Wire, a_client_with_a_wrong_password_is_told_and_closed) {
  start("", std::string(users));
  RawClient client = open();
  client.send("AUTH ann no\n");
  EXPECT_TRUE(client.receives_and_closes("AUTH denied\n"));
  EXPECT_TRUE(logs("closed with "));
}

TEST_F(Wire, a_client_cannot_be_bound_without_credentials_and_a_link_can) {
  start("");
  RawClient client = open();
  client.send("BIND\n");
  EXPECT_EQ(client.read_line(), "BIND 4\n");  // DUNLIN_E_DENIED
  start("kind: router");
  RawClient router = open();
  router.send("BIND\nBIND\n");
  EXPECT_EQ(router.read_line(), "BIND 0\n");
  EXPECT_EQ(router.read_line(), "BIND 3\n");  // DUNLIN_E_EXISTS
}

TEST_F(Wire, deliveries_are_checked_against_the_users_permissions) {
  start("", std::string(users));
  RawClient client = open_as_ann();
  client.send("DELIVER open.x hi\nDELIVER secret.x hi\n");
  EXPECT_TRUE(client.receives("MSG open.x hi\nDELIVER 0\nDELIVER 4\n"));
}

TEST_F(Wire, who_never_says_who_it_is_is_closed_in_time) {
  start("auth_timeout: \"50ms\"", std::string(users));
  RawClient client = open();
  EXPECT_EQ(client.read_to_close(), "");
  EXPECT_TRUE(logs("closed with "));
}

// ---- input -------------------------------------------------------------------------------------

TEST_F(Wire, input_may_come_in_any_pieces) {
  start("", std::string(users));
  RawClient client = open();
  for (const char byte : std::string("AUTH ann pw\nDELIVER a b\n"))
    client.send_piece(std::string_view(&byte, 1), *server);
  EXPECT_TRUE(client.receives("AUTH $G\nMSG a b\nDELIVER 0\n"));
}

TEST_F(Wire, input_before_authentication_is_bounded_however_it_is_split) {
  start("preauth: 1000", std::string(users));
  {
    RawClient at_once = open();
    at_once.send(std::string(1200, 'x'));
    EXPECT_EQ(at_once.read_to_close(), "");
  }
  {
    RawClient in_pieces = open();
    for (int i = 0; i < 3; ++i) in_pieces.send_piece(std::string(400, 'x'), *server);
    EXPECT_EQ(in_pieces.read_to_close(), "");
  }
  RawClient consumed = open();
  std::string hellos;
  for (int i = 0; i < 300; ++i) hellos += "HELLO\n";
  consumed.send(hellos);
  EXPECT_THAT(consumed.read_to_close(), HasSubstr("HELLO 0 - -\n"));
  EXPECT_TRUE(logs("bytes of input before authentication"));
}

TEST_F(Wire, what_comes_while_credentials_are_checked_is_not_lost) {
  start("preauth: 1000", std::string(users));
  RawClient client = open();
  std::string input = "AUTH ann pw\n", expected = "AUTH $G\n";
  for (int i = 0; i < 2000; ++i) {
    input += "DELIVER a " + std::to_string(i) + "\n";
    expected += "MSG a " + std::to_string(i) + "\nDELIVER 0\n";
  }
  client.send(input);
  EXPECT_TRUE(client.receives(expected));
}

TEST_F(Wire, unconsumed_input_is_bounded_after_authentication) {
  start("input: 5000", std::string(users));
  RawClient client = open_as_ann();
  client.send("KEEP\n" + std::string(6000, 'x'));
  EXPECT_EQ(client.read_to_close(), "");
  EXPECT_TRUE(logs("is not taken by its protocol"));
}

TEST_F(Wire, paused_input_waits_and_then_goes_on_in_order) {
  start("", std::string(users));
  RawClient client = open_as_ann();
  client.send("PAUSE\nDELIVER a 1\nPAUSE\nDELIVER a 2\n");
  EXPECT_TRUE(client.receives("RESUMED\nMSG a 1\nDELIVER 0\nRESUMED\nMSG a 2\nDELIVER 0\n"));
}

TEST_F(Wire, ticks_come_until_they_are_stopped) {
  start("", std::string(users));
  RawClient client = open_as_ann();
  client.send("TICK 3\n");
  EXPECT_TRUE(client.receives("TICK\nTICK\nTICK\n"));
  client.send("DELIVER a b\n");
  EXPECT_TRUE(client.receives("MSG a b\nDELIVER 0\n"));
}

// ---- output ------------------------------------------------------------------------------------

TEST_F(Wire, a_protocol_is_told_to_wait_and_when_to_go_on) {
  start("", std::string(users));
  RawClient client = open_as_ann();
  client.send("FLOOD 20000000\n");
  EXPECT_TRUE(logs("flood answered 10"));  // DUNLIN_E_AGAIN
  EXPECT_EQ(client.read_bytes(20000000).size(), 20000000u);
  EXPECT_EQ(client.read_line(), "WRITABLE\n");
}

TEST_F(Wire, who_does_not_read_is_closed_as_a_slow_consumer) {
  start("pending: 100000", std::string(users));
  RawClient client = open_as_ann();
  client.shrink_receive_buffer();
  client.send("FLOOD 20000000\n");
  EXPECT_TRUE(logs("Slow Consumer Detected"));
  EXPECT_TRUE(logs("closed with "));
}

// ---- the end -----------------------------------------------------------------------------------

TEST_F(Wire, each_way_to_end_closes_the_protocol_once) {
  start("", std::string(users));
  {
    RawClient told = open();
    told.send("SHUT\n");
    EXPECT_EQ(told.read_to_close(), "");
  }
  EXPECT_TRUE(logs("closed with 0"));
  const std::size_t before = server->log_size();
  open().close();
  EXPECT_TRUE(server->wait_for_log("closed with ", patience, before));
}

TEST_F(Wire, a_peer_that_is_gone_when_something_is_written_is_a_write_error) {
  start("", std::string(users) + "debug: true\n");
  RawClient client = open_as_ann();
  client.send("PAUSE 300\n");
  EXPECT_TRUE(logs("paused"));
  client.abort();
  EXPECT_TRUE(logs("connection closed: Write Error"));
  EXPECT_TRUE(logs("closed with 12"));  // DUNLIN_E_IO
}

TEST_F(Wire, a_peer_that_resets_is_a_read_error) {
  start("", std::string(users) + "debug: true\n");
  open_as_ann().abort();
  EXPECT_TRUE(logs("connection closed: Read Error"));
  EXPECT_TRUE(logs("closed with 12"));
}

TEST_F(Wire, lame_duck_tells_a_protocol_and_then_closes_it) {
  start("", std::string(users) +
                "lame_duck_duration: \"30s\"\nlame_duck_grace_period: \"1ms\"\n");
  RawClient client = open_as_ann();
  server->signal(SIGUSR2);
  EXPECT_EQ(client.read_line(), "LEAVING\n");
  EXPECT_EQ(client.read_to_close(), "");
  EXPECT_EQ(server->wait_exit(), 0);
  EXPECT_THAT(server->log(), HasSubstr("closed with 0"));
}

TEST_F(Wire, lame_duck_takes_no_new_connections_of_a_protocol) {
  start("", std::string(users) +
                "lame_duck_duration: \"30s\"\nlame_duck_grace_period: \"20s\"\n");
  RawClient client = open_as_ann();
  const std::uint16_t port = wire_port(*server);
  server->signal(SIGUSR2);
  EXPECT_EQ(client.read_line(), "LEAVING\n");
  EXPECT_THROW(RawClient::open(port), std::runtime_error);
  server->signal(SIGINT);
  EXPECT_EQ(server->wait_exit(), 0);
}

TEST_F(Wire, shutdown_tells_a_protocol_and_closes_it) {
  start("", std::string(users));
  RawClient client = open_as_ann();
  server->signal(SIGINT);
  EXPECT_TRUE(client.receives_and_closes("LEAVING\n"));
  EXPECT_EQ(server->wait_exit(), 0);
  EXPECT_THAT(server->log(), HasSubstr("closed with 0"));
}

// ---- TLS ---------------------------------------------------------------------------------------

class WireTls : public Wire {
 protected:
  std::string server_tls(const std::string& more = {}) const {
    return "tls { cert_file: \"" + files.server_cert + "\", key_file: \"" + files.server_key +
           "\", ca_file: \"" + files.ca + "\" " + more + " }";
  }
  TlsOptions plain_options() const { return {files.ca, {}, {}}; }
  TlsOptions client_options() const { return {files.ca, files.client_cert, files.client_key}; }

  TempDir dir;
  Certificates files = make_certificates(dir.path().string());
};

TEST_F(WireTls, a_listener_makes_the_handshake_before_the_protocol_sees_a_byte) {
  start("mode: first, " + server_tls(), std::string(users));
  RawClient client = open();
  ASSERT_TRUE(client.start_tls(plain_options()));
  client.send("HELLO\nAUTH ann pw\nDELIVER a b\n");
  EXPECT_TRUE(client.receives("HELLO 0 1.3 -\nAUTH $G\nMSG a b\nDELIVER 0\n"));
}

TEST_F(WireTls, a_listener_refuses_who_speaks_in_clear) {
  start("mode: first, " + server_tls(), std::string(users));
  RawClient client = open();
  client.send("HELLO\nHELLO\n");
  EXPECT_THAT(client.read_to_close(), Not(HasSubstr("HELLO")));
  EXPECT_TRUE(logs("TLS handshake error"));
}

TEST_F(WireTls, a_listener_waits_no_longer_than_the_timeout_of_its_section) {
  start("mode: first, " + server_tls(", timeout: 0.05"), std::string(users));
  EXPECT_EQ(open().read_to_close(), "");
}

TEST_F(WireTls, a_listener_demands_a_certificate_and_shows_whose_it_is) {
  start("mode: first, " + server_tls(", verify: true"), std::string(users));
  RawClient with = open();
  ASSERT_TRUE(with.start_tls(client_options()));
  with.send("HELLO\n");
  EXPECT_EQ(with.read_line(), "HELLO 0 1.3 CN=client\n");
  RawClient without = open();
  without.start_tls(plain_options());
  without.send("HELLO\n");
  EXPECT_EQ(without.read_to_close(), "");
}

TEST_F(WireTls, a_protocol_starts_it_itself) {
  start("mode: protocol, " + server_tls(), std::string(users));
  RawClient client = open();
  client.send("HELLO\nTLS\n");
  EXPECT_TRUE(client.receives("HELLO 0 - -\nTLS ok\n"));
  ASSERT_TRUE(client.start_tls(plain_options()));
  client.send("HELLO\nAUTH ann pw\n");
  EXPECT_TRUE(client.receives("HELLO 0 1.3 -\nAUTH $G\n"));
}

TEST_F(WireTls, a_listener_without_it_refuses_to_start_it) {
  start("", std::string(users));
  RawClient client = open();
  client.send("TLS\n");
  EXPECT_TRUE(client.receives("TLS ok\nTLS refused\n"));
}

TEST_F(WireTls, large_output_passes_encrypted) {
  start("mode: first, " + server_tls(), std::string(users));
  RawClient client = open();
  ASSERT_TRUE(client.start_tls(plain_options()));
  client.send("AUTH ann pw\nFLOOD 5000000\n");
  EXPECT_TRUE(client.receives("AUTH $G\n"));
  EXPECT_TRUE(client.read_bytes(5000000) == std::string(5000000, 'f'));
}

TEST_F(WireTls, its_section_is_checked_with_the_configuration) {
  const auto check = [&](const std::string& section) {
    return run_server({"-c", dir.write("server.conf", loading(section)), "-t"});
  };
  EXPECT_EQ(check("mode: first, " + server_tls()).exit_code, 0);
  const auto unknown = check("mode: first, " + server_tls(", cert_fiel: \"x\""));
  EXPECT_EQ(unknown.exit_code, 78);
  EXPECT_THAT(unknown.err, HasSubstr("cert_fiel"));
  EXPECT_THAT(unknown.err, HasSubstr("server.conf:"));
  EXPECT_EQ(check("tls { cert_file: \"/nowhere.pem\", key_file: \"/nowhere.pem\" }").exit_code, 78);
}

TEST_F(WireTls, a_listener_without_a_certificate_does_not_start) {
  const std::string file = dir.write("server.conf", loading("mode: first, tls {}"));
  const auto result = run_server({"-a", "127.0.0.1", "-p", "-1", "-c", file});
  EXPECT_EQ(result.exit_code, 70);
  EXPECT_THAT(result.err, HasSubstr("needs a certificate"));
}

// ---- outbound ----------------------------------------------------------------------------------

class Outbound : public WireTls {
 protected:
  // A second server, whose plugin connects to that of the first.
  std::unique_ptr<ServerProcess> connect(const std::string& more = {},
                                         const std::string& host = "127.0.0.1") {
    return std::make_unique<ServerProcess>(ServerProcess::with_config(
        loading("connect: \"" + host + ":" + std::to_string(wire_port(*server)) + "\" " + more)));
  }
  std::string client_tls(const std::string& more) const { return "connect_tls { " + more + " }"; }
  std::string trusting(const std::string& more = {}) const {
    return client_tls("ca_file: \"" + files.ca + "\" " + more);
  }
};

TEST_F(Outbound, is_made_announced_and_closed_by_the_other_side) {
  start("kind: router");
  const auto other = connect();
  EXPECT_TRUE(other->wait_for_log("connector connected 127.0.0.1:"));
  EXPECT_TRUE(other->wait_for_log("heard HELLO 1 - -"));
  server->stop();
  EXPECT_TRUE(other->wait_for_log("connector lost 127.0.0.1:"));
  EXPECT_TRUE(other->wait_for_log("connector failed 127.0.0.1:"));
}

TEST_F(Outbound, attempts_end_when_they_are_used_up) {
  ServerProcess other(ServerProcess::with_config(
      loading("connect: \"127.0.0.1:1\", connect_attempts: 2")));
  EXPECT_TRUE(other.wait_for_log("connector ended 127.0.0.1:1"));
}

TEST_F(Outbound, speaks_tls_first_and_verifies_the_name_it_connected_to) {
  start("kind: router, mode: first, " + server_tls());
  const auto by_address = connect(", connect_mode: first, " + trusting());
  EXPECT_TRUE(by_address->wait_for_log("heard HELLO 1 1.3 -"));
  const auto by_name = connect(", connect_mode: first, " + trusting(), "localhost");
  EXPECT_TRUE(by_name->wait_for_log("heard HELLO 1 1.3 -"));
}

TEST_F(Outbound, refuses_a_certificate_of_another_name_or_of_nobody_it_trusts) {
  start("kind: router, mode: first, " + server_tls());
  const auto other_name =
      connect(", connect_mode: first, connect_name: elsewhere, " + trusting());
  EXPECT_TRUE(other_name->wait_for_log("connector failed 127.0.0.1:"));
  EXPECT_TRUE(other_name->wait_for_log("TLS Handshake Failure"));
  const auto distrusting =
      connect(", connect_mode: first, connect_attempts: 2");
  EXPECT_TRUE(distrusting->wait_for_log("connector ended 127.0.0.1:"));
  EXPECT_THAT(distrusting->log(), Not(HasSubstr("connector connected")));
}

TEST_F(Outbound, takes_any_certificate_where_it_is_told_to) {
  start("kind: router, mode: first, " + server_tls());
  const auto other = connect(", connect_mode: first, " + client_tls("insecure: true"));
  EXPECT_TRUE(other->wait_for_log("heard HELLO 1 1.3 -"));
}

TEST_F(Outbound, shows_its_certificate) {
  start("kind: router, mode: first, " + server_tls(", verify: true"));
  const auto other = connect(", connect_mode: first, " +
                             trusting(", cert_file: \"" + files.client_cert + "\", key_file: \"" +
                                      files.client_key + "\""));
  EXPECT_TRUE(other->wait_for_log("heard HELLO 1 1.3 CN=client"));
}

TEST_F(Outbound, starts_tls_when_its_protocol_says_so) {
  start("kind: router, mode: protocol, " + server_tls());
  const auto other = connect(", connect_mode: protocol, " + trusting());
  EXPECT_TRUE(other->wait_for_log("heard HELLO 1 1.3 -"));
}

}  // namespace
}  // namespace dunlin::testing
