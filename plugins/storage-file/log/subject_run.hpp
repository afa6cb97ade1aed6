// SubjectRun: subjects and their spans in a file that never changes: sorted, in blocks with
// checksums, so that one subject costs the read of one block and memory holds only where the blocks
// begin. Several runs make up a log's subjects; the newest that has a subject is right.
//
//     blocks   CRC-32C seeded with the run's salt and the place, then entries:
//              bytes shared with the name before, bytes that are its own, those; count and flags;
//              first; last - first. A count of 0: the subject is gone, whatever older runs say.
//     fences   the first name of each block and its place
//     end      magic, log, number, salt, entries, place of the fences, CRC-32C of fences and end
//
// A run is an index: all of it can be made again from the segments. What fails its checksum is
// DUNLIN_E_CORRUPT and never believed.
//
// Threads: control or a worker, everything but the coding reads or writes files. A run may be read
// by any number of them at a time, each with its own reader.

#pragma once

#include <dunlin/result.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/storage-file/log/file.hpp"
#include "plugins/storage-file/log/subject_span.hpp"

namespace dunlin::storage_file::engine {

// What a checkpoint keeps of a run.
struct RunNote {
  std::uint64_t number = 0;  // of the file
  std::uint64_t salt = 0;
  std::uint64_t bytes = 0, entries = 0;
  std::uint32_t sum = 0;     // of its end
  bool operator==(const RunNote&) const = default;
};

inline constexpr std::string_view run_suffix = ".sub";
[[nodiscard]] std::string run_file_name(std::uint64_t number);

// ---- coding -----------------------------------------------------------------------------------

// The entries of a block, one after the other.
class RunEntries {
 public:
  // What is read: fill it, then `begin` with where entries begin in it.
  [[nodiscard]] std::vector<std::uint8_t>& bytes() noexcept { return bytes_; }
  void begin(std::size_t at) noexcept {
    at_ = at;
    name_.clear();
    has_entry_ = false;
  }
  // False at the end; DUNLIN_E_CORRUPT for what makes no sense.
  result<bool> next();
  [[nodiscard]] bool has_entry() const noexcept { return has_entry_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const SubjectSpan& span() const noexcept { return span_; }

 private:
  std::vector<std::uint8_t> bytes_;
  std::size_t at_ = 0;
  bool has_entry_ = false;
  std::string name_;
  SubjectSpan span_;
};

// `before` is the name in front of it in the block, empty for the first. `span` is no change.
void put_run_entry(std::string_view before, std::string_view name, const SubjectSpan& span,
                   std::vector<std::uint8_t>& out);

// Where blocks begin, and with which name.
class RunFences {
 public:
  // False for what makes no sense.
  [[nodiscard]] bool read(std::span<const std::uint8_t> bytes);
  [[nodiscard]] std::size_t size() const noexcept { return fences_.size(); }
  [[nodiscard]] std::uint64_t offset(std::size_t block) const noexcept {
    return fences_[block].offset;
  }
  [[nodiscard]] std::string_view name(std::size_t block) const noexcept {
    return {names_.data() + fences_[block].name_at, fences_[block].name_bytes};
  }
  // The block that has `name`, if one does; there is one at least.
  [[nodiscard]] std::size_t block_of(std::string_view name) const noexcept;
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return fences_.capacity() * sizeof(Fence) + names_.capacity();
  }

 private:
  struct Fence {
    std::uint64_t offset;
    std::uint32_t name_at, name_bytes;
  };
  std::vector<Fence> fences_;
  std::string names_;
};

// ---- files ------------------------------------------------------------------------------------

class SubjectRun {
 public:
  // DUNLIN_E_CORRUPT when the file is not the run that `note` describes, or is gone.
  static result<std::shared_ptr<const SubjectRun>> open(const Directory& directory,
                                                        std::uint64_t log, const RunNote& note);

  [[nodiscard]] const RunNote& note() const noexcept { return note_; }
  [[nodiscard]] const RunFences& fences() const noexcept { return fences_; }
  // A block with its checksum, which is right.
  result<> read_block(std::size_t block, std::vector<std::uint8_t>& out) const;
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return sizeof *this + fences_.memory_bytes();
  }

 private:
  SubjectRun() = default;

  RunNote note_;
  std::uint64_t fences_at_ = 0;  // where the blocks end
  RunFences fences_;
  std::shared_ptr<File> file_;
};

// Where in the runs something stands.
struct RunPlace {
  std::uint64_t run = 0;  // its number
  std::uint64_t offset = 0;
};

// Newest first.
using SubjectRuns = std::vector<std::shared_ptr<const SubjectRun>>;

// Walks through one run.
class RunReader {
 public:
  explicit RunReader(std::shared_ptr<const SubjectRun> run) : run_(std::move(run)) {}

  // To the first subject that is not below `key`.
  result<> seek(std::string_view key);
  result<> next();
  [[nodiscard]] bool at_end() const noexcept { return is_at_end_; }
  [[nodiscard]] const std::string& name() const noexcept { return entries_.name(); }
  [[nodiscard]] const SubjectSpan& span() const noexcept { return entries_.span(); }
  // One block at most is read; nothing when the run does not have it.
  result<std::optional<SubjectSpan>> find(std::string_view name);
  // The block that was read last, or could not be.
  [[nodiscard]] RunPlace last_read() const noexcept { return last_read_; }

 private:
  static constexpr std::size_t no_block = ~std::size_t{0};
  result<> load(std::size_t block);
  // To the front of the block that has `name`, if the run does, unless it stands in front of it.
  result<> approach(std::string_view name);

  std::shared_ptr<const SubjectRun> run_;
  std::size_t block_ = no_block;
  RunPlace last_read_;
  RunEntries entries_;
  bool is_at_end_ = true;
};

// Walks through several runs at once: every subject, as the newest run has it, those that are gone
// included.
class RunsReader {
 public:
  explicit RunsReader(const SubjectRuns& runs);

  result<> seek(std::string_view key);
  result<> next();
  [[nodiscard]] bool at_end() const noexcept { return now_ == nullptr; }
  [[nodiscard]] const std::string& name() const noexcept { return now_->name(); }
  [[nodiscard]] const SubjectSpan& span() const noexcept { return now_->span(); }
  // Cheap for names that come in order.
  result<std::optional<SubjectSpan>> find(std::string_view name);
  // After a failure: where.
  [[nodiscard]] RunPlace last_read() const noexcept { return last_read_; }

 private:
  void choose();

  std::vector<RunReader> readers_;
  RunReader* now_ = nullptr;
  RunPlace last_read_;
};

// Writes a run, subject by subject in order; it is a file once `finish` succeeded.
class RunWriter {
 public:
  static result<RunWriter> create(const Directory& directory, std::uint64_t log,
                                  std::uint64_t number, std::uint64_t salt);

  // Names ascend; `span` is no change.
  result<> add(std::string_view name, const SubjectSpan& span);
  [[nodiscard]] std::uint64_t entries() const noexcept { return note_.entries; }
  // Written and synced; the directory is not.
  result<RunNote> finish();

 private:
  RunWriter() = default;
  void end_block();
  result<> write();

  std::shared_ptr<File> file_;
  std::uint64_t log_ = 0;
  RunNote note_;
  std::vector<std::uint8_t> out_;      // not written yet
  std::vector<std::uint8_t> block_;
  std::vector<std::uint8_t> fences_;
  std::uint64_t last_fence_ = 0;
  std::string last_name_;
};

}  // namespace dunlin::storage_file::engine
