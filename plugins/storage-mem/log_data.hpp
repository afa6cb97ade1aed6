// One log in memory: records, subjects, moments, snapshots, and everything that changes them.
//
// The contract is that of ext/storage.h; what a caller may get wrong is checked here. It belongs to
// the store, and outlives its being closed. Used by one thread at a time. Out of memory throws
// std::bad_alloc; an append that threw has changed nothing.

#pragma once

#include <dunlin/ext/storage.h>
#include <dunlin/result.hpp>

#include <cstdint>
#include <map>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "plugins/storage-common/due_index.hpp"
#include "plugins/storage-common/sequence_lists.hpp"
#include "plugins/storage-common/subject_table.hpp"
#include "plugins/storage-mem/records.hpp"

namespace dunlin::storage_mem {

using storage::DueIndex;
using storage::SequenceLists;
using storage::SortedChunks;
using storage::SubjectTable;

// What accounting adds to a record: as nats-server counts records in memory.
constexpr std::uint32_t record_cost = 16, header_cost = 0;

// A log as it was. Its subjects keep their ids until it is closed.
struct Snapshot {
  Records records;
  std::uint64_t last_seq;
};

class LogData {
 public:
  LogData(std::uint64_t first_seq, bool has_subjects, std::uint64_t seed)
      : table_(seed), last_seq_(first_seq == 0 ? 0 : first_seq - 1), has_subjects_(has_subjects) {}

  // ---- changes, as the functions of dunlin_log_store of these names ----
  result<> append(std::span<const dunlin_record> records, std::size_t& accepted,
                  std::span<dunlin_span> spans);
  // With DUNLIN_APPEND_ATOMIC.
  result<> append_atomic(std::span<const dunlin_record> records, std::size_t& accepted,
                         std::span<dunlin_span> spans);
  result<> skip(std::uint64_t first, std::uint64_t count, std::int64_t time_ns);
  dunlin_removed remove(std::span<const std::uint64_t> seqs, bool erase);
  dunlin_removed purge(std::string_view filter, std::uint64_t below, std::uint64_t keep);
  dunlin_removed truncate(std::uint64_t last);
  result<> reschedule(std::uint64_t seq, std::int64_t due_ns);
  std::uint64_t snapshot_open();
  void snapshot_close(std::uint64_t id);
  void close_snapshots();

  // ---- what questions are answered from ----
  [[nodiscard]] dunlin_log_state state() const;
  // What the log takes; O(1).
  [[nodiscard]] std::size_t memory_bytes() const noexcept;
  [[nodiscard]] bool has_subjects() const noexcept { return has_subjects_; }
  [[nodiscard]] std::uint64_t first_seq() const noexcept;
  [[nodiscard]] std::uint64_t last_seq() const noexcept { return last_seq_; }
  [[nodiscard]] const Records& records() const noexcept { return records_; }
  [[nodiscard]] const SubjectTable& table() const noexcept { return table_; }
  [[nodiscard]] const SequenceLists& lists() const noexcept { return lists_; }
  [[nodiscard]] const DueIndex& due_index(bool is_expiry) const noexcept {
    return is_expiry ? expiry_ : schedule_;
  }
  [[nodiscard]] std::int64_t due_of(const Stored& stored) const;
  // NULL when there is none of that id.
  [[nodiscard]] const Snapshot* snapshot(std::uint64_t id) const;
  // The sequences that records of this subject had and that were removed while there was a
  // snapshot; NULL for none.
  [[nodiscard]] const SortedChunks<std::uint64_t>* removed_of(SubjectTable::Id subject) const;

 private:
  // `before`: the record in front of it, when that is not in the log yet.
  result<> check(const dunlin_record& record, const dunlin_record* before = nullptr) const;
  void append_record(const dunlin_record& record, SubjectTable::Id subject);
  // A new subject has no records yet; `none` for one with wildcards.
  SubjectTable::Id subject_for(const dunlin_record& record);
  // Takes a record out of every index but the records themselves.
  void forget(const Stored& stored, bool in_lists);
  void forget_subject(SubjectTable::Id subject);
  void forget_subjects_below(std::uint64_t seq);
  void remove_at(Records::Position position, bool erase, dunlin_removed& removed);
  void purge_below(std::uint64_t seq, dunlin_removed& removed);
  void purge_matching(std::string_view filter, std::uint64_t below, std::uint64_t keep,
                      dunlin_removed& removed);
  [[nodiscard]] std::uint64_t bytes_of(const Stored& stored) const noexcept;

  Records records_;
  SubjectTable table_;
  SequenceLists lists_;
  DueIndex expiry_, schedule_;
  // Of records whose moment is not, or no longer, what their head says.
  std::unordered_map<std::uint64_t, std::int64_t> rescheduled_;
  std::uint64_t last_seq_;
  std::int64_t last_time_ns_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t subjects_ = 0;  // with a live record
  const bool has_subjects_;

  std::map<std::uint64_t, Snapshot> snapshots_;
  std::uint64_t last_snapshot_ = 0;
  // While there are snapshots: see removed_of; subjects without live records; contents that are to
  // be overwritten.
  std::unordered_map<SubjectTable::Id, SortedChunks<std::uint64_t>> removed_;
  std::vector<SubjectTable::Id> idle_subjects_;
  std::vector<Erased> to_blank_;
};

}  // namespace dunlin::storage_mem
