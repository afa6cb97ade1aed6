// Parameters are read, and refused, as nats-server does. The 400 texts come from its output.

#include "plugins/monitoring/query.hpp"

#include <gtest/gtest.h>

namespace dunlin::monitoring {
namespace {

TEST(Query, the_first_of_a_repeated_parameter_counts) {
  const Query query("acc=A&acc=B");
  EXPECT_EQ(query.text("acc"), "A");
}

TEST(Query, values_are_decoded) {
  const Query query("acc=a%20b+c&%73ort=cid&flag");
  EXPECT_EQ(query.text("acc"), "a b c");
  EXPECT_EQ(query.text("sort"), "cid");
  EXPECT_EQ(query.text("flag"), "");
  EXPECT_EQ(query.text("unknown"), "");
}

TEST(Query, a_pair_that_is_not_well_encoded_is_dropped) {
  const Query query("auth=%zz&limit=1;x=2&offset=%4&acc=A");
  EXPECT_EQ(query.text("auth"), "");
  EXPECT_EQ(query.text("limit"), "");
  EXPECT_EQ(query.text("offset"), "");
  EXPECT_EQ(query.text("acc"), "A");
}

TEST(Query, more_parameters_than_anyone_needs_are_ignored) {
  std::string text;
  for (std::size_t i = 0; i < Query::parameters_max; ++i) text += "x=1&";
  EXPECT_EQ(Query(text + "acc=A").text("acc"), "");
}

TEST(Query, booleans_have_the_words_of_go) {
  for (const char* yes : {"1", "t", "T", "TRUE", "true", "True"}) {
    EXPECT_TRUE(*Query(std::string("auth=") + yes).boolean("auth")) << yes;
  }
  for (const char* no : {"", "0", "f", "F", "FALSE", "false", "False"}) {
    EXPECT_FALSE(*Query(std::string("auth=") + no).boolean("auth")) << no;
  }
  EXPECT_EQ(Query("auth=maybe").boolean("auth").error(),
            "Error decoding boolean for 'auth': strconv.ParseBool: parsing \"maybe\": invalid "
            "syntax");
}

TEST(Query, integers_may_be_signed) {
  EXPECT_EQ(*Query("limit=12").integer("limit"), 12);
  EXPECT_EQ(*Query("limit=-12").integer("limit"), -12);
  EXPECT_EQ(*Query("limit=%2B5").integer("limit"), 5);
  EXPECT_EQ(*Query("").integer("limit"), 0);
}

TEST(Query, integers_that_are_none_are_refused) {
  EXPECT_EQ(Query("limit=abc").integer("limit").error(),
            "Error decoding int for 'limit': strconv.Atoi: parsing \"abc\": invalid syntax");
  EXPECT_EQ(Query("limit=99999999999999999999").integer("limit").error(),
            "Error decoding int for 'limit': strconv.Atoi: parsing \"99999999999999999999\": value "
            "out of range");
  for (const char* wrong : {"1x", "%2B-5", "%20", "-", "%2B", "1_000", "99999999999999999999x"}) {
    const auto value = Query(std::string("limit=") + wrong).integer("limit");
    ASSERT_FALSE(value) << wrong;
    EXPECT_TRUE(value.error().ends_with("invalid syntax")) << value.error();
  }
}

TEST(Query, unsigned_integers_have_no_sign) {
  EXPECT_EQ(*Query("cid=18446744073709551615").unsigned_integer("cid"), UINT64_MAX);
  EXPECT_EQ(Query("cid=-1").unsigned_integer("cid").error(),
            "Error decoding uint64 for 'cid': strconv.ParseUint: parsing \"-1\": invalid syntax");
  EXPECT_EQ(Query("cid=%22%00").unsigned_integer("cid").error(),
            "Error decoding uint64 for 'cid': strconv.ParseUint: parsing \"\\\"\\x00\": invalid "
            "syntax");
  EXPECT_FALSE(Query("cid=%2B1").unsigned_integer("cid"));
}

TEST(PercentDecode, a_plus_is_a_space_in_queries_alone) {
  std::string out;
  ASSERT_TRUE(percent_decode("a+b", PlusMeans::space, out));
  EXPECT_EQ(out, "a b");
  ASSERT_TRUE(percent_decode("a+b", PlusMeans::plus, out));
  EXPECT_EQ(out, "a+b");
  EXPECT_FALSE(percent_decode("%4", PlusMeans::plus, out));
  EXPECT_FALSE(percent_decode("%g0", PlusMeans::plus, out));
}

}  // namespace
}  // namespace dunlin::monitoring
