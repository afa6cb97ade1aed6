// Monitoring of a real server: the port is opened, its numbers follow what clients do, and what is
// wrong with its settings stops the start in nats-server's words.

#include <gmock/gmock.h>

#include <algorithm>
#include <cctype>
#include <string>

#include "tests/server/harness/certificates.hpp"
#include "tests/server/harness/raw_client.hpp"
#include "tests/server/harness/server_process.hpp"
#include "tests/unit/plugins/monitoring/http_client.hpp"

namespace dunlin::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using monitoring::test::body_of;
using monitoring::test::get;
using monitoring::test::HttpClient;

std::uint16_t monitor_port(const ServerProcess& server, const std::string& protocol = "http") {
  const std::string line = "Starting " + protocol + " monitor on 127.0.0.1:";
  EXPECT_TRUE(server.wait_for_log(line)) << server.log();
  const auto log = server.log();
  return static_cast<std::uint16_t>(std::stoul(log.substr(log.find(line) + line.size())));
}

std::string ask(std::uint16_t port, const std::string& path) {
  HttpClient client(port);
  client.send(get(path));
  return client.read_answer();
}

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
       {"/", "/varz", "/connz", "/subsz", "/subscriptionsz", "/accountz", "/healthz", "/metrics"}) {
    EXPECT_THAT(ask(port, path), ::testing::StartsWith("HTTP/1.1 200 OK\r\n")) << path;
  }
  EXPECT_EQ(body_of(ask(port, "/healthz")), "{\"status\":\"ok\"}");
  EXPECT_THAT(ask(port, "/varz/"), ::testing::StartsWith("HTTP/1.1 404 "));
}

TEST(Monitoring, a_client_is_seen_with_its_subscriptions_and_its_traffic) {
  ServerProcess server(ServerProcess::with_config(config));
  const auto port = monitor_port(server);
  auto client = RawClient::connect(server, R"({"verbose":false,"name":"app","lang":"test"})");
  client.send("SUB foo.> workers 7\r\nPUB foo.bar 5\r\nhello\r\n");
  EXPECT_EQ(client.barrier(), "MSG foo.bar 7 5\r\nhello\r\n");
  const auto connz = body_of(ask(port, "/connz?subs=detail&auth=1"));
  EXPECT_EQ(field(connz, "num_connections"), "1");
  EXPECT_EQ(field(connz, "name"), "\"app\"");
  EXPECT_EQ(field(connz, "kind"), "\"Client\"");
  EXPECT_EQ(field(connz, "type"), "\"nats\"");
  EXPECT_EQ(field(connz, "in_msgs"), "1");
  EXPECT_EQ(field(connz, "out_bytes"), "5");
  EXPECT_EQ(field(connz, "subject"), "\"foo.\\u003e\"");
  EXPECT_EQ(field(connz, "qgroup"), "\"workers\"");
  const auto varz = body_of(ask(port, "/varz"));
  EXPECT_EQ(field(varz, "connections"), "1");
  EXPECT_EQ(field(varz, "in_client_bytes"), "5");
  EXPECT_EQ(field(varz, "server_id"), field(connz, "server_id"));
  EXPECT_THAT(body_of(ask(port, "/metrics")),
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
    connz = body_of(ask(port, "/connz?state=closed&auth=1&sort=stop"));
    return field(connz, "num_connections") == "1";
  }));
  EXPECT_EQ(field(connz, "reason"), "\"Authentication Failure\"");
  EXPECT_THAT(connz, Not(HasSubstr("wrong")));
}

TEST(Monitoring, the_https_port_refuses_plain_http) {
  auto dir = std::make_shared<TempDir>();
  const auto files = make_certificates(dir->path());
  ServerOptions options;
  options.dir = dir;
  options.config = "https: \"127.0.0.1:-1\"\nhttp_base_path: \"mon\"\ntls {\n  cert_file: \"" +
                   files.server_cert + "\"\n  key_file: \"" + files.server_key + "\"\n}\n";
  ServerProcess server(std::move(options));
  HttpClient plain(monitor_port(server, "https"));
  plain.send(get("/mon/varz"));
  EXPECT_THAT(plain.read_to_end(), HasSubstr("Client sent an HTTP request to an HTTPS server.\n"));
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
