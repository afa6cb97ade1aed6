#include "core/protocol/header.hpp"

#include <gtest/gtest.h>

namespace dunlin::protocol {
namespace {

// TestSliceHeader
TEST(header, value_is_found_by_its_exact_name) {
  const std::string_view block = "NATS/1.0\r\nA: 1\r\nLong:  two words \r\nEmpty:\r\nA: 2\r\n\r\n";
  EXPECT_EQ(find_header(block, "A"), "1");
  EXPECT_EQ(find_header(block, "Long"), "two words ");
  EXPECT_EQ(find_header(block, "Empty"), "");
  EXPECT_EQ(find_header(block, "a"), std::nullopt);
  EXPECT_EQ(find_header(block, "B"), std::nullopt);
  EXPECT_EQ(find_header(block, ""), std::nullopt);
}

// TestSliceHeaderOrderingPrefix, TestSliceHeaderOrderingSuffix
TEST(header, names_that_contain_the_name_do_not_match) {
  EXPECT_EQ(find_header("NATS/1.0\r\nKey-Long: a\r\nX-Key: b\r\nKey: c\r\n\r\n", "Key"), "c");
  EXPECT_EQ(find_header("NATS/1.0\r\nKey-Long: a\r\nX-Key: b\r\n\r\n", "Key"), std::nullopt);
}

// TestRemoveHeaderIfPresentSkipsValueMatches
TEST(header, values_that_contain_the_name_do_not_match) {
  EXPECT_EQ(find_header("NATS/1.0\r\nA: Key: a\r\nB: \nKey: b\r\nC: \rKey: x\r\n\r\n", "Key"),
            std::nullopt);
}

TEST(header, any_bytes_may_be_searched) {
  for (const auto* block : {"", "\r\n", "Key:", "\r\nKey", "\r\nKey:", "\r\nKey: ", "abcdx"})
    EXPECT_TRUE(!find_header(block, "Key") || find_header(block, "Key")->empty()) << block;
}

// TestRemoveHeaderIfPresentDuplicates
TEST(header, removal_takes_every_line_of_the_name) {
  EXPECT_EQ(remove_header("NATS/1.0\r\nA: 1\r\nA: 2\r\nB: A: 3\r\nA: 4\r\n\r\n", "A"),
            "NATS/1.0\r\nB: A: 3\r\n\r\n");
}

TEST(header, removal_of_the_last_header_leaves_none) {
  EXPECT_EQ(remove_header("NATS/1.0\r\nA: 1\r\n\r\n", "A"), "");
  EXPECT_EQ(remove_header("NATS/1.0 503\r\nA: 1\r\n\r\n", "A"), "NATS/1.0 503\r\n\r\n");
}

TEST(header, removal_of_an_absent_name_changes_nothing) {
  for (const auto* block : {"NATS/1.0\r\n\r\n", "", "abcdx", "NATS/1.0\r\nA: unfinished"})
    EXPECT_EQ(remove_header(block, "A"), block);
}

// TestSetHeaderOrderingPrefix, TestSetHeaderOrderingSuffix
TEST(header, setting_replaces_every_line_of_the_name_by_one_at_the_end) {
  EXPECT_EQ(set_header("NATS/1.0\r\nA: 1\r\nA-B: 2\r\nA: 3\r\n\r\n", "A", "new"),
            "NATS/1.0\r\nA-B: 2\r\nA: new\r\n\r\n");
  EXPECT_EQ(set_header("NATS/1.0\r\nA: 1\r\n\r\n", "A", "new"), "NATS/1.0\r\nA: new\r\n\r\n");
}

TEST(header, setting_makes_a_block_where_none_was) {
  EXPECT_EQ(set_header("", "A", "1"), "NATS/1.0\r\nA: 1\r\n\r\n");
}

TEST(header, setting_does_not_let_a_value_smuggle_in_a_line) {
  EXPECT_EQ(set_header("", "A", " 1\r\nB: 2 "), "NATS/1.0\r\nA: 1  B: 2\r\n\r\n");
}

// TestClientNoResponderSupport
TEST(header, no_responders_frame_names_the_subject) {
  std::string out = "+OK\r\n";
  append_no_responders(out, "_I.1", "7", "nobody");
  EXPECT_EQ(out, "+OK\r\nHMSG _I.1 7 38 38\r\nNATS/1.0 503\r\nNats-Subject: nobody\r\n\r\n\r\n");
}

}  // namespace
}  // namespace dunlin::protocol
