// Erasing: what is erased is gone from the disk when its removal is answered, and after a power cut
// at any moment when the log is open again.

#include <algorithm>

#include "tests/unit/plugins/storage-file/log/fixture.hpp"

namespace dunlin::storage_file::engine::testing {
namespace {

using testkit::Cut;

constexpr const char* secret = "the word nobody may know";
constexpr const char* subject = "person.4711";
constexpr std::uint64_t secret_seq = 1001;

class EraseTest : public LogFixture {
 protected:
  EraseTest() { store.settings.segment_bytes = 64u << 10; }

  // Several segments, of which one in the middle has the secret. With a compression its segment is
  // made of blocks.
  void fill(std::uint32_t compression) {
    store.settings.compression = compression;
    open();
    append_many(1000, "s.", 3, 200);
    append(subject, secret);
    append_many(1000, "s.", 3, 200);
    ASSERT_EQ(sync(), DUNLIN_OK);
    close();
    open();
    host->run();
    close();
    store.pace = std::make_shared<Pace>(0);
    open();
    for (auto path : files(".idx")) {
      if (host->content(path).find(subject) == std::string::npos) continue;
      index_ = host->disk.find(path);
      segment_ = host->disk.find(path.replace(path.size() - 4, 4, ".seg"));
    }
    ASSERT_NE(segment_, 0u);
  }
  void begin_erasing() {
    const auto removed = [](void*, dunlin_status, const dunlin_removed*, const dunlin_error*) {};
    const std::span seqs(&secret_seq, 1);
    static_cast<void>(log->remove(seqs, DUNLIN_REMOVE_ERASE, removed, nullptr));
  }
  // Runs that many tasks; false when there were fewer.
  bool run_tasks(int n) {
    for (; n > 0 && !host->tasks.empty(); --n) {
      const auto task = host->tasks.front();
      host->tasks.pop_front();
      host->thread = task.thread;
      task.run(task.user);
      host->thread = DUNLIN_THREAD_CONTROL;
    }
    return n == 0;
  }
  [[nodiscard]] bool is_gone() const {
    const auto left = files(".seg");
    return std::none_of(left.begin(), left.end(), [this](const std::string& path) {
      return host->disk.find(path) == segment_;
    });
  }
  // A file that is no longer there counts too: its bytes still stand on the disk.
  void expect_erased() {
    for (const auto inode : {segment_, index_}) {
      const auto content = host->disk.content(inode).text();
      EXPECT_EQ(content.find(secret), std::string::npos);
      const bool is_blank = content.find_first_not_of('\0') == std::string::npos;
      EXPECT_TRUE(is_blank || !is_gone()) << inode;
    }
    EXPECT_EQ(state().records, 2000u);
    EXPECT_TRUE(read(query(secret_seq, secret_seq)).messages.empty());
    EXPECT_EQ(observer.damages, 0) << ::testing::PrintToString(event_texts);
  }
  // A power cut after every step of the erasing, one after the other.
  void cut_everywhere(std::uint32_t compression, Cut cut) {
    bool goes_on = true;
    for (int steps = 1; goes_on; ++steps) {
      SCOPED_TRACE(steps);
      fill(compression);
      begin_erasing();
      goes_on = run_tasks(steps);
      crash(cut);
      open();
      host->run();
      if (state().records == 2000) {
        EXPECT_TRUE(is_gone() || compression == DUNLIN_COMPRESS_NONE);
        expect_erased();
        ++erased_;
      } else {
        EXPECT_EQ(read(query(secret_seq, secret_seq)).messages.size(), 1u);
      }
      if (HasFailure()) return;
      start_anew();
    }
    EXPECT_GT(erased_, 1);
  }

  void start_anew() {
    close();
    for (const auto& path : host->disk.files("/store")) host->remove(path);
    catalogue->note.reset();
    catalogue->segment_rows.clear();
    store.pace = std::make_shared<Pace>(1u << 30);
  }

  std::uint32_t segment_ = 0, index_ = 0;  // of the secret
  int erased_ = 0;
};

TEST_F(EraseTest, a_record_is_overwritten_where_it_stands) {
  fill(DUNLIN_COMPRESS_NONE);
  EXPECT_EQ(remove({secret_seq}, DUNLIN_REMOVE_ERASE).records, 1u);
  EXPECT_FALSE(is_gone());
  expect_erased();
}

TEST_F(EraseTest, a_file_that_goes_for_an_erasure_is_overwritten_and_so_is_its_index) {
  fill(DUNLIN_COMPRESS_ZSTD);
  EXPECT_EQ(remove({secret_seq}, DUNLIN_REMOVE_ERASE).records, 1u);
  EXPECT_TRUE(is_gone());
  expect_erased();
}

TEST_F(EraseTest, power_cuts_leave_nothing_of_a_record_that_is_removed) {
  cut_everywhere(DUNLIN_COMPRESS_NONE, Cut::lost);
  cut_everywhere(DUNLIN_COMPRESS_NONE, Cut::kept);
}

TEST_F(EraseTest, power_cuts_leave_nothing_of_a_file_that_goes) {
  cut_everywhere(DUNLIN_COMPRESS_ZSTD, Cut::lost);
  cut_everywhere(DUNLIN_COMPRESS_ZSTD, Cut::kept);
}

// The record, its removal and what is behind it were written and synced together.
TEST_F(EraseTest, an_overwriting_that_is_torn_costs_nothing_but_the_record) {
  int kept = 0;
  for (std::uint64_t changes = 0; changes < 100; ++changes) {
    SCOPED_TRACE(changes);
    open();
    append("a", std::string(3000, 'x'));
    append("b", "behind");
    // The disk fails from some write or sync on; then the power goes.
    host->fault = {DUNLIN_E_IO, host->changes + changes % 10, UINT64_MAX, false};
    const std::uint64_t seq = 1;
    const auto removed = [](void*, dunlin_status, const dunlin_removed*, const dunlin_error*) {};
    static_cast<void>(log->remove(std::span(&seq, 1), DUNLIN_REMOVE_ERASE, removed, nullptr));
    host->run();
    const auto durable = log->durable_seq();
    crash(changes < 50 ? Cut::torn : Cut::reordered);
    host->fault = {};
    open();
    EXPECT_EQ(state().damaged, 0u);
    if (durable == 2) {
      ++kept;
      ASSERT_EQ(state().last_seq, 2u);
      EXPECT_EQ(read(query(2, 2)).messages.size(), 1u);
    }
    start_anew();
  }
  EXPECT_GT(kept, 20);
}

TEST_F(EraseTest, an_interrupted_erasure_is_made_good_when_everything_is_read_again) {
  for (const auto compression : {DUNLIN_COMPRESS_NONE, DUNLIN_COMPRESS_ZSTD}) {
    fill(compression);
    begin_erasing();
    // The removal was written and synced; nothing more.
    const auto syncs = host->syncs;
    while (host->syncs == syncs) ASSERT_TRUE(run_tasks(1));
    crash(Cut::kept);
    catalogue->note.reset();
    open();
    host->run();
    ASSERT_EQ(state().records, 2000u);
    EXPECT_TRUE(is_gone());
    expect_erased();
    start_anew();
  }
}

}  // namespace
}  // namespace dunlin::storage_file::engine::testing
