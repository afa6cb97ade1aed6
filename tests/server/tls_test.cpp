// TLS on the client port: required, optional, handshake first, client certificates, pins.
#include <gmock/gmock.h>

#include <filesystem>

#include "tests/server/harness/certificates.hpp"
#include "tests/server/harness/raw_client.hpp"

namespace dunlin::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Tls : public ::testing::Test {
 protected:
  // A server whose tls block has these further lines.
  std::unique_ptr<ServerProcess> start(const std::string& tls_lines = {},
                                       const std::string& other_lines = {}) {
    ServerOptions options;
    options.dir = dir;
    options.config = other_lines + "\ndebug: true\ntls {\n cert_file: \"" + files.server_cert +
                     "\"\n key_file: \"" + files.server_key + "\"\n ca_file: \"" + files.ca +
                     "\"\n" + tls_lines + "\n}\n";
    return std::make_unique<ServerProcess>(options);
  }

  TlsOptions plain_options() const { return {files.ca, {}, {}}; }
  TlsOptions client_options() const { return {files.ca, files.client_cert, files.client_key}; }

  void expect_working(RawClient& client) {
    client.send("CONNECT {\"verbose\":false}\r\nSUB a 1\r\nPUB a 2\r\nhi\r\n");
    EXPECT_EQ(client.barrier(), msg("a 1", "hi"));
  }

  std::shared_ptr<TempDir> dir = std::make_shared<TempDir>();
  Certificates files = make_certificates(dir->path().string());
};

TEST_F(Tls, info_demands_tls_and_is_not_repeated_after_the_handshake) {
  const auto server = start();
  EXPECT_THAT(server->log(), HasSubstr("TLS required for client connections"));
  RawClient client = RawClient::connect(*server);
  EXPECT_THAT(client.info(), HasSubstr(R"("tls_required":true)"));
  EXPECT_THAT(client.info(), Not(HasSubstr("tls_verify")));
  ASSERT_TRUE(client.start_tls(plain_options()));
  expect_working(client);
}

TEST_F(Tls, large_messages_pass_encrypted) {
  const auto server = start();
  RawClient client = RawClient::connect(*server);
  ASSERT_TRUE(client.start_tls(plain_options()));
  const std::string body(1'000'000, 'x');
  client.send("CONNECT {\"verbose\":false}\r\nSUB a 1\r\nPUB a 1000000\r\n" + body + "\r\n");
  EXPECT_TRUE(client.barrier() == msg("a 1", body));
}

TEST_F(Tls, error_before_a_close_arrives_encrypted) {
  const auto server = start();
  RawClient client = RawClient::connect(*server);
  ASSERT_TRUE(client.start_tls(plain_options()));
  client.send("CONNECT {\"verbose\":false}\r\nBOGUS\r\n");
  EXPECT_TRUE(client.receives_and_closes(err("Unknown Protocol Operation")));
}

TEST_F(Tls, plain_text_on_a_tls_port_is_closed) {
  const auto server = start();
  RawClient client = RawClient::connect(*server);
  client.send("CONNECT {\"verbose\":false}\r\nPING\r\n");
  EXPECT_THAT(client.read_to_close(), Not(HasSubstr("PONG")));
  EXPECT_TRUE(server->wait_for_log("TLS handshake error"));
}

// Go: TestTLSConnectionTimeout
TEST_F(Tls, silent_client_is_closed_after_the_tls_timeout) {
  const auto server = start("timeout: 0.2");
  RawClient client = RawClient::connect(*server);
  client.read_to_close();
  EXPECT_TRUE(server->wait_for_log("TLS Handshake Failure")) << server->log();
}

// Go: TestClientTLSAndNonTLSConnections
TEST_F(Tls, allow_non_tls_serves_both) {
  const auto server = start({}, "allow_non_tls: true");
  EXPECT_THAT(server->log(), HasSubstr("TLS available for client connections"));
  RawClient plain = RawClient::connect(*server);
  EXPECT_THAT(plain.info(), HasSubstr(R"("tls_available":true)"));
  EXPECT_THAT(plain.info(), Not(HasSubstr("tls_required")));
  expect_working(plain);
  RawClient encrypted = RawClient::connect(*server);
  ASSERT_TRUE(encrypted.start_tls(plain_options()));
  expect_working(encrypted);
}

// Go: TestTLSClientHandshakeFirst
TEST_F(Tls, handshake_first_says_nothing_in_the_clear) {
  const auto server = start("handshake_first: true\ntimeout: 0.5");
  RawClient client = RawClient::open(server->port());
  ASSERT_TRUE(client.start_tls(plain_options()));
  ASSERT_TRUE(client.read_info());
  EXPECT_THAT(client.info(), HasSubstr(R"("tls_required":true)"));
  expect_working(client);
  RawClient waiting = RawClient::open(server->port());
  EXPECT_THAT(waiting.read_to_close(), Not(HasSubstr("INFO")));
}

// Go: TestTLSClientHandshakeFirstFallbackDelay
TEST_F(Tls, handshake_first_auto_serves_both_kinds_of_client) {
  for (const char* mode : {"handshake_first: auto", "handshake_first: \"300ms\""}) {
    const auto server = start(mode);
    RawClient first = RawClient::open(server->port());
    ASSERT_TRUE(first.start_tls(plain_options())) << mode;
    ASSERT_TRUE(first.read_info());
    expect_working(first);
    RawClient waiting = RawClient::connect(*server);
    EXPECT_THAT(waiting.info(), HasSubstr(R"("tls_required":true)"));
    ASSERT_TRUE(waiting.start_tls(plain_options())) << mode;
    expect_working(waiting);
  }
}

// Go: TestTLSClientHandshakeFirstFallbackDelayAndAllowNonTLS
TEST_F(Tls, handshake_first_auto_with_allow_non_tls_serves_plain_clients_too) {
  const auto server = start("handshake_first: auto", "allow_non_tls: true");
  RawClient plain = RawClient::connect(*server);
  expect_working(plain);
  RawClient first = RawClient::open(server->port());
  ASSERT_TRUE(first.start_tls(plain_options()));
  ASSERT_TRUE(first.read_info());
  EXPECT_THAT(first.info(), HasSubstr(R"("tls_required":true)"));
  EXPECT_THAT(first.info(), HasSubstr(R"("tls_available":true)"));
}

TEST_F(Tls, verify_demands_a_certificate_of_the_authority) {
  const auto server = start("verify: true");
  RawClient with = RawClient::connect(*server);
  EXPECT_THAT(with.info(), HasSubstr(R"("tls_verify":true)"));
  ASSERT_TRUE(with.start_tls(client_options()));
  expect_working(with);
  RawClient without = RawClient::connect(*server);
  without.start_tls(plain_options());
  without.send("CONNECT {\"verbose\":false}\r\nPING\r\n");
  EXPECT_EQ(without.read_to_close(), "");
}

// Go: TestTLSPinnedCertsClient
TEST_F(Tls, pinned_certs_admit_only_the_pinned_key) {
  const auto server = start("verify: true\npinned_certs: [\"" + files.client_pin + "\"]");
  RawClient pinned = RawClient::connect(*server);
  ASSERT_TRUE(pinned.start_tls(client_options()));
  expect_working(pinned);
  RawClient other = RawClient::connect(*server);
  other.start_tls({files.ca, files.other_cert, files.other_key});
  other.send("CONNECT {\"verbose\":false}\r\nPING\r\n");
  EXPECT_EQ(other.read_to_close(), "");
}

// Go: TestTLSConnectionRate
TEST_F(Tls, no_more_handshakes_begin_in_a_second_than_the_rate_limit) {
  const auto server = start("connection_rate_limit: 2");
  for (int i = 0; i < 2; ++i) {
    RawClient client = RawClient::connect(*server);
    ASSERT_TRUE(client.start_tls(plain_options()));
  }
  RawClient one_too_many = RawClient::connect(*server);
  EXPECT_TRUE(one_too_many.receives_and_closes(
      err("Connection throttling is active. Please try again later.")));
  EXPECT_TRUE(eventually([&] {
    RawClient later = RawClient::connect(*server);
    return later.start_tls(plain_options());
  }));
}

TEST_F(Tls, flags_switch_it_on) {
  ServerOptions options;
  options.args = {"--tls",       "--tlscert", files.server_cert, "--tlskey",
                  files.server_key, "--tlsverify", "--tlscacert",   files.ca};
  const ServerProcess server(options);
  RawClient client = RawClient::connect(server);
  EXPECT_THAT(client.info(), HasSubstr(R"("tls_verify":true)"));
  ASSERT_TRUE(client.start_tls(client_options()));
  expect_working(client);
}

TEST_F(Tls, proxy_protocol_header_comes_before_the_handshake) {
  const auto server = start({}, "proxy_protocol: true");
  RawClient client = RawClient::connect(*server);
  client.send("PROXY TCP4 10.1.2.3 127.0.0.1 5555 4222\r\n");
  ASSERT_TRUE(client.start_tls(plain_options()));
  client.send("CONNECT {\"verbose\":false,\"protocol\":1}\r\nPING\r\n");
  EXPECT_TRUE(client.receives("PONG\r\n"));
  ASSERT_TRUE(client.read_info());
  EXPECT_THAT(client.info(), HasSubstr(R"("client_ip":"10.1.2.3")"));
}

// ---- OpenSSL comes with the first use of TLS ----

std::string mapped_files(const ServerProcess& server) {
  return TempDir::read("/proc/" + std::to_string(server.pid()) + "/maps");
}

TEST_F(Tls, a_server_without_tls_has_no_openssl_in_its_process) {
  ServerOptions options = ServerProcess::with_config("http: \"127.0.0.1:-1\"\n");
  const ServerProcess server(options);
  EXPECT_THAT(mapped_files(server), Not(HasSubstr("libcrypto")));
  EXPECT_THAT(mapped_files(*start()), HasSubstr("libcrypto"));
}

TEST_F(Tls, a_reload_may_bring_it) {
  ServerOptions options = ServerProcess::with_config("debug: true\n");
  options.dir = dir;
  ServerProcess server(options);
  ASSERT_TRUE(server.reload("debug: true\ntls { cert_file: \"" + files.server_cert +
                            "\", key_file: \"" + files.server_key + "\" }\n"));
  RawClient client = RawClient::connect(server);
  ASSERT_TRUE(client.start_tls(plain_options()));
  expect_working(client);
}

TEST_F(Tls, without_its_module_the_server_says_what_is_missing) {
  std::filesystem::create_directory(dir->path() / "bin");
  const auto alone = dir->path() / "bin" / "dunlin-server";
  std::filesystem::copy_file(server_binary(), alone);
  ASSERT_EQ(::setenv("DUNLIN_SERVER", alone.c_str(), 1), 0);
  const auto ended = run_server({"-a", "127.0.0.1", "-p", "-1", "--tls", "--tlscert",
                                 files.server_cert, "--tlskey", files.server_key});
  EXPECT_NE(ended.exit_code, 0);
  EXPECT_THAT(ended.err, HasSubstr("TLS is not available: " +
                                   (dir->path() / "lib/dunlin/dunlin-tls.so").string() +
                                   ": No such file or directory; it belongs to the server: install "
                                   "it again"));
}

}  // namespace
}  // namespace dunlin::testing
