// Disks that fail without having lost anything: a sector that cannot be read, no handles left, no
// space for a while. What is healthy stays readable, and nothing is called lost that is not.

#include <algorithm>

#include "plugins/storage-file/log/file.hpp"
#include "tests/unit/plugins/storage-file/log/fixture.hpp"

namespace dunlin::storage_file::engine::testing {
namespace {

using testkit::Cut;

class DiskErrorTest : public LogFixture {
 protected:
  DiskErrorTest() : inner_(host->fs()), fs_(*inner_) {
    now_ = this;
    fs_.read_at = [](const dunlin_host* h, dunlin_file* file, std::uint64_t offset,
                     std::uint8_t* out, std::size_t size, std::size_t* got, dunlin_error* err) {
      if (offset <= now_->bad_sector && now_->bad_sector < offset + size) return DUNLIN_E_IO;
      return now_->inner_->read_at(h, file, offset, out, size, got, err);
    };
    fs_.open = [](const dunlin_host* h, dunlin_str path, std::uint32_t flags, dunlin_file** file,
                  dunlin_error* err) {
      if (now_->has_no_handles) return DUNLIN_E_LIMIT;
      return now_->inner_->open(h, path, flags, file, err);
    };
    store.fs = &fs_;
    store.settings.read_cache_bytes = 1;
  }
  ~DiskErrorTest() override { bad_sector = UINT64_MAX; }

  static constexpr std::uint64_t somewhere = 20'000;  // in the first segment
  std::uint64_t bad_sector = UINT64_MAX;              // a byte that no read may touch
  bool has_no_handles = false;

 private:
  static inline DiskErrorTest* now_ = nullptr;
  const dunlin_fs* inner_;
  dunlin_fs fs_;
};

TEST_F(DiskErrorTest, an_unreadable_sector_of_the_tail_costs_the_records_in_it) {
  open();
  append_many(300, "d.", 20, 200);
  ASSERT_EQ(sync(), DUNLIN_OK);
  const auto all = read_all();
  crash(Cut::kept);
  bad_sector = somewhere;
  open();
  EXPECT_EQ(state().last_seq, all.back().seq);
  EXPECT_GT(state().damaged, 0u);
  EXPECT_LT(state().damaged, 40u);  // 4 KiB of them
  EXPECT_GT(observer.damages, 0);
  EXPECT_EQ(read(query(200, UINT64_MAX)).messages.back(), all.back());
}

// Where the tail ends nothing written later says that the place was durable.
TEST_F(DiskErrorTest, an_unreadable_sector_is_never_taken_for_what_a_crash_cut_off) {
  open();
  append_many(80, "d.", 20, 200);
  ASSERT_EQ(sync(), DUNLIN_OK);
  crash(Cut::kept);
  const auto bytes = host->content(files(".seg").front());
  bad_sector = bytes.find_last_not_of('\0');
  open();
  EXPECT_GT(observer.damages, 0);
}

TEST_F(DiskErrorTest, a_count_that_fails_holds_up_nothing) {
  store.settings.segment_bytes = 64u << 10;
  store.settings.index_cache_bytes = 1;
  open();
  append_many(2000, "d.", 20, 200);
  ASSERT_EQ(sync(), DUNLIN_OK);
  close();
  open();
  has_no_handles = true;
  dunlin_status status = DUNLIN_OK;
  const auto filter = detail::str("d.1");
  dunlin_count query{};
  query.struct_size = sizeof query;
  query.from = 100;
  query.filters = &filter;
  query.filter_count = 1;
  query.user = &status;
  query.done = [](void* user, dunlin_status ended, const dunlin_span*, const dunlin_error*) {
    *static_cast<dunlin_status*>(user) = ended;
  };
  ASSERT_FALSE(log->count(query));
  host->run();
  EXPECT_EQ(status, DUNLIN_E_LIMIT);
  has_no_handles = false;
  const auto before = files(".seg").size();
  ASSERT_GT(before, 5u);
  purge("", 1900);
  host->run();
  // A snapshot would keep them.
  EXPECT_LT(files(".seg").size(), before / 2);
  EXPECT_EQ(count({"d.1"}, 1950).count, 2u);
}

TEST_F(DiskErrorTest, a_run_of_subjects_that_cannot_be_read_is_made_again) {
  store.settings.subject_memory_bytes = 64u << 10;
  store.settings.segment_bytes = 64u << 10;
  open();
  for (int i = 1000; i < 3000; ++i) append(std::to_string(i) + "." + std::string(90, 's'), "");
  ASSERT_EQ(sync(), DUNLIN_OK);
  close();
  // Behind the end of every other file.
  bad_sector = host->content(files(".sub").at(0)).size() - 30;
  ASSERT_GT(bad_sector, 100'000u);
  open();
  EXPECT_GT(observer.damages, 0);
  EXPECT_EQ(subjects("*.*").size(), 2000u);
  EXPECT_EQ(state().subjects, 2000u);
  EXPECT_EQ(state().damaged, 0u);
}

TEST_F(DiskErrorTest, a_checkpoint_that_cannot_be_read_is_made_again) {
  open();
  append_many(3, "d.", 20, 10'000);
  const auto all = read_all();
  close();
  ASSERT_LT(host->content(files(".ckp").front()).size(), 64u * 1024);
  bad_sector = 8;
  open();
  bad_sector = UINT64_MAX;
  EXPECT_TRUE(read_all() == all);
}

TEST_F(DiskErrorTest, a_read_goes_on_behind_a_record_the_disk_cannot_read) {
  open();
  append_many(3000, "d.", 20, 200);
  const auto all = read_all();
  close();
  open();
  bad_sector = somewhere;
  std::vector<Message> seen;
  std::size_t unreadable = 0;
  for (std::uint64_t from = 1; from <= all.size();) {
    const auto answer = read(query(from, UINT64_MAX));
    seen.insert(seen.end(), answer.messages.begin(), answer.messages.end());
    if (answer.status == DUNLIN_OK) break;
    ASSERT_EQ(answer.status, DUNLIN_E_IO);
    from = answer.end.next + 1;
    ASSERT_LE(++unreadable, files(".seg").size());
  }
  EXPECT_GT(unreadable, 0u);
  EXPECT_EQ(seen.size() + unreadable, all.size());
  // It is not lost: the next try may succeed.
  EXPECT_EQ(state().damaged, 0u);
  bad_sector = UINT64_MAX;
  EXPECT_TRUE(read_all() == all);
}

TEST_F(DiskErrorTest, verify_calls_nothing_lost_that_could_not_be_opened) {
  open();
  append_many(3000, "d.", 20, 200);
  const auto all = read_all();
  close();
  open();
  has_no_handles = true;
  int status = -1;
  Completion done([](void* user, dunlin_status s, const dunlin_error*) {
    *static_cast<int*>(user) = s;
  }, &status);
  ASSERT_TRUE(log->verify([](void*, const dunlin_damage*) { return true; }, nullptr, done));
  host->run();
  EXPECT_EQ(status, DUNLIN_E_LIMIT);
  has_no_handles = false;
  EXPECT_EQ(state().damaged, 0u);
  EXPECT_TRUE(read_all() == all);
  EXPECT_TRUE(verify().empty());
}

// The system takes pages for written whose write it reported as failed: they are read, and no sync
// writes them any more.
TEST_F(DiskErrorTest, what_a_failed_sync_left_in_the_page_cache_is_written_again) {
  open();
  append("a", "zero");
  ASSERT_EQ(sync(), DUNLIN_OK);
  for (const char letter : {'a', 'b', 'c', 'd', 'e'}) append("a", std::string(6000, letter));
  host->fault = {DUNLIN_E_IO, host->changes, 4, true};
  ASSERT_EQ(sync(), DUNLIN_E_IO);
  host->fault = {};
  testkit::Rng rng(3);
  auto platter = host->disk.cut(Cut::lost, rng);
  std::vector<testkit::DiskChange> changes;
  host->disk.recorder = &changes;
  close();
  open();
  append("a", "six");
  ASSERT_EQ(sync(), DUNLIN_OK);
  const auto all = read_all();
  host->disk.recorder = nullptr;
  crash(Cut::kept);
  for (const auto& change : changes) platter.apply(change);
  host->disk = platter.cut(Cut::lost, rng);
  open();
  EXPECT_TRUE(read_all() == all);
  EXPECT_EQ(state().damaged, 0u);
}

// A batch and the next segment find no space at the same time; both try again.
TEST_F(DiskErrorTest, what_found_no_space_is_written_when_there_is_room) {
  open();
  append("a", "one");
  ASSERT_EQ(sync(), DUNLIN_OK);
  host->fault = {DUNLIN_E_NO_SPACE, host->changes};
  append("a", "two");
  int status = -1;
  Completion done([](void* user, dunlin_status s, const dunlin_error*) {
    *static_cast<int*>(user) = s;
  }, &status);
  ASSERT_TRUE(succeeded(log->sync(done)));
  append("a", std::string(100'000, 'x'));  // wants the next segment
  host->run();
  EXPECT_EQ(status, DUNLIN_E_NO_SPACE);
  host->pass(3'000'000'000);
  host->fault = {};
  space.free();
  host->run();
  append("a", "three");
  EXPECT_EQ(sync(), DUNLIN_OK);
  EXPECT_EQ(log->durable_seq(), state().last_seq);
}

TEST_F(DiskErrorTest, a_log_is_closed_while_an_erasure_waits_for_room) {
  open();
  append_many(300, "a", 3, 500);
  ASSERT_EQ(sync(), DUNLIN_OK);
  close();
  // The last segment cannot be gone on with under another key, and there is no room for a new one.
  use_cipher(DUNLIN_CIPHER_CHACHA20_POLY1305);
  host->disk.capacity = host->disk.used();
  open();
  const std::uint64_t seq = 2;
  int status = 0;
  const auto removed = log->remove(
      std::span(&seq, 1), DUNLIN_REMOVE_ERASE,
      [](void* user, dunlin_status s, const dunlin_removed*, const dunlin_error*) {
        *static_cast<int*>(user) = s;
      },
      &status);
  ASSERT_EQ(removed.error().status, DUNLIN_E_AGAIN);
  host->run();
  close();
  EXPECT_EQ(status, DUNLIN_E_CANCELLED);
}

}  // namespace
}  // namespace dunlin::storage_file::engine::testing
