// The life of a log: opening, threads, closing.

#include <algorithm>
#include <set>

#include "plugins/storage-file/log/log.hpp"

namespace dunlin::storage_file {

result<std::unique_ptr<LogBackend>> open_log(StoreContext& store, OpenLog open) {
  return engine::Log::open(store, std::move(open));
}

namespace engine {
namespace {

Journal::Limits limits_of(const EngineSettings& settings) {
  Journal::Limits limits;
  if (settings.write_buffer_bytes != 0) limits.buffer_bytes = settings.write_buffer_bytes;
  if (settings.read_cache_bytes != 0) {
    limits.hot_bytes = std::min(limits.hot_bytes, settings.read_cache_bytes);
  }
  return limits;
}

}  // namespace

Log::Log(StoreContext& store, OpenLog&& open, const Journal::Limits& limits)
    : store_(store),
      row_(std::move(open.row)),
      options_(open.options),
      closed_(std::move(open.closed)),
      is_read_only_(store.is_read_only || (open.options.flags & DUNLIN_LOG_READ_ONLY) != 0),
      directory_(store.host, store.fs, row_.directory),
      journal_(row_.id, limits),
      maker_(store, row_, directory_, options_.sync == DUNLIN_SYNC_ALWAYS),
      writer_(std::make_shared<BatchWriter>(
          store, syncs_apart(), [this](std::shared_ptr<BatchWriter::Outcome> outcome) {
            post_raw([this, outcome = std::move(outcome)] {
              flushed(*outcome);
              go_on_closing();
            });
          })) {}

Log::~Log() {
  if (!is_counted_) return;
  store_.subject_memory->count(counted_subject_bytes_, 0);
  store_.index_memory->count(counted_index_bytes_, 0);
  --store_.subject_memory->logs;
  --store_.index_memory->logs;
}

result<std::unique_ptr<LogBackend>> Log::open(StoreContext& store, OpenLog&& open) {
  if (open.options.thread != DUNLIN_THREAD_CONTROL && open.options.thread != DUNLIN_THREAD_SHARD) {
    return fail(DUNLIN_E_INVALID, "completions of a log come on control or on a shard");
  }
  std::unique_ptr<Log> log(new Log(store, std::move(open), limits_of(store.settings)));
  if (auto outcome = log->start(); !outcome) return outcome.error();
  return std::unique_ptr<LogBackend>(std::move(log));
}

result<> Log::start() {
  Recovery recovery(store_, row_, directory_, is_read_only_);
  auto recovered = recovery.run();
  if (!recovered) return recovered.error();
  state_ = std::move(recovered->state);
  next_number_ = recovered->next_number;
  checkpoint_number_ = recovered->checkpoint;
  named_checkpoint_ = recovered->named_checkpoint;
  named_runs_ = recovered->runs;
  ++store_.subject_memory->logs;
  ++store_.index_memory->logs;
  is_counted_ = true;
  previous_ = recovered->end;
  checkpointed_place_ = recovered->checkpointed_place;
  durable_ = flushed_ = recovered->end;
  flushed_seq_ = state_->last_seq();
  auto known = store_.catalogue->damage(row_.id);
  if (!known) return known.error();
  damage_ = std::move(*known);
  if (is_read_only_) {
    durable_seq_ = state_->last_seq();
    state_->seal_active();
    announce_recovery(*recovered);
    return {};
  }
  if (auto outcome = sync_recovered(*recovered); !outcome) return outcome;
  durable_seq_ = state_->last_seq();
  unused_ = recovered->unused;
  unindexed_ = recovered->unindexed;
  for (const auto& [number, bytes] : unused_) {
    if (is_rewritten(number)) last_rewritten_[place_in_journal(number)] = number;
  }
  written_since_checkpoint_ = recovered->read_bytes;
  if (auto outcome = maker_.start(); !outcome) return outcome;
  for (const auto number : recovered->to_wipe) {
    if (auto outcome = wipe(number); !outcome) return outcome;
  }
  if (auto outcome = remove_left_behind(recovered->needed_files); !outcome) return outcome;
  if (auto outcome = go_on(*recovered); !outcome) return outcome;
  space_watch_ = store_.space->watch([this](bool is_full) {
    post_raw([this, is_full] { space_changed(is_full); });
  });
  announce_recovery(*recovered);
  return {};
}

static result<> write_again(const File& file, std::uint64_t begin, std::uint64_t end) {
  constexpr std::uint64_t at_once = 1u << 20;
  std::vector<std::uint8_t> bytes;
  for (auto at = begin; at < end; at += bytes.size()) {
    bytes.resize(std::min(at_once, end - at));
    const auto got = file.read(at, bytes);
    // A sector that cannot be read has nothing to be written again.
    if (!got && got.error().status == DUNLIN_E_IO) continue;
    if (!got) return got.error();
    if (auto outcome = file.write(at, bytes); !outcome) return outcome;
  }
  return {};
}

// The rest of opening, on the log's thread, where its events and timers belong.
void Log::announce_recovery(const Recovered& recovered) {
  post_raw([this, damage = recovered.damage] {
    for (const auto& row : damage) {
      if (std::find(damage_.begin(), damage_.end(), row) == damage_.end()) announce_damage(row);
    }
    if (state_->view().damaged.empty()) store_.observer->recovered(row_.name);
    if (is_read_only_ || closing_) return;
    if (row_.must_scan) {
      CatalogueBatch batch;
      batch.clear_must_scan(row_.id);
      static_cast<void>(store_.catalogue->commit(std::move(batch), [](const result<>&) {}));
    }
    const auto interval = store_.settings.sync_interval_ns;
    if (options_.sync == DUNLIN_SYNC_INTERVAL && interval != 0) {
      auto timer = store_.clock.timer(options_.thread, interval, interval, [this] { tick(); },
                                      options_.shard);
      if (timer) timer_ = std::move(*timer);
    }
    for (const auto& segment : std::exchange(unindexed_, {})) store_index(segment);
    maybe_checkpoint();
    press_erasures();
  });
}

// What the crash left in the page cache alone is made durable before anybody relies on it. After a
// sync that failed the system may take its pages for written, so that no other sync writes them:
// what nothing says to be durable is written again.
result<> Log::sync_recovered(const Recovered& recovered) {
  for (const auto number : recovered.tail) {
    auto file = directory_.open(segment_file_name(number), DUNLIN_FS_READ | DUNLIN_FS_WRITE);
    if (!file) return file.error();
    const auto segment = state_->find_segment(number);
    if (segment && number >= recovered.durable.segment && !is_rewritten(number)) {
      const auto begin = number == recovered.durable.segment ? recovered.durable.offset : 0;
      if (auto outcome = write_again(**file, begin, segment->used); !outcome) return outcome;
    }
    if (auto outcome = (*file)->sync(); !outcome) return outcome;
    if (segment && !segment->is_sealed) segment->file = *file;
  }
  return {};
}

// Checkpoints and runs that a crash left behind.
result<> Log::remove_left_behind(const std::vector<std::string>& needed) {
  auto items = directory_.list();
  if (!items) return items.error();
  std::set<std::string> keep(needed.begin(), needed.end());
  for (const auto& run : state_->subjects().runs()) {
    keep.insert(run_file_name(run->note().number));
  }
  for (const auto& item : *items) {
    const bool is_ours = file_number(item.name, checkpoint_suffix) ||
                         file_number(item.name, run_suffix);
    if (!is_ours || keep.contains(item.name)) continue;
    if (auto outcome = directory_.remove(item.name); !outcome) return outcome;
  }
  return {};
}

result<> Log::go_on(const Recovered& recovered) {
  if (recovered.goes_on && state_->active() != nullptr) {
    auto& active = *state_->active();
    if (!active.file) return fail(DUNLIN_E_INTERNAL, "the active segment is not open");
    last_capacity_ = active.capacity;
    const auto block_codec = codec(active.number);
    if (active.key_id == block_codec->key_id()) {
      journal_.begin(active, recovered.end.offset, block_codec);
      return {};
    }
  }
  if (state_->active() != nullptr) {
    const auto before = state_->view().segments.back();
    if (before->live != 0 && before->index) unindexed_.push_back(before);
  }
  state_->seal_active();
  auto made = maker_.make(next_number_, next_capacity());
  next_number_ = number_behind(next_number_);
  if (made) {
    begin_segment(std::move(*made), true);
    return {};
  }
  if (made.error().status != DUNLIN_E_NO_SPACE) return made.error();
  // There is no room to go on: what is there can be read, and appends are told.
  store_.space->report_full();
  is_full_ = true;
  return {};
}

// ---- threads ----------------------------------------------------------------------------------

void Log::post(std::function<void()> task) {
  ++jobs_;
  post_raw([this, task = std::move(task)] {
    --jobs_;
    task();
    go_on_closing();
  });
}

void Log::post_raw(std::function<void()> task) const {
  // Refused only when the server has stopped the plugin; everything was closed before that.
  if (options_.thread == DUNLIN_THREAD_SHARD) {
    static_cast<void>(store_.executor.post_shard(options_.shard, std::move(task)));
  } else {
    static_cast<void>(store_.executor.post_control(std::move(task)));
  }
}

void Log::run_on_worker(std::function<void()> work, std::function<void()> then) {
  ++jobs_;
  const auto posted = store_.executor.post_worker(
      [this, work = std::move(work), then = std::move(then)]() mutable {
        work();
        work = nullptr;
        post_raw([this, then = std::move(then)] {
          --jobs_;
          then();
          go_on_closing();
        });
      });
  if (!posted) --jobs_;
}

void Log::emit(std::uint32_t kind, std::uint64_t first, std::uint64_t last,
               std::string_view text) {
  if (options_.event == nullptr || is_finishing_) return;
  post([this, kind, first, last, text = std::string(text)] { tell(kind, first, last, text); });
}

void Log::tell(std::uint32_t kind, std::uint64_t first, std::uint64_t last,
               std::string_view text) const {
  if (options_.event == nullptr) return;
  dunlin_log_event event{};
  event.struct_size = sizeof event;
  event.kind = kind;
  event.first = first;
  event.last = last;
  event.text = detail::str(text);
  options_.event(options_.user, &event);
}

// ---- closing ----------------------------------------------------------------------------------

void Log::close(Completion done) noexcept {
  closing_.emplace(std::move(done));
  timer_ = Timer();
  retry_ = Timer();
  stall_timer_ = Timer();
  rewrite_timer_ = Timer();
  maker_.stop();
  wake_rewrite();
  waiting_for_quiet_.clear();
  waiting_for_subjects_.clear();
  for (const auto& question : std::exchange(asked_, {})) {
    question->failure = fail(DUNLIN_E_CANCELLED, row_.name + " was closed");
    post([question] { question->complete(); });
  }
  // One more try for what found no space; then the log is closed without it.
  post([this] { try_stalled(); });
}

void Log::go_on_closing() {
  if (!closing_ || is_checkpointing_ || rewrite_ || jobs_ != 0) return;
  if (!is_checkpointed_ && !is_read_only_ && !poison_ && state_->active() != nullptr) {
    is_checkpointed_ = true;
    // Without subjects that can be believed the last one stays the last.
    if (!distrust_) {
      checkpoint(true, [] {});
      return;
    }
  }
  if (under_way_.empty() && !is_syncing_apart_) finish_close();
}

void Log::finish_close() {
  ++jobs_;
  is_finishing_ = true;
  // Files are closed, and the watch ends, on a worker.
  writer_->end([this] {
    if (space_watch_ != 0) store_.space->unwatch(space_watch_);
    used_lately_.clear();
    unsynced_.clear();
    unindexed_.clear();
    next_.reset();
    snapshots_.clear();
    replaced_.clear();
    journal_ = Journal(row_.id, {});
    state_.reset();
    post_raw([this] {
      // Questions that were answered may still stand in a queue, and use the log when they go.
      waiting_for_room_.clear();
      fetching_.clear();
      durable_waiters_.clear();
      auto done = std::move(*closing_);
      const auto closed = std::move(closed_);
      const auto poisoned = poison_;
      delete this;
      if (closed) closed();
      poisoned ? done.fail(*poisoned) : done.succeed();
    });
  });
}

}  // namespace engine
}  // namespace dunlin::storage_file
