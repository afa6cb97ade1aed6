// Journal: the second copy of everything in the catalogue, in one file of its own.
//
// Each commit is appended before the database commits it; now and then the file is replaced by one
// that begins with all rows there are. So a catalogue that was lost, damaged, or put back from an
// old copy is made again from here, and one that silently lost the end of its log is noticed,
// because the journal is ahead of it.
//
// Appends are written at once and synced by `sync`, which a commit waits for as it waits for the
// database's own: then either of the two may be damaged.
//
//     head     "DUNLINMJ", version u32, zero u32, store id 16 bytes, generation u64, XXH3 u64
//     frames   size u32, kind u32, commit u64, XXH3 u64, content
//     kinds    1 rows of a snapshot, 2 the snapshot is complete, 3 one commit, 4 closed cleanly
//
// While it is open, zeros follow the last frame.
//
// A frame's checksum covers its head and is seeded with the generation and the frame's place, so
// neither a frame of an older file nor one that was moved is taken for one of this.
//
// One thread at a time, control or a worker.

#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include "change_coding.hpp"
#include "files.hpp"

namespace dunlin::storage_file {

using StoreId = std::array<std::uint8_t, 16>;

// What reading a journal brought. Everything before the first frame that cannot be read counts.
struct JournalContent {
  StoreId store_id{};
  std::uint64_t generation = 0;
  std::uint64_t snapshot_commit = 0;  // what the snapshot is of
  std::uint64_t last_commit = 0;   // 0 when there is none
  std::uint64_t bytes = 0;         // that were good
  bool is_closed = false;          // ends with a clean close
  bool has_snapshot = false;       // one that is complete: what follows it is everything
  std::string damage;              // why reading ended before the end of the file; empty if not
};

// Calls `visit(commit, changes)` for the snapshot, in pieces and with the number of its commit, and
// then for each commit. Pure: for the journal below, and for whoever inspects a store.
using VisitChanges = std::function<result<>(std::uint64_t commit, std::vector<Change> changes)>;
[[nodiscard]] result<JournalContent> read_journal(BytesView file, const VisitChanges& visit);

class Journal {
 public:
  explicit Journal(Files files, std::string path) : files_(files), path_(std::move(path)) {}

  // DUNLIN_E_NOT_FOUND when there is no file. A head that cannot be read is DUNLIN_E_CORRUPT.
  [[nodiscard]] result<JournalContent> read(const VisitChanges& visit) const;

  // Replaces the file by one that begins with what `each_row` hands to its argument, as of
  // `commit`. Atomic and durable; the journal is open then. On failure it stays what it was.
  using EachRow = std::function<result<>(const std::function<result<>(const Change&)>&)>;
  result<> rewrite(const StoreId& store, std::uint64_t commit, const EachRow& each_row);
  // Goes on behind what `read` brought.
  result<> resume(const JournalContent& content);

  // On failure nothing is in the file, or the journal refuses everything from then on.
  result<> append(std::uint64_t commit, const std::vector<Change>& changes);
  // Takes the last append back, whose commit did not happen.
  result<> withdraw();
  result<> sync();
  // Marks the end of a clean stop, syncs and closes.
  result<> close(std::uint64_t commit);

  // Enough was appended since the last rewrite to make another one worth while.
  [[nodiscard]] bool is_long() const noexcept;
  [[nodiscard]] std::uint64_t bytes() const noexcept { return end_; }

 private:
  result<> build(const StoreId& store, std::uint64_t commit, const EachRow& each_row);
  result<> fill_ahead(std::uint64_t bytes);
  result<> write_frame(std::uint32_t kind, std::uint64_t commit, BytesView content);

  Files files_;
  std::string path_;
  File file_;
  std::uint64_t generation_ = 0;
  std::uint64_t end_ = 0;
  std::uint64_t filled_ = 0;          // the file is zeros from the end to here
  std::uint64_t before_last_ = 0;     // where the last append began
  std::uint64_t snapshot_bytes_ = 0;  // as long as the last rewrite made it
  bool is_broken_ = false;
};

}  // namespace dunlin::storage_file
