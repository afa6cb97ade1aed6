// Flags of features that plugins bring, as the plugins then find them in their sections.

#include "core/config/plugin_flags.hpp"

#include "fixture.hpp"

namespace dunlin::config {
namespace {

Options with_flags(const std::vector<std::string>& flags, std::string_view file = {}) {
  std::vector<const char*> arguments = {"dunlin-server"};
  for (const auto& flag : flags) arguments.push_back(flag.c_str());
  const auto everything = [](std::string_view) { return true; };
  auto loaded = load_text(file, "c.conf", everything);
  EXPECT_TRUE(loaded.has_value());
  const auto command = parse_command_line(static_cast<int>(arguments.size()), arguments.data());
  EXPECT_TRUE(command.has_value());
  const auto applied = apply_plugin_flags(*command, loaded->options, everything);
  EXPECT_TRUE(applied.has_value()) << applied.error().text;
  return loaded->options;
}

std::string section_of(const Options& options, std::string_view name) {
  Map map;
  for (const auto& section : options.sections) {
    if (section.name == name) map.set(*section.entry);
  }
  return canonical_json(map);
}

TEST(PluginFlags, switch_the_feature_on_and_off) {
  EXPECT_EQ(section_of(with_flags({"-js"}), "jetstream"), R"({"jetstream":true})");
  EXPECT_EQ(section_of(with_flags({"--jetstream"}, "jetstream { domain: d }"), "jetstream"),
            R"({"jetstream":{"domain":"d"}})");
  EXPECT_EQ(section_of(with_flags({"-js=false"}, "jetstream {}"), "jetstream"), "{}");
}

TEST(PluginFlags, become_keys_of_the_clusters_section) {
  EXPECT_EQ(section_of(with_flags({"--routes", "nats://a:1,nats://b:2", "--cluster",
                                   "nats://u:p@h:6222", "--cluster_name", "c",
                                   "--cluster_advertise", "x:1", "--no_advertise",
                                   "--connect_retries", "3"}),
                       "cluster"),
            R"({"cluster":{"advertise":"x:1","authorization":{"password":"p","user":"u"},)"
            R"("connect_retries":3,"listen":"h:6222","name":"c","no_advertise":true,)"
            R"("routes":["nats://a:1","nats://b:2"]}})");
}

TEST(PluginFlags, win_over_the_file) {
  EXPECT_EQ(section_of(with_flags({"--cluster_listen=nats://h:-1", "--no_advertise=false"},
                                  "cluster { listen: a:1, name: n, no_advertise: true, "
                                  "authorization { user: u, password: p } }"),
                       "cluster"),
            R"({"cluster":{"authorization":{},"listen":"h:-1","name":"n","no_advertise":false}})");
  EXPECT_EQ(section_of(with_flags({"--cluster="}, "cluster { name: n }"), "cluster"), "{}");
}

TEST(PluginFlags, that_make_no_sense_are_refused) {
  const auto refusal = [](std::string_view flag) {
    CommandLine command;
    const auto equals = flag.find('=');
    command.flags.emplace_back(flag.substr(0, equals), flag.substr(equals + 1));
    Options options;
    const auto applied = apply_plugin_flags(command, options, [](auto) { return true; });
    return applied ? std::string() : applied.error().text;
  };
  EXPECT_EQ(refusal("routes=nats://h:1"),
            "solicited routes require cluster capabilities, e.g. --cluster");
  EXPECT_EQ(refusal("cluster=nats://u@h:1"), "expected cluster password to be set");
  EXPECT_EQ(refusal("cluster=nats://h"), "address h: missing port in address");
  EXPECT_EQ(refusal("no_advertise=false"), "");
}

}  // namespace
}  // namespace dunlin::config
