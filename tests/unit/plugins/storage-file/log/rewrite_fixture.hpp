// What the tests of background work share: a log of about a dozen segments, thinned out, and the
// comparison with what it should hold; and the same with a power cut at each write.

#pragma once

#include <algorithm>

#include "tests/unit/plugins/storage-file/log/fixture.hpp"

namespace dunlin::storage_file::engine::testing {

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

// A power cut at each write and sync from the start on that does the work.
class RewriteCutTest : public RewriteTest {
 protected:
  void cut_everywhere() {
    const auto disk = host->disk;
    const auto rows = catalogue->segment_rows;
    const auto note = catalogue->note;
    bool is_through = false;
    for (std::uint64_t at = 1; !is_through && at < 1000; ++at) {
      using testkit::Cut;
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

}  // namespace dunlin::storage_file::engine::testing
