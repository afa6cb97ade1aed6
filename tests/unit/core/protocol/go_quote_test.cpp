#include "core/protocol/go_quote.hpp"

#include <gtest/gtest.h>

namespace dunlin::protocol {
namespace {

using namespace std::string_view_literals;

std::string json(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST(go_quote, plain_text_only_gains_quotes) {
  EXPECT_EQ(go_quote("foo.bar"), "\"foo.bar\"");
  EXPECT_EQ(go_quote(""), "\"\"");
}

TEST(go_quote, quotes_and_backslashes_are_escaped) {
  EXPECT_EQ(go_quote("a\"b\\c'"), R"("a\"b\\c'")");
}

TEST(go_quote, control_characters_use_letters_or_hexadecimal) {
  EXPECT_EQ(go_quote("\a\b\f\n\r\t\v\x01\x7f\0"sv), R"("\a\b\f\n\r\t\v\x01\x7f\x00")");
}

// The server's answer to `SUB é<0xFF> 3` without permission.
TEST(go_quote, printable_runes_stay_and_invalid_bytes_are_hexadecimal) {
  EXPECT_EQ(go_quote("\xc3\xa9\xff"), "\"\xc3\xa9\\xff\"");
  EXPECT_EQ(go_quote("\xed\xa0\x80\xc0\x80"), R"("\xed\xa0\x80\xc0\x80")");
  EXPECT_EQ(go_quote("\xef\xbf\xbd"), "\"\xef\xbf\xbd\"");
  EXPECT_EQ(go_quote("\xe2\x82"), R"("\xe2\x82")");
}

TEST(go_quote, runes_that_do_not_print_are_escaped) {
  EXPECT_EQ(go_quote("\xc2\xa0\xc2\x85\xe2\x80\x8b"), R"("\u00a0\u0085\u200b")");
  EXPECT_EQ(go_quote("\xf3\xa0\x80\x81"), R"("\U000e0001")");
  EXPECT_EQ(go_quote("\xf4\x8f\xbf\xbf"), R"("\U0010ffff")");
  EXPECT_EQ(go_quote("\xf0\x9f\x98\x80"), "\"\xf0\x9f\x98\x80\"");
}

TEST(json_string, escapes_what_json_demands) {
  EXPECT_EQ(json("a\"b\\c\b\f\n\r\t\x01\x1f\x7f"),
            "\"a\\\"b\\\\c\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\"");
}

TEST(json_string, escapes_what_go_adds) {
  EXPECT_EQ(json("<a&b>"), R"("\u003ca\u0026b\u003e")");
  EXPECT_EQ(json("\xe2\x80\xa8\xe2\x80\xa9"), R"("\u2028\u2029")");
  EXPECT_EQ(json("\xff\xc3\xa9"), "\"\\ufffd\xc3\xa9\"");
}

}  // namespace
}  // namespace dunlin::protocol
