// DueIndex against a plain ordered set.

#include "plugins/storage-common/due_index.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <utility>
#include <vector>

namespace dunlin::storage {
namespace {

using Model = std::set<std::pair<std::int64_t, std::uint64_t>>;

void expect_equal(const DueIndex& index, const Model& model, std::int64_t now) {
  ASSERT_EQ(index.size(), model.size());
  std::vector<std::pair<std::int64_t, std::uint64_t>> due;
  index.each_due(now, [&](const DueIndex::Item& item) {
    due.emplace_back(item.at_ns, item.seq);
    return true;
  });
  const auto end = model.upper_bound({now, ~std::uint64_t{0}});
  ASSERT_EQ(due, decltype(due)(model.begin(), end));
  ASSERT_EQ(index.next_ns(now), end == model.end() ? DueIndex::never : end->first);
  ASSERT_EQ(index.next_ns(), model.empty() ? DueIndex::never : model.begin()->first);
}

TEST(DueIndex, agrees_with_an_ordered_set_after_any_changes) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 10; ++round) {
    DueIndex index;
    Model model;
    // Grows first and shrinks then, so that chunks are split and joined.
    for (int step = 0; step < 8000; ++step) {
      const auto at = static_cast<std::int64_t>(random() % 2000);
      const auto seq = random() % 40;
      const bool grows = random() % 10 < (step < 4000 ? 8 : 2);
      if (grows) {
        index.insert(at, seq);
        model.emplace(at, seq);
      } else {
        ASSERT_EQ(index.erase(at, seq), model.erase({at, seq}) == 1);
        if (!model.empty()) {
          const auto item = random() % 2 == 0 ? *model.begin() : *model.rbegin();
          ASSERT_TRUE(index.erase(item.first, item.second));
          model.erase(item);
        }
      }
      if (step % 97 == 0) {
        ASSERT_NO_FATAL_FAILURE(
            expect_equal(index, model, static_cast<std::int64_t>(random() % 2200)));
      }
    }
  }
}

TEST(DueIndex, moments_in_order_cost_little_more_than_their_items) {
  constexpr std::uint64_t items = 100000;
  DueIndex index;
  for (std::uint64_t seq = 1; seq <= items; ++seq) {
    index.insert(static_cast<std::int64_t>(seq * 1000), seq);
  }
  EXPECT_LT(index.memory_bytes(), items * 20);
  for (std::uint64_t seq = 1; seq <= items; ++seq) {
    ASSERT_EQ(index.next_ns(), static_cast<std::int64_t>(seq * 1000));
    ASSERT_TRUE(index.erase(static_cast<std::int64_t>(seq * 1000), seq));
  }
  EXPECT_LT(index.memory_bytes(), 10000U);
}

TEST(DueIndex, is_small_again_when_few_items_are_left) {
  constexpr std::uint64_t items = 100000;
  DueIndex index;
  for (std::uint64_t seq = 0; seq < items; ++seq) {
    index.insert(static_cast<std::int64_t>(seq * 7919 % items), seq);
  }
  for (std::uint64_t seq = 0; seq < items; ++seq) {
    if (seq % 100 != 0) index.erase(static_cast<std::int64_t>(seq * 7919 % items), seq);
  }
  EXPECT_EQ(index.size(), items / 100);
  EXPECT_LT(index.memory_bytes(), items / 100 * 200);
}

}  // namespace
}  // namespace dunlin::storage
