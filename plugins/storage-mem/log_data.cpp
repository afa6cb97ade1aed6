#include "plugins/storage-mem/log_data.hpp"

#include <algorithm>
#include <limits>
#include <new>

namespace dunlin::storage_mem {
namespace {

constexpr auto no_bound = std::numeric_limits<std::uint64_t>::max();

std::string_view text(dunlin_str value) noexcept { return {value.data, value.size}; }

Error has_wildcards() { return fail(DUNLIN_E_INVALID, "the subject has wildcards"); }

}  // namespace

// ---- appending ------------------------------------------------------------------------------

result<> LogData::check(const dunlin_record& record, const dunlin_record* before) const {
  const auto next = (before != nullptr ? before->seq : last_seq_) + 1;
  if (record.seq != next) {
    return fail(DUNLIN_E_INVALID, "the sequence is " + std::to_string(record.seq) +
                                      ", the log goes on at " + std::to_string(next));
  }
  if ((record.flags & DUNLIN_RECORD_GAP) != 0) return {};
  if (record.time_ns < (before != nullptr ? before->time_ns : last_time_ns_)) {
    return fail(DUNLIN_E_INVALID, "the record is older than the one in front of it");
  }
  if (record.subject.size > DUNLIN_RECORD_SUBJECT_MAX || record.header.size > DUNLIN_RECORD_MAX ||
      record.payload.size > DUNLIN_RECORD_MAX ||
      record.subject.size + record.header.size + record.payload.size > DUNLIN_RECORD_MAX) {
    return fail(DUNLIN_E_INVALID, "the record is too large");
  }
  if ((record.subject.size != 0) != has_subjects_) {
    return fail(DUNLIN_E_INVALID, has_subjects_ ? "the record has no subject"
                                                : "the log keeps no subjects");
  }
  return {};
}

result<> LogData::append(std::span<const dunlin_record> records, std::size_t& accepted,
                         std::span<dunlin_span> spans) {
  for (const auto& record : records) {
    if (auto outcome = check(record); !outcome) return outcome;
    dunlin_span span{};
    if ((record.flags & DUNLIN_RECORD_GAP) != 0) {
      if (auto outcome = skip(record.seq, 1, record.time_ns); !outcome) return outcome;
    } else {
      const auto subject = subject_for(record);
      if (subject == SubjectTable::none) return has_wildcards();
      append_record(record, subject);
      if (has_subjects_) span = table_.span(subject);
    }
    if (!spans.empty()) spans[accepted] = span;
    ++accepted;
  }
  return {};
}

result<> LogData::append_atomic(std::span<const dunlin_record> records, std::size_t& accepted,
                                std::span<dunlin_span> spans) {
  const dunlin_record* before = nullptr;
  for (const auto& record : records) {
    if (auto outcome = check(record, before); !outcome) return outcome;
    const bool is_gap = (record.flags & DUNLIN_RECORD_GAP) != 0;
    if (has_subjects_ && !is_gap && !is_literal_subject(text(record.subject))) {
      return has_wildcards();
    }
    before = &record;
  }
  const auto last_seq = last_seq_;
  const auto last_time_ns = last_time_ns_;
  try {
    return append(records, accepted, spans);
  } catch (const std::bad_alloc&) {
    accepted = 0;
    truncate(last_seq);
    last_time_ns_ = last_time_ns;
    throw;
  }
}

SubjectTable::Id LogData::subject_for(const dunlin_record& record) {
  if (!has_subjects_) return 0;
  const auto subject = text(record.subject);
  if (const auto id = table_.find(subject); id != SubjectTable::none) return id;
  return is_literal_subject(subject) ? table_.insert(subject) : SubjectTable::none;
}

// Everything that can fail comes before the first change that could be noticed.
void LogData::append_record(const dunlin_record& record, SubjectTable::Id subject) {
  try {
    records_.reserve(record);
    if (record.expires_ns != 0) expiry_.insert(record.expires_ns, record.seq);
    if (record.due_ns != 0) schedule_.insert(record.due_ns, record.seq);
    if (has_subjects_) lists_.append(table_[subject], record.seq);
  } catch (...) {
    if (record.expires_ns != 0) expiry_.erase(record.expires_ns, record.seq);
    if (record.due_ns != 0) schedule_.erase(record.due_ns, record.seq);
    if (has_subjects_ && table_[subject].count == 0 && snapshots_.empty()) table_.erase(subject);
    throw;
  }
  if (has_subjects_ && table_[subject].count == 1) ++subjects_;
  records_.append(record, subject);
  last_seq_ = record.seq;
  last_time_ns_ = record.time_ns;
  bytes_ += record_cost + (record.header.size != 0 ? header_cost : 0) + record.subject.size +
            record.header.size + record.payload.size;
}

result<> LogData::skip(std::uint64_t first, std::uint64_t count, std::int64_t time_ns) {
  if (first != last_seq_ + 1 || count == 0 || count > no_bound - first) {
    return fail(DUNLIN_E_INVALID, "that is not where the log goes on");
  }
  if (time_ns != 0 && time_ns < last_time_ns_) {
    return fail(DUNLIN_E_INVALID, "that is earlier than the last record");
  }
  last_seq_ += count;
  if (time_ns != 0) last_time_ns_ = time_ns;
  return {};
}

// ---- removing -------------------------------------------------------------------------------

std::uint64_t LogData::bytes_of(const Stored& stored) const noexcept {
  const auto subject = has_subjects_ ? table_[stored.head->subject].name_bytes : 0;
  return record_cost + (stored.head->header_bytes != 0 ? header_cost : 0) + subject +
         stored.content_bytes();
}

std::int64_t LogData::due_of(const Stored& stored) const {
  if (!rescheduled_.empty()) {
    const auto moved = rescheduled_.find(stored.seq);
    if (moved != rescheduled_.end()) return moved->second;
  }
  return stored.due_ns();
}

void LogData::forget(const Stored& stored, bool in_lists) {
  bytes_ -= bytes_of(stored);
  if (const auto at = stored.expires_ns(); at != 0) expiry_.erase(at, stored.seq);
  if (schedule_.size() != 0 || !rescheduled_.empty()) {
    if (const auto at = due_of(stored); at != 0) schedule_.erase(at, stored.seq);
    rescheduled_.erase(stored.seq);
  }
  if (!has_subjects_) return;
  const auto subject = stored.head->subject;
  if (!snapshots_.empty()) removed_[subject].insert(stored.seq);
  if (!in_lists) return;
  lists_.erase(table_[subject], stored.seq);
  forget_subject(subject);
}

void LogData::forget_subject(SubjectTable::Id subject) {
  if (table_[subject].count != 0) return;
  --subjects_;
  if (snapshots_.empty()) {
    table_.erase(subject);
  } else {
    idle_subjects_.push_back(subject);
  }
}

void LogData::remove_at(Records::Position position, bool erase, dunlin_removed& removed) {
  const auto stored = records_.at(position);
  ++removed.records;
  removed.bytes += bytes_of(stored);
  forget(stored, true);
  if (auto seen = records_.remove(position, erase)) to_blank_.push_back(std::move(*seen));
}

dunlin_removed LogData::remove(std::span<const std::uint64_t> seqs, bool erase) {
  dunlin_removed removed{};
  for (const auto seq : seqs) {
    if (const auto position = records_.find(seq)) remove_at(*position, erase, removed);
  }
  return removed;
}

dunlin_removed LogData::purge(std::string_view filter, std::uint64_t below, std::uint64_t keep) {
  dunlin_removed removed{};
  if (!filter.empty() && filter != ">") {
    purge_matching(filter, below, keep, removed);
    return removed;
  }
  const auto chosen = records_.size() - records_.count_from(below);
  if (chosen > keep) {
    purge_below(keep == 0 ? below : records_.nth(chosen - keep), removed);
  }
  if (filter.empty() && below != no_bound && below > last_seq_ + 1) last_seq_ = below - 1;
  return removed;
}

void LogData::purge_below(std::uint64_t seq, dunlin_removed& removed) {
  const auto records_before = records_.size();
  const auto bytes_before = bytes_;
  if (seq > last_seq_ && snapshots_.empty()) {
    records_.clear();
    table_.clear();
    lists_.clear();
    expiry_.clear();
    schedule_.clear();
    rescheduled_.clear();
    bytes_ = subjects_ = 0;
  } else {
    // Few subjects lose their sequences at once, many one by one.
    const bool at_once = has_subjects_ && table_.size() * 8 < records_before;
    records_.remove_below(seq, [&](const Stored& stored) { forget(stored, !at_once); });
    if (at_once) forget_subjects_below(seq);
  }
  removed.records += records_before - records_.size();
  removed.bytes += bytes_before - bytes_;
}

void LogData::forget_subjects_below(std::uint64_t seq) {
  std::vector<SubjectTable::Id> empty;
  table_.each({}, {}, [&](SubjectTable::Id subject) {
    auto& entry = table_[subject];
    if (entry.count == 0 || entry.first >= seq) return true;
    lists_.erase_below(entry, seq);
    if (entry.count == 0) empty.push_back(subject);
    return true;
  });
  for (const auto subject : empty) forget_subject(subject);
}

void LogData::purge_matching(std::string_view filter, std::uint64_t below, std::uint64_t keep,
                             dunlin_removed& removed) {
  if (below == 0) return;
  std::vector<std::uint64_t> chosen;
  table_.each(filter, {}, [&](SubjectTable::Id subject) {
    const auto& entry = table_[subject];
    for (auto seq = lists_.at_or_above(entry, 1); seq != SequenceLists::none && seq < below;
         seq = lists_.at_or_above(entry, seq + 1)) {
      chosen.push_back(seq);
    }
    return true;
  });
  if (chosen.size() <= keep) return;
  std::sort(chosen.begin(), chosen.end());
  chosen.resize(chosen.size() - keep);
  const auto gone = remove(chosen, false);
  removed.records += gone.records;
  removed.bytes += gone.bytes;
}

dunlin_removed LogData::truncate(std::uint64_t last) {
  dunlin_removed removed{};
  if (last >= last_seq_) return removed;
  const auto records_before = records_.size();
  const auto bytes_before = bytes_;
  records_.remove_above(last, [&](const Stored& stored) { forget(stored, true); });
  removed.records = records_before - records_.size();
  removed.bytes = bytes_before - bytes_;
  last_seq_ = last;
  const auto newest = records_.at_or_below(last);
  last_time_ns_ = newest ? records_.at(*newest).head->time_ns : 0;
  return removed;
}

result<> LogData::reschedule(std::uint64_t seq, std::int64_t due_ns) {
  const auto position = records_.find(seq);
  if (!position) {
    return fail(DUNLIN_E_NOT_FOUND, "there is no record " + std::to_string(seq));
  }
  const auto before = due_of(records_.at(*position));
  if (due_ns != 0) schedule_.insert(due_ns, seq);
  rescheduled_[seq] = due_ns;
  if (before != 0 && before != due_ns) schedule_.erase(before, seq);
  return {};
}

// ---- snapshots ------------------------------------------------------------------------------

std::uint64_t LogData::snapshot_open() {
  snapshots_.try_emplace(last_snapshot_ + 1, Snapshot{records_, last_seq_});
  return ++last_snapshot_;
}

void LogData::snapshot_close(std::uint64_t id) {
  if (snapshots_.erase(id) == 0 || !snapshots_.empty()) return;
  removed_.clear();
  for (auto& erased : to_blank_) erased.blank();
  to_blank_.clear();
  std::sort(idle_subjects_.begin(), idle_subjects_.end());
  const auto end = std::unique(idle_subjects_.begin(), idle_subjects_.end());
  for (auto subject = idle_subjects_.begin(); subject != end; ++subject) {
    if (table_[*subject].count == 0) table_.erase(*subject);
  }
  idle_subjects_.clear();
}

void LogData::close_snapshots() {
  while (!snapshots_.empty()) snapshot_close(snapshots_.begin()->first);
}

const Snapshot* LogData::snapshot(std::uint64_t id) const {
  const auto found = snapshots_.find(id);
  return found != snapshots_.end() ? &found->second : nullptr;
}

const SortedChunks<std::uint64_t>* LogData::removed_of(SubjectTable::Id subject) const {
  const auto found = removed_.find(subject);
  return found != removed_.end() ? &found->second : nullptr;
}

// ---- state ----------------------------------------------------------------------------------

std::uint64_t LogData::first_seq() const noexcept {
  const auto first = records_.at_or_above(0);
  return first ? records_.at(*first).seq : last_seq_ + 1;
}

dunlin_log_state LogData::state() const {
  dunlin_log_state state{};
  state.first_seq = first_seq();
  state.last_seq = last_seq_;
  if (const auto first = records_.at_or_above(0)) {
    state.first_time_ns = records_.at(*first).head->time_ns;
    state.deleted = last_seq_ - state.first_seq + 1 - records_.size();
  }
  state.last_time_ns = last_time_ns_;
  state.records = records_.size();
  state.bytes = bytes_;
  state.subjects = subjects_;
  state.durable_seq = last_seq_;
  state.memory_bytes = memory_bytes();
  return state;
}

std::size_t LogData::memory_bytes() const noexcept {
  constexpr std::size_t due_item = 24, rescheduled_item = 40;
  return sizeof *this + records_.memory_bytes() + table_.memory_bytes() + lists_.memory_bytes() +
         (expiry_.size() + schedule_.size()) * due_item + rescheduled_.size() * rescheduled_item;
}

}  // namespace dunlin::storage_mem
