#include "core/config/command_line.hpp"

#include "core/config/signal_command.hpp"
#include "fixture.hpp"

namespace dunlin::config {
namespace {

Outcome start(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "dunlin-server");
  return load(static_cast<int>(arguments.size()), arguments.data(), only_monitoring);
}

TEST(CommandLine, every_spelling_of_a_flag_works) {
  for (const auto& arguments : std::vector<std::vector<const char*>>{
           {"-p", "4333"}, {"-p=4333"}, {"--p", "4333"}, {"--port=4333"}, {"-port", "4333"}}) {
    const auto outcome = start(arguments);
    EXPECT_EQ(outcome.action.kind, Action::Kind::run);
    EXPECT_EQ(outcome.loaded.options.port, 4333);
  }
}

// TestServerHostAndPort, TestConfigureOptions
TEST(CommandLine, flags_set_options) {
  const auto outcome = start({"-a", "127.0.0.1", "-n", "me", "-m", "8222", "-P", "x.pid", "-l",
                              "x.log", "-T=false", "--logtime_utc", "-DVV", "--user", "u", "--pass",
                              "p", "--ports_file_dir", "d", "--client_advertise", "c", "-s", "-r",
                              "udp://x", "--log_size_limit", "5", "--max_traced_msg_len", "6",
                              "-sd", "s"});
  const auto& options = outcome.loaded.options;
  EXPECT_EQ(options.host, "127.0.0.1");
  EXPECT_EQ(options.server_name, "me");
  EXPECT_EQ(options.monitoring.port, 8222);
  EXPECT_EQ(options.monitoring.host, "127.0.0.1");
  EXPECT_EQ(options.pid_file, "x.pid");
  EXPECT_EQ(options.logging,
            (Logging{true, true, true, false, 6, false, true, "x.log", 5, 0, true, "udp://x"}));
  EXPECT_EQ(options.authorization.user, "u");
  EXPECT_EQ(options.authorization.password, "p");
  EXPECT_EQ(options.ports_file_dir, "d");
  EXPECT_EQ(options.client_advertise, "c");
  EXPECT_EQ(options.store_dir, "s");
}

TEST(CommandLine, flags_win_over_the_file_also_when_false) {
  const Workplace place;
  place.write("c.conf", "port: 1, debug: true, trace: true, server_name: f");
  const auto outcome = start({"-c", "c.conf", "-p", "2", "-D=false"});
  EXPECT_EQ(outcome.loaded.options.port, 2);
  EXPECT_FALSE(outcome.loaded.options.logging.debug);
  EXPECT_TRUE(outcome.loaded.options.logging.trace);
  EXPECT_EQ(outcome.loaded.options.server_name, "f");
  place.write("c.conf", "port: 3, debug: true, server_name: g");
  const auto again = reload(outcome.command, only_monitoring);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->port, 2);
  EXPECT_EQ(again->server_name, "g");
}

TEST(CommandLine, wrong_flags_print_gos_words_and_the_usage) {
  const std::pair<std::vector<const char*>, const char*> cases[] = {
      {{"--foo"}, "flag provided but not defined: -foo\n"},
      {{"-p", "abc"}, "invalid value \"abc\" for flag -p: parse error\n"},
      {{"-p"}, "flag needs an argument: -p\n"},
      {{"-D=maybe"}, "invalid boolean value \"maybe\" for -D: parse error\n"},
      {{"---x"}, "bad flag syntax: ---x\n"},
      {{"--log_size_limit", "99999999999999999999"},
       "invalid value \"99999999999999999999\" for flag -log_size_limit: value out of range\n"},
  };
  for (const auto& [arguments, text] : cases) {
    const auto outcome = start(arguments);
    EXPECT_EQ(outcome.action.kind, Action::Kind::print_and_exit);
    EXPECT_EQ(outcome.action.errors_text, text);
    EXPECT_TRUE(outcome.action.output_text.starts_with("\nUsage: dunlin-server [options]"));
    EXPECT_EQ(outcome.action.code, 0);
  }
}

TEST(CommandLine, version_and_help_print_to_standard_output) {
  for (const auto* word : {"-v", "--version", "version", "VERSION"}) {
    const auto action = start({word}).action;
    EXPECT_TRUE(action.output_text.starts_with("nats-server: v2.15.1 (dunlin ")) << word;
    EXPECT_EQ(action.code, 0);
  }
  for (const auto* word : {"-h", "--help", "help"}) {
    EXPECT_EQ(start({word}).action.output_text, usage_text());
  }
  EXPECT_NE(start({"--help_tls"}).action.output_text.find("TLS_AES_128_GCM_SHA256"),
            std::string::npos);
}

TEST(CommandLine, other_words_are_refused) {
  const auto action = start({"foo"}).action;
  EXPECT_EQ(action.errors_text, "dunlin-server: unrecognized command: \"foo\"\n");
  EXPECT_EQ(action.code, 1);
}

TEST(CommandLine, flags_of_absent_features_are_refused_in_words) {
  for (const auto* flag :
       {"-js", "--jetstream", "--cluster=nats://h:1", "--cluster_listen=nats://h:1",
        "--routes=nats://h:1", "--no_advertise", "--cluster_name=c", "--cluster_advertise=h:1",
        "--connect_retries=1", "--profile=6060"}) {
    const auto action = start({flag}).action;
    EXPECT_EQ(action.code, 1);
    EXPECT_NE(action.errors_text.find("is not available in this server yet"), std::string::npos);
  }
}

TEST(CommandLine, check_prints_the_digest) {
  const Workplace place;
  place.write("c.conf", "port: 4222\n");
  const auto outcome = start({"-t", "-c", "c.conf"});
  EXPECT_EQ(outcome.action.kind, Action::Kind::check);
  EXPECT_EQ(outcome.action.errors_text, "dunlin-server: configuration file c.conf is valid (" +
                                            outcome.loaded.options.config_digest + ")\n");
  EXPECT_EQ(start({"-t"}).action.errors_text,
            "dunlin-server: must specify [-c, --config] option to check configuration file "
            "syntax\n");
}

TEST(CommandLine, check_fails_on_warnings_but_a_start_goes_on) {
  const Workplace place;
  place.write("c.conf", "ping_interval: 20\n");
  EXPECT_EQ(start({"-t", "-c", "c.conf"}).action.code, 1);
  const auto outcome = start({"-c", "c.conf"});
  EXPECT_EQ(outcome.action.kind, Action::Kind::run);
  EXPECT_EQ(outcome.action.errors_text,
            "c.conf:1:0: invalid use of field \"ping_interval\": ping_interval should be converted "
            "to a duration\n");
  EXPECT_EQ(outcome.loaded.options.ping_interval, std::chrono::seconds(20));
}

TEST(CommandLine, only_the_full_check_looks_across_options) {
  const Workplace place;
  place.write("c.conf", "max_payload: 100, max_pending: 10\n");
  EXPECT_EQ(start({"-t", "-c", "c.conf"}).action.kind, Action::Kind::check);
  EXPECT_EQ(start({"--check=full", "-c", "c.conf"}).action.errors_text,
            "dunlin-server: max_payload (100) cannot be higher than max_pending (10)\n");
}

TEST(CommandLine, tls_flags_need_certificate_and_key) {
  EXPECT_EQ(start({"--tls"}).action.errors_text,
            "dunlin-server: TLS Server certificate must be present and valid\n");
  EXPECT_EQ(start({"--tls", "--tlscert", "c"}).action.errors_text,
            "dunlin-server: TLS Server private key must be present and valid\n");
  const auto outcome = start({"--tlsverify", "--tlscert", "c", "--tlskey", "k"});
  ASSERT_TRUE(outcome.loaded.options.tls);
  EXPECT_TRUE(outcome.loaded.options.tls->verify);
}

// TestRedactArgs
TEST(CommandLine, secrets_are_redacted) {
  const char* arguments[] = {"x",       "--user", "u", "-pass=p", "--cluster",
                             "nats://a:b@h:1", "--routes=nats://a:b@h:1,nats://c", "-p", "1"};
  EXPECT_EQ(redacted_arguments(9, arguments),
            (std::vector<std::string>{"x", "--user", "[REDACTED]", "-pass=[REDACTED]", "--cluster",
                                      "nats://[REDACTED]@h:1",
                                      "--routes=nats://[REDACTED]@h:1,nats://c", "-p", "1"}));
}

TEST(CommandLine, signal_is_left_to_the_caller) {
  const auto outcome = start({"--signal", "reload=1"});
  EXPECT_EQ(outcome.action.kind, Action::Kind::signal);
  EXPECT_EQ(outcome.command.signal, "reload=1");
}

TEST(Signal, wrong_requests_are_refused) {
  EXPECT_EQ(send_signal("foo=1").error().text, "unknown signal \"foo\"");
  EXPECT_EQ(send_signal("stop=/nowhere").error().text, "invalid pid: /nowhere");
  EXPECT_EQ(send_signal("ldm=2147483646").error().text,
            "\nsignal \"ldm\" 2147483646: no such process");
}

}  // namespace
}  // namespace dunlin::config
