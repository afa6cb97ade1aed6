// Background work: space of dead records comes back, records are compressed and encrypted again,
// and at no moment, not even at a power cut, does anybody see a difference.

#include "tests/unit/plugins/storage-file/log/rewrite_fixture.hpp"

namespace dunlin::storage_file::engine::testing {
namespace {

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

TEST_F(RewriteTest, what_was_read_without_an_index_is_rewritten_all_the_same) {
  fill();
  thin_out();
  store.pace = std::make_shared<Pace>(0);
  close();
  for (const auto* suffix : {".idx", ".ckp", ".sub"}) {
    for (const auto& path : files(suffix)) host->remove(path);
  }
  catalogue->note.reset();
  store.pace = std::make_shared<Pace>(1u << 30);
  open();
  host->run();
  reopen();
  EXPECT_GT(observer.rewritings, 0);
  EXPECT_TRUE(has_rewritten_files());
  expect_same();
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

}  // namespace
}  // namespace dunlin::storage_file::engine::testing
