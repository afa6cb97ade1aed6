// Rewriter: makes one segment file of the live records of one or several that stand side by side,
// in less space, compressed, or encrypted with another key.
//
//     0   header (segment.hpp)      written last: without it the file is none
//     64  mark, start               as the journal writes them
//         rewritten                 how, and which sequences it has not
//         records                   plain, or in blocks of about 64 KiB
//         remove, reschedule        what was said here of records that older files have still
//         rewritten, end
//
// When everything has to be read again, the new file says the same of the log as the old ones did
// at the moment its plan was made. Records that cannot be read are left out, and are no holes: they
// stay lost.
//
// Threads: a worker, one at a time; made anywhere, destroyed on a worker. Errors are those of the
// disk; `abandon` removes what there is.

#pragma once

#include <dunlin/result.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "plugins/storage-file/codec.hpp"
#include "plugins/storage-file/log/index_loader.hpp"
#include "plugins/storage-file/log/scan.hpp"
#include "plugins/storage-file/log/segment.hpp"
#include "plugins/storage-file/observer.hpp"

namespace dunlin::storage_file::engine {

struct RewriteSource {
  SegmentRef segment;
  std::uint64_t end_seq = 0;  // what its index has at or above was truncated
  std::shared_ptr<const SegmentIndex> index;
  std::shared_ptr<const BlockCodec> codec;
};

struct RewritePlan {
  // A segment in front of the new one: which sequences, and how far removals are done in it.
  struct Older {
    std::uint64_t first_seq = 0, end_seq = 0, clean_to = 0;
  };

  SegmentHeader header;  // the capacity comes with the file
  bool has_subjects = true;
  std::vector<RewriteSource> sources;
  std::uint64_t first_seq = 0, end_seq = 0;  // what the new one accounts for
  std::uint64_t floor = 0;                   // what is below is gone
  std::vector<Range> dead;                   // of those sequences
  std::vector<Older> older;
  std::uint64_t clean_to = 0;
  std::uint32_t compression = 0;
  std::shared_ptr<const BlockCodec> codec;   // of the new one
};

struct RewrittenFile {
  struct Unreadable {
    std::uint64_t seq = 0, segment = 0;
    std::uint32_t offset = 0;
  };

  std::uint32_t used = 0, kept_bytes = 0;
  std::uint64_t records = 0, read_bytes = 0;
  std::vector<Unreadable> unreadable;     // live when the plan was made
  std::vector<std::uint64_t> damaged;     // numbers of sources of which some cannot be read
};

class Rewriter {
 public:
  Rewriter(const Directory& directory, RewritePlan plan, Observer& observer);

  // Reads about so many bytes; true when the file is there under its name, and durable.
  [[nodiscard]] result<bool> go_on(std::uint64_t bytes);
  [[nodiscard]] const RewrittenFile& file() const noexcept { return out_; }
  [[nodiscard]] const RewritePlan& plan() const noexcept { return plan_; }
  void abandon() noexcept;

 private:
  static constexpr std::uint32_t block_bytes = 64u << 10;

  result<> begin();
  result<> open_source();
  [[nodiscard]] Start first_start() const;
  // False when the source is at its end.
  result<bool> read_some(std::uint64_t bytes);
  result<> take(const Scanned& scanned);
  result<> take_record(const Scanned& scanned, const dunlin_record& record);
  void keep_removed(Range range, std::uint64_t place);
  void forget_above(std::uint64_t last);
  // Is the record in that source the one of this sequence that counts?
  [[nodiscard]] bool is_ours(std::uint64_t seq) const noexcept;
  [[nodiscard]] bool is_older(std::uint64_t seq) const noexcept;
  [[nodiscard]] bool is_dead(std::uint64_t seq) const noexcept;
  void close_source();
  result<> put(EntryKind kind, std::vector<std::uint8_t>& entry);
  result<> put_record(const dunlin_record& record);
  result<> close_block();
  result<> flush();
  result<> put_kept();
  result<> finish();
  [[nodiscard]] std::uint32_t position() const noexcept {
    return static_cast<std::uint32_t>(base_ + buffer_.size());
  }

  const Directory& directory_;
  RewritePlan plan_;
  Observer& observer_;
  RewrittenFile out_;
  SegmentKey key_;
  std::shared_ptr<File> file_;
  std::unique_ptr<SegmentIndex> index_;
  SubjectNumbers subjects_;

  // The source that is read.
  std::size_t source_ = 0;
  std::optional<SegmentScan> scan_;
  std::shared_ptr<File> source_file_;
  std::vector<bool> copied_;       // by item of its index
  bool has_damage_ = false;
  std::uint64_t journal_end_ = 0;  // the next sequence, as the sources themselves tell it

  std::vector<Range> removed_;
  std::map<std::uint64_t, std::uint64_t> rescheduled_;

  std::vector<std::uint8_t> buffer_, block_;
  std::uint64_t base_ = segment_header_bytes;  // where the buffer stands
  std::uint64_t synced_ = 0;
  std::uint32_t block_at_ = 0;
  bool is_renamed_ = false;
};

}  // namespace dunlin::storage_file::engine
