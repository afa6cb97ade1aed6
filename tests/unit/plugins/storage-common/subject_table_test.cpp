// SubjectTable against an ordered map.

#include "plugins/storage-common/subject_table.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

namespace dunlin::storage {
namespace {

using Model = std::map<std::string, std::uint64_t>;  // to what the entry's `extra` holds

// Few letters, among them some that sort around the dot.
std::string random_subject(std::mt19937_64& random, bool is_filter) {
  static constexpr std::string_view letters = "ab-/Z";
  std::string subject;
  const auto tokens = 1 + random() % 4;
  for (std::size_t token = 0; token < tokens; ++token) {
    if (token != 0) subject += '.';
    if (is_filter && random() % 3 == 0) {
      const bool is_last = token + 1 == tokens;
      subject += is_last && random() % 2 == 0 ? '>' : '*';
      continue;
    }
    const auto size = 1 + random() % 2;
    for (std::size_t i = 0; i < size; ++i) subject += letters[random() % letters.size()];
  }
  return subject;
}

std::vector<std::string> matching(const SubjectTable& table, std::string_view filter,
                                  std::string_view after) {
  std::vector<std::string> found;
  table.each(filter, after, [&](SubjectTable::Id id) {
    found.emplace_back(table.name(id));
    return true;
  });
  return found;
}

std::vector<std::string> matching(const Model& model, std::string_view filter,
                                  std::string_view after) {
  std::vector<std::string> found;
  for (const auto& [subject, extra] : model) {
    if (subject > after && (filter.empty() || subject_matches(filter, subject))) {
      found.push_back(subject);
    }
  }
  return found;
}

TEST(SubjectTable, agrees_with_an_ordered_map_after_any_changes) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 8; ++round) {
    SubjectTable table(random());
    Model model;
    for (int step = 0; step < 6000; ++step) {
      const auto subject = random_subject(random, false);
      if (random() % 10 < (step < 3000 ? 8 : 3)) {
        const auto id = table.insert(subject);
        if (model.try_emplace(subject, model.size()).second) {
          ASSERT_EQ(table[id].count, 0U);
          table[id].extra = static_cast<std::uint32_t>(model[subject]);
        }
        ASSERT_EQ(table.name(id), subject);
      } else if (const auto id = table.find(subject); id != SubjectTable::none) {
        ASSERT_EQ(model.count(subject), 1U);
        ASSERT_EQ(table[id].extra, model[subject]);
        table.erase(id);
        model.erase(subject);
      } else {
        ASSERT_EQ(model.count(subject), 0U);
      }
      ASSERT_EQ(table.size(), model.size());
      if (step % 50 != 0) continue;
      const auto filter = random() % 8 == 0 ? "" : random_subject(random, true);
      const auto after = random() % 2 == 0 ? "" : random_subject(random, false);
      ASSERT_EQ(matching(table, filter, after), matching(model, filter, after))
          << filter << " behind " << after;
    }
  }
}

TEST(SubjectTable, subjects_that_begin_alike_are_told_apart) {
  SubjectTable table;
  const std::vector<std::string> subjects = {"a", "a.b", "a.b.c", "a.bc", "aa", "b"};
  for (const auto& subject : subjects) table.insert(subject);
  EXPECT_EQ(matching(table, "", ""), subjects);
  EXPECT_EQ(matching(table, "a.>", ""), (std::vector<std::string>{"a.b", "a.b.c", "a.bc"}));
  EXPECT_EQ(matching(table, "*", "a"), (std::vector<std::string>{"aa", "b"}));
}

TEST(SubjectTable, a_page_ends_where_its_visitor_stops) {
  SubjectTable table;
  for (int i = 100; i < 200; ++i) table.insert("s." + std::to_string(i));
  std::vector<std::string> page;
  EXPECT_FALSE(table.each("s.*", "s.149", [&](SubjectTable::Id id) {
    page.emplace_back(table.name(id));
    return page.size() < 2;
  }));
  EXPECT_EQ(page, (std::vector<std::string>{"s.150", "s.151"}));
}

TEST(SubjectTable, a_subject_that_several_filters_match_is_visited_once) {
  SubjectTable table;
  for (const char* subject : {"a.1", "a.2", "b.1"}) table.insert(subject);
  const std::string_view texts[] = {"a.*", "*.1", "b.1"};
  std::vector<dunlin_str> filters;
  for (const auto text : texts) filters.push_back({text.data(), text.size()});
  std::vector<std::string> found;
  table.each(filters, [&](SubjectTable::Id id) {
    found.emplace_back(table.name(id));
    return true;
  });
  EXPECT_EQ(found, (std::vector<std::string>{"a.1", "a.2", "b.1"}));
}

std::string device(int number) { return std::to_string(number).append("."); }

TEST(SubjectTable, skips_what_a_literal_token_behind_a_wildcard_excludes) {
  SubjectTable table;
  for (int i = 0; i < 20; ++i) {
    for (int j = 0; j < 2000; ++j) {
      table.insert(device(i).append(std::to_string(j)).append(".temperature"));
    }
  }
  for (int i = 0; i < 20; ++i) table.insert(device(i).append("777.humidity"));
  EXPECT_EQ(matching(table, "*.777.humidity", "").size(), 20U);
  EXPECT_EQ(matching(table, "*.777.*", "").size(), 40U);
}

TEST(SubjectTable, costs_at_most_64_bytes_and_its_length_for_each_of_many) {
  constexpr std::size_t subjects = 200000;
  SubjectTable table;
  std::size_t text = 0;
  for (std::size_t i = 0; i < subjects; ++i) {
    const auto subject = "kv.users." + std::to_string(i * 2654435761 % 100000000);
    text += subject.size();
    table.insert(subject);
  }
  EXPECT_LE(table.memory_bytes() - text, subjects * 64);
}

TEST(SubjectTable, what_erased_subjects_held_is_used_again) {
  SubjectTable table;
  const auto name = [](int i) { return "inbox." + std::to_string(1000000 + i); };
  for (int i = 0; i < 1000; ++i) table.insert(name(i));
  const auto memory = table.memory_bytes();
  for (int i = 0; i < 100000; ++i) {
    table.erase(table.find(name(i)));
    table.insert(name(i + 1000));
  }
  EXPECT_EQ(table.size(), 1000U);
  EXPECT_LE(table.memory_bytes(), memory + memory / 4);
}

TEST(SubjectTable, an_empty_table_is_small) { EXPECT_LT(SubjectTable().memory_bytes(), 512U); }

TEST(SubjectTable, refuses_what_is_too_long_and_stays_as_it_was) {
  SubjectTable table;
  const std::string longest(SubjectTable::subject_bytes_max, 'x');
  EXPECT_THROW(table.insert(longest + "x"), std::length_error);
  EXPECT_EQ(table.name(table.insert(longest)), longest);
  EXPECT_EQ(table.size(), 1U);
}

}  // namespace
}  // namespace dunlin::storage
