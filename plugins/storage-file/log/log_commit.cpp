// Group commit: one batch at a time is on its way to the disk; all who wait for what it holds are
// answered by its sync, and what came meanwhile is the next batch.

#include <algorithm>

#include "plugins/storage-file/log/log.hpp"

namespace dunlin::storage_file::engine {
namespace {

constexpr std::uint64_t retry_ns = 1'000'000'000;

// Blocks are encoded here, on the worker: `out` keeps their bytes.
result<> encode_block(const Batch::Piece& piece, std::vector<std::uint8_t>& out) {
  const auto& chunk = *piece.chunk;
  out.assign(entry_head_bytes, 0);
  const std::span<const std::uint8_t> plain(chunk.bytes.get(), piece.to);
  const auto place = chunk.begin + entry_head_bytes;
  if (auto outcome = piece.codec->encode(plain, place, out); !outcome) return outcome;
  const auto bytes = static_cast<std::uint32_t>(out.size());
  if (bytes != entry_head_bytes + piece.codec->bound(piece.to)) {
    return fail(DUNLIN_E_INTERNAL, "a block has not the size that was kept free for it");
  }
  out.resize(padded(bytes));
  seal_entry(out.data(), EntryKind::block, bytes, chunk.begin, piece.key);
  return {};
}

// One write for each stretch of a file.
result<> write_pieces(const Batch& batch, Observer& observer) {
  std::vector<std::vector<std::uint8_t>> blocks(batch.pieces.size());
  std::vector<dunlin_bytes> parts;
  std::uint64_t begin = 0, end = 0;
  const File* file = nullptr;
  const auto write = [&]() -> result<> {
    if (parts.empty()) return {};
    observer.wrote(end - begin);
    auto outcome = file->write(begin, parts);
    parts.clear();
    return outcome;
  };
  for (std::size_t i = 0; i < batch.pieces.size(); ++i) {
    const auto& piece = batch.pieces[i];
    if (piece.to == piece.from) continue;
    dunlin_bytes bytes{piece.chunk->bytes.get() + piece.from, piece.to - piece.from};
    const std::uint64_t offset = piece.chunk->begin + (piece.chunk->is_block ? 0 : piece.from);
    if (piece.chunk->is_block) {
      if (auto outcome = encode_block(piece, blocks[i]); !outcome) return outcome;
      bytes = {blocks[i].data(), blocks[i].size()};
    }
    if (file != piece.file.get() || offset != end) {
      if (auto outcome = write(); !outcome) return outcome;
      file = piece.file.get();
      begin = end = offset;
    }
    parts.push_back(bytes);
    end += bytes.size;
  }
  return write();
}

}  // namespace

struct Log::FlushJob {
  Batch batch;
  std::uint64_t number = 0;
  bool is_sync = false;
  std::vector<std::shared_ptr<File>> files;  // to be synced
  std::optional<SegmentKey> mark_key;        // a mark behind the batch, in the last of them
  std::optional<Error> write_error, sync_error;

  void run(StoreContext& store);
};

void Log::FlushJob::run(StoreContext& store) {
  write_error.reset();
  auto outcome = write_pieces(batch, *store.observer);
  if (!outcome && outcome.error().status == DUNLIN_E_NO_SPACE) {
    store.space->report_full();
    outcome = write_pieces(batch, *store.observer);
  }
  if (!outcome) {
    write_error = outcome.error();
    return;
  }
  if (!is_sync) return;
  const auto begin = store.clock.monotonic_ns();
  for (const auto& file : files) {
    if (auto synced = file->sync(); !synced) {
      sync_error = synced.error();
      return;
    }
  }
  store.observer->synced(store.clock.monotonic_ns() - begin);
  if (!mark_key) return;
  // Says of what was just synced that it was; the next batch is written over it.
  std::vector<std::uint8_t> mark;
  put_last_mark(mark, batch.end.offset, batch.last_seq);
  seal_entry(mark.data(), EntryKind::mark, last_mark_bytes, batch.end.offset, *mark_key);
  static_cast<void>(files.back()->write(batch.end.offset, mark));
}

result<> Log::sync(Completion& done) {
  if (is_read_only_) {
    // There is nothing that could still become durable.
    auto completion = std::make_shared<Completion>(std::move(done));
    post([completion] { completion->succeed(); });
    return {};
  }
  if (poison_) return *poison_;
  if (closing_) return fail(DUNLIN_E_CLOSED, row_.name + " is closed");
  auto completion = std::make_shared<Completion>(std::move(done));
  const auto then = [completion](const result<>& outcome) {
    outcome ? completion->succeed() : completion->fail(outcome.error());
  };
  const auto batch = journal_.has_open() ? taken_ + 1 : taken_;
  waiters_.push_back({batch, options_.sync == DUNLIN_SYNC_ALWAYS, then});
  flush();
  return {};
}

void Log::when_durable(std::function<void(const result<>&)> then) {
  if (poison_) {
    post([this, then = std::move(then)] { then(*poison_); });
    return;
  }
  const auto batch = journal_.has_open() ? taken_ + 1 : taken_;
  waiters_.push_back({batch, true, std::move(then)});
  flush();
}

void Log::truncated(std::uint64_t last) noexcept {
  ++truncations_;
  durable_seq_ = std::min(durable_seq_, last);
  durable_cap_ = std::min(durable_cap_, last);
}

void Log::flush() {
  if (is_flushing_ || poison_) return;
  const bool is_sync = wants_sync_ || std::any_of(waiters_.begin(), waiters_.end(),
                                                  [](const auto& w) { return w.needs_sync; });
  const bool has_unsynced = journal_.has_open() || synced_ < taken_;
  if (!journal_.has_open() && !(is_sync && has_unsynced)) {
    wants_sync_ = false;
    if (!waiters_.empty()) post([this] { answer_waiters(); });
    return;
  }
  is_flushing_ = true;
  wants_sync_ = false;
  durable_cap_ = UINT64_MAX;
  auto job = std::make_shared<FlushJob>();
  job->batch = journal_.take(durable_, state_->last_seq());
  job->number = ++taken_;
  job->is_sync = is_sync;
  for (const auto& piece : job->batch.pieces) {
    if (unsynced_.empty() || unsynced_.back() != piece.file) unsynced_.push_back(piece.file);
  }
  if (is_sync) {
    job->files = std::exchange(unsynced_, {});
    const auto* active = state_->active();
    const bool has_room = active != nullptr && job->batch.end.segment == active->number &&
                          job->batch.end.offset + last_mark_bytes <= active->capacity &&
                          !job->files.empty() && job->files.back() == active->file;
    if (has_room) job->mark_key = active->key(row_.id);
  }
  start_flush(job);
}

void Log::start_flush(const std::shared_ptr<FlushJob>& job) {
  run_on_worker([this, job] { job->run(store_); }, [this, job] { flushed(job); });
}

void Log::wait_for_space(const std::shared_ptr<FlushJob>& job) {
  if (!is_full_) {
    is_full_ = true;
    emit(DUNLIN_LOG_FULL, 0, 0, job->write_error->text);
  }
  // Those who wait are told; what they wait for is still written when there is room.
  for (auto& waiter : std::exchange(waiters_, {})) waiter.then(*job->write_error);
  stalled_ = job;
  auto timer = store_.clock.timer(options_.thread, retry_ns, 0, [this] { try_stalled(); },
                                  options_.shard);
  if (timer) {
    retry_ = std::move(*timer);
  } else {
    poison(timer.error());
  }
}

void Log::try_stalled() {
  if (stalled_) start_flush(std::exchange(stalled_, nullptr));
}

void Log::flushed(const std::shared_ptr<FlushJob>& job) {
  const bool is_no_space = job->write_error && job->write_error->status == DUNLIN_E_NO_SPACE;
  if (is_no_space && !closing_) {
    // Nothing of it was synced yet: what was written is written again when there is room.
    wait_for_space(job);
    return;
  }
  is_flushing_ = false;
  if (job->write_error || job->sync_error) {
    poison(job->write_error ? *job->write_error : *job->sync_error);
    return;
  }
  journal_.flushed(job->batch);
  written_ = job->number;
  flushed_ = job->batch.end;
  flushed_seq_ = std::min(job->batch.last_seq, durable_cap_);
  written_since_checkpoint_ += job->batch.bytes;
  if (job->is_sync) {
    synced_ = job->number;
    durable_ = job->batch.end;
    durable_seq_ = std::max(durable_seq_, std::min(job->batch.last_seq, durable_cap_));
  }
  if (is_full_ && !store_.space->is_full() && !is_preparing_) space_changed(false);
  for (auto& segment : std::exchange(unindexed_, {})) store_index(segment);
  answer_waiters();
  tell_room();
  if (!waiters_.empty() || wants_sync_ || journal_.is_full()) flush();
  maybe_checkpoint();
  go_on_closing();
}

void Log::answer_waiters() {
  while (!waiters_.empty()) {
    const auto& front = waiters_.front();
    if ((front.needs_sync ? synced_ : written_) < front.batch) return;
    const auto then = std::move(waiters_.front().then);
    waiters_.pop_front();
    then(result<>());
  }
}

void Log::poison(const Error& why) {
  if (poison_) return;
  poison_ = fail(DUNLIN_E_IO, row_.name + " takes no more changes until it is opened again: " +
                                  why.text,
                 why.os_error);
  store_.observer->poisoned(row_.name, poison_->text);
  tell(DUNLIN_LOG_POISONED, 0, 0, poison_->text);
  for (auto& waiter : std::exchange(waiters_, {})) waiter.then(*poison_);
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
      });
}

}  // namespace dunlin::storage_file::engine
