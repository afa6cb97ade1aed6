// The grammar of subjects.

#include "core/subject/subject.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace dunlin::subject {
namespace {

using namespace std::string_view_literals;

// TestSublistValidSubjects, TestSublistInvalidSubjectsInsert
TEST(subject, knows_what_a_subscription_may_name) {
  for (const auto good : {"foo"sv, "foo.*"sv, ">"sv, "*"sv, "foo.*.>"sv, "foo.>>"sv, "foo*"sv,
                          "*a.b"sv, "a>"sv, "$SYS.>"sv, "f\xff.b"sv})
    EXPECT_TRUE(is_valid_subject(good)) << good;
  for (const auto bad : {""sv, ".foo"sv, "foo."sv, "foo..bar"sv, ".."sv, "."sv, "foo.>.bar"sv,
                         ">.foo"sv, "foo bar"sv, "foo.\tbar"sv, "foo\n"sv, "a\r.b"sv, "a.\f"sv,
                         " "sv, "a. .b"sv})
    EXPECT_FALSE(is_valid_subject(bad)) << bad;
}

// TestSubjectIsLiteral
TEST(subject, wildcards_are_whole_tokens) {
  for (const auto literal : {"foo"sv, "foo*"sv, "*foo"sv, "foo.>>"sv, "foo.*bar"sv, "fo>o.b"sv,
                             "foo.bar>"sv, ""sv})
    EXPECT_TRUE(is_literal(literal)) << literal;
  for (const auto wild : {"*"sv, ">"sv, "foo.*"sv, "*.foo"sv, "a.*.b"sv, "foo.>"sv})
    EXPECT_TRUE(has_wildcard(wild)) << wild;
}

// TestSublistValidLiteralSubjects
TEST(subject, knows_what_may_be_published_to) {
  for (const auto good : {"foo"sv, "foo.bar"sv, "foo.b*r"sv, "foo.*bar"sv, "bar>"sv})
    EXPECT_TRUE(is_valid_literal_subject(good)) << good;
  for (const auto bad :
       {""sv, ".foo"sv, "foo."sv, "foo..bar"sv, "foo.*"sv, "foo.>"sv, ">"sv, "*.a"sv})
    EXPECT_FALSE(is_valid_literal_subject(bad)) << bad;
  EXPECT_TRUE(is_valid_literal_subject("foo bar"));
  EXPECT_FALSE(is_valid_publish_subject("foo bar"));
  EXPECT_TRUE(is_valid_publish_subject("foo.bar"));
}

// TestSubjectToken
TEST(subject, gives_tokens_by_position) {
  EXPECT_EQ(token_at("foo.bar.baz", 0), "foo");
  EXPECT_EQ(token_at("foo.bar.baz", 2), "baz");
  EXPECT_EQ(token_at("foo.bar.baz", 3), "");
  EXPECT_EQ(token_count(""), 0u);
  EXPECT_EQ(token_count("foo"), 1u);
  EXPECT_EQ(token_count("foo.bar.baz"), 3u);
  std::vector<std::string> tokens;
  for (TokenCursor cursor("a..b."); !cursor.done(); cursor.advance())
    tokens.emplace_back(cursor.token());
  EXPECT_EQ(tokens, (std::vector<std::string>{"a", "", "b", ""}));
}

// TestSublistMatchLiterals
TEST(subject, patterns_match_subjects) {
  const auto yes = [](std::string_view subject, std::string_view pattern) {
    EXPECT_TRUE(matches(pattern, subject)) << pattern << " " << subject;
  };
  const auto no = [](std::string_view subject, std::string_view pattern) {
    EXPECT_FALSE(matches(pattern, subject)) << pattern << " " << subject;
  };
  yes("foo", "foo");
  no("foo", "bar");
  yes("foo", "*");
  yes("foo", ">");
  yes("foo.bar", ">");
  yes("foo.bar", "foo.>");
  no("foo.bar", "bar.>");
  no("stats.test.22", "stats.>.22");
  yes("stats.test.22", "stats.*.*");
  no("foo.bar", "stats");
  no("stats.test.foos", "stats.test.foos.bar");
  yes("stats.test", "stats.*");
  no("stats", "stats.>");
  no("foo.bar", "foo");
  no("foo", "foo.*");
  yes("foo.*", "foo.*");
  yes("foo.>", "foo.>");
  yes("foo*bar", "foo*bar");
  no("foo-bar", "foo*bar");
  no("foo.*", "foo.*bar");
  no("foo.", "foo.*");
  no("foo..bar", ">");
  no(".foo", ">");
  no("", ">");
}

// TestIsSubsetMatch
TEST(subject, subsets) {
  const auto yes = [](std::string_view subject, std::string_view of) {
    EXPECT_TRUE(is_subset(subject, of)) << subject << " " << of;
  };
  const auto no = [](std::string_view subject, std::string_view of) {
    EXPECT_FALSE(is_subset(subject, of)) << subject << " " << of;
  };
  yes("foo.bar", "foo.bar");
  yes("foo.*", ">");
  yes("foo.*", "*.*");
  yes("foo.*", "foo.*");
  no("foo.*", "foo.bar");
  yes("foo.>", ">");
  yes("foo.>", "*.>");
  yes("foo.>", "foo.>");
  no("foo.>", "foo.*");
  no("foo.>", "foo.bar");
  no("foo..bar", "foo.*");
  no("foo.*", "foo..bar");
  no("foo", "foo.>");
  no("foo.bar.baz", "foo.*");
}

// TestSublistSubjectCollide
TEST(subject, collisions) {
  const auto yes = [](std::string_view a, std::string_view b) {
    EXPECT_TRUE(collides(a, b) && collides(b, a)) << a << " " << b;
  };
  const auto no = [](std::string_view a, std::string_view b) {
    EXPECT_FALSE(collides(a, b) || collides(b, a)) << a << " " << b;
  };
  no("foo.*", "foo.*.bar.>");
  no("foo.*.bar.>", "foo.*");
  yes("foo.*", "foo.foo");
  no("foo.*", "foo");
  no("foo.*", "bar.*");
  yes("foo.*", "*.bar");
  no("foo.*.*", "foo");
  yes("foo.>", "foo.bar.baz");
  no("foo.>", "foo");
  yes("*.bar", "foo.*");
  yes("foo.bar", "foo.bar");
  no("foo.bar.>", "foo.baz");
}

}  // namespace
}  // namespace dunlin::subject
