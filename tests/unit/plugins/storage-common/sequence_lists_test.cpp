// SequenceLists against a plain set for each subject.

#include "plugins/storage-common/sequence_lists.hpp"

#include <gtest/gtest.h>

#include <iterator>
#include <random>
#include <set>
#include <vector>

namespace dunlin::storage {
namespace {

using Model = std::set<std::uint64_t>;

void expect_equal(const SequenceLists& lists, const SubjectTable::Entry& entry, const Model& model,
                  std::uint64_t seq) {
  ASSERT_EQ(entry.count, model.size());
  if (!model.empty()) {
    ASSERT_EQ(entry.first, *model.begin());
    ASSERT_EQ(entry.last, *model.rbegin());
  }
  const auto above = model.lower_bound(seq);
  ASSERT_EQ(lists.at_or_above(entry, seq), above == model.end() ? SequenceLists::none : *above);
  const auto behind = model.upper_bound(seq);
  ASSERT_EQ(lists.at_or_below(entry, seq),
            behind == model.begin() ? SequenceLists::none : *std::prev(behind));
  ASSERT_EQ(lists.count_from(entry, seq),
            static_cast<std::uint64_t>(std::distance(above, model.end())));
}

TEST(SequenceLists, agree_with_plain_sets_after_any_changes) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 10; ++round) {
    constexpr std::size_t subjects = 20;
    SequenceLists lists;
    std::vector<SubjectTable::Entry> entries(subjects);
    std::vector<Model> models(subjects);
    std::uint64_t last = 0;
    for (int step = 0; step < 20000; ++step) {
      // Some subjects get most of the records, so that there are short and long lists.
      const auto place = random() % (random() % 3 == 0 ? subjects : 3);
      auto& entry = entries[place];
      auto& model = models[place];
      if (random() % 10 < (step < 12000 ? 8 : 4)) {
        lists.append(entry, ++last);
        model.insert(last);
      } else if (random() % 400 == 0) {
        const auto below = random() % (last + 2);
        lists.erase_below(entry, below);
        model.erase(model.begin(), model.lower_bound(below));
      } else if (!model.empty()) {
        auto victim = model.lower_bound(random() % (last + 1));
        if (victim == model.end()) victim = model.begin();
        lists.erase(entry, *victim);
        model.erase(victim);
      }
      ASSERT_NO_FATAL_FAILURE(expect_equal(lists, entry, model, 1 + random() % (last + 1)));
    }
    for (std::size_t place = 0; place < subjects; ++place) {
      lists.erase_below(entries[place], last + 1);
      ASSERT_EQ(entries[place].count, 0U);
    }
  }
}

TEST(SequenceLists, one_or_two_records_need_no_list) {
  SequenceLists lists;
  std::vector<SubjectTable::Entry> entries(1000);
  std::uint64_t last = 0;
  for (int round = 0; round < 2; ++round) {
    for (auto& entry : entries) lists.append(entry, ++last);
  }
  EXPECT_EQ(lists.memory_bytes(), 0U);
}

TEST(SequenceLists, a_long_list_costs_little_more_than_its_sequences) {
  SequenceLists lists;
  SubjectTable::Entry entry;
  for (std::uint64_t seq = 1; seq <= 100000; ++seq) lists.append(entry, seq);
  EXPECT_LT(lists.memory_bytes(), 100000U * 9);
}

}  // namespace
}  // namespace dunlin::storage
