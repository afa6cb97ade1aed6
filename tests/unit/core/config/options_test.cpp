#include "core/config/options.hpp"

#include "core/config/reference_doc.hpp"
#include "fixture.hpp"

namespace dunlin::config {
namespace {

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Options, defaults_are_the_references) {
  const Options options;
  EXPECT_EQ(options.port, 4222);
  EXPECT_EQ(options.limits.connections, 65536);
  EXPECT_EQ(options.limits.payload, 1048576);
  EXPECT_EQ(options.limits.pending, 67108864);
  EXPECT_EQ(options.limits.control_line, 4096);
  EXPECT_EQ(options.ping_interval, std::chrono::minutes(2));
  EXPECT_EQ(options.connect_error_reports, 3600);
}

// TestConfigFile
TEST(Options, take_their_values_from_the_file) {
  const auto options = options_of(R"(
    listen: 127.0.0.1:4242, server_name: n1, max_conn: 100, max_subs: 1000, max_sub_tokens: 4
    max_control_line: 2048, max_payload: 65536, max_pending: 10000000, ping_interval: "60s"
    ping_max: 3, write_deadline: "3s", write_timeout: close, lame_duck_duration: "4m"
    lame_duck_grace_period: "5s", http: "localhost:8222", http_base_path: "a//b/"
    pidfile: "/tmp/n.pid", ports_file_dir: "/tmp/p", prof_port: 0
    logfile: "/tmp/n.log", logfile_size_limit: 1k, logfile_max_num: 3, syslog: true
    remote_syslog: "udp://localhost:33", trace_verbose: true, logtime: false, logtime_utc: true
    max_traced_msg_len: 1024, server_tags: ["  A ", b, a], server_metadata { k: v }
    feature_flags { f: true }, no_auth_user: x, system_account: SYS, allow_non_tls: true
    proxy_protocol: true, threads: 3, read_buffer_size: 64kb, max_closed_clients: 5
    connect_error_reports: 10, reconnect_error_reports: 20, client_advertise: "me:1"
    no_sublist_cache: true, no_header_support: true, no_fast_producer_stall: true
  )");
  EXPECT_EQ(options.host, "127.0.0.1");
  EXPECT_EQ(options.port, 4242);
  EXPECT_EQ(options.server_name, "n1");
  EXPECT_EQ(options.client_advertise, "me:1");
  EXPECT_EQ(options.limits, (Limits{100, 1000, 4, 2048, 65536, 10000000, 5}));
  EXPECT_EQ(options.ping_interval, std::chrono::seconds(60));
  EXPECT_EQ(options.ping_max, 3);
  EXPECT_EQ(options.write_deadline, std::chrono::seconds(3));
  EXPECT_EQ(options.write_timeout, WriteTimeout::close);
  EXPECT_EQ(options.lame_duck_duration, std::chrono::minutes(4));
  EXPECT_EQ(options.lame_duck_grace_period, std::chrono::seconds(5));
  EXPECT_EQ(options.monitoring, (Monitoring{"localhost", 8222, 0, "/a/b"}));
  EXPECT_EQ(options.pid_file, "/tmp/n.pid");
  EXPECT_EQ(options.ports_file_dir, "/tmp/p");
  EXPECT_EQ(options.logging, (Logging{false, true, true, false, 1024, false, true, "/tmp/n.log",
                                      1000, 3, true, "udp://localhost:33"}));
  EXPECT_EQ(options.server_tags, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(options.server_metadata.at("k"), "v");
  EXPECT_TRUE(options.feature_flags.at("f"));
  EXPECT_EQ(options.no_auth_user, "x");
  EXPECT_EQ(options.system_account, "SYS");
  EXPECT_TRUE(options.allow_non_tls && options.proxy_protocol && options.no_header_support);
  EXPECT_TRUE(options.disable_sublist_cache && options.no_fast_producer_stall);
  EXPECT_EQ(options.threads, 3);
  EXPECT_EQ(options.read_buffer_size, 65536);
  EXPECT_EQ(options.connect_error_reports, 10);
  EXPECT_EQ(options.reconnect_error_reports, 20);
}

// TestAuthorizationConfig
TEST(Options, users_get_permissions_with_queues_and_responses) {
  const auto options = options_of(R"(authorization {
    timeout: "1.5s"
    users: [
      {user: a, pass: b, permissions: {
        pub: [x, "y.>"], sub: {allow: ["q.* workers", z], deny: s}, allow_responses: true}}
      {user: c, password: d, permissions: {publish: p, allow_responses: {max: 5, ttl: "1m"}},
       clients: [standard, MQTT_WS]}
      {user: e, password: f}
    ]
    default_permissions { subscribe: d }
  })");
  const auto& auth = options.authorization;
  EXPECT_TRUE(auth.defined);
  EXPECT_EQ(auth.timeout, 1.5);
  ASSERT_EQ(auth.users.size(), 3u);
  const auto& first = *auth.users[0].permissions;
  EXPECT_EQ(*first.publish->allow, (std::vector<PermissionSubject>{{"x", ""}, {"y.>", ""}}));
  EXPECT_EQ(*first.subscribe->allow,
            (std::vector<PermissionSubject>{{"q.*", "workers"}, {"z", ""}}));
  EXPECT_EQ(first.subscribe->deny, (std::vector<PermissionSubject>{{"s", ""}}));
  EXPECT_EQ(*first.allow_responses, ResponsePermission{});
  EXPECT_EQ(auth.users[1].permissions->allow_responses->max, 5);
  EXPECT_EQ(auth.users[1].permissions->allow_responses->expires, std::chrono::minutes(1));
  EXPECT_EQ(auth.users[1].allowed_connection_types,
            (std::set<std::string>{"MQTT_WS", "STANDARD"}));
  EXPECT_EQ(auth.users[2].permissions, auth.default_permissions);
  EXPECT_FALSE(auth.users[2].permissions->publish);
}

TEST(Options, responses_alone_forbid_other_publishing) {
  const auto options = options_of(
      "authorization { users: [ {user: a, permissions: {allow_responses: true}} ] }");
  const auto& publish = options.authorization.users.at(0).permissions->publish;
  ASSERT_TRUE(publish && publish->allow);
  EXPECT_TRUE(publish->allow->empty());
}

TEST(Options, empty_authorization_counts_as_defined) {
  EXPECT_TRUE(options_of("authorization {}").authorization.defined);
  EXPECT_FALSE(options_of("port: 1").authorization.defined);
}

TEST(Options, tls_takes_its_values) {
  const Workplace place;
  place.write("c.pem", "-----BEGIN CERTIFICATE-----");
  const auto options = options_of(R"(tls {
    cert_file: c.pem, key_file: c.pem, ca_file: c.pem, verify_and_map: true, timeout: "3s"
    handshake_first: auto, min_version: "1.3", cipher_suites: [ TLS_AES_128_GCM_SHA256 ]
    curve_preferences: [ X25519, CurveP256 ], connection_rate_limit: 5
    pinned_certs: [ "ABCDEF00112233445566778899aabbccddeeff00112233445566778899aabbcc" ]
  })");
  ASSERT_TRUE(options.tls);
  EXPECT_TRUE(options.tls->verify && options.tls->verify_and_map);
  EXPECT_EQ(options.tls->timeout, 3);
  EXPECT_EQ(options.tls->handshake_first_fallback, std::chrono::milliseconds(50));
  EXPECT_EQ(options.tls->min_version, "1.3");
  EXPECT_EQ(*options.tls->pinned_certs.begin(),
            "abcdef00112233445566778899aabbccddeeff00112233445566778899aabbcc");
  EXPECT_EQ(effective_auth_timeout(options), 4);
}

TEST(Options, mappings_keep_weights_and_clusters) {
  const auto options = options_of(
      "mappings { a: b, c: {dest: d, weight: \"40%\", cluster: X}, e: [{dest: f, weight: 10}] }");
  ASSERT_EQ(options.mappings.size(), 3u);
  EXPECT_EQ(options.mappings[0], (Mapping{"a", {{"b", 100, ""}}}));
  EXPECT_EQ(options.mappings[1], (Mapping{"c", {{"d", 40, "X"}}}));
  EXPECT_EQ(options.mappings[2], (Mapping{"e", {{"f", 10, ""}}}));
}

TEST(Options, plugins_are_names_or_maps) {
  const auto options = options_of(
      "plugins { dir: \"/p\", verify: signature, libraries: [libcurl, \"libx.so.1\"],"
      " trusted_keys: [k], load: [ jetstream, {id: x, path: \"/x.so\", required: false} ] }");
  EXPECT_EQ(options.plugins.directory, "/p");
  EXPECT_EQ(options.plugins.verify, PluginVerify::signature);
  EXPECT_EQ(options.plugins.libraries, (std::vector<std::string>{"libcurl", "libx"}));
  ASSERT_EQ(options.plugins.load.size(), 2u);
  EXPECT_EQ(options.plugins.load[0].id, "jetstream");
  EXPECT_FALSE(options.plugins.load[1].required);
  EXPECT_EQ(outcome_of("plugins { load: [a, a] }", "c.conf"),
            "c.conf:1:20: plugin \"a\" is listed twice");
  EXPECT_EQ(options_of("plugins {}").plugins.verify, PluginVerify::permissions);
  EXPECT_EQ(options_of("plugins { verify: sha256 }").plugins.verify, PluginVerify::sha256);
  EXPECT_EQ(outcome_of("plugins { verify: strict }", "c.conf"),
            "c.conf:1:10: plugins.verify must be \"permissions\", \"sha256\" or \"signature\"");
  EXPECT_EQ(outcome_of("plugins { libraries: \"/lib/libx.so\" }", "c.conf"),
            "c.conf:1:10: plugins.libraries are names of libraries, such as \"libcurl\"");
}

TEST(Sections, of_absent_plugins_are_refused_in_words) {
  EXPECT_EQ(outcome_of("jetstream {}\nleaf { port: 1 }\n", "c.conf"),
            "c.conf:1:0: \"jetstream\" is not available in this server yet: needs the plugin "
            "\"jetstream\" (package dunlin-plugin-jetstream), which was not found\n"
            "c.conf:2:1: \"leaf\" is not available in this server yet: needs the plugin "
            "\"leafnode\" (package dunlin-plugin-leafnode), which was not found");
}

TEST(Sections, switched_off_need_no_plugin) {
  EXPECT_TRUE(options_of("jetstream: false\nocsp: false\n").sections.empty());
  EXPECT_TRUE(options_of("jetstream: disabled\n").sections.empty());
}

TEST(Sections, of_present_plugins_are_kept_whole) {
  const auto loaded = load_text("leaf { port: 7422 }\ncustom { a: 1 }\n", "c.conf",
                                [](std::string_view section) {
                                  return section == "leafnodes" || section == "custom";
                                });
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->diagnostics.text(), "");
  ASSERT_EQ(loaded->options.sections.size(), 2u);
  EXPECT_EQ(loaded->options.sections[0].name, "leafnodes");
  EXPECT_NE(loaded->options.sections[0].entry->value.as<Map>()->find("port"), nullptr);
  EXPECT_EQ(loaded->options.sections[1].name, "custom");
}

TEST(Sections, of_later_features_are_refused_in_words) {
  EXPECT_EQ(outcome_of("accounts { A {} }", "c.conf"),
            "c.conf:1:0: \"accounts\" is not available in this server yet: it needs the accounts "
            "feature");
  EXPECT_EQ(outcome_of("authorization { users: [ {nkey: U} ] }", "c.conf"),
            "c.conf:1:26: \"nkey\" is not available in this server yet: it needs the accounts "
            "feature");
}

TEST(Sections, monitoring_without_its_plugin_is_refused_in_words) {
  const auto loaded =
      load_text("http_port: 8222", "c.conf", [](std::string_view) { return false; });
  EXPECT_EQ(loaded->diagnostics.text(),
            "c.conf:1:0: \"http_port\" is not available in this server yet: needs the plugin "
            "\"monitoring\" (package dunlin-plugin-monitoring), which was not found\n");
}

TEST(Options, an_option_set_under_two_names_is_a_warning) {
  EXPECT_EQ(outcome_of("port: 1\nPort: 2\n", "c.conf"),
            "c.conf:2:1: invalid use of field \"Port\": \"port\" at c.conf:1:0 sets the same "
            "option; the last one wins");
}

TEST(Documentation, equals_the_option_table) {
  EXPECT_EQ(read_text(DUNLIN_DOCS "/configuration.md"), reference_doc());
}

TEST(Documentation, examples_are_faultless_and_equal) {
  const std::string folder = DUNLIN_DOCS "/examples/";
  const auto conf = options_of(read_text(folder + "server.conf"), "server.conf");
  const auto toml = options_of(read_text(folder + "server.toml"), "server.toml");
  EXPECT_EQ(conf.authorization, toml.authorization);
  EXPECT_EQ(conf.mappings.size(), toml.mappings.size());
  EXPECT_EQ(conf.limits, toml.limits);
  EXPECT_EQ(conf.logging, toml.logging);
  EXPECT_EQ(conf.server_metadata, toml.server_metadata);
  EXPECT_EQ(conf.lame_duck_duration, toml.lame_duck_duration);
  ASSERT_EQ(conf.authorization.users.size(), 2u);
}

}  // namespace
}  // namespace dunlin::config
