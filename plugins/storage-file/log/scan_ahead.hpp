// Reading whole segments when every index was lost: each by itself, by whoever has time, while the
// results are put together in the order of the journal.
//
// Threads: `take` is called by the thread that opens the log, which scans what nobody has begun;
// workers that were asked to help take segments off it, one at a time: in between others have their
// turn, and no worker waits. Nobody waits for a task that may not have been started: without
// helpers, or in a simulation where they come too late, the opener does it all.

#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include <dunlin/executor.hpp>

#include "plugins/storage-file/codec.hpp"
#include "plugins/storage-file/log/entry.hpp"
#include "plugins/storage-file/log/file.hpp"
#include "plugins/storage-file/log/segment_index.hpp"

namespace dunlin::storage_file::engine {

// What stands in a segment the journal wrote, when all of it can be believed and nothing in it
// hangs on the order of records and other changes.
struct SegmentContent {
  std::shared_ptr<SegmentIndex> index;
  std::uint32_t end = 0;          // where its entries end
  std::uint32_t durable = 0;      // its entries in front of this were, when the last was written
  std::uint32_t key_id = 0;       // of its blocks; 0 for none
  std::uint64_t read_bytes = 0;
  std::uint64_t content_bytes = 0;  // of its records, as accounted
  std::uint64_t records = 0;        // erased ones excluded
  std::uint64_t next_seq = 0;       // behind it
  std::int64_t last_time_ns = 0;
  std::vector<std::uint64_t> erased;
  struct Due {
    std::uint64_t seq;
    std::int64_t expires_ns, due_ns;
  };
  std::vector<Due> due;
  std::vector<Skip> skips;
  // Removals and the like, as they stand in the journal.
  std::vector<std::pair<EntryKind, std::vector<std::uint8_t>>> changes;
};

struct ScanJob {
  std::shared_ptr<File> file;
  SegmentKey key;
  std::uint32_t begin = 0, end = 0;
  std::uint64_t next_seq = 1;  // of its first record
  bool has_subjects = true;
  BlockCodec codec;
};

// Nothing when the segment has to be read entry by entry.
[[nodiscard]] std::optional<SegmentContent> read_content(const ScanJob& job);

class ScanAhead {
 public:
  // Asks for help when there is more than one segment.
  ScanAhead(const Executor& executor, std::vector<std::optional<ScanJob>> jobs);
  ScanAhead(const ScanAhead&) = delete;
  ScanAhead& operator=(const ScanAhead&) = delete;
  // Waits for those who are at work.
  ~ScanAhead();

  // The content of the segment at that place; places ascend.
  [[nodiscard]] std::optional<SegmentContent> take(std::size_t place);

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace dunlin::storage_file::engine
