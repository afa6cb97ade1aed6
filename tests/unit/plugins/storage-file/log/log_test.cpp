#include <algorithm>

#include "tests/unit/plugins/storage-file/log/fixture.hpp"

namespace dunlin::storage_file::engine::testing {
namespace {

using testkit::Cut;
using LogTest = LogFixture;

TEST_F(LogTest, records_are_readable_before_they_are_durable) {
  open();
  append("a", "one");
  append("b", "two");
  const auto all = read_all();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[1].subject, "b");
  EXPECT_EQ(all[1].payload, "two");
  EXPECT_EQ(log->durable_seq(), 0u);
  EXPECT_EQ(sync(), DUNLIN_OK);
  EXPECT_EQ(log->durable_seq(), 2u);
}

TEST_F(LogTest, what_was_synced_survives_a_power_cut) {
  for (const auto cut : {Cut::lost, Cut::torn, Cut::reordered, Cut::kept}) {
    open();
    const auto before = state().last_seq;
    append_many(100, "s.", 7, 50);
    ASSERT_EQ(sync(), DUNLIN_OK);
    const auto all = read_all();
    crash(cut);
    open();
    EXPECT_EQ(state().last_seq, before + 100);
    EXPECT_EQ(read_all(), all);
    EXPECT_EQ(state().subjects, 7u);
    close();
  }
}

TEST_F(LogTest, a_clean_stop_and_start_changes_nothing_and_reads_nothing_again) {
  open();
  append_many(5000, "orders.", 10, 100);
  const auto all = read_all();
  const auto before = state();
  EXPECT_EQ(close(), DUNLIN_OK);
  open();
  const auto after = state();
  EXPECT_EQ(after.records, before.records);
  EXPECT_EQ(after.bytes, before.bytes);
  EXPECT_EQ(after.subjects, before.subjects);
  EXPECT_EQ(after.last_time_ns, before.last_time_ns);
  EXPECT_EQ(after.first_time_ns, before.first_time_ns);
  EXPECT_EQ(after.durable_seq, 5000u);
  EXPECT_EQ(read_all(), all);
  EXPECT_EQ(observer.damages, 0);
}

TEST_F(LogTest, goes_on_through_many_segments) {
  open();
  append_many(20000, "t.", 100, 120);
  EXPECT_EQ(sync(), DUNLIN_OK);
  EXPECT_GT(files(".seg").size(), 5u);
  const auto all = read_all();
  ASSERT_EQ(all.size(), 20000u);
  for (std::uint64_t i = 0; i < all.size(); ++i) ASSERT_EQ(all[i].seq, i + 1);
  crash(Cut::lost);
  open();
  EXPECT_EQ(read_all(), all);
  EXPECT_EQ(count({"t.5"}).count, 200u);
}

TEST_F(LogTest, everything_is_found_again_without_a_checkpoint) {
  open();
  append_many(8000, "t.", 100, 120);
  remove({5, 6, 7, 4000});
  purge("t.3");
  const auto all = read_all();
  const auto before = state();
  close();
  catalogue->note.reset();
  row.must_scan = true;
  for (const auto& path : files(".idx")) host->remove(path);
  open();
  EXPECT_EQ(read_all(), all);
  EXPECT_EQ(state().bytes, before.bytes);
  EXPECT_EQ(state().subjects, before.subjects);
  EXPECT_EQ(state().damaged, 0u);
}

TEST_F(LogTest, removal_moves_first_and_counts) {
  open();
  append_many(10, "a.", 2, 10);
  EXPECT_EQ(remove({1, 2, 5}).records, 3u);
  EXPECT_EQ(state().first_seq, 3u);
  EXPECT_EQ(state().records, 7u);
  EXPECT_EQ(state().deleted, 1u);
  EXPECT_EQ(gaps(), (std::vector<Range>{{5, 1}}));
  EXPECT_EQ(remove({5}).records, 0u);
  EXPECT_EQ(sync(), DUNLIN_OK);
  crash(Cut::lost);
  open();
  EXPECT_EQ(state().first_seq, 3u);
  EXPECT_EQ(state().records, 7u);
  const auto spans = subjects();
  EXPECT_EQ(spans.at("a.0").count, 3u);
  EXPECT_EQ(spans.at("a.0").first, 3u);
  EXPECT_EQ(spans.at("a.1").count, 4u);
}

TEST_F(LogTest, purge_takes_all_or_below_or_what_matches) {
  open();
  append_many(100, "p.", 4, 20);
  EXPECT_EQ(purge("p.1", UINT64_MAX, 3).records, 22u);
  EXPECT_EQ(count({"p.1"}).count, 3u);
  EXPECT_EQ(purge("", 51).records, 50u - 13u);
  EXPECT_EQ(state().first_seq, 51u);
  const auto left = state().records;
  EXPECT_EQ(purge("", UINT64_MAX, 10).records, left - 10);
  EXPECT_EQ(state().records, 10u);
  EXPECT_EQ(purge("").records, 10u);
  EXPECT_EQ(state().first_seq, 101u);
  EXPECT_EQ(state().subjects, 0u);
  purge("", 200);
  EXPECT_EQ(state().first_seq, 200u);
  EXPECT_EQ(state().last_seq, 199u);
  append("p.9", "x");
  EXPECT_EQ(sync(), DUNLIN_OK);
  crash(Cut::lost);
  open();
  EXPECT_EQ(state().first_seq, 200u);
  EXPECT_EQ(state().last_seq, 200u);
  EXPECT_EQ(state().subjects, 1u);
}

TEST_F(LogTest, truncation_forgets_and_sequences_are_used_again) {
  open();
  append_many(9000, "x.", 5, 100);
  EXPECT_EQ(truncate(4000).records, 5000u);
  EXPECT_EQ(state().last_seq, 4000u);
  append("y", "again");
  EXPECT_EQ(state().last_seq, 4001u);
  EXPECT_EQ(sync(), DUNLIN_OK);
  const auto all = read_all();
  ASSERT_EQ(all.size(), 4001u);
  EXPECT_EQ(all.back().subject, "y");
  crash(Cut::lost);
  open();
  EXPECT_EQ(read_all(), all);
  close();
  open();
  EXPECT_EQ(read_all(), all);
  close();
  catalogue->note.reset();
  row.must_scan = true;
  open();
  EXPECT_EQ(read_all(), all);
}

TEST_F(LogTest, skipped_sequences_are_gaps) {
  open();
  append("a", "1");
  EXPECT_TRUE(succeeded(log->skip(2, 1'000'000'000, 5000)));
  clock_ns = 6000;
  EXPECT_EQ(append("a", "2"), 1'000'000'002u);
  EXPECT_EQ(state().deleted, 1'000'000'000u);
  EXPECT_EQ(sync(), DUNLIN_OK);
  crash(Cut::lost);
  open();
  EXPECT_EQ(gaps(), (std::vector<Range>{{2, 1'000'000'000}}));
  EXPECT_EQ(read_all().size(), 2u);
  auto backward = query(0, UINT64_MAX);
  backward.flags = DUNLIN_READ_BACKWARD | DUNLIN_READ_GAPS;
  const auto answer = read(backward);
  ASSERT_EQ(answer.messages.size(), 3u);
  EXPECT_EQ(answer.messages[0].seq, 1'000'000'002u);
  EXPECT_EQ(answer.messages[1].time_ns, 1'000'000'000);
}

TEST_F(LogTest, filters_find_the_next_and_the_last) {
  open();
  append_many(6000, "f.", 50, 100);
  append("rare", "!");
  append_many(6000, "f.", 50, 100);
  for (int round = 0; round < 2; ++round) {
    auto next = query(10, UINT64_MAX);
    next.records_max = 1;
    EXPECT_EQ(read(next, {"rare"}).messages.at(0).seq, 6001u);
    EXPECT_EQ(read(next, {"f.3", "rare"}).messages.at(0).seq, 54u);
    auto last = query(0, UINT64_MAX);
    last.flags = DUNLIN_READ_BACKWARD;
    last.records_max = 1;
    EXPECT_EQ(read(last, {"rare"}).messages.at(0).seq, 6001u);
    EXPECT_EQ(read(last, {"f.*"}).messages.at(0).seq, 12001u);
    last.to = 5000;
    EXPECT_EQ(read(last, {"f.7"}).messages.at(0).seq, 4958u);
    EXPECT_EQ(last_each({"f.1", "rare"}), (std::vector<std::uint64_t>{6001, 11953}));
    EXPECT_EQ(last_each({"f.1", "rare"}, 100), (std::vector<std::uint64_t>{52}));
    EXPECT_EQ(count({"f.1"}, 6001).count, 120u);
    EXPECT_EQ(count({">"}, 0, DUNLIN_COUNT_LAST).count, 51u);
    EXPECT_EQ(seq_at(1'000 + 7000), 7000u);
    close();
    open();
  }
}

TEST_F(LogTest, due_items_come_until_they_are_removed) {
  open();
  Message message;
  message.subject = "ttl";
  for (std::uint64_t seq = 1; seq <= 5; ++seq) {
    message.seq = seq;
    message.time_ns = ++clock_ns;
    message.expires_ns = static_cast<std::int64_t>(100 - seq) * 1'000'000'000;
    message.due_ns = static_cast<std::int64_t>(seq) * 1'000'000'000;
    append(message);
  }
  EXPECT_TRUE(succeeded(log->reschedule(1, 50'000'000'000)));
  EXPECT_EQ(sync(), DUNLIN_OK);
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(due(DUNLIN_DUE_EXPIRY, 97'000'000'000), (std::vector<std::uint64_t>{5, 4, 3}));
    EXPECT_EQ(due(DUNLIN_DUE_SCHEDULE, 3'000'000'000), (std::vector<std::uint64_t>{2, 3}));
    if (round == 0) crash(Cut::lost);
    if (round == 1) close();
    if (log == nullptr) open();
  }
  remove({4});
  EXPECT_EQ(due(DUNLIN_DUE_EXPIRY, 97'000'000'000), (std::vector<std::uint64_t>{5, 3}));
}

TEST_F(LogTest, an_erased_record_is_gone_from_the_disk) {
  open();
  append("a", "first of all");
  append("a", "the secret word");
  append("a", "last of all");
  EXPECT_EQ(sync(), DUNLIN_OK);
  EXPECT_EQ(remove({2}, DUNLIN_REMOVE_ERASE).records, 1u);
  for (const auto& path : host->disk.files("/store")) {
    EXPECT_EQ(host->content(path).find("secret"), std::string::npos) << path;
  }
  crash(Cut::lost);
  open();
  EXPECT_EQ(read_all().size(), 2u);
  EXPECT_EQ(state().damaged, 0u);
}

TEST_F(LogTest, a_snapshot_stays_as_it_was) {
  open();
  append_many(6000, "s.", 3, 100);
  const auto all = read_all();
  auto snapshot = log->snapshot_open();
  ASSERT_TRUE(succeeded(snapshot));
  append_many(3000, "s.", 3, 100);
  remove({1, 2, 3, 100});
  purge("s.1");
  purge("", 5000);
  auto look = query(0, UINT64_MAX);
  look.snapshot = *snapshot;
  EXPECT_EQ(read(look).messages, all);
  log->snapshot_close(*snapshot);
  host->run();
  EXPECT_EQ(read(look).status, DUNLIN_E_INVALID);
  EXPECT_EQ(state().first_seq, 5001u);
}

TEST_F(LogTest, encrypted_blocks_hide_the_content_and_read_the_same) {
  use_cipher(DUNLIN_CIPHER_CHACHA20_POLY1305);
  open();
  append_many(3000, "hidden.", 5, 100);
  append("big", std::string(200'000, 'q'));
  EXPECT_EQ(sync(), DUNLIN_OK);
  const auto all = read_all();
  ASSERT_EQ(all.size(), 3001u);
  for (const auto& path : files(".seg")) {
    EXPECT_EQ(host->content(path).find("hidden"), std::string::npos) << path;
  }
  crash(Cut::lost);
  open();
  EXPECT_EQ(read_all(), all);
  close();
  open();
  EXPECT_EQ(read_all(), all);
}

TEST_F(LogTest, a_failed_sync_is_final) {
  open();
  append("a", "1");
  host->fault = {DUNLIN_E_IO, host->changes, UINT64_MAX, true};
  EXPECT_EQ(sync(), DUNLIN_E_IO);
  EXPECT_EQ(sync(), DUNLIN_E_IO);
  const Message message{2, ++clock_ns, "a", "", "2", 0, 0};
  const auto record = message.record();
  std::size_t accepted = 0;
  EXPECT_EQ(log->append(std::span(&record, 1), 0, accepted, {}).error().status, DUNLIN_E_IO);
  EXPECT_EQ(observer.poisons, 1);
  host->fault = {};
  EXPECT_EQ(close(), DUNLIN_E_IO);
  open();
  append("a", "2");
  EXPECT_EQ(sync(), DUNLIN_OK);
}

TEST_F(LogTest, syncs_are_answered_together_in_the_order_of_the_calls) {
  open();
  std::vector<int> order;
  struct Note {
    std::vector<int>* order;
    int number;
  };
  std::vector<Note> notes;
  for (int i = 0; i < 10; ++i) notes.push_back({&order, i});
  const auto syncs = observer.syncs;
  for (auto& note : notes) {
    append("a", "x");
    Completion done(
        [](void* user, dunlin_status, const dunlin_error*) {
          static_cast<Note*>(user)->order->push_back(static_cast<Note*>(user)->number);
        },
        &note);
    ASSERT_TRUE(succeeded(log->sync(done)));
  }
  host->run();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_LE(observer.syncs - syncs, 2);
}

}  // namespace
}  // namespace dunlin::storage_file::engine::testing
