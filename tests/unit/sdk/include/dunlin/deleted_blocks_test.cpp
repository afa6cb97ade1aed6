#include <dunlin/deleted_blocks.hpp>

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <random>
#include <set>

namespace dunlin {
namespace {

using Sequences = std::set<std::uint64_t>;

Sequences decoded(std::string_view text) {
  Sequences found;
  const auto outcome =
      decode_deleted_blocks(text, [&](std::uint64_t first, std::uint64_t count) {
        for (auto seq = first; seq < first + count; ++seq) found.insert(seq);
      });
  EXPECT_TRUE(outcome) << outcome.error().text;
  return found;
}

std::string encoded(const Sequences& sequences) {
  DeletedBlocksEncoder encoder;
  for (auto at = sequences.begin(); at != sequences.end();) {
    auto last = *at;
    const auto first = last;
    for (++at; at != sequences.end() && *at == last + 1; ++at) ++last;
    encoder.add(first, last - first + 1);
  }
  return encoder.finish();
}

std::string sample(const std::string& name) {
  std::ifstream file(DELETED_BLOCKS_SAMPLES "/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The file is what nats-server 2.15.1 wrote.
TEST(DeletedBlocks, a_set_of_nats_server_is_understood) {
  EXPECT_EQ(decoded(sample("nats_server_set")),
            (Sequences{1, 2, 3, 70, 2048, 2049, 5000, 5001, 9000, 1000000}));
}

TEST(DeletedBlocks, a_set_of_the_first_version_is_understood) {
  EXPECT_EQ(decoded(sample("version_1")), (Sequences{1, 2}));
}

TEST(DeletedBlocks, what_was_encoded_is_decoded) {
  std::mt19937_64 random(9);
  for (int round = 0; round < 20; ++round) {
    Sequences sequences;
    for (int part = 0; part < 20; ++part) {
      const auto base = 1 + random() % 200000;
      const auto spread = 1 + random() % 5000;
      for (std::size_t i = 0; i < random() % 600; ++i) sequences.insert(base + random() % spread);
      for (std::size_t i = 0; i < random() % 5000 && part % 5 == 0; ++i) sequences.insert(base + i);
    }
    ASSERT_EQ(decoded(encoded(sequences)), sequences);
  }
}

TEST(DeletedBlocks, a_long_run_is_short_and_a_dense_block_takes_a_bit_each) {
  DeletedBlocksEncoder encoder;
  encoder.add(7, 1'000'000'000'000);
  EXPECT_LT(encoder.finish().size(), 20U);
  Sequences every_other;
  for (std::uint64_t seq = 2; seq < 200000; seq += 2) every_other.insert(seq);
  EXPECT_LT(encoded(every_other).size(), 200000U / 7);
}

TEST(DeletedBlocks, nothing_deleted_is_nothing) {
  EXPECT_EQ(encoded({}), "");
  EXPECT_EQ(decoded(""), Sequences{});
}

TEST(DeletedBlocks, one_is_taken_off_the_front_of_whatever_follows) {
  const auto set = sample("nats_server_set");
  EXPECT_TRUE(begins_deleted_set(set));
  EXPECT_FALSE(begins_deleted_set("\x21\x05\x03"));
  EXPECT_FALSE(begins_deleted_set(""));
  const auto text = set + "and more";
  std::string_view rest = text;
  Sequences found;
  EXPECT_TRUE(decode_deleted_block(rest, [&](std::uint64_t first, std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) found.insert(first + i);
  }));
  EXPECT_EQ(rest, "and more");
  EXPECT_EQ(found, decoded(set));
  EXPECT_FALSE(decode_deleted_block(rest, [](std::uint64_t, std::uint64_t) {}));
}

TEST(DeletedBlocks, damage_is_told) {
  const auto whole = sample("nats_server_set");
  const auto ignore = [](std::uint64_t, std::uint64_t) {};
  for (std::size_t size = 1; size < whole.size(); ++size) {
    const auto outcome = decode_deleted_blocks(whole.substr(0, size), ignore);
    ASSERT_FALSE(outcome) << size;
    ASSERT_EQ(outcome.error().status, DUNLIN_E_CORRUPT);
  }
  auto other = whole;
  other[10 + 8] = static_cast<char>(other[10 + 8] ^ 0x10);
  EXPECT_FALSE(decode_deleted_blocks(other, ignore)) << "the number of sequences is wrong";
  EXPECT_FALSE(decode_deleted_blocks("\x21\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02", ignore));
  EXPECT_FALSE(decode_deleted_blocks("x", ignore));
}

}  // namespace
}  // namespace dunlin
