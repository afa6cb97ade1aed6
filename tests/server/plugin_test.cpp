// Plugins in the real server: loading, refusing, and every service of the host that a plugin uses
// to publish and subscribe, seen from plain clients.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <csignal>

#include "tests/server/harness/monitoring.hpp"
#include "tests/server/harness/raw_client.hpp"
#include "tests/server/harness/server_process.hpp"

namespace dunlin::testing {
namespace {

using ::testing::HasSubstr;

// Files in build trees are usually writable by a group; plugins may not be.
std::string plugin_file(const std::string& name) {
  const std::string path = std::string(DUNLIN_TEST_PLUGINS) + "/" + name + ".so";
  ::chmod(path.c_str(), 0755);
  return path;
}

std::string loading(const std::string& name, const std::string& more = {}) {
  return "plugins { load: [ { id: \"" + name + "\", path: \"" + plugin_file(name) + "\" } ] }\n" +
         more;
}

class EchoPlugin : public ::testing::Test {
 protected:
  ServerProcess server{ServerProcess::with_config(loading("echo"))};
  RawClient client = RawClient::connect(server, quiet);
};

TEST_F(EchoPlugin, answers_on_the_publishers_shard) {
  client.send("SUB r 1\r\nPUB echo.in r 5\r\nhello\r\n");
  EXPECT_TRUE(client.receives(msg("r 1", "echo:hello")));
}

TEST_F(EchoPlugin, answers_on_its_home_shard) {
  for (int i = 0; i < 4; ++i) {
    RawClient other = RawClient::connect(server, quiet);
    other.send("SUB r 1\r\nPUB echo.home r 2\r\nhi\r\n");
    EXPECT_TRUE(other.receives(msg("r 1", "echo:hi")));
  }
}

TEST_F(EchoPlugin, publishes_from_a_worker_in_order) {
  std::string published = "SUB r 1\r\n";
  std::string expected;
  for (int i = 100; i < 400; ++i) {
    const std::string text = std::to_string(i);
    published += "PUB echo.work r 3\r\n" + text + "\r\n";
    expected += msg("r 1", "echo:" + text);
  }
  client.send(published);
  EXPECT_TRUE(client.receives(expected));
}

TEST_F(EchoPlugin, takes_part_in_a_queue_group) {
  client.send("SUB r 1\r\nPUB echo.queue r 1\r\nx\r\n");
  EXPECT_TRUE(client.receives(msg("r 1", "echo:x")));
  EXPECT_EQ(client.barrier(), "");
}

TEST_F(EchoPlugin, gets_no_more_messages_than_it_asked_for) {
  client.send("SUB r 1\r\n");
  std::string published;
  for (int i = 0; i < 5; ++i) published += "PUB echo.three r 1\r\nx\r\n";
  client.send(published);
  EXPECT_TRUE(client.receives(msg("r 1", "echo:x") + msg("r 1", "echo:x") +
                              msg("r 1", "echo:x")));
  EXPECT_EQ(client.barrier(), "");
}

TEST_F(EchoPlugin, keeps_a_message_past_the_callback) {
  client.send("SUB echo.kept 1\r\nPUB echo.keep 6\r\nstored\r\n");
  EXPECT_TRUE(client.receives(msg("echo.kept 1", "stored")));
}

TEST_F(EchoPlugin, gets_the_answer_to_a_request) {
  client.send("SUB echo.answer 1\r\nSUB help 2\r\nPUB echo.ask 4\r\nhelp\r\n");
  const std::string line = client.read_line();
  ASSERT_THAT(line, ::testing::StartsWith("MSG help 2 _INBOX."));
  EXPECT_TRUE(client.receives("question\r\n"));
  const std::string inbox = line.substr(11, line.rfind(' ') - 11);
  client.send("PUB " + inbox + " 3\r\nyes\r\n");
  EXPECT_TRUE(client.receives(msg("echo.answer 1", "got yes")));
}

TEST_F(EchoPlugin, is_told_that_nobody_answers_its_request) {
  client.send("SUB echo.answer 1\r\nPUB echo.ask 6\r\nnobody\r\n");
  EXPECT_TRUE(client.receives(msg("echo.answer 1", "status 18")));
}

TEST_F(EchoPlugin, is_told_that_its_request_took_too_long) {
  client.send("SUB echo.answer 1\r\nSUB slow 2\r\nPUB echo.ask 4\r\nslow\r\n");
  EXPECT_THAT(client.read_line(), HasSubstr("MSG slow 2"));
  EXPECT_TRUE(client.receives("question\r\n"));
  EXPECT_TRUE(client.receives(msg("echo.answer 1", "status 9")));
}

TEST_F(EchoPlugin, hears_nothing_after_it_unsubscribed) {
  client.send("SUB echo.gone 1\r\nSUB r 2\r\nPUB echo.quit 0\r\n\r\n");
  EXPECT_TRUE(client.receives(msg("echo.gone 1", "")));
  client.send("PUB echo.in r 1\r\nx\r\n");
  EXPECT_EQ(client.barrier(), "");
}

TEST_F(EchoPlugin, keeps_clients_away_from_a_reserved_prefix) {
  client.send("PUB $ECHO.x 1\r\nx\r\n");
  EXPECT_TRUE(client.receives(err("Permissions Violation for Publish to \"$ECHO.x\"")));
  client.send("SUB $ECHO.> 1\r\n");
  EXPECT_TRUE(client.receives(err("Permissions Violation for Subscription to \"$ECHO.>\"")));
  client.send("SUB $ECHOES 1\r\nPUB $ECHOES 1\r\nx\r\n");
  EXPECT_TRUE(client.receives(msg("$ECHOES 1", "x")));
}

TEST_F(EchoPlugin, sees_the_server_it_runs_in) {
  client.send("SUB echo.seen 1\r\nPUB echo.look 0\r\n\r\n");
  EXPECT_THAT(client.read_line(), HasSubstr("MSG echo.seen 1 "));
  EXPECT_THAT(client.read_line(), ::testing::MatchesRegex(
                                      "server N[A-Z0-9]+ connections 1 subscriptions [0-9]+\r\n"));
}

TEST_F(EchoPlugin, ends_with_the_server) {
  EXPECT_EQ(server.stop(), 0);
}

TEST(plugins, reads_its_section) {
  ServerProcess server(
      ServerProcess::with_config(loading("echo", "echo { greeting: \"moin\" }\n")));
  RawClient client = RawClient::connect(server, quiet);
  client.send("SUB r 1\r\nPUB echo.in r 1\r\nx\r\n");
  EXPECT_TRUE(client.receives(msg("r 1", "moin:x")));
}

TEST(plugins, refuses_a_reload_that_would_need_a_restart_and_goes_on) {
  ServerProcess server(ServerProcess::with_config(loading("echo")));
  const std::size_t before = server.log_size();
  server.dir().write("server.conf", loading("echo", "echo { greeting: \"moin\" }\n"));
  server.signal(SIGHUP);
  EXPECT_TRUE(server.wait_for_log("Failed to reload server configuration", patience, before));
  RawClient client = RawClient::connect(server, quiet);
  client.send("SUB r 1\r\nPUB echo.in r 1\r\nx\r\n");
  EXPECT_TRUE(client.receives(msg("r 1", "echo:x")));
}

TEST(plugins, that_hold_a_shard_up_are_counted_and_named_in_the_log) {
  ServerProcess server(
      ServerProcess::with_config(loading("echo", "http: \"127.0.0.1:-1\"\n")));
  RawClient client = RawClient::connect(server, quiet);
  client.send("PUB echo.slow 1\r\nx\r\n");
  EXPECT_TRUE(server.wait_for_log("[WRN] plugin echo 1.0.0: on_msgs took "));
  const auto metrics = ask_monitor(monitor_port(server), "/metrics");
  EXPECT_THAT(metrics, ::testing::ContainsRegex(
                           "\ndunlin_plugin_shard_overruns_total.plugin=\"echo\". [1-9]"));
}

TEST(plugins, answer_for_the_features_they_bring) {
  ServerProcess server(ServerProcess::with_config(
      loading("echo", "http: \"127.0.0.1:-1\"\necho { serves: \"/routez\" }\n")));
  EXPECT_THAT(ask_monitor(monitor_port(server), "/routez"), ::testing::EndsWith("\r\n\r\necho"));
}

TEST(plugins, need_a_restart_to_see_a_changed_section_unless_they_take_reloads) {
  ServerProcess server(ServerProcess::with_config(loading("good", "good { greeting: a }\n")));
  server.dir().write("server.conf", loading("good", "good { greeting: b }\n"));
  const std::size_t before = server.log_size();
  server.signal(SIGHUP);
  EXPECT_TRUE(server.wait_for_log("good 1.0.0 takes over no changes of its section", patience,
                                  before));
}

TEST(plugins, leaves_subjects_reserved_after_a_reload) {
  ServerProcess server(ServerProcess::with_config(loading("echo")));
  ASSERT_TRUE(server.reload(loading("echo", "max_payload: 2048\n")));
  RawClient client = RawClient::connect(server, quiet);
  client.send("PUB $ECHO.x 1\r\nx\r\n");
  EXPECT_TRUE(client.receives(err("Permissions Violation for Publish to \"$ECHO.x\"")));
}

class PluginRefusal : public ::testing::Test {
 protected:
  ProcessResult start(const std::string& config, std::vector<std::string> more = {}) {
    std::vector<std::string> args = {"-a", "127.0.0.1", "-p", "-1", "-c",
                                     dir.write("server.conf", config)};
    args.insert(args.end(), more.begin(), more.end());
    return run_server(args);
  }
  TempDir dir;
};

TEST_F(PluginRefusal, names_the_file_of_a_missing_plugin) {
  const auto result = start("mqtt { port: 1883 }\nplugins { directory: \"" + dir.path().string() +
                            "\" }\n");
  EXPECT_EQ(result.exit_code, 78);
  EXPECT_THAT(result.err, HasSubstr(dir.file("mqtt.so")));
  EXPECT_THAT(result.err, HasSubstr("dunlin-plugin-mqtt"));
}

TEST_F(PluginRefusal, ends_with_70_when_a_plugin_does_not_start) {
  const auto result = start(loading("echo", "echo { fail_start: true }\n"));
  EXPECT_EQ(result.exit_code, 70);
  EXPECT_THAT(result.err, HasSubstr("told to fail"));
}

TEST_F(PluginRefusal, ends_with_78_when_a_section_has_an_unknown_key) {
  const auto result = start(loading("echo", "echo { greting: \"x\" }\n"));
  EXPECT_EQ(result.exit_code, 78);
  EXPECT_THAT(result.err, HasSubstr("greting"));
  EXPECT_THAT(result.err, HasSubstr("greeting"));
}

TEST_F(PluginRefusal, ends_with_77_when_others_could_write_the_file) {
  const std::string path = dir.file("echo.so");
  dir.write("echo.so", TempDir::read(plugin_file("echo")));
  ASSERT_EQ(::chmod(path.c_str(), 0777), 0);
  const auto result = start("plugins { load: [ { id: \"echo\", path: \"" + path + "\" } ] }\n");
  EXPECT_EQ(result.exit_code, 77);
  EXPECT_THAT(result.err, HasSubstr("whoever can write there can take over the server"));
}

TEST_F(PluginRefusal, demands_a_hash_of_every_plugin_where_told_to) {
  const auto path = plugin_file("good");
  const auto with = [&](const std::string& hash) {
    return start("plugins { verify: sha256, load: [ { id: good, path: \"" + path + "\"" + hash +
                     " } ] }\n",
                 {"-t"});
  };
  const auto without = with("");
  EXPECT_EQ(without.exit_code, 77);
  EXPECT_THAT(without.err, HasSubstr("no sha256 is given for it"));
  const std::string said = "the file's is ";
  const auto at = without.err.find(said);
  ASSERT_NE(at, std::string::npos);
  EXPECT_EQ(with(", sha256: " + without.err.substr(at + said.size(), 64)).exit_code, 0);
}

TEST_F(PluginRefusal, demands_a_signature_where_told_to) {
  const auto result = start("plugins { verify: signature, load: [ { id: good, path: \"" +
                            plugin_file("good") + "\" } ] }\n");
  EXPECT_EQ(result.exit_code, 77);
  EXPECT_THAT(result.err, HasSubstr("it is not signed"));
}

TEST_F(PluginRefusal, names_a_library_that_is_not_listed) {
  const auto odd = [&](const std::string& more) {
    return start("plugins { load: [ { id: odd-library, path: \"" + plugin_file("odd-library") +
                     "\" } ] " + more + " }\n",
                 {"-t"});
  };
  const auto result = odd("");
  EXPECT_EQ(result.exit_code, 77);
  EXPECT_THAT(result.err, HasSubstr("needs the library libresolv.so.2, which is not allowed"));
  EXPECT_EQ(odd(", libraries: [libresolv]").exit_code, 0);
}

TEST_F(PluginRefusal, names_the_plugin_that_a_flag_needs) {
  const auto result =
      start("plugins { directory: \"" + dir.path().string() + "\" }\n", {"-js", "--cluster",
                                                                          "nats://h:1"});
  EXPECT_EQ(result.exit_code, 78);
  EXPECT_THAT(result.err, HasSubstr(dir.file("jetstream.so")));
  EXPECT_THAT(result.err, HasSubstr("asked for by the command line's flags for jetstream"));
  EXPECT_THAT(result.err, HasSubstr("dunlin-plugin-cluster"));
}

TEST_F(PluginRefusal, goes_on_without_a_plugin_that_is_not_required) {
  ServerProcess server(ServerProcess::with_config(
      "plugins { load: [ { id: \"absent\", path: \"/nowhere/absent.so\", required: false } ] }\n"));
  EXPECT_THAT(server.log(), HasSubstr("plugin absent"));
}

TEST_F(PluginRefusal, lets_plugins_check_their_sections) {
  EXPECT_EQ(start(loading("echo", "echo { greeting: \"x\" }\n"), {"-t"}).exit_code, 0);
  const auto result = start(loading("echo", "echo { greeting: 5 }\n"), {"-t"});
  EXPECT_EQ(result.exit_code, 78);
  EXPECT_THAT(result.err, HasSubstr("server.conf:"));
}

TEST_F(PluginRefusal, lists_what_lies_in_the_directory) {
  const auto result = start("plugins { directory: \"" + std::string(DUNLIN_TEST_PLUGINS) + "\" }\n",
                            {"--list-plugins"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, HasSubstr("echo"));
  EXPECT_THAT(result.out, HasSubstr("1.0.0"));
}

}  // namespace
}  // namespace dunlin::testing
