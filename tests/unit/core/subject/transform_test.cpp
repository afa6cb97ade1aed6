// Subject transforms and mappings. Ports TestSubjectTransforms, TestPlaceHolderIndex,
// TestSubjectTransformHelpers, TestSubjectTransformDoesntPanicTransformingMissingToken,
// TestAccountSimpleWeightedRouteMapping, TestAccountMultiWeightedRouteMappings,
// TestAccountRouteMappingsWithLossInjection and TestAccountRouteMappingsWithOriginClusterFilter.

#include "core/subject/transform.hpp"

#include <gtest/gtest.h>

#include <map>

namespace dunlin::subject {
namespace {

constexpr auto strict = Transform::Rules::strict;
constexpr auto lenient = Transform::Rules::lenient;

std::string refusal(std::string_view source, std::string_view destination,
                    Transform::Rules rules = lenient) {
  const auto made = Transform::create(source, destination, rules);
  return made ? "accepted" : made.error().text;
}

std::string mapped(std::string_view source, std::string_view destination,
                   std::string_view subject, std::uint32_t random = 0) {
  const auto made = Transform::create(source, destination);
  if (!made) return made.error().text;
  const auto out = made->match(subject, random);
  return out ? *out : out.error().text;
}

TEST(transform, refuses_bad_subjects_and_uneven_wildcards) {
  for (const auto& [source, destination] : std::map<std::string, std::string>{
           {"foo..", "bar"}, {"foo.*", "bar.*"}, {"foo.>", "bar.baz"}, {"a.>.b", "c"}})
    EXPECT_EQ(refusal(source, destination), "invalid subject") << source;
  EXPECT_EQ(refusal("foo.*", "bar.$1.>"), "invalid subject");
  EXPECT_EQ(refusal("foo.*", "bar..$1"), "invalid subject");
}

TEST(transform, names_what_is_wrong_with_a_destination) {
  const std::string head = "invalid mapping destination: ";
  const auto index = head + "wildcard index out of range in ";
  const auto argument = head + "function argument is invalid or in the wrong format in ";
  const auto few = head + "not enough arguments passed to the function in ";
  const auto many = head + "too many arguments passed to the function in ";
  const auto unknown = head + "unknown function in ";
  EXPECT_EQ(refusal("foo.*", "bar.$2"), index + "$2: [2]");
  EXPECT_EQ(refusal("foo.*", "foo.{{wildcard(2)}}"), index + "{{wildcard(2)}}: [2]");
  EXPECT_EQ(refusal("foo", "bla.{{wildcard(1)}}"), index + "{{wildcard(1)}}");
  EXPECT_EQ(refusal("foo.*", "foo.{{unimplemented(1)}}"), unknown + "{{unimplemented(1)}}");
  EXPECT_EQ(refusal("foo.*", "foo.{{ wildcard5) }}"), unknown + "{{ wildcard5) }}");
  EXPECT_EQ(refusal("foo.*", "foo.{{splitLeft(2,2}}"), unknown + "{{splitLeft(2,2}}");
  EXPECT_EQ(refusal("foo.*", "foo.{{wildcard()}}"), few + "{{wildcard()}}");
  EXPECT_EQ(refusal("foo.*", "foo.{{wildcard(foo)}}"), argument + "{{wildcard(foo)}}");
  EXPECT_EQ(refusal("foo.*", "foo.{{wildcard(1,2)}}"), many + "{{wildcard(1,2)}}");
  EXPECT_EQ(refusal("foo.*", "foo.{{partition()}}"), argument + "{{partition()}}");
  EXPECT_EQ(refusal("foo.*", "foo.{{random()}}"), argument + "{{random()}}");
  EXPECT_EQ(refusal("foo.*", "foo.{{random(1,2)}}"), few + "{{random(1,2)}}");
  EXPECT_EQ(refusal("foo.*", "foo.{{left(1)}}"), few + "{{left(1)}}");
  EXPECT_EQ(refusal("foo.*", "foo.{{left(1,2,3)}}"), many + "{{left(1,2,3)}}");
  EXPECT_EQ(refusal("foo.*", "foo.{{left(1,2147483648)}}"), argument + "{{left(1,2147483648)}}");
  EXPECT_EQ(refusal("foo.*", "foo.{{split(1,a b)}}"), argument + "{{split(1,a b)}}");
  EXPECT_EQ(refusal("foo.*", "foo.{{partition(2147483648)}}"),
            argument + "{{partition(2147483648)}}");
  EXPECT_EQ(refusal("foo.*", "foo.{{random(2147483648)}}"), argument + "{{random(2147483648)}}");
}

TEST(transform, imports_need_every_wildcard_and_no_other_function) {
  const std::string head = "invalid mapping destination: ";
  EXPECT_EQ(refusal("foo.*.*", "bar.$2", strict),
            head + "not using all of the token wildcard(s) in bar.$2");
  EXPECT_EQ(refusal("foo.*", "foo.$foo", strict),
            head + "not using all of the token wildcard(s) in foo.$foo");
  EXPECT_EQ(refusal("foo.*", "bar.{{Partition(2,1)}}", strict),
            head + "the only mapping function allowed for import transforms is {{Wildcard()}} in "
                   "{{Partition(2,1)}}");
  EXPECT_EQ(refusal("foo.*", "bar.{{Wildcard(1)}}", strict), "accepted");
}

TEST(transform, accepts_what_is_right) {
  for (const auto& [source, destination] : std::vector<std::pair<std::string, std::string>>{
           {"foo.*.*", "bar.$2"},
           {"foo.*.*", "bar.{{partition(1)}}"},
           {"foo.*.*", "bar.{{random(5)}}"},
           {"foo", "bar"},
           {"*", "{{splitfromleft(1,1)}}"},
           {"", "prefix.>"},
           {"*.*", "{{partition(10,1,2)}}"},
           {"foo.*.*", "foo.{{wildcard(1)}}.{{wildcard(2)}}.{{partition(5,1,2)}}"},
           {"foo.*", "foo.{{partition(2147483647)}}"},
           {"foo.bar", "foo.{{random(2147483647)}}"},
           {"*.*", "{{ Partition (10,1, 2) }}"}})
    EXPECT_EQ(refusal(source, destination), "accepted") << destination;
}

TEST(transform, maps_tokens) {
  EXPECT_EQ(mapped("", "prefix.>", "foo"), "prefix.foo");
  EXPECT_EQ(mapped(">", ">", "foo.bar"), "foo.bar");
  EXPECT_EQ(mapped("foo", "bar", "foo"), "bar");
  EXPECT_EQ(mapped("foo.*.bar.*.baz", "req.$2.$1", "foo.A.bar.B.baz"), "req.B.A");
  EXPECT_EQ(mapped("foo.*.bar.*.baz", "req.{{wildcard(2)}}.{{Wildcard( 1 )}}", "foo.A.bar.B.baz"),
            "req.B.A");
  EXPECT_EQ(mapped("baz.>", "my.pre.>", "baz.1.2.3"), "my.pre.1.2.3");
  EXPECT_EQ(mapped("*", "foo.bar.$1", "foo"), "foo.bar.foo");
  EXPECT_EQ(mapped("foo.*", "$foo.$1.$x", "foo.a"), "$foo.a.$x");
}

TEST(transform, splits_and_slices) {
  EXPECT_EQ(mapped("*", "{{splitfromleft(1,3)}}", "12345"), "123.45");
  EXPECT_EQ(mapped("*", "{{SplitFromRight(1,3)}}", "12345"), "12.345");
  EXPECT_EQ(mapped("*", "{{SplitFromRight(1,5)}}", "12345"), "12345");
  EXPECT_EQ(mapped("*", "{{SliceFromLeft(1,3)}}", "1234567890"), "123.456.789.0");
  EXPECT_EQ(mapped("*", "{{SliceFromLeft(1,5)}}", "1234567890"), "12345.67890");
  EXPECT_EQ(mapped("*", "{{SliceFromRight(1,3)}}", "1234567890"), "1.234.567.890");
  EXPECT_EQ(mapped("*", "{{SliceFromRight(1,5)}}", "1234567890"), "12345.67890");
  EXPECT_EQ(mapped("*", "{{split(1,-)}}", "-abc-def--ghi-"), "abc.def.ghi");
  EXPECT_EQ(mapped("*", "{{split(1,-)}}", "abc-def--ghi-"), "abc.def.ghi");
  EXPECT_EQ(mapped("*.*", "{{split(2,-)}}.{{splitfromleft(1,2)}}", "foo.-abc-def--ghij-"),
            "abc.def.ghij.fo.o");
  EXPECT_EQ(mapped("*", "{{right(1,1)}}", "1234"), "4");
  EXPECT_EQ(mapped("*", "{{right(1,3)}}", "1234"), "234");
  EXPECT_EQ(mapped("*", "{{right(1,6)}}", "1234"), "1234");
  EXPECT_EQ(mapped("*", "{{left(1,3)}}", "1234"), "123");
  EXPECT_EQ(mapped("*", "{{left(1,-3)}}", "1234"), "1234");
}

TEST(transform, partitions_by_hash) {
  EXPECT_EQ(mapped("*", "bar.{{partition(0)}}", "baz"), "bar.0");
  EXPECT_EQ(mapped("*", "bar.{{partition(10, 0)}}", "foo"), "bar.3");
  EXPECT_EQ(mapped("*.*", "bar.{{partition(10)}}", "foo.bar"), "bar.6");
  EXPECT_EQ(mapped("*", "bar.{{partition(10)}}", "foo"), "bar.3");
  EXPECT_EQ(mapped("*", "bar.{{partition(10)}}", "baz"), "bar.0");
  EXPECT_EQ(mapped("*", "bar.{{partition(10)}}", "qux"), "bar.9");
  EXPECT_EQ(mapped("foo.bar", "baz.{{partition(10)}}", "foo.bar"), "baz.6");
  EXPECT_EQ(mapped("foo.baz", "qux.{{partition(10)}}", "foo.baz"), "qux.4");
  EXPECT_EQ(mapped("test.subject", "result.{{partition(5)}}", "test.subject"), "result.0");
}

TEST(transform, random_stays_below_its_bound) {
  EXPECT_EQ(mapped("*", "bar.{{random(0)}}", "qux", 99), "bar.0");
  std::map<std::string, int> seen;
  for (std::uint32_t random = 0; random < 100; ++random)
    ++seen[mapped("*", "bar.{{random(6)}}", "qux", random)];
  EXPECT_EQ(seen.size(), 6u);
  EXPECT_EQ(seen.begin()->first, "bar.0");
  EXPECT_EQ(seen.rbegin()->first, "bar.5");
  EXPECT_LT(mapped("*", "bar.{{random(6)}}", "qux", 0xffffffffu), "bar.6");
}

TEST(transform, refuses_subjects_that_it_does_not_cover) {
  EXPECT_EQ(mapped("foo.*", "bar.$1", "baz.a"), "no matching transforms available");
  EXPECT_EQ(mapped("foo.*", "bar.$1", "foo.*"), "invalid subject");
  EXPECT_EQ(mapped("foo.*", "bar.$1", "foo."), "invalid subject");
}

TEST(transform, missing_tokens_count_as_empty) {
  EXPECT_EQ(Transform::create("foo.*", "one.two.{{wildcard(1)}}")->apply("foo"), "one.two.");
  EXPECT_EQ(Transform::create("foo.*", "one.{{split(1,-)}}")->apply("foo"), "one.");
}

TEST(transform, a_strict_one_can_be_reversed) {
  const auto made = Transform::create("foo.*.*", "bar.$2.{{Wildcard(1)}}", strict);
  ASSERT_TRUE(made);
  const auto back = made->reverse();
  ASSERT_TRUE(back);
  EXPECT_EQ(back->apply(made->apply("foo.b.a")), "foo.b.a");
  EXPECT_EQ(number_wildcards("foo.*.x.*.>"), "foo.$1.x.$2.>");
}

TEST(mapping_destination, is_validated) {
  EXPECT_TRUE(validate_mapping("foo.*", ""));
  EXPECT_TRUE(validate_mapping("foo.*", "bar.{{ wildcard(1) }}"));
  EXPECT_TRUE(validate_mapping("foo.*", "bar.{{left(1,2)}}"));
  EXPECT_EQ(validate_mapping("foo", "bar baz").error().text,
            "invalid mapping destination: invalid transform");
  EXPECT_EQ(validate_mapping("foo", "bar..baz").error().text,
            "invalid mapping destination: invalid transform");
  EXPECT_EQ(validate_mapping("foo.>", "bar.>.baz").error().text,
            "invalid mapping destination: invalid transform in baz");
  EXPECT_EQ(validate_mapping("foo", "bar.{{nope(1)}}").error().text,
            "invalid mapping destination: unknown function in {{nope(1)}}");
}

std::map<std::string, int> spread(const Mapping& mapping, std::string_view subject,
                                  std::string_view cluster = {}) {
  std::map<std::string, int> counts;
  for (std::uint32_t random = 0; random < 100; ++random)
    ++counts[mapping.choose(subject, random, cluster).value_or("")];
  return counts;
}

TEST(mapping, spreads_by_weight_and_leaves_the_rest_alone) {
  const auto made = Mapping::create("foo.*", {{"bar.$1", 30, ""}, {"baz.$1", 50, ""}});
  ASSERT_TRUE(made);
  EXPECT_TRUE(made->covers("foo.a"));
  EXPECT_FALSE(made->covers("foo.a.b"));
  EXPECT_EQ(spread(*made, "foo.a"),
            (std::map<std::string, int>{{"bar.a", 30}, {"baz.a", 50}, {"foo.a", 20}}));
}

TEST(mapping, loses_the_rest_when_the_source_is_a_destination) {
  const auto made = Mapping::create("foo", {{"foo", 80, ""}});
  ASSERT_TRUE(made);
  EXPECT_EQ(spread(*made, "foo"), (std::map<std::string, int>{{"", 20}, {"foo", 80}}));
}

TEST(mapping, prefers_the_own_clusters_destinations) {
  const auto made = Mapping::create("foo", {{"bar", 100, "SYN"}, {"baz", 50, ""}});
  ASSERT_TRUE(made);
  EXPECT_EQ(spread(*made, "foo", "SYN"), (std::map<std::string, int>{{"bar", 100}}));
  EXPECT_EQ(spread(*made, "foo", "ACK"), (std::map<std::string, int>{{"baz", 50}, {"foo", 50}}));
}

TEST(mapping, refuses_bad_weights_and_repeats) {
  EXPECT_EQ(Mapping::create("foo", {{"a", 50, ""}, {"a", 50, ""}}).error().text,
            "duplicate entry for \"a\"");
  EXPECT_EQ(Mapping::create("foo", {{"a", 101, ""}}).error().text,
            "individual weights need to be <= 100");
  EXPECT_EQ(Mapping::create("foo", {{"a", 60, ""}, {"b", 60, ""}}).error().text,
            "total weight needs to be <= 100");
  EXPECT_EQ(Mapping::create("foo..", {{"a", 60, ""}}).error().text, "invalid subject");
  EXPECT_TRUE(Mapping::create("foo", {{"a", 100, "one"}, {"b", 100, "two"}, {"c", 100, ""}}));
}

}  // namespace
}  // namespace dunlin::subject
