// Group commit: what was accepted is handed to the writer (batch_writer.hpp), which serves all that
// came while it synced with its next sync; those who wait for what a sync holds are answered by it.

#include <algorithm>

#include "plugins/storage-file/log/log.hpp"

namespace dunlin::storage_file::engine {
namespace {

constexpr std::uint64_t retry_ns = 1'000'000'000;

}  // namespace

result<> Log::sync(Completion& done) {
  if (is_read_only_) {
    // There is nothing that could still become durable.
    auto completion = std::make_shared<Completion>(std::move(done));
    post([completion] { completion->succeed(); });
    return {};
  }
  if (poison_) return *poison_;
  if (closing_) return fail(DUNLIN_E_CLOSED, row_.name + " is closed");
  waiters_.push_back({awaited_batch(), std::move(done)});
  wants_sync_ |= !syncs_apart();
  flush();
  return {};
}

void Log::when_durable(std::function<void(const result<>&)> then) {
  if (poison_) {
    post([this, then = std::move(then)] { then(*poison_); });
    return;
  }
  durable_waiters_.push_back({awaited_batch(), std::move(then)});
  wants_sync_ = true;
  flush();
}

void Log::Waiter::answer(const result<>& outcome) {
  if (outcome) {
    done.succeed();
  } else {
    done.fail(outcome.error());
  }
}

void Log::truncated(std::uint64_t last) noexcept {
  ++truncations_;
  durable_seq_ = std::min(durable_seq_, last);
  for (auto* batches : {&under_way_, &syncing_}) {
    for (auto& batch : *batches) batch.last_seq = std::min(batch.last_seq, last);
  }
}

// Hands over what there is; a writer that is at work takes it along when it has ended its sync.
void Log::flush() {
  if (is_stalled_ || poison_) return;
  // A block ends with its batch, and small blocks cost space: they fill up meanwhile.
  if (journal_.is_block_mode() && !under_way_.empty()) return;
  const bool is_sync = wants_sync_ && !is_syncing_apart_;
  const auto synced = under_way_.empty() || !under_way_.back().is_sync ? synced_ : taken_;
  const bool has_unsynced = journal_.has_open() || synced < taken_;
  if (is_sync) wants_sync_ = false;
  if (!journal_.has_open() && !(is_sync && has_unsynced)) {
    if (under_way_.empty()) post([this] { answer_waiters(); });
    return;
  }
  Flush flush;
  flush.batch = journal_.take(durable_, state_->last_seq());
  flush.number = ++taken_;
  flush.is_sync = is_sync;
  under_way_.push_back({taken_, is_sync, flush.batch.end, flush.batch.last_seq});
  for (const auto& piece : flush.batch.pieces) {
    if (unsynced_.empty() || unsynced_.back() != piece.file) unsynced_.push_back(piece.file);
  }
  if (is_sync) {
    is_syncing_apart_ = syncs_apart();
    flush.files = std::exchange(unsynced_, {});
    const auto* active = state_->active();
    const auto& end = flush.batch.end;
    const bool has_room = active != nullptr && end.segment == active->number &&
                          end.offset + last_mark_bytes <= active->capacity &&
                          !flush.files.empty() && flush.files.back() == active->file &&
                          !syncs_apart();
    if (has_room) flush.mark_key = active->key(row_.id);
  }
  writer_->push(std::move(flush));
}

void Log::wait_for_space(const Error& why) {
  if (!is_full_) {
    is_full_ = true;
    emit(DUNLIN_LOG_FULL, 0, 0, why.text);
  }
  // Those who wait are told; what they wait for is still written when there is room.
  answer_all(why);
  is_stalled_ = true;
  auto timer = store_.clock.timer(options_.thread, retry_ns, 0, [this] { try_stalled(); },
                                  options_.shard);
  if (timer) {
    stall_timer_ = std::move(*timer);
  } else {
    poison(timer.error());
  }
}

void Log::try_stalled() {
  if (!std::exchange(is_stalled_, false)) return;
  writer_->resume();
}

void Log::flushed(BatchWriter::Outcome& outcome) {
  if (outcome.is_apart) is_syncing_apart_ = false;
  if (poison_) return;
  const bool is_no_space =
      outcome.write_error && outcome.write_error->status == DUNLIN_E_NO_SPACE;
  if (is_no_space && !closing_) {
    wait_for_space(*outcome.write_error);
    return;
  }
  if (outcome.write_error || outcome.sync_error) {
    poison(outcome.write_error ? *outcome.write_error : *outcome.sync_error);
    return;
  }
  for (const auto& flush : outcome.flushes) {
    const auto taken = under_way_.front();
    under_way_.pop_front();
    journal_.flushed(flush.batch);
    written_ = taken.number;
    flushed_ = taken.end;
    flushed_seq_ = taken.last_seq;
    written_since_checkpoint_ += flush.batch.bytes;
    if (taken.is_sync) syncing_.push_back(taken);
  }
  for (; !syncing_.empty() && syncing_.front().number <= outcome.synced; syncing_.pop_front()) {
    synced_ = syncing_.front().number;
    durable_ = syncing_.front().end;
    durable_seq_ = std::max(durable_seq_, syncing_.front().last_seq);
  }
  if (is_full_ && !store_.space->is_full() && !is_preparing_) space_changed(false);
  for (auto& segment : std::exchange(unindexed_, {})) store_index(segment);
  answer_waiters();
  tell_room();
  const bool is_awaited = !waiters_.empty() && waiters_.back().batch > taken_;
  const bool may_sync = wants_sync_ && !is_syncing_apart_;
  if (is_awaited || may_sync || journal_.is_full()) flush();
  settle_subjects();
  limit_subjects();
  maybe_checkpoint();
}

void Log::answer_waiters() {
  const auto done = syncs_apart() ? written_ : synced_;
  while (!waiters_.empty() && waiters_.front().batch <= done) {
    auto waiter = std::move(waiters_.front());
    waiters_.pop_front();
    waiter.answer(result<>());
  }
  while (!durable_waiters_.empty() && durable_waiters_.front().batch <= synced_) {
    const auto then = std::move(durable_waiters_.front().then);
    durable_waiters_.pop_front();
    then(result<>());
  }
}

void Log::answer_all(const Error& why) {
  for (auto& waiter : std::exchange(waiters_, {})) waiter.answer(why);
  for (auto& waiter : std::exchange(durable_waiters_, {})) waiter.then(why);
}

void Log::poison(const Error& why) {
  if (poison_) return;
  poison_ = fail(DUNLIN_E_IO, row_.name + " takes no more changes until it is opened again: " +
                                  why.text,
                 why.os_error);
  store_.observer->poisoned(row_.name, poison_->text);
  tell(DUNLIN_LOG_POISONED, 0, 0, poison_->text);
  under_way_.clear();
  // A sync that was to follow a write does not; one that was begun is still waited for.
  if (syncing_.empty()) is_syncing_apart_ = false;
  answer_all(*poison_);
  for (auto* waiting : {&waiting_for_room_, &waiting_for_quiet_}) {
    for (const auto& question : std::exchange(*waiting, {})) {
      question->failure = *poison_;
      post([this, question] { go_on(question); });
    }
  }
  go_on_closing();
}

void Log::tick() {
  wants_sync_ = true;
  flush();
}

void Log::store_index(const std::shared_ptr<Segment>& segment) {
  if (!segment || !segment->index || segment->has_index_file) return;
  auto outcome = std::make_shared<result<>>();
  run_on_worker(
      [this, outcome, index = segment->index, reference = ref(*segment)] {
        *outcome = write_index(directory_, reference, *index);
      },
      [this, outcome, segment] {
        // Until it is written the index stays in memory.
        if (!*outcome) return;
        segment->has_index_file = true;
        touch(segment);
        let_go();
        maybe_rewrite();
      });
}

}  // namespace dunlin::storage_file::engine
