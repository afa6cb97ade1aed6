#include "core/auth/verdict_cache.hpp"

#include <gtest/gtest.h>

#include <string>

#include "core/base/hash.hpp"

namespace dunlin::auth {
namespace {

TEST(verdict_cache, gives_back_what_was_stored) {
  VerdictCache cache;
  EXPECT_EQ(cache.find(1, hash_bytes("a"), "a"), std::nullopt);
  cache.store(1, hash_bytes("a"), "a", true);
  cache.store(1, hash_bytes("b"), "b", false);
  EXPECT_EQ(cache.find(1, hash_bytes("a"), "a"), true);
  EXPECT_EQ(cache.find(1, hash_bytes("b"), "b"), false);
  EXPECT_EQ(cache.find(1, hash_bytes("c"), "c"), std::nullopt);
}

TEST(verdict_cache, another_generation_knows_nothing) {
  VerdictCache cache;
  cache.store(1, hash_bytes("a"), "a", true);
  EXPECT_EQ(cache.find(2, hash_bytes("a"), "a"), std::nullopt);
  cache.store(2, hash_bytes("b"), "b", true);
  EXPECT_EQ(cache.find(2, hash_bytes("a"), "a"), std::nullopt);
  EXPECT_EQ(cache.find(2, hash_bytes("b"), "b"), true);
}

TEST(verdict_cache, subjects_with_one_hash_are_told_apart) {
  VerdictCache cache;
  const std::string one(200, 'x'), other(200, 'y');
  cache.store(1, 42, "a", true);
  cache.store(1, 42, "b", false);
  cache.store(1, 42, one, true);
  cache.store(1, 42, other, false);
  EXPECT_EQ(cache.find(1, 42, "a"), true);
  EXPECT_EQ(cache.find(1, 42, "b"), false);
  EXPECT_EQ(cache.find(1, 42, one), true);
  EXPECT_EQ(cache.find(1, 42, other), false);
  EXPECT_EQ(cache.find(1, 42, "c"), std::nullopt);
  EXPECT_EQ(cache.find(1, 42, std::string(200, 'z')), std::nullopt);
}

TEST(verdict_cache, hash_zero_is_never_found) {
  VerdictCache cache;
  cache.store(1, 1, "a", true);
  cache.store(1, 0, "b", true);
  EXPECT_EQ(cache.find(1, 0, "b"), std::nullopt);
  EXPECT_EQ(cache.find(1, 0, ""), std::nullopt);
}

TEST(verdict_cache, full_cache_makes_room) {
  VerdictCache cache;
  const auto subject = [](unsigned i) { return "subject." + std::to_string(i); };
  const auto store = [&](unsigned i) { cache.store(1, hash_bytes(subject(i)), subject(i), true); };
  const auto find = [&](unsigned i) { return cache.find(1, hash_bytes(subject(i)), subject(i)); };
  for (unsigned i = 0; i < VerdictCache::capacity; ++i) store(i);
  for (unsigned i = 0; i < VerdictCache::capacity; ++i) EXPECT_EQ(find(i), true) << i;
  store(VerdictCache::capacity);
  EXPECT_EQ(find(VerdictCache::capacity), true);
  for (unsigned i = 0; i < 100000; ++i) {
    store(i);
    ASSERT_EQ(find(i), true) << i;
  }
}

TEST(verdict_cache, texts_at_the_edge_of_a_place_are_kept_whole) {
  VerdictCache cache;
  for (std::size_t size = 58; size < 64; ++size) {
    const std::string text(size, 'a');
    std::string differs = text;
    differs.back() = 'b';
    cache.store(1, size * 32 + 1, text, true);
    EXPECT_EQ(cache.find(1, size * 32 + 1, text), true) << size;
    EXPECT_EQ(cache.find(1, size * 32 + 1, differs), std::nullopt) << size;
  }
}

}  // namespace
}  // namespace dunlin::auth
