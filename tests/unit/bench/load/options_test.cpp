#include "bench/load/options.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace dunlin::bench {
namespace {

Options parse(std::vector<std::string> words) {
  words.insert(words.begin(), "dunlin-bench");
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  return parse_options(static_cast<int>(arguments.size()), arguments.data());
}

TEST(Options, flags_set_what_they_name) {
  const Options options = parse({"publish", "--connect", "127.0.0.1:4222", "--topology", "queue",
                                 "--size", "16", "--subscribers", "10", "--check"});
  EXPECT_EQ(ntohs(options.target.endpoint.sin_port), 4222);
  EXPECT_EQ(options.topology, Topology::queue);
  EXPECT_EQ(options.payload_size, 16u);
  EXPECT_EQ(options.subscribers, 10u);
  EXPECT_TRUE(options.is_checking);
}

TEST(Options, pairs_have_as_many_subscribers_as_publishers) {
  const Options options = parse(
      {"publish", "--connect", "127.0.0.1:1", "--topology", "pairs", "--publishers", "7"});
  EXPECT_EQ(options.subscribers, 7u);
}

TEST(Options, mistakes_are_refused) {
  const std::vector<std::vector<std::string>> mistakes{
      {},
      {"unknown", "--connect", "127.0.0.1:1"},
      {"publish"},
      {"publish", "--connect", "localhost:1"},
      {"publish", "--connect", "127.0.0.1:1", "--size"},
      {"publish", "--connect", "127.0.0.1:1", "--size", "many"},
      {"publish", "--connect", "127.0.0.1:1", "--size", "-1"},
      {"publish", "--connect", "127.0.0.1:1", "--fast"},
      {"publish", "--connect", "127.0.0.1:1", "--publishers", "0"},
      {"publish", "--connect", "127.0.0.1:1", "--headers", "5"}};
  for (const auto& words : mistakes) {
    EXPECT_THROW(parse(words), std::invalid_argument) << ::testing::PrintToString(words);
  }
}

}  // namespace
}  // namespace dunlin::bench
