// GapSet against a plain set of sequences.

#include "plugins/storage-common/gap_set.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <utility>
#include <vector>

namespace dunlin::storage {
namespace {

using Runs = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

Runs runs_of(const GapSet& set, std::uint64_t from, std::uint64_t to) {
  Runs runs;
  set.each(from, to, [&](std::uint64_t first, std::uint64_t last) {
    runs.emplace_back(first, last);
    return true;
  });
  return runs;
}

Runs runs_of(const std::set<std::uint64_t>& model, std::uint64_t from, std::uint64_t to) {
  Runs runs;
  for (auto it = model.lower_bound(from); it != model.end() && *it <= to; ++it) {
    if (!runs.empty() && runs.back().second + 1 == *it) {
      runs.back().second = *it;
    } else {
      runs.emplace_back(*it, *it);
    }
  }
  return runs;
}

void expect_equal(const GapSet& set, const std::set<std::uint64_t>& model, std::uint64_t from,
                  std::uint64_t to) {
  ASSERT_EQ(set.size(), model.size());
  ASSERT_EQ(runs_of(set, from, to), runs_of(model, from, to));
  const auto between = std::distance(model.lower_bound(from), model.upper_bound(to));
  ASSERT_EQ(set.count(from, to), static_cast<std::uint64_t>(between));
  ASSERT_EQ(set.contains(from), model.contains(from));
  auto absent = from;
  while (model.contains(absent)) ++absent;
  ASSERT_EQ(set.next_absent(from), absent);
  absent = from;
  while (model.contains(absent)) --absent;
  ASSERT_EQ(set.previous_absent(from), absent);
}

TEST(GapSet, agrees_with_a_plain_set_after_any_changes) {
  constexpr std::uint64_t end = 40000;
  std::mt19937_64 random(7);
  const auto below = [&](std::uint64_t bound) { return 1 + random() % bound; };
  for (int round = 0; round < 8; ++round) {
    GapSet set;
    std::set<std::uint64_t> model;
    for (int step = 0; step < 120; ++step) {
      const auto choice = random() % 20;
      const auto first = below(end);
      auto last = first;
      if (choice < 6) last += random() % 200;
      if (choice < 3) last += random() % 9000;
      if (choice < 17) {
        set.add(first, last);
        for (auto seq = first; seq <= last; ++seq) model.insert(seq);
      } else if (choice < 18) {
        set.erase_below(first / 4);
        model.erase(model.begin(), model.lower_bound(first / 4));
      } else if (choice < 19) {
        set.erase_above(end - first / 4);
        model.erase(model.upper_bound(end - first / 4), model.end());
      }
      const auto from = below(end);
      ASSERT_NO_FATAL_FAILURE(expect_equal(set, model, from, from + random() % 12000));
    }
    ASSERT_NO_FATAL_FAILURE(expect_equal(set, model, 1, 2 * end));
  }
}

TEST(GapSet, a_run_costs_the_same_whatever_its_length) {
  GapSet set;
  set.add(10, 4'000'000'000'000);
  EXPECT_EQ(set.size(), 4'000'000'000'000 - 9);
  EXPECT_LT(set.memory_bytes(), 2000U);
  EXPECT_EQ(set.next_absent(11), 4'000'000'000'001U);
  EXPECT_EQ(set.previous_absent(3'999'999'999'999), 9U);
  EXPECT_EQ(runs_of(set, 1, ~std::uint64_t{0}), (Runs{{10, 4'000'000'000'000}}));
}

TEST(GapSet, half_of_all_sequences_costs_about_a_bit_each) {
  constexpr std::uint64_t end = 1 << 20;
  GapSet set;
  for (std::uint64_t seq = 1; seq < end; seq += 2) set.add(seq);
  EXPECT_LT(set.memory_bytes() * 8, end * 3 / 2);
}

TEST(GapSet, filling_every_hole_leaves_one_run) {
  constexpr std::uint64_t end = 1 << 16;
  GapSet set;
  for (std::uint64_t seq = 1; seq < end; seq += 2) set.add(seq);
  for (std::uint64_t seq = 2; seq < end; seq += 2) set.add(seq);
  EXPECT_EQ(runs_of(set, 0, end), (Runs{{1, end - 1}}));
  EXPECT_LT(set.memory_bytes(), 2000U);
}

TEST(GapSet, a_walk_stops_when_it_is_told_to) {
  GapSet set;
  for (std::uint64_t seq = 1; seq < 20000; seq += 3) set.add(seq);
  int visits = 0;
  set.each(1, 20000, [&](std::uint64_t, std::uint64_t) { return ++visits < 5; });
  EXPECT_EQ(visits, 5);
}

}  // namespace
}  // namespace dunlin::storage
