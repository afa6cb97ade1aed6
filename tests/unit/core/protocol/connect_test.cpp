// What nats-server 2.15.1 does with the same CONNECT texts, observed on a running server.

#include "core/protocol/connect.hpp"

#include <gtest/gtest.h>

#include <string>

namespace dunlin::protocol {
namespace {

ConnectOptions parsed(std::string_view text) {
  ConnectOptions options;
  const auto outcome = parse_connect(text, options);
  EXPECT_TRUE(outcome.has_value()) << text << ": " << outcome.error().text;
  return options;
}

bool is_refused(std::string_view text) {
  ConnectOptions options;
  return parse_connect(text, options).has_error();
}

// TestClientConnect
TEST(connect, empty_object_leaves_verbose_pedantic_and_echo_on) {
  const auto options = parsed("{}");
  EXPECT_TRUE(options.verbose);
  EXPECT_TRUE(options.pedantic);
  EXPECT_TRUE(options.echo);
  EXPECT_FALSE(options.headers);
  EXPECT_EQ(options.protocol, 0);
  EXPECT_TRUE(parsed("null").verbose);
}

// TestClientConnect, TestClientConnectProto
TEST(connect, every_field_is_read) {
  const auto options = parsed(
      R"({"verbose":false,"pedantic":false,"echo":false,"tls_required":true,"new_account":true,)"
      R"("headers":true,"no_responders":true,"protocol":1,"nkey":"a","jwt":"b","sig":"c",)"
      R"("auth_token":"d","user":"e","pass":"f","name":"g","lang":"h","version":"i",)"
      R"("account":"j","remote_account":"k","proxy_sig":"l"})");
  EXPECT_FALSE(options.verbose || options.pedantic || options.echo);
  EXPECT_TRUE(options.tls_required && options.new_account);
  EXPECT_TRUE(options.headers && options.no_responders);
  EXPECT_EQ(options.protocol, 1);
  const std::string texts = options.nkey + options.jwt + options.sig + options.auth_token +
                            options.user + options.pass + options.name + options.lang +
                            options.version + options.account + options.remote_account +
                            options.proxy_sig;
  EXPECT_EQ(texts, "abcdefghijkl");
}

TEST(connect, keys_match_without_regard_to_letter_case) {
  EXPECT_FALSE(parsed(R"({"VERBOSE":false})").verbose);
  EXPECT_FALSE(parsed("{\"verbo\xc5\xbf"
                      "e\":false}")
                   .verbose);
  EXPECT_FALSE(parsed(R"({"verbo\u017fe":false})").verbose);
  EXPECT_EQ(parsed("{\"n\xe2\x84\xaa"
                   "ey\":\"U\"}")
                .nkey,
            "U");
  EXPECT_TRUE(parsed(R"({"ver_bose":false})").verbose);
}

TEST(connect, last_of_repeated_keys_wins) {
  EXPECT_TRUE(parsed(R"({"verbose":false,"verbose":true})").verbose);
  EXPECT_FALSE(parsed(R"({"verbose":true,"VERBOSE":false})").verbose);
}

TEST(connect, null_keeps_the_value) {
  EXPECT_TRUE(parsed(R"({"verbose":null,"name":null,"protocol":null,"import":null})").verbose);
}

TEST(connect, unknown_keys_are_skipped_whatever_they_hold) {
  EXPECT_EQ(parsed(R"({"x":{"name":["a",{"name":"b"}]},"y":[1,[2]],"":1,"name":"c"})").name, "c");
  EXPECT_EQ(parsed(R"({"x":1e400,"name":"c"})").name, "c");
  EXPECT_EQ(parsed("{\"\xff\":1,\"x\":\"\x7f\",\"name\":\"c\"}").name, "c");
}

TEST(connect, wrong_types_are_refused) {
  for (const auto* text :
       {R"({"verbose":0})", R"({"verbose":"false"})", R"({"verbose":{}})", R"({"verbose":[]})",
        R"({"name":5})", R"({"name":["a"]})", R"({"name":{}})", R"({"name":true})",
        R"({"protocol":"1"})", R"({"protocol":1.0})", R"({"protocol":1e0})",
        R"({"protocol":99999999999999999999})", R"({"protocol":9223372036854775808})",
        R"({"import":5})", R"({"import":{"allow":"x"}})", R"({"export":{"ALLOW":[5]}})", "[]",
        "\"x\"", "1"})
    EXPECT_TRUE(is_refused(text)) << text;
}

TEST(connect, permissions_of_links_are_checked_for_their_types_alone) {
  parsed(R"({"import":{"allow":["x",null]},"export":{"deny":null,"y":{"allow":5}}})");
}

TEST(connect, whole_numbers_are_read_up_to_64_bits) {
  EXPECT_EQ(parsed(R"({"protocol":-0})").protocol, 0);
  EXPECT_EQ(parsed(R"({"protocol":-1})").protocol, -1);
  EXPECT_EQ(parsed(R"({"protocol":9223372036854775807})").protocol, INT64_MAX);
}

// TestProtoErr
TEST(connect, malformed_json_is_refused) {
  for (const auto* text :
       {"", " ", "{", "{\"verbose\":false,}", "{\"verbose\":false} x", "{}{}", "{\"x\":01}",
        "{\"x\":1.}", "{\"x\":-}", "{\"x\":-01}", "{\"x\":+1}", "{\"x\":.5}", "{\"x\":nul}",
        "{\"verbose\":FALSE}", "{}/*c*/", "{\"x\":Infinity}", "{'verbose':false}",
        "\xef\xbb\xbf{}", "{\"name\":\"\\x41\"}", "{\"name\":\"\\u00\"}", "{\"name\":\"a\x01\"}",
        "{\"name\":\"a\tb\"}", "{\"name\":\"a}", "\\ud800", "{\"a\":\\ud800}"})
    EXPECT_TRUE(is_refused(text)) << text;
}

TEST(connect, blanks_around_the_object_are_fine) {
  EXPECT_EQ(parsed(" \t\r\n{ \"name\" : \"a\" } \r\n").name, "a");
}

TEST(connect, escapes_are_resolved) {
  EXPECT_EQ(parsed(R"({"name":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"})").name,
            "\"\\/\b\f\n\r\t\xc3\xa9\xf0\x9f\x98\x80");
}

TEST(connect, bytes_that_are_not_utf8_become_replacement_characters) {
  EXPECT_EQ(parsed("{\"name\":\"a\xff\xfe\"}").name, "a\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(parsed(R"({"name":"\ud800x\udc00\ud800\ud83d\ude00"})").name,
            "\xef\xbf\xbdx\xef\xbf\xbd\xef\xbf\xbd\xf0\x9f\x98\x80");
  EXPECT_EQ(parsed(R"({"name":"\\ud800"})").name, "\\ud800");
}

TEST(connect, second_connect_keeps_what_it_does_not_carry) {
  ConnectOptions options;
  ASSERT_TRUE(parse_connect(R"({"name":"a","verbose":false,"protocol":1})", options));
  ASSERT_TRUE(parse_connect(R"({"lang":"c"})", options));
  EXPECT_EQ(options.name, "a");
  EXPECT_EQ(options.lang, "c");
  EXPECT_FALSE(options.verbose);
  EXPECT_EQ(options.protocol, 1);
}

TEST(connect, failure_changes_nothing) {
  ConnectOptions options;
  ASSERT_TRUE(parse_connect(R"({"name":"a"})", options));
  EXPECT_TRUE(parse_connect(R"({"name":"b","verbose":1})", options).has_error());
  EXPECT_EQ(options.name, "a");
}

TEST(connect, nesting_is_followed_to_a_bound) {
  const auto nested = [](std::size_t depth) {
    return "{\"x\":" + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  EXPECT_FALSE(is_refused(nested(2040)));
  EXPECT_TRUE(is_refused(nested(100000)));
}

}  // namespace
}  // namespace dunlin::protocol
