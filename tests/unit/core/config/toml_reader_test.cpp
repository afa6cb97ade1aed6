#include "core/config/toml_reader.hpp"

#include "fixture.hpp"

namespace dunlin::config {
namespace {

std::string json_of(std::string_view text, const std::string& name = "case.toml") {
  const auto map = read_toml_text(text, name);
  return map ? canonical_json(*map) : map.error().text;
}

TEST(TomlReader, gives_the_same_tree_as_conf) {
  EXPECT_EQ(json_of("port = 1\n[tls]\ntimeout = 1.5\n[[authorization.users]]\nuser = 'a'\n"),
            R"({"authorization":{"users":[{"user":"a"}]},"port":1,"tls":{"timeout":1.5}})");
}

TEST(TomlReader, syntax_error_has_a_position) {
  const auto text = json_of("port = 1\nhost = = 2\n");
  EXPECT_TRUE(text.starts_with("case.toml:2:8: ")) << text;
}

TEST(TomlReader, unknown_key_has_a_position_and_a_suggestion) {
  EXPECT_EQ(toml_findings("port = 1\n  max_payloud = 5\n"),
            "case.toml:2:3: unknown field \"max_payloud\" (did you mean \"max_payload\"?)\n");
}

TEST(TomlReader, letters_beyond_ascii_stand_in_strings_and_comments_only) {
  EXPECT_EQ(json_of("# ü\na = 'ü'\n\"ö\" = \"\\\"ü\"\nb = \"\"\"\nü\"x\"\"\"\"\n"),
            "{\"a\":\"ü\",\"b\":\"ü\\\"x\\\"\",\"ö\":\"\\\"ü\"}");
  EXPECT_EQ(json_of("a = 1\nb = Ư"),
            "case.toml:2:5: letters beyond ASCII may stand in strings and comments only");
  EXPECT_EQ(json_of("Ư"),
            "case.toml:1:1: letters beyond ASCII may stand in strings and comments only");
}

TEST(TomlReader, keys_are_case_sensitive) {
  EXPECT_EQ(toml_findings("Port = 1\n"),
            "case.toml:1:1: unknown field \"Port\" (did you mean \"port\"?)\n");
}

TEST(TomlReader, number_for_a_duration_is_an_error) {
  EXPECT_EQ(toml_findings("ping_interval = 20\n"),
            "case.toml:1:1: interface conversion: interface {} is int64, not string\n");
}

TEST(TomlReader, sizes_may_be_texts_with_a_suffix) {
  const auto options = options_of("max_payload = \"8KB\"\nmax_pending = \"1G\"\n", "case.toml");
  EXPECT_EQ(options.limits.payload, 8192);
  EXPECT_EQ(options.limits.pending, 1000000000);
  EXPECT_EQ(toml_findings("max_payload = \"8x\"\n"),
            "case.toml:1:1: error parsing max_payload: expected integer, but got '8x'\n");
}

TEST(TomlReader, listen_beside_host_is_an_error) {
  EXPECT_EQ(toml_findings("listen = \"0.0.0.0:1\"\nhost = \"a\"\n"),
            "case.toml:2:1: \"host\" cannot be set beside \"listen\"\n");
}

TEST(TomlReader, variables_come_from_vars_then_environment_then_default) {
  ::setenv("VEC_PORT", "4300", 1);
  EXPECT_EQ(json_of("a = '${N}'\nb = '${VEC_PORT}'\nc = '${VEC_NONE:-7}'\nd = 'x-${N}-$JS.>-$$'\n"
                    "e = '${L}'\n[vars]\nN = 'n1'\nL = [1, 2]\n"),
            R"({"a":"n1","b":4300,"c":7,"d":"x-n1-$JS.\u003e-$","e":[1,2],)"
            R"("vars":{"L":[1,2],"N":"n1"}})");
}

TEST(TomlReader, vars_is_not_an_unknown_key) {
  EXPECT_EQ(options_of("port = '${P}'\n[vars]\nP = 4300\n", "case.toml").port, 4300);
}

TEST(TomlReader, missing_variable_and_cycle_are_errors) {
  EXPECT_EQ(json_of("a = '${VEC_NONE}'"),
            "case.toml:1:1: variable reference for 'VEC_NONE' can not be found");
  const auto cycle = json_of("a = '${X}'\n[vars]\nX = '${Y}'\nY = '${X}'\n");
  EXPECT_NE(cycle.find("variable reference cycle for"), std::string::npos) << cycle;
}

TEST(TomlReader, included_files_lie_below_the_files_own_keys) {
  const Workplace place;
  place.write("a.toml", "port = 1\nhost = 'a'\n[[authorization.users]]\nuser = 'a'\n");
  place.write("b.conf", "host: b, debug: true");
  EXPECT_EQ(json_of("include = ['a.toml', 'b.conf']\nport = 2\n"
                    "[[authorization.users]]\nuser = 'b'\n"),
            R"({"authorization":{"users":[{"user":"a"},{"user":"b"}]},"debug":true,"host":"b",)"
            R"("port":2})");
}

TEST(TomlReader, include_inside_a_table_fills_that_table) {
  const Workplace place;
  place.write("auth.toml", "user = 'u'\n");
  EXPECT_EQ(json_of("[authorization]\ninclude = 'auth.toml'\n"),
            R"({"authorization":{"user":"u"}})");
}

TEST(TomlReader, include_of_itself_or_of_nothing_is_an_error) {
  const Workplace place;
  place.write("a.toml", "include = 'case.toml'\n");
  EXPECT_EQ(json_of("include = 'a.toml'\n"),
            "a.toml:1:1: error parsing include file 'case.toml', it includes itself");
  EXPECT_EQ(json_of("include = 'none.toml'\n"),
            "case.toml:1:1: error parsing include file 'none.toml', open none.toml: no such file "
            "or directory");
}

}  // namespace
}  // namespace dunlin::config
