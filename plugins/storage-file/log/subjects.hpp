// Subjects: the subjects of a log with their spans, in memory as far as there is room, and in runs
// (subject_run.hpp) for all.
//
// An entry in memory is whole, and then right whatever the runs say; or a change on top of what
// they have: records of a subject that is not in memory are counted without asking the disk. To
// learn the whole, the caller looks the subject up in `runs` on a worker and calls `settle`.
// While all subjects there are fit in memory (`is_complete`) every entry is whole, and what is not
// in memory does not exist.
//
// A checkpoint writes what changed since the last one: `begin_copy` marks the moment, `copy_some`
// copies a few at a time, and an entry that changes before its turn is copied first; so no call is
// long, and the copies are as of one moment. `write_subjects` makes a run of them on a worker, and
// `published` puts it in front of the others. Entries that did not change since may then be let go.
//
// An entry costs 64 bytes and its name at most. Owned and used by one thread at a time.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "plugins/storage-common/subject_table.hpp"
#include "plugins/storage-file/log/subject_run.hpp"
#include "plugins/storage-file/log/subject_span.hpp"

namespace dunlin::storage_file::engine {

// What changed up to some moment; names of any order, changes among them.
struct SubjectCopies {
  struct Item {
    storage::SubjectTable::Id id = 0;
    std::uint32_t name_bytes = 0;
    std::size_t name_at = 0;
    SubjectSpan span;
  };
  std::vector<Item> items;
  std::string names;

  [[nodiscard]] std::string_view name(const Item& item) const noexcept {
    return {names.data() + item.name_at, item.name_bytes};
  }
};

class Subjects {
 public:
  using Table = storage::SubjectTable;
  using Id = Table::Id;
  using Entry = Table::Entry;
  static constexpr Id none = Table::none;

  // Of Entry::extra. The rest is the subject's number in the index of the active segment.
  static constexpr std::uint32_t last_bound = 1u << 31, first_bound = 1u << 30;
  static constexpr std::uint32_t bounds = first_bound | last_bound;
  static constexpr std::uint32_t change = 1u << 29;
  static constexpr std::uint32_t local_mask = (1u << 25) - 1;

  explicit Subjects(std::uint64_t seed) : table_(seed) {}

  // ---- what memory has ----------------------------------------------------------------------
  [[nodiscard]] bool is_complete() const noexcept { return is_complete_; }
  // With at least one live record. Changes on top of the runs are not counted before they are
  // settled or published.
  [[nodiscard]] std::uint64_t live() const noexcept { return live_; }
  [[nodiscard]] Id find(std::string_view name) const noexcept { return table_.find(name); }
  [[nodiscard]] Entry& operator[](Id id) noexcept { return table_[id]; }
  [[nodiscard]] const Entry& operator[](Id id) const noexcept { return table_[id]; }
  [[nodiscard]] std::string_view name(Id id) const noexcept { return table_.name(id); }
  [[nodiscard]] bool is_whole(Id id) const noexcept { return (table_[id].extra & change) == 0; }
  [[nodiscard]] bool is_exact(Id id) const noexcept {
    return (table_[id].extra & (change | bounds)) == 0;
  }
  // What memory knows, what is on its way to a run included.
  [[nodiscard]] SubjectSpan span(Id id) const noexcept;
  // Is everything about it in memory?
  [[nodiscard]] bool is_known(std::string_view name) const noexcept {
    if (is_complete_) return true;
    const auto id = find(name);
    return id != none && is_whole(id);
  }
  [[nodiscard]] const Table& table() const noexcept { return table_; }

  // ---- changes ------------------------------------------------------------------------------
  // For a change: a subject that was not there begins as nothing, or as a change of nothing.
  Id touch(std::string_view name) {
    const auto id = table_.insert(name);
    if ((table_[id].extra & now_) == 0) mark(id);
    return id;
  }
  void touch(Id id) {
    if ((table_[id].extra & now_) == 0) mark(id);
  }
  // A record more at the end.
  void add(Id id, std::uint64_t seq) noexcept {
    auto& entry = table_[id];
    if (entry.first == 0) {
      entry.first = seq;
      if ((entry.extra & change) == 0) ++live_;
    } else if (seq < entry.first) {
      // Sequences that were truncated come again.
      entry.first = seq;
    }
    entry.last = seq;
    entry.extra &= ~last_bound;
    entry.count = (entry.count + 1) & count_mask;
  }
  // Several more, that begin with `first`.
  void add(Id id, std::uint64_t first, std::uint64_t last, std::uint64_t count) noexcept {
    add(id, first);
    auto& entry = table_[id];
    entry.last = last;
    entry.count = (entry.count + count - 1) & count_mask;
  }
  // The last record of a whole one went.
  void emptied(Id id) noexcept {
    auto& entry = table_[id];
    entry.first = entry.last = 0;
    entry.extra &= ~bounds;
    --live_;
  }
  // Of a whole one: the same span, with better ends.
  void refine(Id id, const SubjectSpan& span) noexcept { put(id, span); }
  // A single record is the first and the last.
  void settle_ends(Id id) noexcept {
    auto span = get(id);
    engine::settle_ends(span);
    put(id, span);
  }
  // Can the entry of a subject without records go? While a run has it memory must say that it is
  // gone.
  [[nodiscard]] bool may_erase_empty(Id id) const noexcept;
  // Of any that is not needed any more.
  void erase(Id id) noexcept;
  void clear() noexcept;
  // Puts one back as a checkpoint has it; it counts as written.
  void restore(std::string_view name, const SubjectSpan& span);

  // ---- runs ---------------------------------------------------------------------------------
  [[nodiscard]] const SubjectRuns& runs() const noexcept { return runs_; }
  // Differs when what was looked up may not be right any more.
  [[nodiscard]] std::uint64_t version() const noexcept { return version_; }
  // What the runs of now say of a subject: its entry becomes whole. `is_live(seq)` tells of a
  // record that was the first or last whether it still is there.
  template <class IsLive>
  void settle(std::string_view name, const std::optional<SubjectSpan>& below, IsLive&& is_live);
  // Opened with runs: nothing of them is in memory.
  void restore_runs(SubjectRuns runs, std::uint64_t live);
  // After all of them were restored.
  void set_complete() noexcept { is_complete_ = true; }
  // More than memory knows of may come with the next runs.
  void set_incomplete() noexcept { is_complete_ = false; }
  // Subjects that changed without being whole: up to `max` of them, to be settled.
  [[nodiscard]] std::vector<std::string> unsettled(std::size_t max);

  // ---- checkpoints --------------------------------------------------------------------------
  [[nodiscard]] bool is_copying() const noexcept { return copies_ != nullptr; }
  [[nodiscard]] bool is_in_flight() const noexcept { return is_in_flight_; }
  [[nodiscard]] std::size_t changed() const noexcept { return changed_.size(); }
  void begin_copy();
  // False when all is copied.
  bool copy_some(std::size_t max);
  [[nodiscard]] std::shared_ptr<const SubjectCopies> take_copies();
  // `live_change` is what the changes among the copies did to the number of subjects.
  void published(SubjectRuns runs, std::int64_t live_change);
  // They were not written: they still have to be.
  void failed(const SubjectCopies& copies);
  // Counts how often everything was cleared: copies of before are worth nothing.
  [[nodiscard]] std::uint64_t clears() const noexcept { return clears_; }

  // ---- memory -------------------------------------------------------------------------------
  // What the entries need; freed ones are used again.
  [[nodiscard]] std::uint64_t used_bytes() const noexcept {
    return table_.size() * entry_bytes + name_bytes_;
  }
  [[nodiscard]] std::uint64_t changed_bytes() const noexcept {
    return changed_.size() * entry_bytes;
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept;
  // Looks at the next `steps` entries and lets those go that were written and not used lately;
  // `is_pinned(id)` keeps one. What is not in memory is no longer complete.
  template <class IsPinned>
  void evict(std::size_t steps, IsPinned&& is_pinned);

 private:
  static constexpr std::uint32_t even = 1u << 28, odd = 1u << 27;
  static constexpr std::uint32_t used = 1u << 26, known = 1u << 25;
  static constexpr std::uint64_t count_mask = (1ull << 48) - 1;
  static constexpr std::uint64_t entry_bytes = 64;

  void mark(Id id);
  void copy(Id id);
  void put(Id id, const SubjectSpan& span) noexcept;
  [[nodiscard]] SubjectSpan get(Id id) const noexcept;
  Id begin(std::string_view name);

  Table table_;
  SubjectRuns runs_;
  bool is_complete_ = true, is_in_flight_ = false;
  std::uint64_t live_ = 0, version_ = 0, clears_ = 0, name_bytes_ = 0;
  std::uint32_t now_ = even, before_ = 0;  // marks what changed since the last copying, before it
  std::vector<Id> changed_;
  std::vector<Id> copying_;
  std::size_t copied_ = 0;
  std::shared_ptr<SubjectCopies> copies_;
  // Changes that are on their way to a run and on top of what the others have.
  std::unordered_map<Id, SubjectSpan> flying_;
  std::size_t hand_ = 0;        // of eviction
  std::size_t unsettled_at_ = 0;  // in changed_: in front of it everything is settled
};

struct SubjectsWritten {
  SubjectRuns runs;
  std::int64_t live_change = 0;
  std::uint64_t bytes = 0;
};
// Makes a run of the copies and of those runs that are not much larger, and answers what the runs
// are now. On control or a worker. The directory is not synced.
[[nodiscard]] result<SubjectsWritten> write_subjects(const Directory& directory, std::uint64_t log,
                                                     std::uint64_t number, std::uint64_t salt,
                                                     const SubjectCopies& copies,
                                                     const SubjectRuns& runs);

template <class IsLive>
void Subjects::settle(std::string_view name, const std::optional<SubjectSpan>& below,
                      IsLive&& is_live) {
  const auto known_id = table_.find(name);
  if (known_id == none) {
    auto span = below.value_or(SubjectSpan{});
    const auto id = begin(name);
    table_[id].extra &= ~change;
    put(id, span);
    return;
  }
  if (is_whole(known_id)) return;
  auto under = below;
  if (const auto flying = flying_.find(known_id); flying != flying_.end()) {
    under = apply_change(under, flying->second);
  }
  const auto on_top = get(known_id);
  auto span = apply_change(under, on_top);
  if (under && under->count > 0) {
    const bool has_first = !under->is_first_bound && span.first == under->first;
    if (span.is_first_bound && has_first && is_live(span.first)) span.is_first_bound = false;
    const bool has_last = !under->is_last_bound && on_top.last == 0;
    if (span.is_last_bound && has_last && is_live(span.last)) span.is_last_bound = false;
    engine::settle_ends(span);
  }
  live_ += static_cast<std::uint64_t>(span.count > 0) -
           static_cast<std::uint64_t>(under && under->count > 0);
  table_[known_id].extra &= ~change;
  put(known_id, span);
}

template <class IsPinned>
void Subjects::evict(std::size_t steps, IsPinned&& is_pinned) {
  if (copies_ || is_in_flight_) return;
  for (; steps > 0 && table_.ids() > 0; --steps) {
    hand_ = hand_ + 1 < table_.ids() ? hand_ + 1 : 0;
    const auto id = static_cast<Id>(hand_);
    auto& entry = table_[id];
    if ((entry.extra & known) == 0 || (entry.extra & now_) != 0) continue;
    if ((entry.extra & used) != 0) {
      entry.extra &= ~used;
      continue;
    }
    if (is_pinned(id)) continue;
    if (entry.count != 0) is_complete_ = false;
    erase(id);
  }
}

}  // namespace dunlin::storage_file::engine
