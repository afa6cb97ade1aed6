// Monitoring of a real server: the port is opened, its numbers follow what clients do, and what is
// wrong with its settings stops the start in nats-server's words.

#include <gmock/gmock.h>

#include <algorithm>
#include <cctype>
#include <string>

#include "tests/server/harness/certificates.hpp"
#include "tests/server/harness/monitoring.hpp"
#include "tests/server/harness/raw_client.hpp"

namespace dunlin::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using monitoring::test::body_of;
using monitoring::test::get;
using monitoring::test::HttpClient;

// The text behind `"name": `, up to the end of its line, without a comma.
std::string field(const std::string& json, const std::string& name) {
  const std::string key = "\"" + name + "\": ";
  const auto at = json.find(key);
  if (at == std::string::npos) return "";
  auto value = json.substr(at + key.size(), json.find('\n', at) - at - key.size());
  if (value.ends_with(',')) value.pop_back();
  return value;
}

const char* const config = "http: \"127.0.0.1:-1\"\n";

TEST(Monitoring, the_port_opens_and_every_endpoint_answers) {
  ServerProcess server(ServerProcess::with_config(config));
  const auto port = monitor_port(server);
  for (const char* path :
       {"/", "/varz", "/connz", "/subsz", "/subscriptionsz", "/accountz", "/accstatz", "/jsz",
        "/routez", "/gatewayz", "/leafz", "/ipqueuesz", "/debug/vars", "/healthz", "/metrics"}) {
    EXPECT_THAT(ask_monitor(port, path), ::testing::StartsWith("HTTP/1.1 200 OK\r\n")) << path;
  }
  EXPECT_EQ(body_of(ask_monitor(port, "/healthz")), "{\"status\":\"ok\"}");
  EXPECT_THAT(ask_monitor(port, "/varz/"), ::testing::StartsWith("HTTP/1.1 404 "));
}

TEST(Monitoring, a_client_is_seen_with_its_subscriptions_and_its_traffic) {
  ServerProcess server(ServerProcess::with_config(config));
  const auto port = monitor_port(server);
  auto client = RawClient::connect(server, R"({"verbose":false,"name":"app","lang":"test"})");
  client.send("SUB foo.> workers 7\r\nPUB foo.bar 5\r\nhello\r\n");
  EXPECT_EQ(client.barrier(), "MSG foo.bar 7 5\r\nhello\r\n");
  const auto connz = body_of(ask_monitor(port, "/connz?subs=detail&auth=1"));
  EXPECT_EQ(field(connz, "num_connections"), "1");
  EXPECT_EQ(field(connz, "name"), "\"app\"");
  EXPECT_EQ(field(connz, "kind"), "\"Client\"");
  EXPECT_EQ(field(connz, "type"), "\"nats\"");
  EXPECT_EQ(field(connz, "in_msgs"), "1");
  EXPECT_EQ(field(connz, "out_bytes"), "5");
  EXPECT_EQ(field(connz, "subject"), "\"foo.\\u003e\"");
  EXPECT_EQ(field(connz, "qgroup"), "\"workers\"");
  const auto varz = body_of(ask_monitor(port, "/varz"));
  EXPECT_EQ(field(varz, "connections"), "1");
  EXPECT_EQ(field(varz, "in_client_bytes"), "5");
  EXPECT_EQ(field(varz, "server_id"), field(connz, "server_id"));
  EXPECT_THAT(body_of(ask_monitor(port, "/metrics")),
              AllOf(HasSubstr("\nnats_connections 1\n"), HasSubstr("nats_in_messages_total 1\n"),
                    HasSubstr("nats_account_connections{account=\"$G\"} 1\n")));
}

TEST(Monitoring, a_closed_connection_is_remembered_with_its_reason) {
  ServerProcess server(ServerProcess::with_config(std::string(config) +
                                                  "authorization { user: a, password: b }\n"));
  const auto port = monitor_port(server);
  auto client = RawClient::connect(server);
  client.send("CONNECT {\"user\":\"a\",\"pass\":\"wrong\"}\r\nPING\r\n");
  EXPECT_TRUE(client.receives_and_closes("-ERR 'Authorization Violation'\r\n"));
  std::string connz;
  EXPECT_TRUE(eventually([&] {
    connz = body_of(ask_monitor(port, "/connz?state=closed&auth=1&sort=stop"));
    return field(connz, "num_connections") == "1";
  }));
  EXPECT_EQ(field(connz, "reason"), "\"Authentication Failure\"");
  EXPECT_EQ(field(connz, "authorized_user"), "\"a\"");
  EXPECT_THAT(connz, Not(HasSubstr("wrong")));
}

TEST(Monitoring, a_failed_token_is_not_shown) {
  ServerProcess server(ServerProcess::with_config(std::string(config) +
                                                  "authorization { token: right }\n"));
  const auto port = monitor_port(server);
  auto client = RawClient::connect(server);
  client.send("CONNECT {\"auth_token\":\"wrong\"}\r\nPING\r\n");
  EXPECT_TRUE(client.receives_and_closes("-ERR 'Authorization Violation'\r\n"));
  std::string connz;
  EXPECT_TRUE(eventually([&] {
    connz = body_of(ask_monitor(port, "/connz?state=closed&auth=1"));
    return field(connz, "num_connections") == "1";
  }));
  EXPECT_EQ(field(connz, "authorized_user"), "\"[REDACTED]\"");
}

TEST(Monitoring, subsz_shows_what_the_caches_hold) {
  ServerProcess server(ServerProcess::with_config("threads: 1\n" + std::string(config)));
  const auto port = monitor_port(server);
  auto client = RawClient::connect(server, quiet);
  client.send("SUB a.* 1\r\nSUB a.> 2\r\nSUB b.* 3\r\n");
  // Other subjects in between: the last match is remembered apart.
  for (int i = 0; i < 5; ++i) client.send("PUB a.x 1\r\nx\r\nPUB b.x 1\r\nx\r\n");
  client.barrier();
  const auto subsz = body_of(ask_monitor(port, "/subsz"));
  EXPECT_EQ(field(subsz, "num_cache"), "2");
  EXPECT_EQ(field(subsz, "max_fanout"), "2");
  EXPECT_EQ(field(subsz, "avg_fanout"), "1.5");
  EXPECT_GT(std::stod(field(subsz, "cache_hit_rate")), 0.1);
  EXPECT_LT(std::stod(field(subsz, "cache_hit_rate")), 1);
  const auto detail = body_of(ask_monitor(port, "/accountz?acc=$G"));
  EXPECT_EQ(field(detail, "num_cache"), "2");
}

TEST(Monitoring, accstatz_shows_accounts_with_connections) {
  ServerProcess server(ServerProcess::with_config(config));
  const auto port = monitor_port(server);
  EXPECT_THAT(body_of(ask_monitor(port, "/accstatz")), HasSubstr("\"account_statz\": []"));
  EXPECT_THAT(body_of(ask_monitor(port, "/accstatz?unused=1")), HasSubstr("\"acc\": \"$G\""));
  auto client = RawClient::connect(server, quiet);
  client.send("SUB a 1\r\nPUB a 3\r\nabc\r\n");
  client.barrier();
  const auto shown = body_of(ask_monitor(port, "/accstatz"));
  EXPECT_EQ(field(shown, "conns"), "1");
  EXPECT_EQ(field(shown, "total_conns"), "1");
  EXPECT_EQ(field(shown, "num_subscriptions"), "1");
  EXPECT_THAT(shown, HasSubstr("\"sent\": {\n        \"msgs\": 1,\n        \"bytes\": 3,"));
  EXPECT_THAT(shown, HasSubstr("\"received\": {\n        \"msgs\": 1,\n        \"bytes\": 3,"));
}

TEST(Monitoring, shows_how_a_missed_write_deadline_is_met) {
  for (const char* const policy : {"close", "retry"}) {
    ServerProcess server(ServerProcess::with_config(std::string(config) + "write_timeout: " +
                                                    policy + "\n"));
    EXPECT_EQ(field(body_of(ask_monitor(monitor_port(server), "/varz")), "write_timeout"),
              "\"" + std::string(policy) + "\"");
  }
}

class Https : public ::testing::Test {
 protected:
  static std::string tls_block(const Certificates& files, const std::string& more = {}) {
    return "tls {\n  cert_file: \"" + files.server_cert + "\"\n  key_file: \"" +
           files.server_key + "\"\n" + more + "}\n";
  }
  ServerOptions with(const std::string& lines, std::vector<std::string> args = {},
                     const std::string& tls = {}) const {
    ServerOptions options;
    options.dir = dir;
    options.config = lines + tls_block(files, tls);
    options.args = std::move(args);
    return options;
  }
  // The answer over TLS; empty when the certificate is not by that authority.
  static std::string ask(std::uint16_t port, const std::string& path, const std::string& ca) {
    auto client = RawClient::open(port);
    if (!client.start_tls({ca, {}, {}})) return "";
    client.send("GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    return client.read_to_close();
  }

  std::shared_ptr<TempDir> dir = std::make_shared<TempDir>();
  const Certificates files = make_certificates(dir->path());
};

TEST_F(Https, serves_over_tls_with_the_servers_certificate) {
  const ServerProcess server(with("https: \"127.0.0.1:-1\"\nhttp_base_path: \"mon\"\n"));
  const auto port = monitor_port(server, "https");
  const auto varz = ask(port, "/mon/varz", files.ca);
  EXPECT_THAT(varz, ::testing::StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(field(body_of(varz), "https_port"), "-1");
  EXPECT_EQ(field(body_of(varz), "tls_required"), "true");
  EXPECT_EQ(field(body_of(varz), "tls_timeout"), "2");
  EXPECT_THAT(ask(port, "/mon/healthz", files.ca), HasSubstr("{\"status\":\"ok\"}"));
  EXPECT_THAT(ask(port, "/varz", files.ca), ::testing::StartsWith("HTTP/1.1 404 "));
}

TEST_F(Https, port_can_be_given_by_option_and_flags) {
  {
    const ServerProcess server(with("https_port: -1\n"));
    EXPECT_THAT(ask(monitor_port(server, "https"), "/healthz", files.ca), HasSubstr("200 OK"));
  }
  for (const char* const flag : {"-ms", "--https_port"}) {
    const ServerProcess server(with({}, {flag, "-1"}));
    EXPECT_THAT(ask(monitor_port(server, "https"), "/healthz", files.ca), HasSubstr("200 OK"));
  }
}

TEST_F(Https, takes_a_new_certificate_at_a_reload) {
  ServerProcess server(with("https: \"127.0.0.1:-1\"\n"));
  const auto port = monitor_port(server, "https");
  const TempDir other;
  const auto renewed = make_certificates(other.path());
  EXPECT_EQ(ask(port, "/healthz", renewed.ca), "");
  ASSERT_TRUE(server.reload("https: \"127.0.0.1:-1\"\n" + tls_block(renewed)));
  EXPECT_THAT(ask(port, "/healthz", renewed.ca), HasSubstr("200 OK"));
}

TEST_F(Https, refuses_plain_http) {
  const ServerProcess server(with("https: \"127.0.0.1:-1\"\n"));
  HttpClient plain(monitor_port(server, "https"));
  plain.send(get("/varz"));
  EXPECT_THAT(plain.read_to_end(), HasSubstr("Client sent an HTTP request to an HTTPS server.\n"));
}

TEST_F(Https, connections_are_shown_with_their_tls) {
  for (const bool is_first : {false, true}) {
    const ServerProcess server(
        with(config, {}, is_first ? "  handshake_first: true\n  timeout: 5\n" : ""));
    const auto port = monitor_port(server);
    auto client = RawClient::open(server.port());
    if (!is_first) {
      ASSERT_TRUE(client.read_info());
    }
    ASSERT_TRUE(client.start_tls({files.ca, {}, {}}));
    if (is_first) {
      ASSERT_TRUE(client.read_info());
    }
    client.send("CONNECT {\"verbose\":false}\r\n");
    client.barrier();
    const auto connz = body_of(ask_monitor(port, "/connz"));
    EXPECT_EQ(field(connz, "tls_version"), "\"1.3\"");
    EXPECT_THAT(field(connz, "tls_cipher_suite"), ::testing::StartsWith("\"TLS_"));
    EXPECT_EQ(field(connz, "tls_first"), is_first ? "true" : "");
    const auto varz = body_of(ask_monitor(port, "/varz"));
    EXPECT_EQ(field(varz, "tls_timeout"), is_first ? "5" : "2");
    EXPECT_EQ(field(varz, "tls_verify"), "");
  }
}

TEST_F(Https, varz_says_that_clients_need_certificates) {
  const ServerProcess server(
      with(config, {}, "  ca_file: \"" + files.ca + "\"\n  verify: true\n"));
  EXPECT_EQ(field(body_of(ask_monitor(monitor_port(server), "/varz")), "tls_verify"), "true");
}

TEST(Monitoring, a_port_in_use_stops_the_start) {
  ServerProcess first(ServerProcess::with_config(config));
  const auto port = std::to_string(monitor_port(first));
  const auto second = run_server({"-a", "127.0.0.1", "-p", "-1", "-m", port});
  EXPECT_NE(second.exit_code, 0);
  EXPECT_THAT(second.out + second.err,
              HasSubstr("Can't start monitoring: can't listen to the monitor port: listen tcp "
                        "127.0.0.1:" +
                        port + ": bind: address already in use"));
}

TEST(Monitoring, http_and_https_together_stop_the_start) {
  const auto result = run_server({"-a", "127.0.0.1", "-p", "-1", "-m", "18222", "-ms", "18223"});
  EXPECT_NE(result.exit_code, 0);
  EXPECT_THAT(result.out + result.err,
              HasSubstr("can't specify both HTTP (18222) and HTTPs (18223) ports"));
}

}  // namespace
}  // namespace dunlin::testing
