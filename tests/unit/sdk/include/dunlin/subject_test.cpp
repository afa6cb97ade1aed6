#include <dunlin/subject.hpp>

#include <gtest/gtest.h>

namespace dunlin {
namespace {

TEST(Subject, a_star_matches_one_token) {
  EXPECT_TRUE(subject_matches("a.*.c", "a.b.c"));
  EXPECT_FALSE(subject_matches("a.*.c", "a.b.d.c"));
  EXPECT_FALSE(subject_matches("a.*", "a"));
  EXPECT_FALSE(subject_matches("a", "a.b"));
}

TEST(Subject, a_full_wildcard_matches_one_or_more_tokens) {
  EXPECT_TRUE(subject_matches(">", "a"));
  EXPECT_TRUE(subject_matches("a.>", "a.b.c"));
  EXPECT_FALSE(subject_matches("a.>", "a"));
  EXPECT_TRUE(subject_matches("*.>", "a.b"));
  EXPECT_FALSE(subject_matches("*.>", "a"));
}

TEST(Subject, a_wildcard_is_one_only_as_a_whole_token) {
  EXPECT_TRUE(is_literal_subject("a.b*.c>"));
  EXPECT_FALSE(subject_matches("a.b*", "a.bc"));
  EXPECT_TRUE(subject_matches("a.b*", "a.b*"));
  EXPECT_FALSE(is_literal_subject("a.*"));
  EXPECT_FALSE(is_literal_subject("a.>"));
  EXPECT_FALSE(subject_matches("a.>.c", "a.b.c"));
}

TEST(Subject, filters_without_sense_are_not_valid) {
  EXPECT_TRUE(is_valid_filter("a.*.c.>"));
  for (const auto* filter : {"", ".", "a.", ".a", "a..b", "a.>.b", "a b", "a\tb"}) {
    EXPECT_FALSE(is_valid_filter(filter)) << filter;
  }
}

TEST(Subject, a_filter_covers_another_when_it_matches_all_the_other_does) {
  EXPECT_TRUE(filter_covers(">", "a.*"));
  EXPECT_TRUE(filter_covers("a.*", "a.b"));
  EXPECT_TRUE(filter_covers("a.*", "a.*"));
  EXPECT_TRUE(filter_covers("a.>", "a.*.>"));
  EXPECT_FALSE(filter_covers("a.*.>", "a.>"));
  EXPECT_FALSE(filter_covers("a.*", "a.>"));
  EXPECT_FALSE(filter_covers("a.b", "a.*"));
  EXPECT_FALSE(filter_covers("a.b", "a.b.c"));
}

TEST(Subject, what_stands_before_the_first_wildcard_is_the_prefix) {
  EXPECT_EQ(literal_prefix("a.b.*.c"), "a.b.");
  EXPECT_EQ(literal_prefix("*"), "");
  EXPECT_EQ(literal_prefix("a.>"), "a.");
  EXPECT_EQ(literal_prefix("a.b"), "a.b");
}

}  // namespace
}  // namespace dunlin
