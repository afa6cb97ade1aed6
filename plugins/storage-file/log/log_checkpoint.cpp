// Checkpoints: the state beside the journal, so that a start reads only what came behind; and with
// them the end of segments that hold nothing any more.

#include <algorithm>

#include "plugins/storage-file/log/crc32c.hpp"
#include "plugins/storage-file/log/log.hpp"

namespace dunlin::storage_file::engine {

struct Log::PendingCheckpoint {
  std::vector<std::uint8_t> bytes;
  CheckpointNote note;
  CatalogueBatch batch;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> retired;  // number and bytes
  std::vector<std::shared_ptr<Segment>> dropped;
  std::vector<Replaced> replaced;
  std::optional<Error> failure;
  std::function<void()> then;
};

void Log::maybe_checkpoint() {
  if (is_checkpointing_ || poison_ || closing_ || is_read_only_) return;
  const std::uint64_t worth = 4 * checkpoint_bytes_;
  std::uint64_t droppable = 0;
  if (snapshots_.empty()) {
    for (const auto& segment : state_->dropped()) droppable += segment->capacity;
  }
  for (const auto& replaced : replaced_) droppable += replaced.segment->capacity;
  const bool is_due = written_since_checkpoint_ >=
                      std::max(worth, std::max<std::uint64_t>(store_.settings.segment_bytes, 1));
  const bool frees = droppable != 0 && (droppable >= worth / 2 || is_full_);
  if (is_due || frees) checkpoint(false, [] {});
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
    pending->batch.erase_segment(row_.id, segment->number);
  }
  for (const auto& replaced : pending->replaced) {
    pending->batch.erase_segment(row_.id, replaced.segment->number);
  }
  for (const auto& [number, bytes] : std::exchange(unused_, {})) {
    pending->retired.emplace_back(number, bytes);
    pending->batch.erase_segment(row_.id, number);
  }
  pending->bytes = encode_state(*state_);
  auto& note = pending->note;
  note.number = checkpoint_number_ + 1;
  note.bytes = pending->bytes.size();
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
  when_durable([this, pending](const result<>& outcome) {
    if (outcome) {
      write_checkpoint(pending);
      return;
    }
    pending->failure = outcome.error();
    finish_checkpoint(pending);
  });
}

void Log::write_checkpoint(const std::shared_ptr<PendingCheckpoint>& pending) {
  run_on_worker(
      [this, pending] {
        const auto& bytes = pending->bytes;
        pending->note.sum = crc32c(0, bytes.data(), bytes.size());
        const auto write = [&]() -> result<> {
          auto file = directory_.open(checkpoint_file_name(pending->note.number),
                                      DUNLIN_FS_WRITE | DUNLIN_FS_CREATE);
          if (!file) return file.error();
          if (auto outcome = (*file)->write(0, bytes); !outcome) return outcome;
          if (auto outcome = (*file)->resize(bytes.size()); !outcome) return outcome;
          if (auto outcome = (*file)->sync(); !outcome) return outcome;
          return directory_.sync();
        };
        if (auto outcome = write(); !outcome) pending->failure = outcome.error();
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
    pending->then();
    settle_files();
    return;
  }
  const auto old = std::exchange(checkpoint_number_, pending->note.number);
  checkpoint_bytes_ = pending->note.bytes;
  checkpointed_place_ = place_in_journal(pending->note.position.segment);
  for (const auto& segment : pending->dropped) used_lately_.remove(segment);
  run_on_worker(
      [this, pending, old] {
        if (old != 0) static_cast<void>(directory_.remove(checkpoint_file_name(old)));
        pending->dropped.clear();
        for (const auto& replaced : pending->replaced) {
          if (auto wiped = retire_replaced(replaced); !wiped) pending->failure = wiped.error();
        }
        pending->replaced.clear();
        for (const auto& [number, bytes] : pending->retired) {
          // What cannot be removed now is found and removed at the next start.
          static_cast<void>(maker_.retire(number, bytes));
        }
      },
      [this, pending] {
        is_checkpointing_ = false;
        pending->then();
        if (pending->failure) fail_erasures(*pending->failure);
        maybe_checkpoint();
        settle_files();
        press_erasures();
      });
}

}  // namespace dunlin::storage_file::engine
