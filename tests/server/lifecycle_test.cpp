// Start, signals and end: log lines, pid and ports files, lame duck, shutdown, log reopening.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>

#include "tests/server/harness/raw_client.hpp"

namespace dunlin::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

const std::string grace_config =
    "lame_duck_duration: \"30s\"\nlame_duck_grace_period: \"1ms\"\n";

TEST(Start, log_names_the_listener_then_says_ready) {
  ServerProcess server;
  const std::string log = server.log();
  const std::size_t listening = log.find("[INF] Listening for client connections on 127.0.0.1:");
  const std::size_t ready = log.find("[INF] Server is ready");
  ASSERT_NE(listening, std::string::npos);
  ASSERT_NE(ready, std::string::npos);
  EXPECT_LT(listening, ready);
  EXPECT_THAT(log.substr(0, log.find('\n')),
              MatchesRegex("\\[[0-9]+\\] [0-9]+/[0-9]+/[0-9]+ [0-9]+:[0-9]+:[0-9]+\\.[0-9]+ "
                           "\\[INF\\] Starting .*"));
  EXPECT_EQ(log.rfind("[" + std::to_string(server.pid()) + "] ", 0), 0U);
}

TEST(Start, log_time_can_be_switched_off) {
  ServerOptions options;
  options.args = {"-T=false"};
  ServerProcess server(options);
  EXPECT_EQ(server.log().rfind("[" + std::to_string(server.pid()) + "] [INF] ", 0), 0U);
}

TEST(Start, pid_file_holds_the_bare_pid) {
  ServerOptions options;
  options.args = {"-P", "@DIR@/server.pid"};
  ServerProcess server(options);
  EXPECT_EQ(TempDir::read(server.dir().path() / "server.pid"), std::to_string(server.pid()));
}

TEST(Start, ports_file_names_the_urls_and_goes_at_shutdown) {
  ServerOptions options;
  options.args = {"--ports_file_dir", "@DIR@"};
  ServerProcess server(options);
  const std::string binary = std::filesystem::path(server_binary()).filename();
  const std::filesystem::path file =
      server.dir().path() / (binary + "_" + std::to_string(server.pid()) + ".ports");
  const std::string expected =
      "{\"nats\":[\"nats://127.0.0.1:" + std::to_string(server.port()) + "\"]}";
  EXPECT_TRUE(eventually([&] { return TempDir::read(file) == expected; })) << TempDir::read(file);
  EXPECT_EQ(server.stop(), 0);
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST(Start, server_name_is_the_configured_one_or_the_id) {
  ServerOptions options;
  options.args = {"-n", "waterfowl"};
  ServerProcess named(options);
  EXPECT_THAT(RawClient::connect(named).info(), HasSubstr(R"("server_name":"waterfowl")"));
  ServerProcess unnamed;
  const std::string info = RawClient::connect(unnamed).info();
  const std::string id = info.substr(info.find("\"server_id\":\"") + 13, 56);
  EXPECT_THAT(info, HasSubstr("\"server_name\":\"" + id + "\""));
}

TEST(Start, occupied_port_is_a_fatal_error) {
  ServerProcess first;
  const ProcessResult second =
      run_server({"-a", "127.0.0.1", "-p", std::to_string(first.port())});
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_THAT(second.err, HasSubstr("[FTL] Error listening on port: 127.0.0.1:"));
}

class Shutdown : public ::testing::TestWithParam<int> {};

TEST_P(Shutdown, closes_the_clients_and_exits_with_zero) {
  ServerProcess server;
  RawClient client = RawClient::connect(server, quiet);
  server.signal(GetParam());
  EXPECT_TRUE(client.receives_and_closes(""));
  EXPECT_EQ(server.wait_exit(), 0);
  EXPECT_TRUE(server.wait_for_log("Initiating Shutdown..."));
  EXPECT_TRUE(server.wait_for_log("Server Exiting.."));
  EXPECT_THAT(server.log(), HasSubstr(GetParam() == SIGINT ? "Trapped \"interrupt\" signal"
                                                           : "Trapped \"terminated\" signal"));
}

INSTANTIATE_TEST_SUITE_P(Signals, Shutdown, ::testing::Values(SIGINT, SIGTERM),
                         [](const auto& param) {
                           return param.param == SIGINT ? "interrupt" : "terminate";
                         });

// Go: TestLameDuckMode
TEST(LameDuck, without_clients_ends_at_once) {
  ServerProcess server(ServerProcess::with_config(grace_config));
  server.signal(SIGUSR2);
  EXPECT_EQ(server.wait_exit(), 0);
  EXPECT_TRUE(server.wait_for_log("Entering lame duck mode, stop accepting new clients"));
}

// Go: TestLameDuckModeInfo
TEST(LameDuck, tells_the_clients_refuses_new_ones_then_closes_them) {
  ServerProcess server(ServerProcess::with_config(grace_config));
  RawClient knows = RawClient::connect(server);
  knows.send("CONNECT {\"verbose\":false,\"protocol\":1}\r\nPING\r\n");
  ASSERT_TRUE(knows.receives("PONG\r\n"));
  ASSERT_TRUE(knows.read_info());
  RawClient old = RawClient::connect(server, quiet);
  server.signal(SIGUSR2);
  ASSERT_TRUE(knows.read_info());
  EXPECT_THAT(knows.info(), HasSubstr(R"("ldm":true)"));
  EXPECT_THAT(knows.info(), Not(HasSubstr("connect_info")));
  EXPECT_THROW(RawClient::open(server.port()), std::runtime_error);
  EXPECT_THAT(knows.read_to_close(), Not(HasSubstr("-ERR")));
  EXPECT_THAT(old.read_to_close(), Not(HasSubstr("INFO"))) << "protocol 0 gets no pushes";
  EXPECT_TRUE(server.wait_for_log("Closing existing clients"));
  EXPECT_EQ(server.wait_exit(), 0);
}

// Go: TestLameDuckOptionsValidation
TEST(LameDuck, impossible_durations_are_refused) {
  const TempDir dir;
  const std::string short_one = dir.write("short.conf", "lame_duck_duration: \"5s\"\n");
  const ProcessResult too_short = run_server({"-c", short_one, "-p", "-1"});
  EXPECT_EQ(too_short.exit_code, 1);
  EXPECT_THAT(too_short.err, HasSubstr("lame_duck_duration"));
  const std::string long_grace = dir.write(
      "grace.conf", "lame_duck_duration: \"30s\"\nlame_duck_grace_period: \"40s\"\n");
  EXPECT_EQ(run_server({"-c", long_grace, "-p", "-1"}).exit_code, 1);
}

TEST(Log, usr1_reopens_the_file) {
  ServerProcess server(ServerProcess::with_config("log_file: \"@DIR@/server.log\"\n"));
  const std::filesystem::path file = server.dir().path() / "server.log";
  const std::filesystem::path moved = server.dir().path() / "server.log.1";
  std::filesystem::rename(file, moved);
  server.signal(SIGUSR1);
  EXPECT_TRUE(eventually(
      [&] { return TempDir::read(file).find("File log re-opened") != std::string::npos; }));
  struct ::stat status {};
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07137U, 0U) << "others may not read the log";
}

TEST(Log, connections_are_traced_and_debugged_on_request) {
  ServerOptions options;
  options.args = {"-DV"};
  ServerProcess server(options);
  {
    RawClient client = RawClient::connect(server, quiet);
    client.send("SUB foo 1\r\nPUB foo 5\r\nhello\r\n");
    client.barrier();
  }
  for (const char* line :
       {"Client connection created", "<<- [CONNECT {", "<<- [SUB foo 1]", "<<- [PUB foo 5]",
        "<<- MSG_PAYLOAD: [\"hello\"]", "->> [MSG foo 1 5]", "<<- [PING]", "->> [PONG]",
        "Client connection closed: Client Closed"}) {
    EXPECT_TRUE(server.wait_for_log(line)) << line;
  }
}

}  // namespace
}  // namespace dunlin::testing
