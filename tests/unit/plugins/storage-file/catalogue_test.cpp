// The catalogue's contract: what is committed is there, atomically, in order, and after crashes.


#include <gmock/gmock.h>

#include <algorithm>

#include "tests/unit/plugins/storage-file/catalogue_fixture.hpp"

namespace dunlin::storage_file::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

class CatalogueTest : public CatalogueFixture {};

SegmentRow a_segment(std::uint64_t number) {
  SegmentRow row;
  row.number = number;
  row.file = std::to_string(number) + ".seg";
  row.state = SegmentState::sealed;
  row.epoch = 3;
  row.first_seq = number * 100;
  row.last_seq = number * 100 + 99;
  row.first_time_ns = -5;
  row.last_time_ns = 17;
  row.bytes = UINT64_MAX - 1;
  row.key_id = 0xffffffffu;
  row.indexes = {{"1.idx", 4096, UINT64_MAX}, {"1.sub", 0, 1}};
  row.extra = std::string("\0x", 2);
  return row;
}

TEST_F(CatalogueTest, metadata_is_listed_in_byte_order_by_prefix) {
  open();
  put({{"b", "2"}, {"a/2", "x"}, {"a/10", std::string("\0\xff", 2)}, {"a", "1"}});
  EXPECT_THAT(meta("a/"), ElementsAre(Pair("a/10", std::string("\0\xff", 2)), Pair("a/2", "x")));
  EXPECT_THAT(meta(""), ElementsAre(Pair("a", "1"), Pair("a/10", ::testing::_), Pair("a/2", "x"),
                                    Pair("b", "2")));
  EXPECT_THAT(meta("c"), IsEmpty());
}

TEST_F(CatalogueTest, a_question_sees_what_was_accepted_and_not_committed_yet) {
  open();
  bool is_done = false;
  CatalogueBatch batch;
  batch.put_meta({"a", "1"});
  ASSERT_TRUE(catalogue->commit(std::move(batch), [&](const result<>& ok) { is_done = !!ok; }));
  EXPECT_THAT(meta(""), ElementsAre(Pair("a", "1")));
  EXPECT_FALSE(is_done) << "completed inside another call";
  host().run();
  EXPECT_TRUE(is_done);
}

TEST_F(CatalogueTest, completions_come_in_the_order_of_the_calls_and_share_syncs) {
  open();
  put({{"warm", "up"}});
  std::vector<int> order;
  const auto before = syncs();
  for (int i = 0; i < 100; ++i) {
    CatalogueBatch batch;
    batch.put_meta({"k" + std::to_string(i), "v"});
    ASSERT_TRUE(catalogue->commit(std::move(batch), [&order, i](const result<>& ok) {
      if (ok) order.push_back(i);
    }));
  }
  host().run();
  ASSERT_EQ(order.size(), 100u);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  // Of the journal and of the database, for two transactions.
  EXPECT_LE(syncs() - before, 4u);
}

TEST_F(CatalogueTest, every_kind_of_row_comes_back_as_it_was_put) {
  open();
  LogRow log;
  log.id = 7;
  log.name = "streams/ORDERS";
  log.directory = "0007-ORDERS";
  log.first_seq = UINT64_MAX;
  log.has_subjects = false;
  log.epoch = 1;
  CatalogueBatch batch;
  batch.put_log(log);
  batch.put_segment(7, a_segment(2));
  batch.put_segment(7, a_segment(1));
  batch.put_segment(8, a_segment(1));
  batch.put_checkpoint(7, "point");
  batch.add_damage(7, {5, 6, "1.seg", 4096, "unreadable"});
  batch.set_epoch(7, 9);
  ASSERT_TRUE(succeeded(catalogue->commit_now(std::move(batch))));
  reopen();
  const auto found = **catalogue->find_log("streams/ORDERS");
  EXPECT_EQ(found.id, 7u);
  EXPECT_EQ(found.directory, "/store/logs/0007-ORDERS");
  EXPECT_EQ(found.first_seq, UINT64_MAX);
  EXPECT_FALSE(found.has_subjects);
  EXPECT_FALSE(found.must_scan);
  EXPECT_EQ(found.epoch, 9u);
  EXPECT_THAT(*catalogue->segments(7), ElementsAre(a_segment(1), a_segment(2)));
  EXPECT_EQ(**catalogue->checkpoint(7), "point");
  EXPECT_THAT(*catalogue->damage(7), ElementsAre(DamageRow{5, 6, "1.seg", 4096, "unreadable"}));
  EXPECT_EQ(*catalogue->next_log(), 8u);
}

TEST_F(CatalogueTest, a_dropped_log_leaves_nothing_and_its_id_does_not_come_again) {
  open();
  CatalogueBatch batch;
  batch.put_log({.id = 4, .name = "gone", .directory = "d"});
  batch.put_segment(4, a_segment(1));
  batch.put_checkpoint(4, "x");
  batch.add_damage(4, {});
  ASSERT_TRUE(succeeded(catalogue->commit_now(std::move(batch))));
  CatalogueBatch drop;
  drop.erase_log(4);
  ASSERT_TRUE(succeeded(catalogue->commit_now(std::move(drop))));
  EXPECT_FALSE((*catalogue->find_log("gone")).has_value());
  EXPECT_THAT(*catalogue->segments(4), IsEmpty());
  EXPECT_FALSE((*catalogue->checkpoint(4)).has_value());
  EXPECT_THAT(*catalogue->damage(4), IsEmpty());
  EXPECT_EQ(*catalogue->next_log(), 5u);
}

TEST_F(CatalogueTest, large_metadata_is_paged_through_completely) {
  open();
  std::vector<MetaItem> items;
  for (int i = 0; i < 30; ++i) {
    items.push_back({"big/" + std::to_string(100 + i), std::string(200'000, 'a')});
  }
  put(items);
  EXPECT_EQ(meta("big/").size(), 30u);
}

TEST_F(CatalogueTest, what_completed_survives_a_power_cut_at_any_moment) {
  for (const auto cut : {testkit::Cut::lost, testkit::Cut::torn, testkit::Cut::reordered}) {
    for (std::uint64_t seed = 0; seed < 25; ++seed) {
      SCOPED_TRACE(testkit::cat(testkit::cut_name(cut), " seed ", seed));
      start_over(seed);
      open();
      std::map<std::string, std::string> acknowledged;
      const auto rounds = 1 + host().rng.below(40);
      for (std::uint64_t round = 0; round < rounds; ++round) {
        const auto value = std::to_string(round);
        CatalogueBatch batch;
        // Two paths of one batch must never differ.
        const auto key = std::to_string(host().rng.below(5));
        batch.put_meta({"left/" + key, value});
        batch.put_meta({"right/" + key, value});
        batch.put_segment(1, a_segment(round));
        ASSERT_TRUE(catalogue->commit(std::move(batch), [&, key, value](const result<>& ok) {
          ASSERT_TRUE(succeeded(ok));
          acknowledged["left/" + key] = value;
        }));
        if (host().rng.chance(70)) host().run();
        if (host().rng.chance(20)) host().now_ns += 2'000'000'000;
      }
      const auto promised = acknowledged;
      crash(cut);
      open();
      const auto found = meta("");
      for (const auto& [path, value] : promised) {
        ASSERT_TRUE(found.contains(path)) << path;
        EXPECT_GE(std::stoi(found.at(path)), std::stoi(value)) << path;
      }
      for (const auto& [path, value] : found) {
        const bool is_left = path.starts_with("left/");
        const auto twin =
            testkit::cat(is_left ? "right/" : "left/", path.substr(path.find('/') + 1));
        ASSERT_TRUE(found.contains(twin)) << path;
        EXPECT_EQ(found.at(twin), value);
      }
      EXPECT_THAT(damage_found(), IsEmpty());
      close();
    }
  }
}

TEST_F(CatalogueTest, a_power_cut_while_it_is_made_leaves_a_store_that_can_be_made) {
  for (std::uint64_t at = 1; at < 60; ++at) {
    for (const auto cut : {testkit::Cut::lost, testkit::Cut::torn, testkit::Cut::reordered}) {
      SCOPED_TRACE(testkit::cat("change ", at, " ", testkit::cut_name(cut)));
      start_over(at);
      host().fault = {DUNLIN_E_IO, at};
      auto opened = try_open();
      if (opened) static_cast<void>((*opened)->close());
      host().fault = {};
      crash(cut);
      open();
      put({{"a", "1"}});
      reopen();
      EXPECT_THAT(meta(""), ElementsAre(Pair("a", "1")));
      close();
    }
  }
}

TEST_F(CatalogueTest, after_a_failed_sync_nothing_is_accepted_until_it_was_opened_again) {
  open();
  put({{"a", "1"}});
  host().fault = {DUNLIN_E_IO, 0, UINT64_MAX, true};
  EXPECT_EQ(put_status({{"a", "2"}}), DUNLIN_E_IO);
  host().fault = {};
  EXPECT_EQ(put_status({{"a", "3"}}), DUNLIN_E_IO);
  EXPECT_TRUE(has_failed);
  EXPECT_THAT(meta("a"), ElementsAre(Pair("a", "1")));
  reopen();
  EXPECT_EQ(put_status({{"a", "4"}}), DUNLIN_OK);
  EXPECT_THAT(meta("a"), ElementsAre(Pair("a", "4")));
}

TEST_F(CatalogueTest, a_full_disk_refuses_a_batch_whole_and_goes_on_when_there_is_room) {
  open();
  put({{"a", "1"}, {"b", "1"}});
  for (std::uint64_t skip = 0; skip < 6; ++skip) {
    host().fault = {DUNLIN_E_NO_SPACE, host().changes + 1 + skip};
    const auto status = put_status({{"a", "x"}, {"b", "x"}});
    host().fault = {};
    const auto found = meta("");
    EXPECT_EQ(found.at("a"), found.at("b"));
    EXPECT_EQ(found.at("a") == "x", status == DUNLIN_OK) << skip;
    ASSERT_EQ(put_status({{"a", "1"}, {"b", "1"}}), DUNLIN_OK) << skip;
  }
  reopen();
  EXPECT_THAT(meta(""), ElementsAre(Pair("a", "1"), Pair("b", "1")));
}

TEST_F(CatalogueTest, a_store_opened_to_read_only_is_not_touched) {
  open();
  put({{"a", "1"}});
  crash(testkit::Cut::kept);
  const auto before = all_files();
  open(true);
  EXPECT_THAT(meta(""), ElementsAre(Pair("a", "1")));
  EXPECT_EQ(put_status({{"a", "2"}}), DUNLIN_E_DENIED);
  close();
  EXPECT_EQ(all_files(), before);
}

TEST_F(CatalogueTest, a_long_log_and_a_long_journal_are_made_short_again) {
  open();
  for (int i = 0; i < 300; ++i) {
    put({{"k" + std::to_string(i % 7), std::string(30'000, static_cast<char>('a' + i % 20))}});
  }
  EXPECT_LT(host().content("/store/catalogue.db-wal").size(), 5u << 20);
  EXPECT_LT(host().content("/store/metadata.journal").size(), 6u << 20);
  crash(testkit::Cut::lost);
  open();
  EXPECT_EQ(meta("").size(), 7u);
  EXPECT_EQ(meta("").at("k5"), std::string(30'000, static_cast<char>('a' + 299 % 20)));
}

}  // namespace
}  // namespace dunlin::storage_file::testing
