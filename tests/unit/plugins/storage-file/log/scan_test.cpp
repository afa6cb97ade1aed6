// Looking for the next entry behind a place that cannot be believed: it finds what is there, and
// what a file held before, or somebody wrote to mislead it, costs little.

#include <algorithm>

#include "plugins/storage-file/bytes.hpp"
#include "plugins/storage-file/log/scan.hpp"
#include "plugins/storage-file/log/segment.hpp"
#include "tests/unit/plugins/storage-file/log/fixture.hpp"

namespace dunlin::storage_file::engine::testing {
namespace {

constexpr std::size_t file_bytes = 16u << 20;
constexpr std::uint64_t sum_max = 320u << 20;  // a tenth of a second

class ScanTest : public LogFixture {
 protected:
  [[nodiscard]] std::shared_ptr<File> file_of(const std::vector<std::uint8_t>& bytes) {
    host->write(store.dir + "/scanned", std::string(bytes.begin(), bytes.end()));
    const Directory directory(store.host, store.fs, store.dir);
    auto file = directory.open("scanned", DUNLIN_FS_READ);
    EXPECT_TRUE(succeeded(file));
    return *file;
  }
  [[nodiscard]] SegmentScan scan(const File& file) const {
    return {file, now, segment_header_bytes, file_bytes, nullptr};
  }
  // Where the record stands behind; 0 when it does not fit.
  static std::uint32_t put(std::vector<std::uint8_t>& to, std::uint32_t at, std::uint64_t seq,
                           const std::string& payload, SegmentKey key) {
    const Message message{seq, static_cast<std::int64_t>(seq), "orders.eu", "", payload, 0, 0};
    const auto record = message.record();
    const auto bytes = record_entry_bytes(record);
    if (at + padded(bytes) > to.size()) return 0;
    write_record(to.data() + at, record, bytes, at, key);
    return at + padded(bytes);
  }

  const SegmentKey before = SegmentKey::of(1, 65536, 7), now = SegmentKey::of(1, 131072, 8);
  std::vector<std::uint8_t> content = std::vector<std::uint8_t>(file_bytes);
};

TEST_F(ScanTest, what_a_file_held_before_costs_a_bounded_sum) {
  std::uint64_t seq = 0;
  for (std::uint32_t at = segment_header_bytes; at != 0; ++seq) {
    const auto id = std::to_string(seq * 7919);
    at = put(content, at, seq + 1, R"({"id": )" + id + R"(, "state": "XP`0 8@H paid"})", before);
  }
  const auto file = file_of(content);
  auto scanning = scan(*file);
  EXPECT_FALSE(scanning.resync());
  EXPECT_LE(scanning.summed_bytes(), sum_max);
}

// Messages full of heads, each of which claims what would have to be summed up for minutes.
TEST_F(ScanTest, content_made_to_look_like_entries_costs_a_bounded_sum) {
  std::vector<std::uint8_t> head(record_head_bytes);
  for (std::uint32_t at = segment_header_bytes; at + head.size() < file_bytes;
       at += record_head_bytes) {
    store_le(content.data() + at + 4,
             (4u << 20) | static_cast<std::uint32_t>(EntryKind::record) << 27);
  }
  const auto last = file_bytes - 4096;
  put(content, last, 5, "the one that is real", now);
  const auto file = file_of(content);
  auto scanning = scan(*file);
  EXPECT_TRUE(scanning.resync());
  EXPECT_EQ(scanning.position(), last);
  EXPECT_LE(scanning.summed_bytes(), 10 * sum_max);  // each small claim is looked at
}

TEST_F(ScanTest, a_large_record_behind_noise_is_found) {
  std::uint32_t at = segment_header_bytes;
  for (std::uint64_t seq = 1; at < 9u << 20; ++seq) {
    at = put(content, at, seq, std::string(70'000, 'x'), before);
  }
  put(content, at, 5, std::string(1u << 20, 'y'), now);
  const auto file = file_of(content);
  auto scanning = scan(*file);
  EXPECT_TRUE(scanning.resync());
  EXPECT_EQ(scanning.position(), at);
  EXPECT_TRUE(scanning.next());
}

TEST_F(ScanTest, every_kind_of_entry_is_found_behind_noise) {
  std::vector<std::vector<std::uint8_t>> entries(9);
  put_mark(entries[0], 5);
  put_last_mark(entries[1], 5, 6);
  put_start(entries[2], {});
  put_skip(entries[3], {1, 2, 3});
  put_remove(entries[4], std::vector<engine::Range>{{1, 2}, {5, 9}}, true);
  put_numbers(entries[5], 7);
  put_numbers(entries[6], 7, 8);
  put_rewritten(entries[7], {DUNLIN_COMPRESS_ZSTD, 1, 2, {}});
  entries[8].resize(entry_head_bytes);
  const std::vector<std::vector<EntryKind>> kinds = {
      {EntryKind::mark}, {EntryKind::mark}, {EntryKind::start}, {EntryKind::skip},
      {EntryKind::remove}, {EntryKind::purge, EntryKind::truncate}, {EntryKind::reschedule},
      {EntryKind::rewritten}, {EntryKind::end}};
  for (std::size_t i = 0; i < entries.size(); ++i) {
    for (const auto kind : kinds[i]) {
      std::fill(content.begin(), content.end(), std::uint8_t{'#'});
      auto entry = entries[i];
      const auto bytes = static_cast<std::uint32_t>(entry.size());
      entry.resize(padded(bytes));
      seal_entry(entry.data(), kind, bytes, 4096, now);
      std::copy(entry.begin(), entry.end(), content.begin() + 4096);
      const auto file = file_of(content);
      auto scanning = scan(*file);
      ASSERT_TRUE(scanning.resync()) << i;
      EXPECT_EQ(scanning.position(), 4096u);
    }
  }
}

}  // namespace
}  // namespace dunlin::storage_file::engine::testing
