// Brings the index of a sealed segment into memory: from its file, or, when that is lost or
// damaged, from the segment itself.
//
// Threads: control or a worker; it reads files. Any number of segments at a time.

#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/storage-file/codec.hpp"
#include "plugins/storage-file/log/file.hpp"
#include "plugins/storage-file/log/segment.hpp"

namespace dunlin::storage_file::engine {

// Gives each subject of an index that is being made its number.
class SubjectNumbers {
 public:
  explicit SubjectNumbers(SegmentIndex& index) : index_(index) {}
  std::uint32_t of(std::string_view name);

 private:
  std::uint32_t& slot_of(std::string_view name);
  void grow();

  SegmentIndex& index_;
  std::vector<std::uint32_t> slots_;  // a power of two, at most half of them taken
};

// What of a segment the loader needs; a copy, since the segment belongs to the log's thread.
struct SegmentRef {
  std::uint64_t log = 0, number = 0, salt = 0;
  std::uint32_t used = 0;
  bool has_subjects = true, has_index_file = false;
  std::shared_ptr<File> file;

  [[nodiscard]] SegmentKey key() const noexcept { return SegmentKey::of(log, number, salt); }
};

// A stretch of a segment in which nothing can be believed.
struct BadPlace {
  std::uint32_t begin = 0, end = 0;
};

struct LoadedIndex {
  std::shared_ptr<SegmentIndex> index;
  std::shared_ptr<File> file;
  bool is_rebuilt = false;     // the index file was no good: `why`
  std::string why;
  std::vector<BadPlace> bad;   // found when the segment was read
};

struct OpenedSegment {
  std::shared_ptr<File> file;
  std::string trouble;  // what is wrong with its header; entries prove themselves all the same
};

// Opens the file of a segment. DUNLIN_E_NOT_FOUND when it is gone.
[[nodiscard]] result<OpenedSegment> open_segment_file(const Directory& directory,
                                                      const SegmentRef& segment,
                                                      std::uint32_t flags);
[[nodiscard]] result<LoadedIndex> load_index(const Directory& directory, SegmentRef segment,
                                             const BlockCodec* codec);
// From the segment alone; `segment.file` is open.
[[nodiscard]] result<LoadedIndex> scan_index(const SegmentRef& segment, const BlockCodec* codec);
// Writes and syncs the index of a sealed segment.
[[nodiscard]] result<> write_index(const Directory& directory, const SegmentRef& segment,
                                   const SegmentIndex& index);

}  // namespace dunlin::storage_file::engine
