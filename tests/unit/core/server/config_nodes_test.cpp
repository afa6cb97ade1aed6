// The configuration tree as plugins read it, and what the options ask for.

#include "core/server/config_nodes.hpp"

#include <gtest/gtest.h>

#include "core/config/load.hpp"
#include "core/server/plugin_wiring.hpp"
#include "core/server/plugin_wish.hpp"

namespace dunlin::server {
namespace {

config::Options options_of(std::string_view text) {
  const auto loaded =
      config::load_text(text, "test.conf", [](std::string_view) { return true; });
  EXPECT_TRUE(loaded);
  EXPECT_EQ(loaded->diagnostics.text(), "");
  return loaded->options;
}

TEST(config_nodes, a_section_keeps_types_order_and_places) {
  const auto options =
      options_of("mqtt {\n  port: 1883\n  names: [a, b]\n  deep { on: true }\n}\n");
  ConfigNodes nodes;
  const auto asked = plugins_asked_for(options, nodes);
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].request.id, "mqtt");
  const plugin::ConfigNode& section = *asked[0].section;
  ASSERT_EQ(section.type(), plugin::NodeType::table);
  ASSERT_EQ(section.size(), 3u);
  EXPECT_EQ(section.key(0), "port");
  EXPECT_EQ(section.at(0)->integer(), 1883);
  EXPECT_EQ(section.at(0)->position().line, 2u);
  EXPECT_EQ(section.at(0)->position().file, "test.conf");
  ASSERT_EQ(section.at(1)->type(), plugin::NodeType::list);
  EXPECT_EQ(section.at(1)->at(1)->text(), "b");
  EXPECT_TRUE(section.at(2)->at(0)->boolean());
}

TEST(config_nodes, a_section_that_only_says_yes_is_an_empty_table) {
  const auto options = options_of("jetstream: enabled\n");
  ConfigNodes nodes;
  const auto asked = plugins_asked_for(options, nodes);
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].section->type(), plugin::NodeType::table);
  EXPECT_EQ(asked[0].section->size(), 0u);
}

TEST(plugins_asked_for, a_listed_plugin_and_its_section_are_one_wish) {
  const auto options = options_of(
      "com.example.x { a: 1 }\n"
      "plugins { load: [ { id: \"com.example.x\", path: \"/x.so\", required: false } ] }\n");
  ConfigNodes nodes;
  const auto asked = plugins_asked_for(options, nodes);
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].request.path, "/x.so");
  EXPECT_FALSE(asked[0].required);
  EXPECT_NE(asked[0].section, nullptr);
}

TEST(plugins_asked_for, a_monitoring_port_asks_for_monitoring) {
  const auto options = options_of("http: 127.0.0.1:8222\n");
  ConfigNodes nodes;
  const auto asked = plugins_asked_for(options, nodes);
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].request.id, "monitoring");
  EXPECT_EQ(asked[0].section->key(1), "http_port");
  EXPECT_EQ(asked[0].section->at(1)->integer(), 8222);
}

TEST(plugins_asked_for, nothing_asks_for_nothing) {
  EXPECT_FALSE(asks_for_plugins(options_of("port: 4222\n")));
}

TEST(sections_provided, knows_the_projects_own_sections_and_no_others) {
  const auto provided = sections_provided("", nullptr);
  EXPECT_TRUE(provided("leafnodes"));
  EXPECT_TRUE(provided("leafnode"));
  EXPECT_FALSE(provided("com.example.absent"));
  EXPECT_FALSE(provided("../../etc/passwd"));
}

}  // namespace
}  // namespace dunlin::server
