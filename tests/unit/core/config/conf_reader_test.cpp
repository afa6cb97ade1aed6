#include "core/config/conf_reader.hpp"

#include "core/config/conf_scalar.hpp"
#include "core/protocol/go_duration.hpp"
#include "fixture.hpp"

namespace dunlin::config {
namespace {

std::string json_of(std::string_view text) {
  const auto map = read_conf_text(text, "case.conf");
  return map ? canonical_json(*map) : map.error().text;
}

TEST(ConfReader, positive_integers_may_touch_the_closing_bracket) {
  EXPECT_EQ(json_of("a: [1, 2]\nb: [1k]\nc: [[3],[4]]\nd: [{e: 5}]\n"),
            R"({"a":[1,2],"b":[1000],"c":[[3],[4]],"d":[{"e":5}]})");
}

TEST(ConfReader, unknown_size_suffix_is_an_error_and_not_lost) {
  EXPECT_EQ(json_of("a: 1kbb"), "expected integer, but got '1kbb'");
}

TEST(ConfReader, overflowing_size_is_an_error) {
  EXPECT_EQ(json_of("a: 100e"), "integer '100e' is out of the range");
}

TEST(ConfReader, map_key_without_value_is_an_error_and_not_lost) {
  EXPECT_EQ(json_of("a { b }"), "Parse error on line 1: 'Expected a value for the map key \"b\", "
                                "but got '}' instead.'");
}

TEST(ConfReader, size_suffixes_have_decimal_and_binary_multipliers) {
  EXPECT_EQ(json_of("a: 1k, b: 1KB, c: 2mi, d: 1GiB, e: 1t, f: 1p, g: 1e"),
            R"({"a":1000,"b":1024,"c":2097152,"d":1073741824,"e":1000000000000,)"
            R"("f":1000000000000000,"g":1000000000000000000})");
}

TEST(ConfReader, text_that_only_looks_like_a_number_is_text) {
  EXPECT_EQ(json_of("a: 5ms, b: 90s, c: 1h30m, d: 10.0.0.1:4222, e: 5abc"),
            R"({"a":"5ms","b":"90s","c":"1h30m","d":"10.0.0.1:4222","e":"5abc"})");
}

TEST(ConfReader, inner_variable_shadows_outer_one) {
  EXPECT_EQ(json_of("x: 1\nm { x: 2, y: $x }\nz: $x"), R"({"m":{"x":2,"y":2},"x":1,"z":1})");
}

TEST(ConfReader, variable_keeps_type_and_structure) {
  EXPECT_EQ(json_of("x: [a, {b: 1.5}]\ny: $x"), R"({"x":["a",{"b":1.5}],"y":["a",{"b":1.5}]})");
}

TEST(ConfReader, unquoted_bcrypt_hash_is_text) {
  EXPECT_EQ(json_of("a: $2a$11$abc/def"), R"({"a":"$2a$11$abc/def"})");
}

TEST(ConfReader, block_keeps_its_newlines) {
  EXPECT_EQ(json_of("a: (\none\n ) two\n)\nb: 1"), R"({"a":"\none\n ) two\n","b":1})");
}

TEST(ConfReader, positions_point_at_keys) {
  const auto map = read_conf_text("a: 1\n  b {\n    c: 2\n  }\n", "x.conf");
  ASSERT_TRUE(map);
  EXPECT_EQ(map->find("a")->at.text(), "x.conf:1:0");
  EXPECT_EQ(map->find("b")->at.text(), "x.conf:2:3");
  EXPECT_EQ(map->find("b")->value.as<Map>()->find("c")->at.text(), "x.conf:3:5");
}

TEST(ConfReader, included_keys_carry_the_included_files_name) {
  const Workplace place;
  std::filesystem::create_directory("sub");
  place.write("sub/inc.conf", "\nport: true\n");
  EXPECT_EQ(outcome_of("include ./sub/inc.conf\n", "main.conf"),
            "sub/inc.conf:2:1: interface conversion: interface {} is bool, not int64");
}

TEST(ConfReader, include_of_itself_is_an_error) {
  const Workplace place;
  place.write("a.conf", "include b.conf");
  place.write("b.conf", "include ./a.conf");
  const auto map = read_conf_file("a.conf");
  ASSERT_FALSE(map);
  EXPECT_EQ(map.error().text, "error parsing include file 'b.conf', error parsing include file "
                              "'./a.conf', a.conf includes itself");
}

TEST(ConfReader, included_file_does_not_see_variables_of_its_includer) {
  const Workplace place;
  place.write("inc.conf", "a: $outer");
  EXPECT_EQ(json_of("outer: 1\ninclude inc.conf"),
            "error parsing include file 'inc.conf', variable reference for 'outer' on line 1 can "
            "not be found");
}

TEST(ConfReader, deep_nesting_is_an_error) {
  const auto* const reason = "Parse error on line 1: 'nested too deeply'";
  EXPECT_EQ(json_of("a: " + std::string(100000, '[')), reason);
  EXPECT_EQ(json_of(std::string(100000, '{')), reason);
}

TEST(ConfReader, exploding_variables_are_an_error) {
  std::string text = "a0: [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    text += "a" + std::to_string(i) + ": [";
    for (int j = 0; j < 10; ++j) text += "$a" + std::to_string(i - 1) + ", ";
    text += "]\n";
  }
  EXPECT_EQ(json_of(text), "variables expand to too many values");
}

TEST(ConfReader, missing_file_is_named) {
  const auto map = read_conf_file("/nowhere/x.conf");
  ASSERT_FALSE(map);
  EXPECT_EQ(map.error().text, "open /nowhere/x.conf: no such file or directory");
}

TEST(Digest, does_not_depend_on_order_or_comments) {
  EXPECT_EQ(outcome_of("port: 1\ndebug: true", "a.conf"),
            outcome_of("# c\n{ debug: true, port: 1 }", "b.conf"));
}

// The digest the reference prints for this file.
TEST(Digest, equals_the_references) {
  EXPECT_EQ(outcome_of("port: 4222\nserver_name: \"a<b\"\nmax_payload: 1kb\n"
                       "authorization {timeout: 1.50, user: x}\n", "a.conf"),
            "sha256:341956da3fa100f8a9f2f57de866f20924cdd6fc1ccdbf99d7573bbc659e79f6");
}

TEST(Digest, floats_are_written_as_go_writes_them) {
  EXPECT_EQ(json_of("a: 1.50\nb: 100000000000000000000000.0\nc: 0.0000001\nd: -0.25\ne: 3.0"),
            R"({"a":1.5,"b":1e+23,"c":1e-7,"d":-0.25,"e":3})");
}

TEST(Duration, is_read_and_printed_as_go_does) {
  for (const auto* text : {"1h30m0s", "10s", "1.5s", "250ms", "1.5ms", "5µs", "7ns", "0s", "-2m0s",
                           "2m0.5s"}) {
    const auto duration = parse_duration(text);
    ASSERT_TRUE(duration) << text;
    EXPECT_EQ(protocol::go_duration(*duration), text);
  }
  EXPECT_EQ(parse_duration("1h2m3s4ms5us6ns")->count(), 3723004005006);
  EXPECT_EQ(parse_duration(".5s")->count(), 500000000);
}

TEST(Duration, failures_have_gos_words) {
  EXPECT_EQ(parse_duration("5").error().text, "time: missing unit in duration \"5\"");
  EXPECT_EQ(parse_duration("5x").error().text, "time: unknown unit \"x\" in duration \"5x\"");
  for (const auto* text : {"", "s", "-", ".s", "99999999999h", "1000000h2562047h"}) {
    ASSERT_FALSE(parse_duration(text)) << text;
    EXPECT_EQ(parse_duration(text).error().text,
              "time: invalid duration \"" + std::string(text) + "\"");
  }
}

}  // namespace
}  // namespace dunlin::config
