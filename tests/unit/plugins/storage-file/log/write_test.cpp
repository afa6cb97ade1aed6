// How records get to the disk: batches, syncs, and files that are used again.

#include <algorithm>
#include <set>

#include "plugins/storage-file/log/segment.hpp"
#include "tests/unit/plugins/storage-file/log/fixture.hpp"

namespace dunlin::storage_file::engine::testing {
namespace {

using testkit::Cut;

class WriteTest : public LogFixture {
 protected:
  // A sync whose answer is waited for by nobody.
  void begin_sync() {
    const auto count = [](void* user, dunlin_status, const dunlin_error*) {
      ++*static_cast<int*>(user);
    };
    Completion done(count, &answers_);
    EXPECT_TRUE(log->sync(done));
  }
  // Appends, and removes what is older, as a stream with a limit does.
  void roll(int records, std::string_view payload) {
    for (int i = 1; i <= records; ++i) {
      append("r", std::string(payload));
      // Each batch has a mark, which would prove what is in front of it.
      if (i % 7 == 0) ASSERT_EQ(sync(), DUNLIN_OK);
      if (i % 100 == 0 && state().records > 2000) purge("", state().last_seq - 2000);
    }
    ASSERT_EQ(sync(), DUNLIN_OK);
  }
  std::set<std::uint32_t> inodes() const {
    std::set<std::uint32_t> found;
    for (const auto* suffix : {".seg", ".old"}) {
      for (const auto& path : files(suffix)) found.insert(host->disk.find(path));
    }
    return found;
  }

  // Does a segment hold the one content behind the other?
  [[nodiscard]] bool has_old_behind(const std::string& old, const std::string& fresh) const {
    const auto written = files(".seg");
    return std::any_of(written.begin(), written.end(), [&](const std::string& path) {
      const auto content = host->content(path);
      const auto last_fresh = content.rfind(fresh), last_old = content.rfind(old);
      return last_fresh != std::string::npos && last_old != std::string::npos &&
             last_old > last_fresh;
    });
  }

  // As if nothing had arrived in a segment but its header.
  void wipe(const std::string& path) {
    auto content = host->content(path);
    std::fill(content.begin() + segment_header_bytes, content.end(), '\0');
    host->write(path, content);
  }
  // The segments something was written to, in order.
  [[nodiscard]] std::vector<std::string> begun_segments() const {
    auto found = files(".seg");
    std::erase_if(found, [&](const std::string& path) {
      return host->content(path).find_first_not_of('\0', segment_header_bytes) ==
             std::string::npos;
    });
    return found;
  }
  void open_small() {
    store.settings.segment_bytes = 32u << 10;
    open();
  }
  // One batch over several segments that was written, and not synced when the power went.
  void write_unsynced() {
    for (int i = 0; i < 150; ++i) append("r", std::string(1000, static_cast<char>('a' + i % 26)));
    host->fault = {DUNLIN_E_IO, host->changes, UINT64_MAX, true};
    begin_sync();
    all_ = read_all();
    host->run();
    crash(Cut::kept);
    host->fault = {};
    ASSERT_GE(begun_segments().size(), 5u);
  }
  // What is left is what was appended first, and the log goes on.
  void expect_prefix(std::uint64_t at_least, std::uint64_t at_most) {
    const auto left = read_all();
    EXPECT_GE(left.size(), at_least);
    EXPECT_LE(left.size(), at_most);
    EXPECT_TRUE(std::equal(left.begin(), left.end(), all_.begin()));
    EXPECT_EQ(state().damaged, 0u);
    EXPECT_EQ(observer.damages, 0);
    append("r", "goes on");
    ASSERT_EQ(sync(), DUNLIN_OK);
    for (const auto cut : {Cut::lost, Cut::kept}) {
      crash(cut);
      open();
      ASSERT_EQ(state().last_seq, left.size() + 1);
      ASSERT_EQ(state().damaged, 0u);
      EXPECT_EQ(read_all().back().payload, "goes on");
    }
  }

  int answers_ = 0;
  std::vector<Message> all_;
};

TEST_F(WriteTest, what_comes_before_a_worker_is_free_shares_one_write_and_one_sync) {
  open();
  append("a", "one");
  ASSERT_EQ(sync(), DUNLIN_OK);
  const auto changes = host->changes, syncs = host->syncs;
  for (int i = 0; i < 5; ++i) {
    append("a", "more");
    begin_sync();
  }
  host->run();
  EXPECT_EQ(answers_, 5);
  EXPECT_EQ(log->durable_seq(), 6u);
  EXPECT_EQ(host->syncs - syncs, 1u);
  // The write, the sync, and the mark that says of it that it was.
  EXPECT_EQ(host->changes - changes, 3u);
}

TEST_F(WriteTest, what_follows_a_truncation_is_durable_only_with_its_own_sync) {
  open();
  append_many(10, "t.", 1, 10);
  begin_sync();
  truncate(4);
  append("t.0", "again");
  EXPECT_LE(log->durable_seq(), 4u);
  ASSERT_EQ(sync(), DUNLIN_OK);
  EXPECT_EQ(log->durable_seq(), 5u);
  const auto all = read_all();
  crash(Cut::lost);
  open();
  EXPECT_EQ(read_all(), all);
}

TEST_F(WriteTest, a_log_that_syncs_by_time_answers_before_and_is_durable_after) {
  store.settings.sync = DUNLIN_SYNC_INTERVAL;
  store.settings.sync_interval_ns = 1'000'000'000;
  open();
  const auto syncs = host->syncs;
  append_many(10, "i.", 2, 10);
  EXPECT_EQ(sync(), DUNLIN_OK);
  EXPECT_EQ(host->syncs, syncs);
  EXPECT_EQ(log->durable_seq(), 0u);
  host->pass(1'500'000'000);
  EXPECT_EQ(log->durable_seq(), 10u);
  append_many(10, "i.", 2, 10);
  EXPECT_EQ(sync(), DUNLIN_OK);
  EXPECT_EQ(log->durable_seq(), 10u);
  crash(Cut::lost);
  open();
  EXPECT_EQ(state().last_seq, 10u);
}

TEST_F(WriteTest, a_sync_by_time_that_fails_is_final) {
  store.settings.sync = DUNLIN_SYNC_INTERVAL;
  store.settings.sync_interval_ns = 1'000'000'000;
  open();
  append_many(10, "i.", 2, 10);
  EXPECT_EQ(sync(), DUNLIN_OK);
  host->fault = {DUNLIN_E_IO, host->changes, UINT64_MAX, true};
  append("i.0", "on its way");
  begin_sync();
  host->pass(1'500'000'000);
  EXPECT_EQ(observer.poisons, 1);
  EXPECT_EQ(sync(), DUNLIN_E_IO);
  host->fault = {};
  EXPECT_EQ(close(), DUNLIN_E_IO);
}

TEST_F(WriteTest, a_log_that_nobody_syncs_is_a_prefix_after_a_power_cut) {
  store.settings.sync = DUNLIN_SYNC_NONE;
  for (const auto cut : {Cut::lost, Cut::torn, Cut::reordered, Cut::kept}) {
    open();
    append_many(7000, "n.", 10, 100);
    EXPECT_EQ(sync(), DUNLIN_OK);
    purge("", state().first_seq + 500);
    const auto durable = log->durable_seq();
    EXPECT_GT(durable, 0u);  // of a checkpoint
    const auto all = read_all();
    crash(cut);
    open();
    EXPECT_GE(state().last_seq, durable);
    EXPECT_EQ(state().damaged, 0u);
    for (const auto& message : read_all()) {
      if (message.seq < all.front().seq) continue;
      ASSERT_EQ(message, all[message.seq - all.front().seq]);
    }
    EXPECT_EQ(close(), DUNLIN_OK);
  }
}

TEST_F(WriteTest, files_of_purged_segments_are_used_again) {
  open();
  roll(10'000, std::string(200, 'x'));
  const auto before = inodes();
  roll(40'000, std::string(200, 'x'));
  const auto after = inodes();
  std::vector<std::uint32_t> made;
  std::set_difference(after.begin(), after.end(), before.begin(), before.end(),
                      std::back_inserter(made));
  // 36 segments were written meanwhile.
  EXPECT_EQ(made.size(), 0u);
  EXPECT_LE(files(".old").size(), store.settings.spare_segments);
  EXPECT_GT(files(".old").size(), 0u);
}

TEST_F(WriteTest, no_file_is_kept_to_be_used_again_when_none_is_wanted) {
  store.settings.spare_segments = 0;
  open();
  roll(10'000, std::string(200, 'x'));
  EXPECT_TRUE(files(".old").empty());
}

TEST_F(WriteTest, a_log_that_fills_segments_fast_has_some_made_ahead) {
  open();
  append_many(20'000, "f.", 10, 100);
  ASSERT_EQ(sync(), DUNLIN_OK);
  EXPECT_EQ(files(".old").size(), store.settings.spare_segments / 2);
  EXPECT_EQ(close(), DUNLIN_OK);
  open();
  EXPECT_EQ(files(".old").size(), store.settings.spare_segments / 2);
  EXPECT_EQ(state().records, 20'000u);
}

TEST_F(WriteTest, a_group_larger_than_an_entry_may_be_is_refused_whole) {
  open();
  const Message message{1, 1, "r", "", std::string(50u << 20, 'x'), 0, 0};
  std::vector<dunlin_record> group(3, message.record());
  for (std::uint64_t i = 0; i < group.size(); ++i) group[i].seq = i + 1;
  std::size_t accepted = 1;
  const auto refused = log->append(group, DUNLIN_APPEND_ATOMIC, accepted, {});
  EXPECT_EQ(refused.error().status, DUNLIN_E_INVALID);
  EXPECT_EQ(accepted, 0u);
  EXPECT_EQ(state().records, 0u);
}

TEST_F(WriteTest, entries_are_believed_in_their_own_segment_only) {
  std::vector<std::uint8_t> bytes(100);
  const Message message{1, 1, "r", "", "payload", 0, 0};
  const auto record = message.record();
  const auto size = record_entry_bytes(record);
  const auto key = SegmentKey::of(7, 3, 99);
  write_record(bytes.data(), record, size, 64, key);
  EXPECT_TRUE(read_entry(bytes, 64, key));
  EXPECT_FALSE(read_entry(bytes, 64, SegmentKey::of(7, 3, 98)));  // the file, used again
  EXPECT_FALSE(read_entry(bytes, 64, SegmentKey::of(7, 4, 99)));
  EXPECT_FALSE(read_entry(bytes, 64, SegmentKey::of(8, 3, 99)));
  EXPECT_FALSE(read_entry(bytes, 68, key));  // the same bytes, elsewhere
}

TEST_F(WriteTest, a_record_is_read_as_it_was_written) {
  const auto key = SegmentKey::of(7, 3, 99);
  for (const std::uint64_t seq : {std::uint64_t{1}, long_seq - 1, long_seq, UINT64_MAX - 1}) {
    for (const bool carries_mark : {false, true}) {
      const Message message{seq, -5, "a.b", "NATS/1.0\r\n\r\n", "payload", 77, 88};
      const auto record = message.record();
      const auto size = record_entry_bytes(record) + (carries_mark ? carried_mark_bytes : 0);
      std::vector<std::uint8_t> bytes(padded(size));
      write_record(bytes.data(), record, size, 64, key, carries_mark);
      auto entry = read_entry(bytes, 64, key);
      ASSERT_TRUE(entry);
      EXPECT_EQ(get_mark(*entry), carries_mark ? std::optional<std::uint32_t>(0) : std::nullopt);
      if (carries_mark) {
        set_carried_mark(bytes.data(), 0xdeadbeef, size, 64, key);
        entry = read_entry(bytes, 64, key);
        ASSERT_TRUE(entry);
        EXPECT_EQ(get_mark(*entry), 0xdeadbeef);
      }
      dunlin_record out{};
      ASSERT_TRUE(read_record(*entry, out));
      EXPECT_EQ(Message::of(out), message);
    }
  }
}

// Every record has the size of those the file held before: entries of old stand where entries of
// new would.
TEST_F(WriteTest, what_a_file_held_before_is_never_taken_for_records) {
  char letter = 'A';
  for (const auto cut : {Cut::lost, Cut::torn, Cut::reordered, Cut::kept}) {
    for (const bool must_scan : {false, true}) {
      open();
      const std::string old(200, '-'), fresh(200, ++letter);
      roll(20'000, old);
      purge("");
      for (int i = 0; i < 300; ++i) append("r", fresh);
      ASSERT_EQ(sync(), DUNLIN_OK);
      const auto all = read_all();
      ASSERT_TRUE(has_old_behind(old, fresh));
      for (int i = 0; i < 50; ++i) append("r", fresh);
      begin_sync();
      crash(cut);
      if (must_scan) {
        catalogue->note.reset();
        row.must_scan = true;
      }
      open();
      row.must_scan = false;
      const auto left = read_all();
      ASSERT_GE(left.size(), all.size());
      EXPECT_TRUE(std::equal(all.begin(), all.end(), left.begin()));
      for (const auto& message : left) ASSERT_EQ(message.payload, fresh);
      EXPECT_EQ(state().damaged, 0u);
      EXPECT_EQ(observer.damages, 0);
      purge("");
      EXPECT_EQ(close(), DUNLIN_OK);
    }
  }
}

// ---- room, and disks that fail ----------------------------------------------------------------

TEST_F(WriteTest, behind_a_record_larger_than_a_segment_there_is_room_for_other_changes) {
  open();
  append("r", "first");
  append("r", std::string(700'000, 'x'));
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(succeeded(log->skip(state().last_seq + 1, 1, 0)));
    ASSERT_TRUE(succeeded(log->reschedule(1, 100 + i)));
  }
}

TEST_F(WriteTest, changes_that_find_no_room_are_told_when_there_is) {
  open();
  append("r", "first");
  dunlin_status refused = DUNLIN_OK;
  for (int i = 0; i < 20'000 && refused == DUNLIN_OK; ++i) {
    const auto outcome = log->reschedule(1, i);
    refused = outcome ? DUNLIN_OK : outcome.error().status;
  }
  ASSERT_EQ(refused, DUNLIN_E_AGAIN);
  host->run();
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.back().kind, DUNLIN_LOG_ROOM);
  EXPECT_TRUE(succeeded(log->reschedule(1, 7)));
}

TEST_F(WriteTest, a_write_that_found_no_space_is_tried_again_whatever_else_fails_meanwhile) {
  open();
  append("r", "one");
  host->fault = {DUNLIN_E_NO_SPACE, host->changes, UINT64_MAX, false};
  begin_sync();
  host->run();
  EXPECT_EQ(answers_, 1);  // told that it is not stored
  // The numbers say that there is room: the next segment is begun, and fails too.
  space.free();
  host->run();
  host->fault = {};
  space.free();
  host->pass(3'000'000'000);
  EXPECT_EQ(sync(), DUNLIN_OK);
  crash(Cut::lost);
  open();
  EXPECT_EQ(state().last_seq, 1u);
}

TEST_F(WriteTest, who_waits_for_a_segment_the_disk_never_gives_is_told_at_last) {
  open();
  host->fault = {DUNLIN_E_IO, host->changes, UINT64_MAX, false};
  const Message message{1, 1, "r", "", std::string(300'000, 'x'), 0, 0};
  const auto record = message.record();
  std::size_t accepted = 0;
  const auto outcome = log->append(std::span(&record, 1), 0, accepted, {});
  ASSERT_EQ(outcome.error().status, DUNLIN_E_AGAIN);
  host->pass(5'000'000'000);
  EXPECT_EQ(observer.poisons, 1);
  EXPECT_EQ(log->append(std::span(&record, 1), 0, accepted, {}).error().status, DUNLIN_E_IO);
  host->fault = {};
}

TEST_F(WriteTest, a_full_disk_with_a_little_room_goes_on_taking_removals) {
  open();
  append_many(90'000, "r", 1, 1);
  ASSERT_EQ(sync(), DUNLIN_OK);
  // Less than a segment of the usual size.
  host->disk.capacity = host->disk.used() + (150u << 10);
  space.full = true;
  space.watcher(true);
  host->run();
  const auto segments = files(".seg").size();
  for (std::uint64_t seq = 2; files(".seg").size() < segments + 2; seq += 2) {
    ASSERT_EQ(remove({seq}).records, 1u);
  }
  EXPECT_EQ(sync(), DUNLIN_OK);
  host->disk.capacity = 1ull << 40;
}

// ---- a power cut takes whole segments ---------------------------------------------------------

TEST_F(WriteTest, what_is_synced_after_the_segment_behind_was_lost_is_there_after_the_next_cut) {
  open_small();
  write_unsynced();
  const auto written = begun_segments();
  std::for_each(written.begin() + 1, written.end(), [this](const auto& path) { wipe(path); });
  open();
  expect_prefix(20, 32);
}

TEST_F(WriteTest, segments_behind_one_in_which_nothing_arrived_are_no_hole) {
  open_small();
  append("r", "first");
  ASSERT_EQ(sync(), DUNLIN_OK);
  write_unsynced();
  wipe(begun_segments()[2]);
  open();
  expect_prefix(30, 100);
}

TEST_F(WriteTest, segments_behind_a_first_one_in_which_nothing_arrived_are_no_hole) {
  open_small();
  write_unsynced();
  wipe(begun_segments()[0]);
  open();
  expect_prefix(0, 0);
}

TEST_F(WriteTest, a_segment_without_content_in_front_of_what_was_synced_is_damage) {
  open_small();
  append_many(150, "r", 1, 1000);
  ASSERT_EQ(sync(), DUNLIN_OK);
  crash(Cut::kept);
  catalogue->note.reset();
  wipe(begun_segments()[2]);
  open();
  EXPECT_EQ(state().last_seq, 150u);
  EXPECT_GT(state().damaged, 20u);
  EXPECT_LT(state().damaged, 35u);
  EXPECT_EQ(read(query(150, 150)).messages.size(), 1u);
}

}  // namespace
}  // namespace dunlin::storage_file::engine::testing
