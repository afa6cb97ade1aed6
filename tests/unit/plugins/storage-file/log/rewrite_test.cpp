// Background work: space of dead records comes back, records are compressed and encrypted again,
// and at no moment, not even at a power cut, does anybody see a difference.

#include <algorithm>

#include "tests/unit/plugins/storage-file/log/fixture.hpp"

namespace dunlin::storage_file::engine::testing {
namespace {

using testkit::Cut;

class RewriteTest : public LogFixture {
 protected:
  RewriteTest() { store.settings.segment_bytes = 64u << 10; }

  // About a dozen segments.
  void fill(std::size_t n = 3000) {
    open();
    for (std::size_t i = 0; i < n; ++i) {
      Message message;
      message.seq = i + 1;
      message.time_ns = ++clock_ns;
      message.subject = "s." + std::to_string(i % 7);
      if (i % 3 == 0) message.header = "NATS/1.0\r\nA: " + std::to_string(i) + "\r\n\r\n";
      message.payload = std::string(150 + i % 50, static_cast<char>('a' + i % 26)) +
                        std::to_string(i);
      if (i % 5 == 0) message.expires_ns = 1'000'000 + static_cast<std::int64_t>(i);
      if (i % 11 == 0) message.due_ns = 2'000'000 + static_cast<std::int64_t>(i);
      append(message);
      all.push_back(message);
    }
    EXPECT_EQ(sync(), DUNLIN_OK);
  }
  // Keeps every tenth record.
  void thin_out(std::uint64_t keep = 10) {
    std::vector<std::uint64_t> seqs;
    for (const auto& message : all) {
      if (message.seq % keep != 0) seqs.push_back(message.seq);
    }
    remove(seqs);
    std::erase_if(all, [&](const auto& message) { return message.seq % keep != 0; });
  }
  // A clean stop and a start: all that is sealed may be rewritten then.
  void reopen() {
    close();
    open();
    host->run();
  }
  void expect_same() {
    EXPECT_TRUE(read_all() == all);
    EXPECT_EQ(state().records, all.size());
    std::vector<Message> some;
    for (const auto& message : all) {
      if (message.subject == "s.3") some.push_back(message);
    }
    EXPECT_TRUE(read(query(0, UINT64_MAX), {"s.3"}).messages == some);
    std::reverse(some.begin(), some.end());
    auto backward = query(0, UINT64_MAX);
    backward.flags = DUNLIN_READ_BACKWARD;
    EXPECT_TRUE(read(backward, {"s.3"}).messages == some);
    EXPECT_EQ(count({"s.3"}).count, some.size());
    const auto& middle = all.at(all.size() / 2);
    EXPECT_EQ(seq_at(middle.time_ns), middle.seq);
  }
  void expect_healthy() {
    EXPECT_EQ(observer.damages, 0) << ::testing::PrintToString(event_texts);
    EXPECT_TRUE(verify().empty());
  }
  [[nodiscard]] std::uint64_t file_bytes() const {
    std::uint64_t bytes = 0;
    for (const auto& path : files(".seg")) bytes += host->content(path).size();
    return bytes;
  }
  [[nodiscard]] bool has_rewritten_files() const {
    for (const auto& path : files(".seg")) {
      if (!path.ends_with("0000.seg")) return true;
    }
    return false;
  }

  std::vector<Message> all;
};

TEST_F(RewriteTest, space_of_dead_records_comes_back) {
  fill();
  const auto before = state().disk_bytes;
  thin_out();
  reopen();
  EXPECT_GT(observer.rewritings, 0);
  EXPECT_LT(state().disk_bytes, before / 2);
  // What it says it takes is what the files take, the next one that is made ahead included.
  EXPECT_EQ(state().disk_bytes, file_bytes());
  expect_same();
  expect_healthy();
}

TEST_F(RewriteTest, nothing_is_rewritten_while_most_is_alive) {
  fill();
  remove({3, 4, 5, 77, 400, 801});
  reopen();
  EXPECT_EQ(observer.rewritings, 0);
  EXPECT_FALSE(has_rewritten_files());
}

TEST_F(RewriteTest, what_limits_are_about_to_remove_is_not_rewritten) {
  fill();
  for (std::uint64_t below = 2; below < 2500; below += 50) purge("", below);
  EXPECT_EQ(observer.rewritings, 0);
  std::erase_if(all, [](const auto& message) { return message.seq < 2452; });
  expect_same();
}

TEST_F(RewriteTest, a_rate_of_zero_is_no_background_work) {
  store.pace = std::make_shared<Pace>(0);
  fill();
  thin_out();
  reopen();
  EXPECT_EQ(observer.rewritings, 0);
  expect_same();
}

TEST_F(RewriteTest, work_waits_when_the_rate_is_used_up) {
  fill();
  thin_out();
  close();
  store.pace = std::make_shared<Pace>(32u << 10);
  open();
  host->run();
  const auto at_once = observer.rewritings;
  expect_same();
  for (int second = 0; second < 100; ++second) host->pass(1'000'000'000);
  EXPECT_GT(observer.rewritings, at_once);
  expect_same();
  expect_healthy();
}

TEST_F(RewriteTest, closing_does_not_wait_for_the_clock) {
  fill();
  thin_out();
  close();
  store.pace = std::make_shared<Pace>(1);
  open();
  host->run();
  EXPECT_EQ(close(), DUNLIN_OK);
  open();
  expect_same();
}

TEST_F(RewriteTest, a_segment_without_a_live_record_goes_as_a_whole) {
  fill();
  const auto before = files(".seg").size();
  purge("", 2000);
  std::erase_if(all, [](const auto& message) { return message.seq < 2000; });
  reopen();
  EXPECT_LT(files(".seg").size(), before - 3);
  expect_same();
}

TEST_F(RewriteTest, small_segments_are_put_together) {
  fill(9000);
  thin_out(100);
  for (int i = 0; i < 4; ++i) reopen();
  EXPECT_LE(files(".seg").size(), 4u);
  expect_same();
  expect_healthy();
}

TEST_F(RewriteTest, everything_can_be_read_again_without_a_checkpoint) {
  fill();
  thin_out();
  purge("", 500);
  std::erase_if(all, [](const auto& message) { return message.seq < 500; });
  ASSERT_TRUE(succeeded(log->reschedule(all[3].seq, 77)));
  reopen();
  ASSERT_GT(observer.rewritings, 0);
  close();
  catalogue->note.reset();
  open();
  expect_same();
  EXPECT_EQ(due(DUNLIN_DUE_SCHEDULE, 80), std::vector<std::uint64_t>{all[3].seq});
  expect_healthy();
}

// Removals of records in older files must not be forgotten with the file that says so.
TEST_F(RewriteTest, removals_stay_when_the_file_that_tells_them_is_rewritten) {
  fill(1000);
  std::vector<std::uint64_t> some;
  for (std::uint64_t seq = 1; seq <= 250; seq += 5) some.push_back(seq);
  for (std::size_t i = 0; i < 2000; ++i) {
    append("filler." + std::to_string(i), std::string(200, 'f'));
    if (i == 1000) remove(some);
  }
  std::vector<std::uint64_t> fillers;
  for (std::uint64_t seq = 1001; seq <= 2990; ++seq) fillers.push_back(seq);
  fillers.erase(fillers.begin() + 1000);
  remove(fillers);
  all = read_all();
  reopen();
  ASSERT_GT(observer.rewritings, 0);
  close();
  catalogue->note.reset();
  open();
  EXPECT_TRUE(read_all() == all);
  expect_healthy();
}

TEST_F(RewriteTest, truncations_survive_a_rewriting) {
  fill(2000);
  truncate(900);
  all.resize(900);
  for (std::size_t i = 0; i < 1500; ++i) {
    append("s." + std::to_string(i % 7), std::string(200, 'n'));
  }
  truncate(1200);
  for (std::size_t i = 0; i < 1500; ++i) {
    append("s." + std::to_string(i % 7), std::string(200, 'm'));
  }
  all = read_all();
  thin_out(7);
  reopen();
  ASSERT_GT(observer.rewritings, 0);
  expect_same();
  close();
  catalogue->note.reset();
  open();
  expect_same();
  expect_healthy();
}

// A segment still holds what was truncated from its end; the next ones have other records with the
// same sequences, and are rewritten into the same file.
class RewriteTruncatedTest : public RewriteTest,
                             public ::testing::WithParamInterface<std::uint64_t> {};

TEST_P(RewriteTruncatedTest, what_was_truncated_does_not_come_back) {
  fill(2000);
  const auto cut = GetParam();
  ASSERT_TRUE(succeeded(log->reschedule(cut - 1, 70)));
  ASSERT_TRUE(succeeded(log->reschedule(cut + 7, 71)));
  truncate(cut);
  for (std::size_t i = 0; i < 1500; ++i) {
    append("s." + std::to_string(i % 7), std::string(200, 'n'));
  }
  all = read_all();
  // Keeps `cut` - 1 and + 7 among others.
  std::vector<std::uint64_t> seqs;
  for (const auto& message : all) {
    if (message.seq % 8 != (cut - 1) % 8) seqs.push_back(message.seq);
  }
  remove(seqs);
  all = read_all();
  reopen();
  ASSERT_GT(observer.rewritings, 0);
  expect_same();
  for (const bool has_checkpoint : {true, false}) {
    close();
    if (!has_checkpoint) catalogue->note.reset();
    open();
    expect_same();
    EXPECT_EQ(due(DUNLIN_DUE_SCHEDULE, 80), std::vector<std::uint64_t>{cut - 1});
  }
  expect_healthy();
}

INSTANTIATE_TEST_SUITE_P(Places, RewriteTruncatedTest,
                         ::testing::Values(800, 850, 900, 950, 1000, 1050));

TEST_F(RewriteTest, a_snapshot_sees_what_it_saw) {
  fill();
  auto opened = log->snapshot_open();
  ASSERT_TRUE(succeeded(opened));
  const auto before = all;
  thin_out();
  append_many(2000, "t.", 3, 200);
  EXPECT_EQ(sync(), DUNLIN_OK);
  auto seen = query(0, UINT64_MAX);
  seen.snapshot = *opened;
  EXPECT_TRUE(read(seen).messages == before);
  EXPECT_EQ(observer.rewritings, 0);
  log->snapshot_close(*opened);
  host->run();
  EXPECT_GT(observer.rewritings, 0);
  all = read_all();
  expect_same();
  expect_healthy();
}

// A power cut at each write and sync from the start on that does the work.
class RewriteCutTest : public RewriteTest {
 protected:
  void cut_everywhere() {
    const auto disk = host->disk;
    const auto rows = catalogue->segment_rows;
    const auto note = catalogue->note;
    bool is_through = false;
    for (std::uint64_t at = 1; !is_through && at < 1000; ++at) {
      for (const auto cut : {Cut::lost, Cut::kept, Cut::torn, Cut::reordered}) {
        SCOPED_TRACE(at);
        host->disk = disk;
        catalogue->segment_rows = rows;
        catalogue->note = note;
        observer.damages = observer.rewritings = 0;
        const auto begin = host->changes;
        host->fault = {DUNLIN_E_IO, begin + at, UINT64_MAX, false};
        run_to_the_cut();
        is_through = host->changes < begin + at;
        if (is_through) {
          EXPECT_GT(observer.rewritings, 0);
        }
        crash(cut);
        host->fault = {};
        look_again();
        if (HasFailure()) return;
      }
    }
    EXPECT_TRUE(is_through);
  }
  void run_to_the_cut() {
    auto opened = try_open();
    if (!opened) return;
    log = std::move(*opened).release();
    host->run();
  }
  void look_again() {
    observer.damages = 0;
    for (const bool has_checkpoint : {true, false}) {
      if (!has_checkpoint) catalogue->note.reset();
      open();
      expect_same();
      expect_healthy();
      close();
    }
  }
};

TEST_F(RewriteCutTest, a_power_cut_at_any_write_changes_nothing) {
  store.pace = std::make_shared<Pace>(0);
  fill(900);
  thin_out();
  close();
  store.pace = std::make_shared<Pace>(1u << 30);
  cut_everywhere();
}

TEST_F(RewriteTest, damage_in_what_is_rewritten_is_told_and_kept) {
  fill();
  thin_out();
  close();
  const auto victim = all[20];
  std::string damaged;
  for (const auto& path : files(".seg")) {
    const auto at = host->content(path).find(victim.payload);
    if (at == std::string::npos) continue;
    damaged = path;
    host->flip(path, at + 3);
  }
  ASSERT_FALSE(damaged.empty());
  open();
  host->run();
  ASSERT_GT(observer.rewritings, 0);
  EXPECT_EQ(state().damaged, 1u);
  EXPECT_GT(observer.damages, 0);
  EXPECT_EQ(read(query(victim.seq, victim.seq)).status, DUNLIN_E_CORRUPT);
  const auto rest = read(query(victim.seq + 1, UINT64_MAX)).messages;
  EXPECT_EQ(rest.size(), all.size() - 21);
  const auto told = verify();
  EXPECT_TRUE(std::any_of(told.begin(), told.end(), [&](const auto& damage) {
    return damage.first <= victim.seq && victim.seq <= damage.last;
  }));
  EXPECT_FALSE(host->exists(damaged));
  EXPECT_EQ(host->disk.files("/store/quarantine").size(), 1u);
  // It stays lost, and nothing else is, when everything is read again.
  close();
  catalogue->note.reset();
  open();
  EXPECT_EQ(state().damaged, 1u);
  EXPECT_EQ(state().records, all.size());
  EXPECT_EQ(read(query(victim.seq + 1, UINT64_MAX)).messages.size(), all.size() - 21);
  // Removed, it is forgotten.
  remove({victim.seq});
  EXPECT_EQ(state().damaged, 0u);
}

TEST_F(RewriteTest, appends_and_removals_go_on_while_it_works) {
  fill();
  thin_out();
  close();
  open();
  // One task at a time, with changes between them.
  for (int i = 0; i < 400 && !host->tasks.empty(); ++i) {
    const auto task = host->tasks.front();
    host->tasks.pop_front();
    host->thread = task.thread;
    task.run(task.user);
    host->thread = DUNLIN_THREAD_CONTROL;
    if (i % 7 == 0 && all.size() > 40) {
      const auto victim = all[static_cast<std::size_t>(i) % 40].seq;
      static_cast<void>(log->remove(std::span(&victim, 1), 0,
                                    [](void*, dunlin_status, const dunlin_removed*,
                                       const dunlin_error*) {},
                                    nullptr));
      std::erase_if(all, [&](const auto& message) { return message.seq == victim; });
    }
  }
  host->run();
  EXPECT_GT(observer.rewritings, 0);
  expect_same();
  expect_healthy();
}

// ---- compression and encryption ---------------------------------------------------------------

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
