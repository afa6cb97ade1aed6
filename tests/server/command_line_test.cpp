// Flags as nats-server takes them, and what is said about wrong ones.
#include <gmock/gmock.h>

#include "tests/server/harness/raw_client.hpp"

namespace dunlin::testing {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(CommandLine, version_is_one_line_that_tools_can_read) {
  for (const char* flag : {"-v", "--version", "-version", "version"}) {
    const ProcessResult result = run_server({flag});
    EXPECT_EQ(result.exit_code, 0) << flag;
    EXPECT_THAT(result.out, ContainsRegex("^nats-server: v[0-9]+\\.[0-9]+\\.[0-9]+")) << flag;
  }
}

TEST(CommandLine, help_goes_to_standard_output) {
  for (const char* flag : {"-h", "--help", "help"}) {
    const ProcessResult result = run_server({flag});
    EXPECT_EQ(result.exit_code, 0) << flag;
    EXPECT_THAT(result.out, HasSubstr("Server Options:")) << flag;
    EXPECT_THAT(result.out, HasSubstr("--config")) << flag;
    EXPECT_EQ(result.err, "") << flag;
  }
}

TEST(CommandLine, unknown_flag_is_named_with_the_usage) {
  const ProcessResult result = run_server({"--no_such_flag"});
  EXPECT_THAT(result.err, HasSubstr("flag provided but not defined: -no_such_flag"));
  EXPECT_THAT(result.out, HasSubstr("Usage: "));
  EXPECT_EQ(result.exit_code, 0) << "as nats-server does";
}

TEST(CommandLine, bad_value_is_named_with_the_usage) {
  const ProcessResult result = run_server({"-p", "many"});
  EXPECT_THAT(result.err, HasSubstr("invalid value \"many\" for flag -p: parse error"));
  EXPECT_THAT(result.out, HasSubstr("Usage: "));
}

TEST(CommandLine, unknown_word_is_an_error) {
  const ProcessResult result = run_server({"dance"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("unrecognized command: \"dance\""));
}

TEST(CommandLine, check_needs_a_file) {
  const ProcessResult result = run_server({"-t"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err,
              HasSubstr("must specify [-c, --config] option to check configuration file syntax"));
}

TEST(CommandLine, check_accepts_a_good_file_and_starts_nothing) {
  const TempDir dir;
  const std::string file = dir.write("good.conf", "port: 4222\nmax_payload: 1MB\n");
  const ProcessResult result = run_server({"-c", file, "-t"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.err,
              ContainsRegex("configuration file .*good.conf is valid \\(sha256:[0-9a-f]+\\)"));
}

TEST(CommandLine, check_refuses_a_bad_file_with_its_place) {
  const TempDir dir;
  const std::string wrong_key = dir.write("bad.conf", "port: 4222\nmax_payloads: 1MB\n");
  const ProcessResult unknown = run_server({"-c", wrong_key, "-t"});
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_THAT(unknown.err, HasSubstr("bad.conf:2:"));
  EXPECT_THAT(unknown.err, HasSubstr("max_payloads"));
  const std::string wrong_type = dir.write("type.conf", "port: [1]\n");
  EXPECT_EQ(run_server({"-c", wrong_type, "-t"}).exit_code, 1);
  const ProcessResult missing = run_server({"-c", dir.file("missing.conf"), "-t"});
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_THAT(missing.err, HasSubstr("missing.conf"));
}

TEST(CommandLine, server_does_not_start_on_a_bad_file) {
  const TempDir dir;
  const ProcessResult result =
      run_server({"-p", "-1", "-c", dir.write("bad.conf", "no_such_option: 1\n")});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("no_such_option"));
}

TEST(CommandLine, flags_win_over_the_file) {
  ServerOptions options;
  options.config = "server_name: from_file\nport: 1\n";
  options.args = {"--name=from_flag"};
  ServerProcess server(options);
  EXPECT_THAT(RawClient::connect(server).info(), HasSubstr("\"server_name\":\"from_flag\""));
}

TEST(CommandLine, all_four_ways_to_give_a_value_are_taken) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"-n", "duck"}, {"-n=duck"}, {"--name", "duck"}, {"--name=duck"}}) {
    ServerOptions options;
    options.args = words;
    ServerProcess server(options);
    EXPECT_THAT(RawClient::connect(server).info(), HasSubstr("\"server_name\":\"duck\""));
  }
}

TEST(CommandLine, listen_in_the_file_is_obeyed) {
  ServerOptions options;
  options.listen_by_flags = false;
  options.config = "listen: \"127.0.0.1:-1\"\n";
  ServerProcess server(options);
  EXPECT_THAT(server.log(), HasSubstr("Using configuration file: "));
  EXPECT_THAT(RawClient::connect(server).info(), HasSubstr("\"host\":\"127.0.0.1\""));
}

}  // namespace
}  // namespace dunlin::testing
