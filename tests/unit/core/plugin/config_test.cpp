// A plugin's section is checked strictly against its declared keys; what is not written has its
// declared default.

#include "core/plugin/config_service.hpp"

#include <gmock/gmock.h>

#include "tests/unit/core/plugin/support.hpp"

namespace dunlin::plugin::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

dunlin_key key(const char* name, std::uint32_t type, const char* fallback = nullptr) {
  dunlin_key out{};
  out.name = name;
  out.type = type;
  out.fallback = fallback;
  return out;
}

class Config : public testing::Test {
 protected:
  Config() {
    helpers.duration_ns = [](std::string_view text) -> result<std::int64_t> {
      if (text == "2m") return 120'000'000'000;
      return fail("no duration");
    };
    helpers.size_bytes = [](std::string_view text) -> result<std::int64_t> {
      if (text == "1KiB") return 1024;
      return fail("no size");
    };
    helpers.edit_distance = [](std::string_view a, std::string_view b) -> std::size_t {
      return a.size() > b.size() ? a.size() - b.size() : b.size() - a.size();
    };
  }
  std::vector<std::string> check(const Node& tree, const std::vector<dunlin_key>& declared) {
    keys = declared;
    kept = tree;
    root = ConfigService::node(service.begin(&kept, false));
    return service.declare(root, keys.data(), keys.size());
  }

  ConfigHelpers helpers;
  ConfigService service{helpers};
  std::vector<dunlin_key> keys;
  Node kept{};
  const ConfigNode* root = nullptr;
};

TEST_F(Config, a_section_that_fits_has_no_problems) {
  const auto problems = check(
      Node{{"port", 1}, {"HOST", "x"}, {"on", true}, {"wait", "2m"}, {"max", "1KiB"},
           {"rate", 0.5}},
      {key("port", DUNLIN_KEY_INTEGER), key("host", DUNLIN_KEY_TEXT), key("on", DUNLIN_KEY_BOOLEAN),
       key("wait", DUNLIN_KEY_DURATION), key("max", DUNLIN_KEY_SIZE),
       key("rate", DUNLIN_KEY_NUMBER)});
  EXPECT_THAT(problems, IsEmpty());
  EXPECT_EQ(service.get(root, "host")->text(), "x");
  EXPECT_EQ(*service.duration_ns(*service.get(root, "wait")), 120'000'000'000);
  EXPECT_EQ(*service.size_bytes(*service.get(root, "max")), 1024u);
}

TEST_F(Config, every_problem_is_found_with_its_place) {
  auto required = key("name", DUNLIN_KEY_TEXT);
  required.flags = DUNLIN_KEY_REQUIRED;
  auto mode = key("mode", DUNLIN_KEY_TEXT);
  mode.choices = "fast safe";
  auto port = key("port", DUNLIN_KEY_INTEGER);
  port.least = 1;
  port.most = 65535;
  const auto problems =
      check(Node{{"prt", Node(1).at_line(2)}, {"mode", Node("odd").at_line(3)},
                 {"port", Node(0).at_line(4)}, {"on", Node("yes").at_line(5)}},
            {required, mode, port, key("on", DUNLIN_KEY_BOOLEAN)});
  EXPECT_THAT(problems,
              ElementsAre(HasSubstr("unknown key \"prt\"; did you mean"),
                          HasSubstr("\"mode\" is \"odd\", but must be one of: fast safe at "
                                    "server.toml:3:5"),
                          HasSubstr("\"port\" must be between 1 and 65535 at server.toml:4:5"),
                          HasSubstr("\"on\" must be true or false at server.toml:5:5"),
                          HasSubstr("\"name\" is missing")));
}

TEST_F(Config, absent_keys_have_their_defaults_in_nested_tables_too) {
  const dunlin_key inner[] = {key("verify", DUNLIN_KEY_BOOLEAN, "true")};
  auto tls = key("tls", DUNLIN_KEY_TABLE);
  tls.children = inner;
  tls.child_count = 1;
  auto list = key("list", DUNLIN_KEY_LIST, "1 22");
  list.element = DUNLIN_KEY_INTEGER;
  ASSERT_THAT(check(Node{}, {key("port", DUNLIN_KEY_INTEGER, "8222"), tls, list,
                             key("none", DUNLIN_KEY_TEXT)}),
              IsEmpty());
  EXPECT_EQ(service.get(root, "port")->integer(), 8222);
  EXPECT_TRUE(service.get(service.get(root, "tls"), "verify")->boolean());
  EXPECT_EQ(service.get(root, "list")->at(1)->integer(), 22);
  EXPECT_EQ(service.get(root, "none"), nullptr);
  EXPECT_EQ(service.get(root, "undeclared"), nullptr);
}

TEST_F(Config, list_elements_and_tables_in_lists_are_checked) {
  const dunlin_key inner[] = {key("url", DUNLIN_KEY_TEXT)};
  auto remotes = key("remotes", DUNLIN_KEY_LIST);
  remotes.element = DUNLIN_KEY_TABLE;
  remotes.children = inner;
  remotes.child_count = 1;
  const auto problems =
      check(Node{{"remotes", Node::list({Node{{"url", "x"}}, Node{{"uri", "y"}}, Node(3)})}},
            {remotes});
  EXPECT_THAT(problems, ElementsAre(HasSubstr("unknown key \"remotes[1].uri\""),
                                    HasSubstr("\"remotes[2]\" must be a table")));
}

TEST_F(Config, an_alias_names_the_same_key) {
  auto port = key("port", DUNLIN_KEY_INTEGER);
  port.aliases = "http_port monitor_port";
  ASSERT_THAT(check(Node{{"monitor_port", 7}}, {port}), IsEmpty());
  EXPECT_EQ(service.get(root, "port")->integer(), 7);
}

}  // namespace
}  // namespace dunlin::plugin::test
