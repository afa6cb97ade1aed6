#include <boost/json.hpp>

#include "fixture.hpp"

namespace dunlin::config {
namespace {

struct Vector {
  std::string name, input, expect;
};

std::vector<Vector> read_vectors() {
  std::ifstream file(DUNLIN_TEST_FILES "/vectors.jsonl");
  std::vector<Vector> out;
  for (std::string line; std::getline(file, line);) {
    const auto value = boost::json::parse(line);
    const auto text = [&](const char* key) {
      return boost::json::value_to<std::string>(value.at(key));
    };
    out.push_back({text("name"), text("input"), text("expect")});
  }
  return out;
}

class ConfVector : public testing::TestWithParam<Vector> {};

// Covers TestConfigCheck, conf/TestSimpleVariable*, conf/TestIncludes and lexer tests of the
// reference.
TEST_P(ConfVector, has_the_reference_outcome) {
  const Workplace place;
  place.write("inc.conf", "NM: zed\n");
  place.write("bad.conf", "foo: [");
  place.write("auth.conf", "user: a\npassword: b\n");
  ::setenv("VEC_MP", "8kb", 1);
  ::setenv("VEC_NAME", "abc", 1);
  ::setenv("VEC_CYCLE", "$VEC_CYCLE", 1);
  ::setenv("VEC_BAD", "[a", 1);
  EXPECT_EQ(outcome_of(GetParam().input, "case.conf"), GetParam().expect) << GetParam().input;
}

std::string vector_name(const testing::TestParamInfo<Vector>& vector) { return vector.param.name; }

INSTANTIATE_TEST_SUITE_P(every, ConfVector, testing::ValuesIn(read_vectors()), vector_name);

TEST(ConfVectors, are_there) { EXPECT_GT(read_vectors().size(), 150u); }

}  // namespace
}  // namespace dunlin::config
