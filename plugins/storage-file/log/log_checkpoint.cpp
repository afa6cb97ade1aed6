// Checkpoints: the state beside the journal, so that a start reads only what came behind; and with
// them the end of segments that hold nothing any more.

#include <algorithm>

#include "plugins/storage-file/log/crc32c.hpp"
#include "plugins/storage-file/log/log.hpp"

namespace dunlin::storage_file::engine {

namespace {

// Subjects copied at a time: less than a millisecond.
constexpr std::size_t copies_at_once = 2048;
// What is written behind a checkpoint, and read again after a crash, before the next one is due;
// at most, unless a segment is larger.
constexpr std::uint64_t tail_bytes_max = 64u << 20;

}  // namespace

struct Log::PendingCheckpoint {
  std::vector<std::uint8_t> bytes;
  // Subjects: what changed, what that is on top of, and what came of it.
  std::shared_ptr<const SubjectCopies> copies;
  SubjectRuns runs_before;
  SubjectsWritten written;
  std::uint64_t live = 0, clears = 0, salt = 0;
  CheckpointNote note;
  CatalogueBatch batch;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> retired;  // number and bytes
  std::vector<std::shared_ptr<Segment>> dropped;
  std::vector<Replaced> replaced;
  std::optional<Error> failure;
  std::function<void()> then;
};

namespace {

// Until its file is wiped a crash must not make it one that is merely not needed.
SegmentRow row_to_wipe(std::uint64_t number) {
  SegmentRow row;
  row.number = number;
  row.file = segment_file_name(number);
  row.state = SegmentState::to_wipe;
  return row;
}

}  // namespace

void Log::maybe_checkpoint() {
  if (distrust_) go_on_rebuild();
  if (!may_checkpoint()) return;
  const std::uint64_t worth = std::min(4 * checkpoint_bytes_, tail_bytes_max);
  std::uint64_t droppable = 0;
  if (snapshots_.empty()) {
    for (const auto& segment : state_->dropped()) droppable += segment->capacity;
  }
  for (const auto& replaced : replaced_) droppable += replaced.segment->capacity;
  const bool is_due = written_since_checkpoint_ >=
                      std::max(worth, std::max<std::uint64_t>(store_.settings.segment_bytes, 1));
  const bool frees = droppable != 0 && (droppable >= worth / 2 || is_full_);
  const bool fills = state_->subjects().changed_bytes() > subject_share() / 2;
  if (is_due || frees || fills) checkpoint(false, [] {});
}

// What is gone must stay gone should everything have to be read again, although the segments that
// say so are given back: it is said once more.
bool Log::carry_forward() {
  std::vector<std::uint8_t> entry;
  put_numbers(entry, state_->first_seq());
  if (!put(EntryKind::purge, entry)) return false;
  std::uint64_t end = 0;
  for (const auto& segment : state_->dropped()) end = std::max(end, segment->end_seq);
  std::vector<Range> ranges;
  const auto& seen = state_->view();
  if (end > seen.first && seen.first <= seen.last) {
    seen.gaps->each(seen.first, std::min(end - 1, seen.last),
                    [&](std::uint64_t first, std::uint64_t last) {
                      ranges.push_back({first, last});
                      return true;
                    });
  }
  if (ranges.empty()) return true;
  put_remove(entry, ranges, false);
  return static_cast<bool>(put(EntryKind::remove, entry));
}

void Log::checkpoint(bool is_clean, std::function<void()> then) {
  is_checkpointing_ = true;
  auto pending = std::make_shared<PendingCheckpoint>();
  pending->then = std::move(then);
  const bool may_drop = snapshots_.empty() && erasers_ == 0;
  if (!state_->dropped().empty() && may_drop && carry_forward()) {
    pending->dropped = std::exchange(state_->dropped(), {});
    for (const auto& segment : pending->dropped) {
      if (segment->must_rewrite) {
        pending->replaced.push_back({segment, false});
        continue;
      }
      pending->retired.emplace_back(segment->number, segment->has_damage ? 0 : segment->capacity);
    }
  }
  for (auto& replaced : std::exchange(replaced_, {})) {
    pending->replaced.push_back(std::move(replaced));
  }
  for (const auto& segment : pending->dropped) {
    if (!segment->must_rewrite) pending->batch.erase_segment(row_.id, segment->number);
  }
  for (const auto& replaced : pending->replaced) {
    if (!replaced.segment->must_rewrite) {
      pending->batch.erase_segment(row_.id, replaced.segment->number);
      continue;
    }
    pending->batch.put_segment(row_.id, row_to_wipe(replaced.segment->number));
  }
  for (const auto& [number, bytes] : std::exchange(unused_, {})) {
    pending->retired.emplace_back(number, bytes);
    pending->batch.erase_segment(row_.id, number);
  }
  pending->bytes = encode_state(*state_);
  auto& subjects = state_->subjects();
  subjects.begin_copy();
  pending->live = subjects.live();
  pending->clears = subjects.clears();
  pending->salt = store_.random.below(0);
  auto& note = pending->note;
  note.number = checkpoint_number_ + 1;
  note.position = journal_.end();
  note.last_seq = state_->last_seq();
  note.next_number = next_number_;
  note.is_clean = is_clean;
  for (const auto& segment : state_->view().segments) {
    if (segment->is_recorded) continue;
    SegmentRow row;
    row.number = segment->number;
    row.file = segment_file_name(segment->number);
    row.state = segment->is_sealed ? SegmentState::sealed : SegmentState::active;
    row.epoch = segment->salt;
    row.first_seq = segment->first_seq;
    row.last_seq = segment->end_seq - 1;
    row.first_time_ns = segment->first_time_ns;
    row.last_time_ns = segment->last_time_ns;
    row.bytes = segment->used;
    row.key_id = segment->key_id;
    segment->is_recorded = segment->is_sealed;
    pending->batch.put_segment(row_.id, std::move(row));
  }
  written_since_checkpoint_ = 0;
  copy_subjects(pending);
}

// Some at a time, so that nobody waits long for the log's thread.
void Log::copy_subjects(const std::shared_ptr<PendingCheckpoint>& pending) {
  auto& subjects = state_->subjects();
  if (subjects.clears() != pending->clears) {
    // Everything was purged: the next checkpoint is of what came then.
    pending->failure = fail(DUNLIN_E_CANCELLED, "everything was purged");
    finish_checkpoint(pending);
    return;
  }
  if (subjects.copy_some(copies_at_once)) {
    post([this, pending] { copy_subjects(pending); });
    return;
  }
  pending->copies = subjects.take_copies();
  pending->runs_before = subjects.runs();
  when_durable([this, pending](const result<>& outcome) {
    if (outcome) {
      write_checkpoint(pending);
      return;
    }
    pending->failure = outcome.error();
    finish_checkpoint(pending);
  });
}

// On a worker: the run first, then the checkpoint that names it.
result<> Log::write_files(PendingCheckpoint& pending) {
  auto& note = pending.note;
  auto written = write_subjects(directory_, row_.id, note.number, pending.salt, *pending.copies,
                                pending.runs_before);
  if (!written) return written.error();
  pending.written = std::move(*written);
  pending.live += static_cast<std::uint64_t>(pending.written.live_change);
  auto& bytes = pending.bytes;
  std::vector<RunNote> runs;
  for (const auto& run : pending.written.runs) runs.push_back(run->note());
  put_runs(runs, pending.live, bytes);
  note.bytes = bytes.size();
  note.sum = crc32c(0, bytes.data(), bytes.size());
  auto file = directory_.open(checkpoint_file_name(note.number),
                              DUNLIN_FS_WRITE | DUNLIN_FS_CREATE);
  if (!file) return file.error();
  if (auto outcome = (*file)->write(0, bytes); !outcome) return outcome;
  if (auto outcome = (*file)->resize(bytes.size()); !outcome) return outcome;
  if (auto outcome = (*file)->sync(); !outcome) return outcome;
  return directory_.sync();
}

void Log::write_checkpoint(const std::shared_ptr<PendingCheckpoint>& pending) {
  run_on_worker(
      [this, pending] {
        if (auto outcome = write_files(*pending); !outcome) pending->failure = outcome.error();
      },
      [this, pending] {
        if (pending->failure) {
          finish_checkpoint(pending);
          return;
        }
        pending->batch.put_checkpoint(row_.id, encode_note(pending->note));
        ++jobs_;
        auto outcome = store_.catalogue->commit(
            std::move(pending->batch), [this, pending](const result<>& committed) {
              if (!committed) pending->failure = committed.error();
              post_raw([this, pending] {
                --jobs_;
                finish_checkpoint(pending);
                go_on_closing();
              });
            });
        if (outcome) return;
        --jobs_;
        pending->failure = outcome.error();
        finish_checkpoint(pending);
      });
}

void Log::finish_checkpoint(const std::shared_ptr<PendingCheckpoint>& pending) {
  auto& subjects = state_->subjects();
  const bool is_same = subjects.clears() == pending->clears;
  if (pending->failure) {
    // Nothing is given back; the next one says it again.
    auto& dropped = state_->dropped();
    dropped.insert(dropped.end(), pending->dropped.begin(), pending->dropped.end());
    for (const auto& replaced : pending->replaced) {
      const bool is_dropped = std::find(dropped.begin(), dropped.end(), replaced.segment) !=
                              dropped.end();
      if (!is_dropped) replaced_.push_back(replaced);
    }
    for (const auto& segment : state_->view().segments) segment->is_recorded = false;
    is_checkpointing_ = false;
    if (is_same && pending->copies) subjects.failed(*pending->copies);
    // Files are closed on a worker.
    run_on_worker(
        [pending] {
          pending->runs_before.clear();
          pending->written.runs.clear();
        },
        [] {});
    pending->then();
    if (pending->failure->status == DUNLIN_E_CORRUPT) rebuild_subjects(*pending->failure);
    go_on_rebuild();
    if (pending->failure->status == DUNLIN_E_CANCELLED) {
      written_since_checkpoint_ = UINT64_MAX / 2;
      maybe_checkpoint();
    }
    settle_files();
    return;
  }
  checkpoint_number_ = pending->note.number;
  const auto old = std::exchange(named_checkpoint_, pending->note.number);
  checkpoint_bytes_ = pending->note.bytes + pending->written.bytes;
  checkpointed_place_ = place_in_journal(pending->note.position.segment);
  for (const auto& segment : pending->dropped) used_lately_.remove(segment);
  std::vector<std::uint64_t> runs;
  for (const auto& run : pending->written.runs) runs.push_back(run->note().number);
  if (is_same) subjects.published(std::move(pending->written.runs), pending->written.live_change);
  sweep_subjects(pending, 0);
  run_on_worker(
      [this, pending, old, unneeded = unneeded_runs(std::move(runs))] {
        if (old != 0) static_cast<void>(directory_.remove(checkpoint_file_name(old)));
        for (const auto number : unneeded) {
          static_cast<void>(directory_.remove(run_file_name(number)));
        }
        pending->dropped.clear();
        for (const auto& replaced : pending->replaced) {
          if (auto wiped = retire_replaced(replaced); !wiped) pending->failure = wiped.error();
        }
        pending->replaced.clear();
        pending->runs_before.clear();
        pending->written.runs.clear();
        for (const auto& [number, bytes] : pending->retired) {
          // What cannot be removed now is found and removed at the next start.
          static_cast<void>(maker_.retire(number, bytes));
        }
      },
      [this, pending] {
        is_checkpointing_ = false;
        pending->then();
        if (pending->failure) fail_erasures(*pending->failure);
        limit_subjects();
        go_on_rebuild();
        maybe_checkpoint();
        settle_files();
        press_erasures();
      });
}

// What the checkpoint before named and this one, which is on the disk, does not.
std::vector<std::uint64_t> Log::unneeded_runs(std::vector<std::uint64_t> needed) {
  auto unneeded = std::exchange(named_runs_, std::move(needed));
  std::erase_if(unneeded, [&](std::uint64_t number) {
    return std::find(named_runs_.begin(), named_runs_.end(), number) != named_runs_.end();
  });
  return unneeded;
}

// Entries of subjects that are gone served to say so to the run.
void Log::sweep_subjects(const std::shared_ptr<PendingCheckpoint>& pending, std::size_t at) {
  auto& subjects = state_->subjects();
  if (subjects.clears() != pending->clears || closing_) return;
  const auto& items = pending->copies->items;
  const auto end = std::min(at + copies_at_once, items.size());
  for (; at < end; ++at) {
    const auto& item = items[at];
    if (item.span.count <= 0 && subjects.find(pending->copies->name(item)) == item.id) {
      state_->erase_if_empty(item.id);
    }
  }
  if (at < items.size()) post([this, pending, at] { sweep_subjects(pending, at); });
}

}  // namespace dunlin::storage_file::engine
