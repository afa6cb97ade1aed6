// What a catalogue does about damaged, lost, outdated and swapped files: it is made again from what
// is left, nothing is lost when one of the copies is whole, and a loss is never silent.

#include <gmock/gmock.h>

#include "tests/unit/plugins/storage-file/catalogue_fixture.hpp"

namespace dunlin::storage_file::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr const char* database = "/store/catalogue.db";
constexpr const char* wal = "/store/catalogue.db-wal";
constexpr const char* journal = "/store/metadata.journal";
constexpr const char* label = "/store/STORE";
constexpr const char* marker = "/store/METADATA-DAMAGED";

class RecoveryTest : public CatalogueFixture {
 protected:
  // Enough for several pages of every kind.
  void fill(int n = 60) {
    for (int i = 0; i < n; ++i) {
      const auto text = std::to_string(i);
      put({{"streams/S" + text, std::string(700, static_cast<char>('a' + i % 26)) + text}});
    }
    CatalogueBatch batch;
    LogRow log;
    log.id = 3;
    log.name = "streams/S1";
    log.directory = "d";
    batch.put_log(log);
    batch.put_checkpoint(3, std::string(9000, 'c'));
    ASSERT_TRUE(succeeded(catalogue->commit_now(std::move(batch))));
    expected = meta("");
  }
  // Opens it again; everything has to be there, and stay.
  void expect_whole() {
    open();
    EXPECT_EQ(meta(""), expected);
    EXPECT_TRUE((*catalogue->find_log("streams/S1")).has_value());
    EXPECT_THAT(catalogue->loss(), IsEmpty());
    EXPECT_FALSE(host().exists(marker));
    put({{"new", "1"}});
    reopen();
    EXPECT_EQ(meta("").size(), expected.size() + 1);
    EXPECT_THAT(damage_found(), IsEmpty()) << "not repaired for good";
  }
  void expect_no_bit_of_the_log_matters() {
    const auto whole = host().disk;
    const auto bytes = host().content(wal).size();
    ASSERT_GT(bytes, 100'000u);
    for (std::uint64_t at = 0; at < bytes; at += 4999) {
      SCOPED_TRACE(testkit::cat("byte ", at));
      host().disk = whole;
      host().flip(wal, at);
      open();
      EXPECT_EQ(meta(""), expected);
      EXPECT_FALSE(host().exists(marker));
      close();
    }
  }
  std::map<std::string, std::string> expected;
};

TEST_F(RecoveryTest, a_clean_stop_leaves_nothing_to_recover) {
  open();
  fill();
  reopen();
  EXPECT_THAT(catalogue->findings(), IsEmpty());
  close();
  EXPECT_FALSE(host().exists(wal));
}

TEST_F(RecoveryTest, every_flipped_bit_of_the_database_is_noticed_or_harmless) {
  open();
  fill();
  close();
  const auto whole = host().disk;
  const auto bytes = host().content(database).size();
  int noticed = 0;
  for (std::uint64_t at = 0; at < bytes; at += 251) {
    SCOPED_TRACE(testkit::cat("byte ", at));
    host().disk = whole;
    host().flip(database, at, static_cast<unsigned>(at % 8));
    open();
    EXPECT_EQ(meta(""), expected);
    noticed += damage_found().empty() ? 0 : 1;
    EXPECT_FALSE(host().exists(marker));
    close();
  }
  // Pages that are in no table are not read.
  EXPECT_GT(noticed, static_cast<int>(bytes / 251) / 2);
}

TEST_F(RecoveryTest, every_flipped_bit_of_the_journal_is_noticed) {
  open();
  fill();
  close();
  const auto whole = host().disk;
  const auto bytes = host().content(journal).size();
  for (std::uint64_t at = 0; at < bytes; at += 997) {
    SCOPED_TRACE(testkit::cat("byte ", at));
    host().disk = whole;
    host().flip(journal, at, static_cast<unsigned>(at % 8));
    open();
    EXPECT_THAT(damage_found(), Not(IsEmpty()));
    EXPECT_EQ(meta(""), expected);
    reopen();
    EXPECT_THAT(damage_found(), IsEmpty());
    close();
  }
}

TEST_F(RecoveryTest, a_flipped_bit_in_the_log_of_a_killed_process_loses_nothing) {
  open();
  fill();
  crash(testkit::Cut::kept);
  expect_no_bit_of_the_log_matters();
}

TEST_F(RecoveryTest, a_flipped_bit_in_the_log_after_a_power_cut_loses_nothing) {
  open();
  fill();
  crash(testkit::Cut::lost);
  expect_no_bit_of_the_log_matters();
}

TEST_F(RecoveryTest, a_lost_log_after_a_power_cut_is_made_up_for) {
  open();
  fill();
  crash(testkit::Cut::lost);
  host().remove(wal);
  expect_whole();
}

TEST_F(RecoveryTest, a_lost_database_is_made_again) {
  open();
  fill();
  close();
  host().remove(database);
  expect_whole();
}

TEST_F(RecoveryTest, a_lost_log_of_a_killed_process_is_made_up_for) {
  open();
  fill();
  crash(testkit::Cut::kept);
  host().remove(wal);
  expect_whole();
}

TEST_F(RecoveryTest, a_truncated_database_is_made_again) {
  open();
  fill();
  close();
  const auto content = host().content(database);
  for (const auto size : {std::size_t{0}, std::size_t{100}, std::size_t{4096}, content.size() / 2,
                          content.size() - 1}) {
    SCOPED_TRACE(size);
    const auto before = host().disk;
    host().write(database, content.substr(0, size));
    expect_whole();
    close();
    host().disk = before;
  }
}

TEST_F(RecoveryTest, an_old_copy_of_the_database_is_brought_up_to_date) {
  open();
  put({{"gone", "x"}});
  close();
  const auto old = host().content(database);
  open();
  CatalogueBatch batch;
  batch.erase_meta("gone");
  ASSERT_TRUE(succeeded(catalogue->commit_now(std::move(batch))));
  fill();
  close();
  host().write(database, old);
  open();
  EXPECT_THAT(damage_found(), SizeIs(1));
  EXPECT_EQ(meta(""), expected);
  close();
  expect_whole();
}

TEST_F(RecoveryTest, an_old_or_lost_journal_is_written_again) {
  open();
  put({{"early", "x"}});
  close();
  const auto old = host().content(journal);
  open();
  fill();
  close();
  host().write(journal, old);
  expect_whole();
  close();
  host().remove(journal);
  expected["new"] = "1";
  open();
  EXPECT_THAT(damage_found(), SizeIs(1));
  EXPECT_EQ(meta(""), expected);
}

TEST_F(RecoveryTest, files_of_another_store_are_not_taken_for_ours) {
  open();
  put({{"foreign", "x"}});
  close();
  const auto foreign_database = host().content(database);
  const auto foreign_journal = host().content(journal);
  const auto foreign_label = host().content(label);
  start_over(2);
  open();
  fill();
  close();
  const auto ours = host().disk;
  for (const auto& [path, content] : {std::pair{database, foreign_database},
                                      std::pair{journal, foreign_journal},
                                      std::pair{label, foreign_label}}) {
    SCOPED_TRACE(path);
    host().disk = ours;
    host().write(path, content);
    open();
    EXPECT_THAT(damage_found(), Not(IsEmpty()));
    close();
    expect_whole();
    close();
  }
}

TEST_F(RecoveryTest, a_lost_or_damaged_label_is_written_again) {
  open();
  fill();
  close();
  const auto whole = host().disk;
  host().remove(label);
  expect_whole();
  close();
  host().disk = whole;
  host().flip(label, 20);
  expect_whole();
}

TEST_F(RecoveryTest, when_both_copies_are_damaged_what_is_left_is_kept_and_the_loss_is_told) {
  open();
  fill();
  close();
  // The middle of both.
  for (int page = 4; page < 12; ++page) {
    host().flip(database, static_cast<std::uint64_t>(page) * 4096 + 2000);
  }
  host().flip(journal, host().content(journal).size() / 2);
  open();
  EXPECT_THAT(catalogue->loss(), HasSubstr("streams or consumers may be missing"));
  EXPECT_TRUE(host().exists(marker));
  const auto left = meta("");
  EXPECT_GT(left.size(), expected.size() / 3);
  for (const auto& [path, blob] : left) EXPECT_EQ(blob, expected.at(path)) << path;
  EXPECT_TRUE((**catalogue->find_log("streams/S1")).must_scan);
  reopen();
  EXPECT_THAT(catalogue->loss(), Not(IsEmpty())) << "forgotten by opening it again";
  EXPECT_EQ(meta(""), left);
  close();
  host().remove(marker);
  open();
  EXPECT_THAT(catalogue->loss(), IsEmpty());
}

TEST_F(RecoveryTest, what_was_damaged_is_in_quarantine) {
  open();
  fill();
  close();
  host().flip(database, 4096 + 100);
  const auto damaged = host().content(database);
  open();
  EXPECT_EQ(host().content("/store/quarantine/catalogue.db.1"), damaged);
}

TEST_F(RecoveryTest, to_read_only_recovers_in_memory) {
  open();
  fill();
  close();
  host().flip(database, 4096 + 100);
  const auto before = all_files();
  open(true);
  EXPECT_EQ(meta(""), expected);
  EXPECT_THAT(damage_found(), Not(IsEmpty()));
  close();
  EXPECT_EQ(all_files(), before);
}

TEST_F(RecoveryTest, with_nothing_left_of_the_catalogue_it_says_what_to_do) {
  open();
  fill();
  close();
  host().write("/store/logs/x", "a log is here");
  host().write(database, "junk");
  host().write(journal, "junk");
  host().write(label, "junk");
  const auto opened = try_open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().status, DUNLIN_E_CORRUPT);
  EXPECT_THAT(opened.error().text, HasSubstr("put back one of them"));
}

TEST_F(RecoveryTest, a_failing_disk_is_not_taken_for_damage) {
  open();
  fill();
  crash(testkit::Cut::kept);
  const auto before = all_files();
  host().fault = {DUNLIN_E_IO, 0};
  const auto opened = try_open();
  host().fault = {};
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().status, DUNLIN_E_IO);
  EXPECT_EQ(all_files(), before);
  expect_whole();
}

// ---- keys ---------------------------------------------------------------------------------

TEST_F(RecoveryTest, encrypted_metadata_is_not_on_the_disk_in_clear) {
  use_keys(DUNLIN_CIPHER_CHACHA20_POLY1305, "secret");
  open();
  put({{"streams/S", "the-plain-text"}});
  close();
  for (const auto& [path, content] : all_files()) {
    EXPECT_THAT(content, Not(HasSubstr("the-plain-text"))) << path;
  }
  open();
  EXPECT_EQ(meta("").at("streams/S"), "the-plain-text");
}

TEST_F(RecoveryTest, a_wrong_or_missing_key_is_named_and_changes_nothing) {
  use_keys(DUNLIN_CIPHER_AES_GCM, "secret");
  open();
  fill();
  crash(testkit::Cut::kept);
  const auto before = all_files();
  use_keys(DUNLIN_CIPHER_AES_GCM, "another");
  auto opened = try_open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().status, DUNLIN_E_DENIED);
  EXPECT_THAT(opened.error().text, HasSubstr("neither key nor previous_key"));
  use_keys(DUNLIN_CIPHER_NONE);
  opened = try_open();
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().text, HasSubstr("no key is configured"));
  EXPECT_EQ(all_files(), before);
  use_keys(DUNLIN_CIPHER_AES_GCM, "secret");
  expect_whole();
}

TEST_F(RecoveryTest, a_new_key_takes_over_and_the_old_one_is_not_needed_any_more) {
  use_keys(DUNLIN_CIPHER_AES_GCM, "old");
  open();
  fill();
  close();
  use_keys(DUNLIN_CIPHER_CHACHA20_POLY1305, "new", "old");
  open();
  EXPECT_EQ(meta(""), expected);
  close();
  use_keys(DUNLIN_CIPHER_CHACHA20_POLY1305, "new");
  expect_whole();
}

TEST_F(RecoveryTest, the_old_key_is_needed_while_a_segment_is_encrypted_with_it) {
  use_keys(DUNLIN_CIPHER_AES_GCM, "old");
  open();
  fill();
  const auto old_id = catalogue->label().key_id;
  SegmentRow segment;
  segment.number = 1;
  segment.key_id = old_id;
  CatalogueBatch batch;
  batch.put_segment(3, segment);
  ASSERT_TRUE(succeeded(catalogue->commit_now(std::move(batch))));
  close();
  use_keys(DUNLIN_CIPHER_AES_GCM, "new", "old");
  open();
  EXPECT_EQ(catalogue->label().older_key_id, old_id);
  close();
  use_keys(DUNLIN_CIPHER_AES_GCM, "new");
  EXPECT_EQ(try_open().error().status, DUNLIN_E_DENIED);
  use_keys(DUNLIN_CIPHER_AES_GCM, "new", "old");
  open();
  CatalogueBatch done;
  done.erase_segment(3, 1);
  ASSERT_TRUE(succeeded(catalogue->commit_now(std::move(done))));
  reopen();
  close();
  use_keys(DUNLIN_CIPHER_AES_GCM, "new");
  expect_whole();
}

TEST_F(RecoveryTest, encryption_can_be_begun_and_ended) {
  open();
  fill();
  close();
  use_keys(DUNLIN_CIPHER_CHACHA20_POLY1305, "secret");
  open();
  EXPECT_EQ(meta(""), expected);
  close();
  use_keys(DUNLIN_CIPHER_NONE, {}, "secret");
  open();
  EXPECT_EQ(meta(""), expected);
  close();
  use_keys(DUNLIN_CIPHER_NONE);
  expect_whole();
}

}  // namespace
}  // namespace dunlin::storage_file::testing
