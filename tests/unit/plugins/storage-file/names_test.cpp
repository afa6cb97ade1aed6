#include "plugins/storage-file/names.hpp"

#include <gtest/gtest.h>

#include "plugins/storage-file/label.hpp"

namespace dunlin::storage_file {
namespace {

TEST(NamesTest, names_follow_the_rules_of_the_contract) {
  for (const std::string good :
       {"a", "streams/ORDERS", "a b", ".a", "...", "\xc3\xa4/\xf0\x9f\x98\x80"}) {
    EXPECT_TRUE(check_name(good)) << good;
  }
  EXPECT_TRUE(check_name(std::string(1024, 'x')));
  for (const std::string bad :
       {"", "/", "a/", "/a", "a//b", ".", "a/..", "../a", "a\nb", "a\x7f", "\xff", "\xc3",
        "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe0\x80\x80"}) {
    EXPECT_FALSE(check_name(bad)) << bad;
  }
  EXPECT_FALSE(check_name(std::string(1025, 'x')));
  EXPECT_FALSE(check_name(std::string("a\0b", 3)));
}

TEST(NamesTest, a_directory_is_called_so_that_a_person_knows_the_log) {
  EXPECT_EQ(directory_name(0x1f, "streams/ORDERS-1"), "000000000000001f-streams%2fORDERS-1");
  EXPECT_EQ(directory_name(1, "."), "0000000000000001-%2e");
}

TEST(NamesTest, a_directory_gives_its_log_back) {
  for (const std::string name : {"a", "streams/A.b", "\xc3\xa4", "~", "%41", "a%2fb"}) {
    const auto parsed = parse_directory_name(directory_name(UINT64_MAX, name));
    ASSERT_TRUE(parsed) << name;
    EXPECT_EQ(parsed->id, UINT64_MAX);
    EXPECT_EQ(parsed->name, name);
  }
}

TEST(NamesTest, long_names_are_cut_off_and_stay_within_what_a_file_system_takes) {
  const auto directory = directory_name(7, std::string(1000, '.'));
  EXPECT_LE(directory.size(), 128u);
  const auto parsed = parse_directory_name(directory);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->id, 7u);
  EXPECT_FALSE(parsed->name);
}

TEST(NamesTest, other_directories_are_not_taken_for_ours) {
  for (const std::string other :
       {"", "x", "0000000000000001", "0000000000000001-", "000000000000000g-a",
        "0000000000000000-a", "0000000000000001-a b", "0000000000000001-%2", "0000000000000001-%2F",
        "0000000000000001-%41", "0000000000000001-a%2f%2e%2e", "0000000000000001-%ff",
        "0000000000000001-a.dropped", "0000000000000001_a"}) {
    EXPECT_FALSE(parse_directory_name(other)) << other;
  }
}

TEST(LabelTest, labels_come_back) {
  StoreLabel store;
  store.id.fill(0xa5);
  store.key_id = 0xdeadbeef;
  store.older_key_id = 7;
  auto read = read_store_label(write_label(store));
  ASSERT_TRUE(read);
  EXPECT_EQ((*read).id, store.id);
  EXPECT_EQ((*read).key_id, store.key_id);
  EXPECT_EQ((*read).older_key_id, store.older_key_id);

  LogLabel log{store.id, 5, "streams/a b \xc3\xa4", UINT64_MAX, false};
  auto log_read = read_log_label(write_label(log));
  ASSERT_TRUE(log_read);
  EXPECT_EQ((*log_read).store, log.store);
  EXPECT_EQ((*log_read).id, log.id);
  EXPECT_EQ((*log_read).name, log.name);
  EXPECT_EQ((*log_read).first_seq, log.first_seq);
  EXPECT_FALSE((*log_read).has_subjects);
}

TEST(LabelTest, every_change_of_a_label_is_noticed) {
  const auto text = write_label(LogLabel{{}, 5, "sum 1", 1, true});
  for (std::size_t bit = 0; bit < text.size() * 8; ++bit) {
    auto changed = text;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
    // Upper case of the checksum's digits says the same.
    if (bit % 8 == 5 && bit / 8 >= text.rfind("sum ") + 4) continue;
    EXPECT_FALSE(read_log_label(changed)) << changed;
  }
  for (std::size_t n = 0; n < text.size(); ++n) EXPECT_FALSE(read_log_label(text.substr(0, n)));
  EXPECT_FALSE(read_store_label(text));
}

}  // namespace
}  // namespace dunlin::storage_file
