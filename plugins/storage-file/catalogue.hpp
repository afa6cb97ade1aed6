// Catalogue: what a store knows that must change atomically: which logs there are, which segments
// each is made of, where its last checkpoint is, what was found damaged, and the metadata of the
// store's user.
//
//     CatalogueBatch batch;
//     batch.put_segment(row.id, sealed);
//     batch.put_checkpoint(row.id, std::move(state));
//     catalogue.commit(std::move(batch), [](const result<>& outcome) { ... });
//
// A batch is there completely after a crash or not at all. Batches are done in the order of the
// calls; those that wait share one transaction and one sync. Questions see every batch accepted
// before them, committed or not.
//
// Threads: `commit` from anywhere, never blocks; its completion comes once, on a worker, in the
// order of the calls, and may call the catalogue. Questions on control or a worker, may block.
// Failures: after a commit that failed with DUNLIN_E_IO every further one fails too, until the
// store was closed and opened again. DUNLIN_E_NO_SPACE is not final: the batch did not happen.

#pragma once

#include <dunlin/result.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace dunlin::storage_file {

// Never used twice in a store, not even after the log was dropped. 0 is no log.
using LogId = std::uint64_t;

struct LogRow {
  LogId id = 0;
  std::string name;         // as the store's user gave it
  std::string directory;    // absolute; made before the row is
  std::uint64_t first_seq = 1;  // the log was created with
  bool has_subjects = true;
  // Raised by `raise_epoch`. Segments carry the epoch they were written in, so that files that
  // were left behind, or put back from a copy, are told from those that belong to the log.
  std::uint64_t epoch = 0;
  // The rows of this log's segments cannot be relied on (the catalogue was lost or replaced by an
  // old one): open the log from its segments, then put their rows and clear this.
  bool must_scan = false;
};

// What waits to be wiped is no part of its log any more.
enum class SegmentState : std::uint8_t { active = 1, sealed = 2, quarantined = 3, to_wipe = 4 };

// A checksum of a whole file beside a segment: its indexes.
struct FileSum {
  std::string file;  // without the directory
  std::uint64_t bytes = 0;
  std::uint64_t sum = 0;

  bool operator==(const FileSum&) const = default;
};

struct SegmentRow {
  std::uint64_t number = 0;  // ascending in the log, never used twice
  std::string file;          // without the directory
  SegmentState state = SegmentState::active;
  std::uint64_t epoch = 0;
  std::uint64_t first_seq = 0, last_seq = 0;  // of an active one: as far as known
  std::int64_t first_time_ns = 0, last_time_ns = 0;
  std::uint64_t bytes = 0;   // used; what the file has beyond is filling
  // The key all its blocks need; 0 for none (codec.hpp). One that was written with another key than
  // the current one takes no more blocks: it is sealed when the log is opened.
  std::uint32_t key_id = 0;
  std::vector<FileSum> indexes;
  std::string extra;  // the engine's own, opaque

  bool operator==(const SegmentRow&) const = default;
};

// Something that cannot be read, kept until the log is dropped.
struct DamageRow {
  std::uint64_t first = 0, last = 0;  // sequences; 0, 0 when no record is lost
  std::string file;                   // without the store's directory
  std::uint64_t offset = 0;
  std::string text;

  bool operator==(const DamageRow&) const = default;
};

struct MetaItem {
  std::string path;
  std::string blob;
};

namespace change {
struct PutSegment { LogId log; SegmentRow row; };
struct EraseSegment { LogId log; std::uint64_t number; };
struct PutCheckpoint { LogId log; std::string blob; };
struct AddDamage { LogId log; DamageRow row; };
struct ClearDamage { LogId log; };
struct SetEpoch { LogId log; std::uint64_t epoch; };
struct Scanned { LogId log; };
struct PutLog { LogRow row; };
struct EraseLog { LogId log; };
struct PutMeta { MetaItem item; };
struct EraseMeta { std::string path; };
// The id of the next log is at least this: those of dropped logs do not come again.
struct NextLog { LogId next; };
}  // namespace change

using Change = std::variant<change::PutSegment, change::EraseSegment, change::PutCheckpoint,
                            change::AddDamage, change::ClearDamage, change::SetEpoch,
                            change::Scanned, change::PutLog, change::EraseLog, change::PutMeta,
                            change::EraseMeta, change::NextLog>;

// Changes in the order they were made.
class CatalogueBatch {
 public:
  // Replaces the row with that number.
  void put_segment(LogId log, SegmentRow row) {
    changes_.push_back(change::PutSegment{log, std::move(row)});
  }
  void erase_segment(LogId log, std::uint64_t number) {
    changes_.push_back(change::EraseSegment{log, number});
  }
  // One for each log; replaces the one before. Opaque, at most a few kilobytes: what is larger
  // goes into a file the blob names.
  void put_checkpoint(LogId log, std::string blob) {
    changes_.push_back(change::PutCheckpoint{log, std::move(blob)});
  }
  void add_damage(LogId log, DamageRow row) {
    changes_.push_back(change::AddDamage{log, std::move(row)});
  }
  void clear_damage(LogId log) { changes_.push_back(change::ClearDamage{log}); }
  void set_epoch(LogId log, std::uint64_t epoch) {
    changes_.push_back(change::SetEpoch{log, epoch});
  }
  // The log was opened from its segments, whose rows are in this batch.
  void clear_must_scan(LogId log) { changes_.push_back(change::Scanned{log}); }

  // For the store alone: the engine neither makes nor drops logs.
  void put_log(LogRow row) { changes_.push_back(change::PutLog{std::move(row)}); }
  void erase_log(LogId log) { changes_.push_back(change::EraseLog{log}); }
  void put_meta(MetaItem item) { changes_.push_back(change::PutMeta{std::move(item)}); }
  void erase_meta(std::string path) { changes_.push_back(change::EraseMeta{std::move(path)}); }

  [[nodiscard]] bool empty() const noexcept { return changes_.empty(); }
  [[nodiscard]] const std::vector<Change>& changes() const noexcept { return changes_; }

 private:
  std::vector<Change> changes_;
};

using CommitDone = std::function<void(const result<>&)>;

class Catalogue {
 public:
  virtual ~Catalogue() = default;

  // Fails at once, without a completion, only when the host takes no more work.
  virtual result<> commit(CatalogueBatch batch, CommitDone done) = 0;

  virtual result<std::optional<LogRow>> find_log(std::string_view name) = 0;
  // Ascending by number.
  virtual result<std::vector<SegmentRow>> segments(LogId log) = 0;
  virtual result<std::optional<std::string>> checkpoint(LogId log) = 0;
  virtual result<std::vector<DamageRow>> damage(LogId log) = 0;

 protected:
  Catalogue() = default;
  Catalogue(const Catalogue&) = delete;
  Catalogue& operator=(const Catalogue&) = delete;
};

}  // namespace dunlin::storage_file
