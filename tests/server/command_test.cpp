// Commands that plugins bring: how they are found, what they are given, and how the process ends.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/server/harness/server_process.hpp"

namespace dunlin::testing {
namespace {

using ::testing::HasSubstr;

class PluginCommand : public ::testing::Test {
 protected:
  static std::string text_of_file(const std::string& more) {
    const std::string path = std::string(DUNLIN_TEST_PLUGINS) + "/command.so";
    ::chmod(path.c_str(), 0755);
    return "plugins { load: [ { id: \"command\", path: \"" + path + "\" } ] }\n" + more;
  }
  ProcessResult run(std::vector<std::string> words, const std::string& more = {}) {
    words.insert(words.begin(), {"-c", dir_.write("server.conf", text_of_file(more))});
    return run_server(words);
  }
  TempDir dir_;
};

TEST_F(PluginCommand, gets_its_arguments_and_gives_the_exit_code) {
  const auto result = run({"greet", "one", "--two", "-c"});
  EXPECT_EQ(result.out, "hello one\nhello --two\nhello -c\n");
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.exit_code, 3);
}

TEST_F(PluginCommand, shows_its_usage_on_standard_error) {
  const auto result = run({"greet"});
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err, "greet NAME...\n");
  EXPECT_EQ(result.exit_code, 2);
}

TEST_F(PluginCommand, reads_its_section) {
  EXPECT_EQ(run({"greet", "you"}, "command { greeting: \"good night\" }\n").out,
            "good night you\n");
}

TEST_F(PluginCommand, does_not_run_on_a_wrong_section) {
  const auto result = run({"greet", "you"}, "command { greeting: 5 }\n");
  EXPECT_EQ(result.exit_code, 78);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr("server.conf:2:"));
}

TEST_F(PluginCommand, opens_no_port) {
  ServerProcess server;
  const auto result = run({"greet", "you"}, "port: " + std::to_string(server.port()) + "\n");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out, "hello you\n");
}

TEST_F(PluginCommand, is_listed_in_the_help) {
  const auto result = run({"--help"});
  EXPECT_THAT(result.out, HasSubstr("Commands:\n    greet"));
  EXPECT_EQ(result.exit_code, 0);
}

TEST_F(PluginCommand, of_another_name_is_refused_with_those_there_are) {
  const auto result = run({"dance"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("unrecognized command: \"dance\""));
  EXPECT_THAT(result.err, HasSubstr("greet"));
}

}  // namespace
}  // namespace dunlin::testing
