// Records compressed and encrypted in the background, and erased from blocks they share: at no
// moment, not even at a power cut, does anybody see a difference.

#include "tests/unit/plugins/storage-file/log/rewrite_fixture.hpp"

namespace dunlin::storage_file::engine::testing {
namespace {

using testkit::Cut;


struct Encoding {
  std::uint32_t compression, cipher;
};

class EncodingTest : public RewriteCutTest, public ::testing::WithParamInterface<Encoding> {
 protected:
  EncodingTest() {
    store.settings.compression = GetParam().compression;
    use_cipher(GetParam().cipher);
  }
  [[nodiscard]] bool stands_somewhere(const std::string& text) const {
    for (const auto& path : host->disk.files("/store")) {
      if (host->content(path).find(text) != std::string::npos) return true;
    }
    return false;
  }
};

TEST_P(EncodingTest, full_segments_are_compressed_and_read_the_same) {
  fill();
  EXPECT_GT(observer.rewritings, 0);
  EXPECT_LT(file_bytes(), 400'000u);
  EXPECT_EQ(state().disk_bytes, file_bytes());
  expect_same();
  reopen();
  expect_same();
  close();
  catalogue->note.reset();
  open();
  expect_same();
  expect_healthy();
  // Nothing is left to do.
  observer.rewritings = 0;
  reopen();
  reopen();
  EXPECT_LE(observer.rewritings, 1);
}

TEST_P(EncodingTest, space_comes_back_from_blocks_too) {
  fill();
  const auto before = file_bytes();
  thin_out(20);
  reopen();
  EXPECT_LT(file_bytes(), before);
  expect_same();
  expect_healthy();
}

TEST_P(EncodingTest, indexes_are_made_again_from_blocks) {
  fill();
  close();
  for (const auto& path : files(".idx")) host->remove(path);
  open();
  EXPECT_TRUE(read_all() == all);
  EXPECT_EQ(state().damaged, 0u);
}

TEST_P(EncodingTest, a_bad_block_costs_what_is_in_it) {
  fill();
  close();
  std::string victim;
  for (const auto& path : files(".seg")) {
    if (!path.ends_with("0000.seg")) victim = path;
  }
  ASSERT_FALSE(victim.empty());
  host->flip(victim, host->content(victim).size() / 2);
  open();
  const auto told = verify();
  ASSERT_FALSE(told.empty());
  std::uint64_t intact = 0, lost = 0;
  for (std::uint64_t from = 0; from <= all.size();) {
    const auto answer = read(query(from, UINT64_MAX));
    for (const auto& message : answer.messages) {
      ASSERT_TRUE(message == all.at(message.seq - 1));
      ++intact;
    }
    if (answer.status == DUNLIN_OK) break;
    ++lost;
    from = answer.end.next + 1;
  }
  EXPECT_EQ(intact + lost, all.size());
  EXPECT_GT(lost, 0u);
  EXPECT_LT(lost, 400u);
  EXPECT_EQ(state().damaged, lost);
}

TEST_P(EncodingTest, an_erased_record_is_gone_from_sealed_segments) {
  fill();
  append("secret", "the word nobody may know");
  append_many(1000, "s.", 3, 200);
  EXPECT_EQ(sync(), DUNLIN_OK);
  all = read_all();
  const auto before = files(".seg");
  EXPECT_EQ(remove({3001}, DUNLIN_REMOVE_ERASE).records, 1u);
  // The file it stood in was written again.
  EXPECT_NE(files(".seg"), before);
  EXPECT_FALSE(stands_somewhere("nobody may know"));
  std::erase_if(all, [](const auto& message) { return message.seq == 3001; });
  EXPECT_TRUE(read_all() == all);
  crash(Cut::lost);
  open();
  EXPECT_TRUE(read_all() == all);
  expect_healthy();
}

TEST_P(EncodingTest, an_erased_record_is_gone_from_the_segment_that_is_written_to) {
  fill(10);
  append("secret", "the word nobody may know");
  append("s.1", "behind");
  EXPECT_EQ(sync(), DUNLIN_OK);
  EXPECT_EQ(remove({11}, DUNLIN_REMOVE_ERASE).records, 1u);
  EXPECT_FALSE(stands_somewhere("nobody may know"));
  EXPECT_EQ(read_all().size(), 11u);
  append("s.1", "and on");
  crash(Cut::kept);
  open();
  EXPECT_GE(read_all().size(), 11u);
  expect_healthy();
}

TEST_P(EncodingTest, an_erasure_a_power_cut_interrupted_is_made_good) {
  fill();
  append("secret", "the word nobody may know");
  EXPECT_EQ(sync(), DUNLIN_OK);
  all = read_all();
  const std::uint64_t seq = 3001;
  const auto removed = [](void*, dunlin_status, const dunlin_removed*, const dunlin_error*) {};
  static_cast<void>(log->remove(std::span(&seq, 1), DUNLIN_REMOVE_ERASE, removed, nullptr));
  // Up to the moment when the removal is durable.
  const auto syncs = host->syncs;
  while (host->syncs == syncs && !host->tasks.empty()) {
    const auto task = host->tasks.front();
    host->tasks.pop_front();
    host->thread = task.thread;
    task.run(task.user);
    host->thread = DUNLIN_THREAD_CONTROL;
  }
  crash(Cut::kept);
  open();
  host->run();
  if (read_all().size() == all.size()) return;  // it was not removed
  EXPECT_FALSE(stands_somewhere("nobody may know"));
  std::erase_if(all, [](const auto& message) { return message.seq == 3001; });
  EXPECT_TRUE(read_all() == all);
  expect_healthy();
}

TEST_P(EncodingTest, a_power_cut_while_it_compresses_changes_nothing) {
  store.pace = std::make_shared<Pace>(0);
  fill(400);
  close();
  store.pace = std::make_shared<Pace>(1u << 30);
  cut_everywhere();
}

INSTANTIATE_TEST_SUITE_P(
    All, EncodingTest,
    ::testing::Values(Encoding{DUNLIN_COMPRESS_ZSTD, DUNLIN_CIPHER_NONE},
                      Encoding{DUNLIN_COMPRESS_S2, DUNLIN_CIPHER_NONE},
                      Encoding{DUNLIN_COMPRESS_ZSTD, DUNLIN_CIPHER_CHACHA20_POLY1305},
                      Encoding{DUNLIN_COMPRESS_S2, DUNLIN_CIPHER_AES_GCM}));

class KeyTest : public RewriteCutTest {
 protected:
  static constexpr auto cipher = DUNLIN_CIPHER_CHACHA20_POLY1305;
};

TEST_F(KeyTest, a_new_key_is_the_only_one_needed_in_the_end) {
  use_keys(cipher, "old", "");
  fill();
  close();
  use_keys(cipher, "new", "old");
  open();
  host->run();
  EXPECT_GT(observer.rewritings, 0);
  expect_same();
  close();
  use_keys(cipher, "new", "");
  open();
  expect_same();
  expect_healthy();
  for (const auto& [number, segment] : catalogue->segment_rows) {
    if (segment.last_seq >= segment.first_seq) {
      EXPECT_EQ(segment.key_id, keys.current_id());
    }
  }
  close();
  catalogue->note.reset();
  open();
  expect_same();
  expect_healthy();
}

TEST_F(KeyTest, what_is_read_again_as_a_whole_still_names_its_key) {
  use_keys(cipher, "old", "");
  fill();
  close();
  catalogue->note.reset();
  catalogue->segment_rows.clear();
  store.pace = std::make_shared<Pace>(0);
  open();
  expect_same();
  close();
  std::size_t sealed = 0;
  for (const auto& [number, segment] : catalogue->segment_rows) {
    if (segment.last_seq < segment.first_seq) continue;
    EXPECT_EQ(segment.key_id, keys.current_id());
    ++sealed;
  }
  EXPECT_GT(sealed, 5u);
}

TEST_F(KeyTest, a_first_key_encrypts_what_was_plain_and_none_decrypts) {
  fill();
  close();
  use_keys(cipher, "first", "");
  open();
  host->run();
  expect_same();
  for (const auto& path : files(".seg")) {
    EXPECT_EQ(host->content(path).find(all[5].payload), std::string::npos) << path;
  }
  close();
  use_keys(DUNLIN_CIPHER_NONE, "", "first");
  open();
  host->run();
  close();
  use_keys(DUNLIN_CIPHER_NONE, "", "");
  open();
  expect_same();
  expect_healthy();
}

TEST_F(KeyTest, a_power_cut_while_it_encrypts_again_changes_nothing) {
  use_keys(cipher, "old", "");
  fill(400);
  close();
  use_keys(cipher, "new", "old");
  cut_everywhere();
}

}  // namespace
}  // namespace dunlin::storage_file::engine::testing
