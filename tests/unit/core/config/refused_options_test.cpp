// Every option that the evidence map calls refused is refused in words, with its place: nothing of
// a feature that is not there is read in silence.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "core/config/option_table.hpp"
#include "fixture.hpp"

namespace dunlin::config {
namespace {

using ::testing::AnyOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;

// Findings and failed checks of a text for a server without any plugin.
std::string findings_of(const std::string& text) {
  const auto loaded = load_text(text, "c.conf", [](std::string_view) { return false; });
  if (!loaded) return loaded.error().text;
  if (!loaded->diagnostics.clean()) return loaded->diagnostics.text();
  return {};
}

// The items of an area that the map calls refused.
std::vector<std::string> refused_items(const std::string& area) {
  std::ifstream file(std::string(DUNLIN_DOCS) + "/parity/" + area + ".tsv");
  EXPECT_TRUE(file.is_open());
  std::vector<std::string> items;
  for (std::string line; std::getline(file, line);) {
    const auto first = line.find('\t');
    const auto second = line.find('\t', first + 1);
    if (line.substr(second + 1).starts_with("refused\t")) {
      items.push_back(line.substr(first + 1, second - first - 1));
    }
  }
  return items;
}

void expect_refused(const std::string& text, const std::string& item) {
  const auto findings = findings_of(text);
  EXPECT_THAT(findings, ContainsRegex("^c\\.conf:[0-9]+:[0-9]+: ")) << item << ": " << text;
  EXPECT_THAT(findings, AnyOf(HasSubstr("is not available in this server yet"),
                              HasSubstr("works with the Windows certificate store only")))
      << item << ": " << text;
}

TEST(Refused, top_level_options_are_refused_with_their_place) {
  for (const auto& item : refused_items("config-options")) {
    const bool is_number = item.starts_with("prof_");
    expect_refused(fmt::format("\n  {}: {}\n", item, is_number ? "1" : "{ a: 1 }"), item);
  }
}

TEST(Refused, every_option_of_a_plugin_is_refused_without_it) {
  for (const auto& row : top_level_options()) {
    if (row.owner == "core") continue;
    std::vector<std::string_view> names{row.key};
    for (const auto alias : row.aliases) {
      if (!alias.empty()) names.push_back(alias);
    }
    const char* const value = row.type == OptionType::integer  ? "1"
                              : row.type == OptionType::address ? "1"
                              : row.type == OptionType::text    ? "x"
                                                                : "{ a: 1 }";
    for (const auto name : names) {
      const auto findings = findings_of(fmt::format("{}: {}\n", name, value));
      EXPECT_EQ(findings, fmt::format("c.conf:1:0: \"{}\" is not available in this server yet: "
                                      "needs the plugin \"{}\" (package dunlin-plugin-{}), which "
                                      "was not found\n",
                                      name, row.owner, row.owner));
    }
  }
}

TEST(Refused, keys_of_authorization_are_refused_with_their_place) {
  for (const auto& item : refused_items("config-authorization")) {
    const auto space = item.find(' ');
    const auto block = space == std::string::npos ? "" : item.substr(0, space);
    const auto key = space == std::string::npos ? item : item.substr(space + 1);
    const auto pair = fmt::format("{}: {}", key, key == "proxy_required" ? "true" : "x");
    if (block == "users[]") {
      expect_refused("authorization { users: [ { user: u, password: p, " + pair + " } ] }", item);
    } else if (block.empty()) {
      expect_refused("authorization { " + pair + " }", item);
    } else {
      expect_refused("authorization { " + block + " { " + pair + " } }", item);
    }
  }
}

TEST(Refused, keys_of_tls_are_refused_with_their_place) {
  for (const auto& item : refused_items("config-tls")) {
    // These two have rules of their own.
    if (item.starts_with("verify_")) continue;
    expect_refused("tls { cert_file: c, key_file: k, " + item + ": x }", item);
  }
}

}  // namespace
}  // namespace dunlin::config
