// What the engine does about files that changed behind its back: it says which sequences are gone,
// serves all others, and nothing false.

#include <algorithm>

#include "plugins/storage-file/log/entry.hpp"
#include "tests/unit/plugins/storage-file/log/fixture.hpp"

namespace dunlin::storage_file::engine::testing {
namespace {

using testkit::Cut;

class DamageTest : public LogFixture {
 protected:
  // Four segments or so, cleanly closed.
  void fill() {
    open();
    append_many(4000, "d.", 20, 200);
    all = read_all();
    close();
    ASSERT_GE(files(".seg").size(), 4u);
  }
  struct Seen {
    std::uint64_t intact = 0, lost = 0;
  };
  // Reads everything there is; what is served must be what was written.
  Seen look() {
    Seen seen;
    for (std::uint64_t from = 0; from <= all.size();) {
      const auto answer = read(query(from, UINT64_MAX));
      for (const auto& message : answer.messages) {
        EXPECT_TRUE(message == all.at(message.seq - 1)) << message.seq;
        ++seen.intact;
      }
      if (answer.status == DUNLIN_OK) break;
      EXPECT_EQ(answer.status, DUNLIN_E_CORRUPT);
      if (answer.status != DUNLIN_E_CORRUPT) break;
      ++seen.lost;
      from = answer.end.next + 1;
    }
    return seen;
  }
  // Opens the damaged log and expects that few records are lost and that it is said.
  void expect_lost(std::uint64_t at_least, std::uint64_t at_most) {
    open();
    const auto told = verify();
    const auto seen = look();
    EXPECT_EQ(seen.intact + seen.lost, all.size());
    EXPECT_GE(seen.lost, at_least);
    EXPECT_LE(seen.lost, at_most);
    EXPECT_EQ(state().damaged, seen.lost);
    EXPECT_FALSE(told.empty());
    EXPECT_GT(observer.damages, 0);
    EXPECT_EQ(state().records, all.size());
    // It stays known, and the log goes on.
    append("d.1", "after");
    EXPECT_EQ(sync(), DUNLIN_OK);
    close();
    open();
    EXPECT_EQ(state().damaged, seen.lost);
    EXPECT_EQ(state().last_seq, all.size() + 1);
  }

  void fill_group();

  std::vector<Message> all;
};

TEST_F(DamageTest, a_flipped_bit_costs_one_record) {
  fill();
  host->flip(files(".seg")[1], 70'000, 3);
  expect_lost(1, 1);
}

TEST_F(DamageTest, a_zeroed_sector_costs_the_records_in_it) {
  fill();
  const auto path = files(".seg")[1];
  auto bytes = host->content(path);
  bytes.replace(40960, 512, std::string(512, '\0'));
  host->write(path, bytes);
  expect_lost(2, 5);
}

TEST_F(DamageTest, a_bad_record_at_the_end_of_a_clean_log_is_damage_and_no_torn_tail) {
  fill();
  const auto path = files(".seg").back();
  auto last = files(".seg").back();
  for (const auto& candidate : files(".seg")) {
    if (host->content(candidate).find(std::string(200, all.back().payload[0])) !=
        std::string::npos) {
      last = candidate;
    }
  }
  const auto bytes = host->content(last);
  const auto at = bytes.rfind(all.back().payload);
  ASSERT_NE(at, std::string::npos);
  host->flip(last, at + 5);
  expect_lost(1, 1);
}

TEST_F(DamageTest, a_bad_record_in_front_of_a_later_batch_is_damage_after_a_crash_too) {
  open();
  for (int batch = 0; batch < 20; ++batch) {
    append_many(10, "d.", 3, 200);
    ASSERT_EQ(sync(), DUNLIN_OK);
  }
  all = read_all();
  crash(Cut::lost);
  const auto path = files(".seg")[0];
  host->flip(path, host->content(path).find(all[150].payload) + 250);
  expect_lost(1, 2);
}

TEST_F(DamageTest, a_bad_record_in_the_last_synced_batch_is_damage_too) {
  open();
  append_many(10, "d.", 3, 200);
  ASSERT_EQ(sync(), DUNLIN_OK);
  all = read_all();
  crash(Cut::kept);
  const auto path = files(".seg")[0];
  host->flip(path, host->content(path).rfind(all.back().payload) + 5);
  expect_lost(1, 1);
}

// Ten records of their own, then five that were appended together.
void DamageTest::fill_group() {
  open();
  append_many(10, "d.", 3, 200);
  std::vector<Message> group;
  for (std::uint64_t seq = 11; seq <= 15; ++seq) {
    group.push_back({seq, state().last_time_ns, "group", {}, std::string(200, 'G') +
                                                                 std::to_string(seq)});
  }
  std::vector<dunlin_record> records;
  for (const auto& message : group) records.push_back(message.record());
  std::size_t accepted = 0;
  ASSERT_TRUE(log->append(records, DUNLIN_APPEND_ATOMIC, accepted, {}));
  ASSERT_EQ(sync(), DUNLIN_OK);
  all = read_all();
  crash(Cut::kept);
}

TEST_F(DamageTest, damage_in_a_group_that_was_durable_costs_the_records_it_hits) {
  fill_group();
  const auto path = files(".seg")[0];
  host->flip(path, host->content(path).find(all[12].payload) + 5);
  expect_lost(1, 1);
}

TEST_F(DamageTest, damage_at_the_end_of_a_group_that_was_durable_does_not_cost_the_group) {
  fill_group();
  const auto path = files(".seg")[0];
  host->flip(path, host->content(path).find(all[14].payload) + 5);
  expect_lost(1, 1);
}

TEST_F(DamageTest, a_group_that_the_crash_cut_off_stays_away_when_all_is_read_again) {
  fill_group();
  const auto path = files(".seg")[0];
  // As if neither its end nor what was written behind it had come to the disk.
  auto bytes = host->content(path);
  const auto at = bytes.find(all[13].payload);
  bytes.replace(at, bytes.size() - at, std::string(bytes.size() - at, '\0'));
  host->write(path, bytes);
  open();
  EXPECT_EQ(state().last_seq, 10u);
  append("d.1", "after");
  ASSERT_EQ(sync(), DUNLIN_OK);
  for (int again = 0; again < 2; ++again) {
    crash(Cut::lost);
    open();
    EXPECT_EQ(state().last_seq, 11u);
    EXPECT_EQ(state().damaged, 0u);
    EXPECT_EQ(read_all().back().payload, "after");
  }
  catalogue->note.reset();
  crash(Cut::lost);
  open();
  EXPECT_EQ(state().last_seq, 11u);
  EXPECT_EQ(read_all().size(), 11u);
  EXPECT_TRUE(verify().empty());
}

TEST_F(DamageTest, a_last_segment_that_is_cut_off_is_damage_after_a_crash_too) {
  open();
  append_many(10, "d.", 3, 200);
  ASSERT_EQ(sync(), DUNLIN_OK);
  all = read_all();
  crash(Cut::lost);
  const auto path = files(".seg")[0];
  host->write(path, host->content(path).substr(0, host->content(path).find(all[8].payload) + 9));
  open();
  EXPECT_EQ(state().last_seq, 8u);
  const auto told = verify();
  ASSERT_FALSE(told.empty());
  EXPECT_EQ(told[0].file, path);
  append("d.1", "after");
  EXPECT_EQ(sync(), DUNLIN_OK);
}

TEST_F(DamageTest, a_last_segment_that_is_gone_is_told_after_a_crash_too) {
  open();
  append_many(2000, "d.", 20, 200);
  ASSERT_EQ(sync(), DUNLIN_OK);
  all = read_all();
  crash(Cut::lost);
  const auto segments = files(".seg");
  for (auto path = segments.rbegin(); path != segments.rend(); ++path) {
    const bool is_written = host->content(*path).find(all.back().payload) != std::string::npos;
    host->remove(*path);
    if (is_written) break;
  }
  open();
  EXPECT_FALSE(verify().empty());
  const auto lost = all.size() - look().intact;
  EXPECT_GT(lost, 0u);
  append("d.1", "after");
  EXPECT_EQ(sync(), DUNLIN_OK);
  close();
}

TEST_F(DamageTest, a_segment_that_is_cut_off_keeps_what_is_left) {
  fill();
  const auto path = files(".seg")[1];
  host->write(path, host->content(path).substr(0, 100'000));
  expect_lost(100, 900);
}

TEST_F(DamageTest, a_segment_that_is_gone_costs_its_records) {
  fill();
  host->remove(files(".seg")[1]);
  expect_lost(500, 1500);
}

TEST_F(DamageTest, segments_that_were_swapped_are_not_believed) {
  fill();
  const auto one = files(".seg")[0], other = files(".seg")[1];
  const auto bytes = host->content(one);
  host->write(one, host->content(other));
  host->write(other, bytes);
  expect_lost(1000, 3000);
}

TEST_F(DamageTest, a_damaged_header_is_told_and_costs_no_record) {
  fill();
  host->flip(files(".seg")[1], 17);
  expect_lost(0, 0);
}

TEST_F(DamageTest, an_index_that_is_damaged_or_gone_is_made_again) {
  fill();
  ASSERT_GE(files(".idx").size(), 2u);
  host->flip(files(".idx")[0], 100);
  host->remove(files(".idx")[1]);
  open();
  EXPECT_EQ(look().intact, all.size());
  EXPECT_EQ(state().damaged, 0u);
  EXPECT_GT(observer.damages, 0);
}

TEST_F(DamageTest, without_its_checkpoint_the_log_is_read_again) {
  fill();
  ASSERT_EQ(files(".ckp").size(), 1u);
  host->flip(files(".ckp")[0], 50);
  open();
  EXPECT_EQ(look().intact, all.size());
  EXPECT_EQ(state().subjects, 20u);
  EXPECT_GT(observer.damages, 0);
}

TEST_F(DamageTest, removing_damaged_sequences_ends_the_damage) {
  fill();
  host->flip(files(".seg")[1], 70'000, 3);
  open();
  verify();
  ASSERT_EQ(state().damaged, 1u);
  const auto lost = events.back().first;
  EXPECT_EQ(remove({lost}).records, 1u);
  EXPECT_EQ(state().damaged, 0u);
  EXPECT_TRUE(verify().empty());
  EXPECT_EQ(read_all().size(), all.size() - 1);
}

// The truncation goes, and with it the first record behind it; the one with its sequence in front
// of the truncation is whole, and not what was stored last.
TEST_F(DamageTest, what_was_truncated_is_not_served_when_the_truncation_is_damaged) {
  for (const bool is_clean : {false, true}) {
    open();
    const auto base = state().last_seq;
    for (int i = 1; i <= 5; ++i) append("raft", "old-" + std::to_string(i));
    ASSERT_EQ(sync(), DUNLIN_OK);
    truncate(base + 3);
    for (int i = 4; i < 12; ++i) {
      append("raft", "new-" + std::to_string(i));
      if (i > 4) ASSERT_EQ(sync(), DUNLIN_OK);
    }
    if (is_clean) {
      close();
    } else {
      crash(Cut::kept);
    }
    const auto path = files(".seg").front();
    auto bytes = host->content(path);
    const auto at = bytes.rfind("new-4");
    ASSERT_NE(at, std::string::npos);
    const auto begin = at - 4 - record_head_bytes - 16;
    bytes.replace(begin, at + 5 - begin, std::string(at + 5 - begin, '\0'));
    host->write(path, bytes);
    open();
    const auto answer = read(query(base + 4, base + 4));
    EXPECT_EQ(answer.status, DUNLIN_E_CORRUPT);
    EXPECT_TRUE(answer.messages.empty());
    EXPECT_EQ(read(query(base + 5, UINT64_MAX)).messages.size(), 7u);
    EXPECT_EQ(read(query(base + 1, base + 2)).messages.size(), 2u);
    close();
  }
}

TEST_F(DamageTest, a_log_that_is_only_read_changes_nothing_on_the_disk) {
  fill();
  host->flip(files(".seg")[1], 70'000, 3);
  host->remove(files(".idx")[0]);
  const auto changes = host->changes;
  open_flags = DUNLIN_LOG_READ_ONLY;
  open();
  EXPECT_EQ(look().lost, 1u);
  EXPECT_EQ(sync(), DUNLIN_OK);
  std::size_t accepted = 0;
  const auto record = Message{4001, 1 << 30, "a", "", "b", 0, 0}.record();
  EXPECT_EQ(log->append(std::span(&record, 1), 0, accepted, {}).error().status, DUNLIN_E_DENIED);
  close();
  EXPECT_EQ(host->changes, changes);
}

// ---- full disks -------------------------------------------------------------------------------

TEST_F(DamageTest, a_full_disk_refuses_records_takes_removals_and_resumes_by_itself) {
  open();
  append_many(2000, "d.", 20, 200);
  ASSERT_EQ(sync(), DUNLIN_OK);
  host->disk.capacity = host->disk.used() + 1000;
  dunlin_status refused = DUNLIN_OK;
  for (int i = 0; i < 10'000 && refused != DUNLIN_E_NO_SPACE; ++i) {
    const Message message{state().last_seq + 1, ++clock_ns, "d.1", "", std::string(200, 'x'), 0, 0};
    const auto record = message.record();
    std::size_t accepted = 0;
    const auto outcome = log->append(std::span(&record, 1), 0, accepted, {});
    refused = outcome ? DUNLIN_OK : outcome.error().status;
    if (refused == DUNLIN_E_AGAIN) host->run();
  }
  EXPECT_EQ(refused, DUNLIN_E_NO_SPACE);
  EXPECT_EQ(sync(), DUNLIN_OK);
  const auto before = state().records;
  EXPECT_EQ(purge("d.3").records > 0, true);
  EXPECT_LT(state().records, before);
  EXPECT_EQ(sync(), DUNLIN_OK);
  all = read_all();
  host->disk.capacity = 1ull << 40;
  space.free();
  host->pass(3'000'000'000);
  const auto last = state().last_seq;
  append_many(3000, "d.", 20, 200);
  EXPECT_EQ(sync(), DUNLIN_OK);
  EXPECT_EQ(state().last_seq, last + 3000);
  const auto told = [&](std::uint32_t kind) {
    return std::any_of(events.begin(), events.end(), [&](const auto& e) { return e.kind == kind; });
  };
  EXPECT_TRUE(told(DUNLIN_LOG_FULL));
  EXPECT_TRUE(told(DUNLIN_LOG_RESUMED));
  EXPECT_EQ(state().damaged, 0u);
}

}  // namespace
}  // namespace dunlin::storage_file::engine::testing
