#include "plugins/storage-file/journal.hpp"

#include <gmock/gmock.h>

#include "tests/unit/plugins/storage-file/support.hpp"

namespace dunlin::storage_file::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr const char* path = "/journal";

class JournalTest : public ::testing::Test {
 protected:
  // A snapshot with `snapshot` rows as of commit 10, and commits up to `last`.
  Journal written(int snapshot, std::uint64_t last) {
    Journal journal(host.files(), path);
    const auto rows = [&](const auto& put) -> result<> {
      for (int i = 0; i < snapshot; ++i) {
        if (auto ok = put(meta(i)); !ok) return ok;
      }
      return {};
    };
    EXPECT_TRUE(succeeded(journal.rewrite(store, 10, rows)));
    for (std::uint64_t commit = 11; commit <= last; ++commit) {
      EXPECT_TRUE(succeeded(journal.append(commit, {meta(static_cast<int>(commit))})));
    }
    return journal;
  }
  static Change meta(int n) {
    return change::PutMeta{{"p" + std::to_string(n), std::string(100, 'x')}};
  }
  result<JournalContent> read() {
    paths.clear();
    return Journal(host.files(), path).read([&](std::uint64_t, const std::vector<Change>& changes) {
      for (const auto& change : changes) {
        paths.push_back(std::get<change::PutMeta>(change).item.path);
      }
      return result<>{};
    });
  }

  TestHost host;
  StoreId store{1, 2, 3};
  std::vector<std::string> paths;
};

TEST_F(JournalTest, it_gives_back_snapshot_and_commits) {
  written(5000, 12);
  auto content = read();
  ASSERT_TRUE(succeeded(content));
  EXPECT_EQ((*content).store_id, store);
  EXPECT_EQ((*content).snapshot_commit, 10u);
  EXPECT_EQ((*content).last_commit, 12u);
  EXPECT_THAT((*content).damage, IsEmpty());
  EXPECT_FALSE((*content).is_closed);
  EXPECT_EQ(paths.size(), 5002u);
  EXPECT_EQ(paths.back(), "p12");
}

TEST_F(JournalTest, it_goes_on_where_it_was_closed) {
  {
    auto journal = written(1, 11);
    ASSERT_TRUE(journal.close(11));
  }
  auto content = read();
  ASSERT_TRUE(succeeded(content));
  EXPECT_TRUE((*content).is_closed);
  Journal journal(host.files(), path);
  ASSERT_TRUE(journal.resume(*content));
  ASSERT_TRUE(journal.append(12, {meta(12)}));
  content = read();
  EXPECT_EQ((*content).last_commit, 12u);
  EXPECT_FALSE((*content).is_closed);
  EXPECT_THAT((*content).damage, IsEmpty());
}

TEST_F(JournalTest, a_commit_that_was_withdrawn_is_not_there) {
  auto journal = written(1, 12);
  ASSERT_TRUE(journal.withdraw());
  EXPECT_EQ((*read()).last_commit, 11u);
  ASSERT_TRUE(journal.append(12, {meta(99)}));
  EXPECT_EQ((*read()).last_commit, 12u);
  EXPECT_EQ(paths.back(), "p99");
}

TEST_F(JournalTest, it_ends_in_front_of_what_is_damaged) {
  written(1, 20);
  const auto content = host.content(path);
  host.flip(path, (content.find_last_not_of('\0') + 1) * 2 / 3);
  auto damaged = read();
  ASSERT_TRUE(succeeded(damaged));
  EXPECT_LT((*damaged).last_commit, 20u);
  EXPECT_GT((*damaged).last_commit, 10u);
  EXPECT_THAT((*damaged).damage, HasSubstr("damaged or torn"));
  EXPECT_EQ(paths.size(), (*damaged).last_commit - 10 + 1);
}

TEST_F(JournalTest, a_frame_of_an_older_file_is_not_taken_for_one_of_this) {
  written(1, 20);
  const auto old = host.content(path);
  {
    auto journal = written(1, 10);
    ASSERT_TRUE(journal.rewrite(store, 10, [&](const auto& put) { return put(meta(0)); }));
  }
  const auto fresh = host.content(path);
  host.write(path, fresh + old.substr(fresh.size()));
  EXPECT_EQ((*read()).last_commit, 10u);
}

TEST_F(JournalTest, a_rewrite_that_fails_leaves_the_old_one_in_use) {
  auto journal = written(3, 12);
  const auto rows = [&](const auto& put) { return put(meta(1)); };
  for (std::uint64_t skip = 0; skip < 5; ++skip) {
    host.fault = {DUNLIN_E_NO_SPACE, host.changes + 1 + skip, 1};
    const auto outcome = journal.rewrite(store, 12, rows);
    host.fault = {};
    if (outcome) continue;
    ASSERT_EQ((*read()).snapshot_commit, 10u) << skip;
    EXPECT_EQ((*read()).last_commit, 12u);
  }
  ASSERT_TRUE(journal.append(13, {meta(13)}));
  EXPECT_EQ((*read()).last_commit, 13u);
}

TEST_F(JournalTest, every_kind_of_change_comes_back) {
  SegmentRow segment;
  segment.number = 4;
  segment.file = "f";
  segment.state = SegmentState::quarantined;
  segment.first_time_ns = INT64_MIN;
  segment.indexes = {{"i", 1, 2}};
  segment.extra = std::string("\0", 1);
  LogRow log;
  log.id = 9;
  log.name = "n";
  log.must_scan = true;
  const std::vector<Change> all = {
      change::PutSegment{1, segment}, change::EraseSegment{1, 2},
      change::PutCheckpoint{1, "c"},  change::AddDamage{1, {1, 2, "f", 3, "t"}},
      change::ClearDamage{1},         change::SetEpoch{1, 2},
      change::Scanned{1},             change::PutLog{log},
      change::EraseLog{1},            change::PutMeta{{"p", "b"}},
      change::EraseMeta{"p"},         change::NextLog{8}};
  ASSERT_EQ(all.size(), std::variant_size_v<Change>) << "a kind is missing here";
  Bytes bytes;
  for (const auto& change : all) encode_change(change, bytes);
  Reader reader(bytes);
  Bytes again;
  for (const auto& change : all) {
    auto decoded = decode_change(reader);
    ASSERT_TRUE(succeeded(decoded));
    EXPECT_EQ((*decoded).index(), change.index());
    encode_change(*decoded, again);
  }
  EXPECT_EQ(again, bytes);
  EXPECT_EQ(reader.left(), 0u);
  for (std::size_t n = 1; n < 20; ++n) {
    Reader cut(BytesView(bytes).first(n));
    EXPECT_FALSE(decode_change(cut)) << n;
  }
}

}  // namespace
}  // namespace dunlin::storage_file::testing
