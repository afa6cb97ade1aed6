#include "core/config/reload.hpp"

#include <gmock/gmock.h>

#include "core/config/validate.hpp"
#include "fixture.hpp"

namespace dunlin::config {
namespace {

ReloadDiff diff_of(std::string_view before, std::string_view after) {
  return compare(options_of(before), options_of(after));
}

TEST(Reload, without_a_difference_still_applies_accounts) {
  const auto diff = diff_of("port: 1", "port: 1");
  EXPECT_TRUE(diff.changed.empty());
  EXPECT_EQ(diff.refusal, "");
  EXPECT_EQ(diff.lines, (std::vector<std::string>{"Reloaded: accounts"}));
}

// TestConfigReloadUnsupported
TEST(Reload, restart_only_options_refuse_everything) {
  EXPECT_EQ(diff_of("port: 1", "port: 2").refusal,
            "config reload not supported for Port: old=1, new=2");
  EXPECT_EQ(diff_of("lame_duck_duration: \"2m\"", "lame_duck_duration: \"1m\"").refusal,
            "config reload not supported for LameDuckDuration: old=2m0s, new=1m0s");
  EXPECT_EQ(diff_of("port: 1", "port: 1, http: \"127.0.0.1:8222\"").refusal,
            "config reload not supported for HTTPPort: old=0, new=8222");
  EXPECT_EQ(diff_of("feature_flags {a: true}", "feature_flags {a: false}").refusal,
            "config reload not supported for FeatureFlags: old=map[a:true], new=map[a:false]");
}

TEST(Reload, a_port_chosen_by_the_system_is_kept) {
  EXPECT_EQ(diff_of("port: 5555", "port: -1").refusal, "");
}

// TestConfigReload
TEST(Reload, changes_have_the_references_lines) {
  const auto diff = diff_of(
      "port: 1",
      "port: 1, debug: true, trace: true, max_payload: 1024, ping_interval: \"5s\", ping_max: 1, "
      "max_connections: 5, client_advertise: x, server_tags: [a], server_metadata {a: b}, "
      "no_fast_producer_stall: true, write_deadline: \"3s\", pid_file: p");
  EXPECT_EQ(diff.refusal, "");
  EXPECT_EQ(diff.lines,
            (std::vector<std::string>{
                "Reload: client_advertise = x", "Reloaded: trace = true", "Reloaded: debug = true",
                "Reloaded: max_connections = 5", "Reloaded: ping_interval = 5s",
                "Reloaded: ping_max = 1", "Reloaded: max_payload = 1024",
                "Reloaded: fast producers will not be stalled", "Reloaded: pid_file = p",
                "Reloaded: write_deadline = 3s", "Reloaded: tags", "Reloaded: metadata",
                "Reloaded: accounts"}));
  EXPECT_TRUE(diff.changed.contains("max_payload"));
}

// TestConfigReloadRotateUserAuthentication
TEST(Reload, users_may_change) {
  const auto diff = diff_of("authorization { user: a, password: b }",
                            "authorization { users: [ {user: a, password: b} ] }");
  EXPECT_EQ(diff.refusal, "");
  EXPECT_TRUE(diff.changed.contains("authorization"));
  EXPECT_EQ(diff.lines,
            (std::vector<std::string>{"Reloaded: authorization username",
                                      "Reloaded: authorization password",
                                      "Reloaded: authorization users", "Reloaded: accounts"}));
}

TEST(Reload, tls_may_be_switched_on_but_not_its_map) {
  const Workplace place;
  place.write("c.pem", "-----BEGIN CERTIFICATE-----");
  const std::string files = "tls { cert_file: c.pem, key_file: c.pem, ca_file: c.pem";
  const auto diff = diff_of("port: 1", "port: 1\n" + files + ", timeout: 5 }");
  EXPECT_EQ(diff.refusal, "");
  EXPECT_EQ(diff.lines[0], "Reloaded: tls = enabled");
  EXPECT_EQ(diff.lines[1], "Reloaded: tls timeout = 5");
  EXPECT_EQ(diff_of(files + " }", files + ", verify_and_map: true }").refusal,
            "config reload not supported for TLSMap: old=false, new=true");
}

TEST(Reload, no_auth_user_may_only_leave_with_its_user) {
  const std::string_view with = "no_auth_user: a, authorization { users: [ {user: a} ] }";
  EXPECT_EQ(diff_of(with, "authorization { users: [ {user: b} ] }").refusal, "");
  EXPECT_EQ(diff_of(with, "authorization { users: [ {user: a} ] }").refusal,
            "config reload not supported for NoAuthUser: old=a, new=");
}

TEST(Validate, reports_the_first_conflict) {
  const std::pair<const char*, const char*> cases[] = {
      {"lame_duck_duration: \"30s\", lame_duck_grace_period: \"30s\"",
       "lame duck grace period (30s) should be strictly lower than lame duck duration (30s)"},
      {"max_payload: 2, max_pending: 1", "max_payload (2) cannot be higher than max_pending (1)"},
      {"no_auth_user: a", "no_auth_user: \"a\" present, but users/nkeys are not defined"},
      {"no_auth_user: a, authorization { users: [ {user: b} ] }",
       "no_auth_user: \"a\" not present as user or nkey in authorization block or account "
       "configuration"},
      {"http: 1, https: 2", "can't specify both HTTP (1) and HTTPs (2) ports"},
      {"https: 2", "TLS cert and key required for HTTPS"},
  };
  for (const auto& [text, reason] : cases) {
    const auto valid = validate(options_of(text));
    ASSERT_FALSE(valid) << text;
    EXPECT_EQ(valid.error().text, reason);
  }
  EXPECT_TRUE(validate(Options{}));
}

// An option that is read and then does nothing would be worse than an error.
TEST(Unavailable, options_without_effect_are_refused_in_words) {
  Options options;
  options.tls.emplace().verify = true;
  EXPECT_TRUE(refuse_unavailable(options));
  options.tls->verify_and_map = true;
  ASSERT_FALSE(refuse_unavailable(options));
}

TEST(Baseline, zero_means_the_default) {
  auto options = options_of("port: 0, max_connections: 0, ping_max: 0, max_payload: 0");
  apply_baseline(options);
  EXPECT_EQ(options.port, 4222);
  EXPECT_EQ(options.limits.connections, -1);
  EXPECT_EQ(options.ping_max, 2);
  EXPECT_EQ(options.limits.payload, 1048576);
  EXPECT_EQ(options.monitoring.host, "0.0.0.0");
  EXPECT_EQ(options.authorization.timeout, 2);
}

}  // namespace
}  // namespace dunlin::config
