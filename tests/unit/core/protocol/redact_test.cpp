#include "core/protocol/redact.hpp"

#include <gtest/gtest.h>

namespace dunlin::protocol {
namespace {

// TestNoPasswordsFromConnectTrace, TestRemovePassFromTrace
TEST(redact, passwords_are_replaced) {
  EXPECT_EQ(redact_connect(R"({"verbose":false,"user":"derek","pass":"s3cr3t","name":"a"})"),
            R"({"verbose":false,"user":"derek","pass":"[REDACTED]","name":"a"})");
  EXPECT_EQ(redact_connect(R"({"user":"d","password": "s3cr3t"})"),
            R"({"user":"d","password": "[REDACTED]"})");
  EXPECT_EQ(redact_connect("{pass : s3cr3t , password=x,  pass = \"y\" }"),
            "{pass : [REDACTED], password=[REDACTED],  pass = \"[REDACTED]\" }");
  EXPECT_EQ(redact_connect("pass:\r\nx\r\n"), "pass:\r\n[REDACTED]\r\n");
}

// TestRemoveAuthTokenFromTrace
TEST(redact, tokens_are_replaced) {
  EXPECT_EQ(redact_connect(R"({"auth_token":"s3cr3t","auth_token_2":"t"})"),
            R"({"auth_token":"[REDACTED]","auth_token_2":"[REDACTED]"})");
}

// TestRemoveAdditionalAuthFieldsFromTrace
TEST(redact, signatures_and_keys_are_replaced) {
  EXPECT_EQ(redact_connect(R"({"sig":"a","proxy_sig":"b","nkey":"U","lang":"go"})"),
            R"({"sig":"[REDACTED]","proxy_sig":"[REDACTED]","nkey":"[REDACTED]","lang":"go"})");
}

TEST(redact, words_that_only_contain_a_key_stay) {
  for (const auto* text : {R"({"design":"a","user":"sig","nkeys":"b"})", "{}", "", "nkey"})
    EXPECT_EQ(redact_connect(text), text);
}

TEST(redact, empty_and_unfinished_values_are_marked) {
  EXPECT_EQ(redact_connect(R"({"pass":""})"), R"({"pass":"[REDACTED]"})");
  EXPECT_EQ(redact_connect("{\"pass\":\"s3c"), "{\"pass\":\"[REDACTED]");
}

TEST(redact, long_garbage_takes_linear_time) {
  std::string text;
  for (int i = 0; i < 250000; ++i) text += "pass";
  EXPECT_EQ(redact_connect(text), text);
}

}  // namespace
}  // namespace dunlin::protocol
