// Blocks by hand, byte by byte as the formats of Snappy and S2 define them.

#include "plugins/store-tools/go/s2.hpp"

#include <gtest/gtest.h>

#include <string>

namespace dunlin::store_tools {
namespace {

using Bytes = std::vector<std::uint8_t>;

std::string read_block(const Bytes& block, std::size_t size) {
  Bytes out;
  if (!read_s2_block(block, size, out)) return "refused";
  return {out.begin(), out.end()};
}

Bytes stream_of(std::uint8_t kind, const Bytes& chunk) {
  Bytes out = {0xff, 6, 0, 0, 'S', '2', 's', 'T', 'w', 'O', kind};
  out.push_back(static_cast<std::uint8_t>(chunk.size()));
  out.insert(out.end(), {0, 0});
  out.insert(out.end(), chunk.begin(), chunk.end());
  return out;
}

TEST(S2, reads_literals_of_both_kinds_of_length) {
  EXPECT_EQ(read_block({2 << 2, 'a', 'b', 'c'}, 3), "abc");
  EXPECT_EQ(read_block({60 << 2, 2, 'a', 'b', 'c'}, 3), "abc");
  EXPECT_EQ(read_block({61 << 2, 2, 0, 'a', 'b', 'c'}, 3), "abc");
}

TEST(S2, copies_from_what_it_wrote_also_onto_itself) {
  // "ab", then 4 bytes from 2 before.
  EXPECT_EQ(read_block({1 << 2, 'a', 'b', 0x01, 2}, 6), "ababab");
  EXPECT_EQ(read_block({1 << 2, 'a', 'b', (3 << 2) | 2, 2, 0}, 6), "ababab");
  EXPECT_EQ(read_block({1 << 2, 'a', 'b', (3 << 2) | 3, 2, 0, 0, 0}, 6), "ababab");
}

TEST(S2, repeats_the_offset_before) {
  // A copy of offset 2, then a repeat of 4 bytes, then one whose length stands in a byte: 8 + 0.
  EXPECT_EQ(read_block({1 << 2, 'a', 'b', 0x01, 2, 0x01, 0}, 10), "ababababab");
  EXPECT_EQ(read_block({1 << 2, 'a', 'b', 0x01, 2, (5 << 2) | 1, 0, 0}, 14), "ababababababab");
}

TEST(S2, refuses_what_points_outside) {
  EXPECT_EQ(read_block({1 << 2, 'a', 'b', 0x01, 3}, 6), "refused") << "before the beginning";
  EXPECT_EQ(read_block({1 << 2, 'a', 'b', 0x01, 0}, 6), "refused") << "a repeat of nothing";
  EXPECT_EQ(read_block({1 << 2, 'a', 'b', 0x01, 2}, 5), "refused") << "more than was said";
  EXPECT_EQ(read_block({1 << 2, 'a', 'b', 0x01, 2}, 7), "refused") << "less than was said";
  EXPECT_EQ(read_block({5 << 2, 'a', 'b'}, 6), "refused") << "cut off";
}

TEST(S2, checks_each_chunk) {
  // CRC-32C of "abc" is 364b3fb7; masked as the format says.
  const std::uint32_t crc = 0x364b3fb7;
  const std::uint32_t masked = ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
  Bytes chunk;
  for (int i = 0; i < 4; ++i) chunk.push_back(static_cast<std::uint8_t>(masked >> (8 * i)));
  chunk.insert(chunk.end(), {'a', 'b', 'c'});
  auto good = read_s2_stream(stream_of(1, chunk), 3);
  ASSERT_TRUE(good) << good.error().text;
  EXPECT_EQ(*good, (Bytes{'a', 'b', 'c'}));
  EXPECT_FALSE(read_s2_stream(stream_of(1, chunk), 2)) << "longer than allowed";
  chunk.back() ^= 1;
  EXPECT_FALSE(read_s2_stream(stream_of(1, chunk), 3));
}

TEST(S2, passes_over_chunks_it_need_not_know_and_refuses_others) {
  EXPECT_TRUE(read_s2_stream(stream_of(0x99, {1, 2, 3}), 0));
  EXPECT_FALSE(read_s2_stream(stream_of(0x02, {1, 2, 3}), 0));
  EXPECT_FALSE(read_s2_stream(Bytes{0x01, 0, 0, 0}, 0)) << "without its head";
}

}  // namespace
}  // namespace dunlin::store_tools
