#include "core/base/hash.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <string>
#include <vector>

namespace dunlin {
namespace {

constexpr std::size_t keys = 65536;
constexpr std::size_t buckets = 4096;

// The fullest and the emptiest bucket of what would be a Poisson distribution, and how far the
// sum of squares is from what it would be.
struct Spread {
  std::size_t least, most;
  double chi_square_sigmas;
};

template <class Key>
Spread spread_of(Key key, unsigned shift) {
  std::vector<std::size_t> counts(buckets, 0);
  for (std::size_t i = 0; i < keys; ++i) ++counts[(hash_bytes(key(i)) >> shift) % buckets];
  const double expected = static_cast<double>(keys) / buckets;
  double chi_square = 0;
  Spread spread{keys, 0, 0};
  for (const std::size_t count : counts) {
    spread.least = std::min(spread.least, count);
    spread.most = std::max(spread.most, count);
    const double off = static_cast<double>(count) - expected;
    chi_square += off * off / expected;
  }
  const double freedom = buckets - 1;
  spread.chi_square_sigmas = (chi_square - freedom) / std::sqrt(2 * freedom);
  return spread;
}

// Keys that differ in their last bytes alone, as subjects of many devices do. Among 4096 buckets
// of 16 keys each a single one may be well off, so the bound of four deviations is set on their
// whole; the fullest one only has to stay in the range of chance.
void expect_even(const Spread& spread) {
  EXPECT_LT(std::abs(spread.chi_square_sigmas), 4);
  EXPECT_LT(spread.most, 48u);
}

TEST(Hash, similar_short_keys_spread_over_the_low_bits) {
  expect_even(spread_of([](std::size_t i) { return fmt::format("dev.id{:07}", i); }, 0));
}

TEST(Hash, similar_short_keys_spread_over_the_high_bits) {
  expect_even(spread_of([](std::size_t i) { return fmt::format("dev.id{:07}", i); }, 52));
}

TEST(Hash, keys_that_differ_in_their_first_bytes_spread_too) {
  expect_even(spread_of([](std::size_t i) { return fmt::format("{:05}.temperature", i); }, 0));
}

TEST(Hash, plain_numbers_as_keys_spread_too) {
  expect_even(spread_of([](std::size_t i) { return std::to_string(i + 1); }, 0));
}

TEST(Hash, keys_of_different_sizes_differ_even_when_their_bytes_repeat) {
  std::set<std::uint64_t> seen;
  for (std::size_t size = 0; size <= 64; ++size)
    for (const char byte : {'\0', 'a'}) seen.insert(hash_bytes(std::string(size, byte)));
  EXPECT_EQ(seen.size(), 2 * 65u - 1);  // the empty key twice
}

TEST(Hash, every_byte_of_a_key_matters) {
  for (std::size_t size = 1; size <= 40; ++size) {
    std::string key(size, 'x');
    const auto plain = hash_bytes(key);
    for (auto& byte : key) {
      byte = 'y';
      EXPECT_NE(hash_bytes(key), plain) << "size " << size;
      byte = 'x';
    }
  }
}

TEST(Hash, the_salt_separates_equal_keys) {
  std::set<std::uint64_t> seen;
  for (std::uint64_t salt = 0; salt < 1000; ++salt) seen.insert(hash_bytes("dev.id1", salt));
  EXPECT_EQ(seen.size(), 1000u);
  EXPECT_EQ(hash_bytes("dev.id1", 7), hash_bytes("dev.id1", 7));
}

TEST(Hash, reads_nothing_outside_of_the_key) {
  const std::string around = "--subject.of.some.length--";
  for (std::size_t size = 0; size <= 20; ++size) {
    std::string other(around.size(), '+');
    other.replace(2, size, around, 2, size);
    EXPECT_EQ(hash_bytes({around.data() + 2, size}), hash_bytes({other.data() + 2, size}));
  }
}

TEST(Hash, a_new_seed_gives_other_hashes) {
  const auto kept = hash_seed;
  const auto before = hash_bytes("dev.id1");
  seed_hash();
  EXPECT_NE(hash_seed, kept);
  EXPECT_NE(hash_bytes("dev.id1"), before);
  hash_seed = kept;
}

}  // namespace
}  // namespace dunlin
