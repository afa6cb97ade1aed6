// Subjects that are not in memory: looking them up, counting what came without asking, letting go
// of those that are not needed, and making their runs again when one is damaged.

#include <algorithm>

#include "plugins/storage-file/log/log.hpp"

namespace dunlin::storage_file::engine {
namespace {

// Entries looked at, or subjects looked up, at a time.
constexpr std::size_t subjects_at_once = 2048;

using Found = std::vector<std::optional<SubjectSpan>>;

// `names` ascend.
result<Found> find_all(const SubjectRuns& runs, const std::vector<std::string>& names) {
  RunsReader reader(runs);
  Found found;
  found.reserve(names.size());
  for (const auto& name : names) {
    auto span = reader.find(name);
    if (!span) return span.error();
    found.push_back(*span);
  }
  return found;
}

}  // namespace

// ---- looking up -------------------------------------------------------------------------------

void Log::look_up(std::vector<std::string> names, std::function<void(std::optional<Error>)> then) {
  struct LookUp {
    std::vector<std::string> names;
    SubjectRuns runs;
    result<Found> found = fail(DUNLIN_E_INTERNAL, "not looked up");
  };
  auto job = std::make_shared<LookUp>();
  job->names = std::move(names);
  std::sort(job->names.begin(), job->names.end());
  job->runs = state_->subjects().runs();
  run_on_worker(
      [job] {
        job->found = find_all(job->runs, job->names);
        // Files are closed on a worker.
        job->runs.clear();
      },
      [this, job, version = state_->subjects().version(), then = std::move(then)] {
        // What was found is of runs that are replaced now: whoever asked asks again.
        if (version != state_->subjects().version()) {
          then(std::nullopt);
          return;
        }
        if (!job->found) {
          then(job->found.error());
          return;
        }
        for (std::size_t i = 0; i < job->names.size(); ++i) {
          state_->settle(job->names[i], (*job->found)[i]);
        }
        then(std::nullopt);
      });
}

void Log::fetch_subjects(std::shared_ptr<Question> question) {
  if (distrust_) {
    waiting_for_subjects_.push_back(std::move(question));
    go_on_rebuild();
    return;
  }
  auto names = std::exchange(question->unknown, {});
  look_up(std::move(names), [this, question](const std::optional<Error>& failure) {
    if (!failure) {
      go_on(question);
      limit_subjects();
    } else if (failure->status == DUNLIN_E_CORRUPT) {
      waiting_for_subjects_.push_back(question);
      rebuild_subjects(*failure);
    } else {
      question->failure = failure;
      go_on(question);
    }
  });
}

// What was counted without asking is settled behind the back of those who did it.
void Log::settle_subjects() {
  if (state_->subjects().is_complete() || is_settling_ || distrust_ || closing_) return;
  auto names = state_->subjects().unsettled(subjects_at_once);
  if (names.empty()) return;
  is_settling_ = true;
  look_up(std::move(names), [this](const std::optional<Error>& failure) {
    is_settling_ = false;
    if (failure) {
      if (failure->status == DUNLIN_E_CORRUPT) rebuild_subjects(*failure);
      return;
    }
    settle_subjects();
  });
}

// ---- memory -----------------------------------------------------------------------------------

// Lets go of subjects until the log has no more than its share of memory, some at a time.
void Log::limit_subjects() {
  count_subject_memory();
  if (is_evicting_ || is_checkpointing_ || is_read_only_ || closing_) return;
  auto& subjects = state_->subjects();
  // Twice round: what was used lately goes the second time, and what still stays is needed.
  const bool is_enough = subjects.used_bytes() <= subject_share() ||
                         looked_at_ > 2 * subjects.table().ids();
  if (is_enough) {
    looked_at_ = 0;
    return;
  }
  is_evicting_ = true;
  state_->evict_subjects(subjects_at_once);
  looked_at_ += subjects_at_once;
  post([this] {
    is_evicting_ = false;
    limit_subjects();
  });
}

std::uint64_t Log::subject_share() const {
  return store_.subject_memory->share(store_.settings.subject_memory_bytes, counted_subject_bytes_);
}

void Log::count_subject_memory() {
  store_.subject_memory->count(counted_subject_bytes_, state_->subjects().used_bytes());
}

// ---- damage -----------------------------------------------------------------------------------

// The runs are an index: from what the segments have they are made again, as of one moment; what
// changes behind it is on top of them. Until then no checkpoint is written, for it would name what
// is damaged.
struct Log::Rebuild {
  View view;
  struct Source {
    SegmentRef segment;
    std::uint64_t end_seq;  // what it has behind was truncated
  };
  std::vector<Source> sealed;
  SubjectCopies active;  // what the segment that is written to has
  std::uint64_t number = 0, clears = 0, live_before = 0;
  SubjectRuns runs;
  std::uint64_t live = 0;
  std::optional<Error> failure;
};

void Log::rebuild_subjects(const Error& why) {
  if (!distrust_) {
    distrust_ = why;
    DamageRow row;
    row.file = row_.directory;
    row.text = why.text + "; it is made again";
    announce_damage(std::move(row));
  }
  go_on_rebuild();
}

void Log::go_on_rebuild() {
  // A checkpoint that is on its way ends first.
  if (!distrust_ || is_rebuilding_ || is_checkpointing_) return;
  if (closing_ || is_read_only_) {
    fail_subject_questions(*distrust_);
    return;
  }
  if (store_.clock.monotonic_ns() < rebuild_not_before_ns_ && waiting_for_subjects_.empty()) return;
  is_rebuilding_ = true;
  auto rebuild = std::make_shared<Rebuild>();
  rebuild->view = state_->snapshot();
  rebuild->number = checkpoint_number_ + 1;
  for (const auto& segment : state_->view().segments) {
    if (segment->live == 0) continue;
    if (segment->is_sealed) {
      rebuild->sealed.push_back({ref(*segment), segment->end_seq});
    } else {
      copy_subjects_of(*segment->index, segment->end_seq, rebuild->view, rebuild->active);
    }
  }
  // Files of segments must stay until they were read.
  rebuild_snapshot_ = ++snapshot_count_;
  snapshots_.emplace(rebuild_snapshot_, rebuild->view);
  state_->forget_subjects();
  rebuild->clears = state_->subjects().clears();
  rebuild->live_before = state_->subjects().live();
  run_on_worker([this, rebuild] { run_rebuild(*rebuild); }, [this, rebuild] { rebuilt(rebuild); });
}

void Log::copy_subjects_of(const SegmentIndex& index, std::uint64_t end_seq, const View& view,
                           SubjectCopies& copies) {
  for (std::uint32_t local = 0; local < index.subjects(); ++local) {
    SubjectSpan span;
    span.is_change = true;
    for (auto at = index.subject(local).first; at != SegmentIndex::none;
         at = index.link(at).next) {
      const auto seq = index.seq(at);
      if (seq >= end_seq || !view.is_live(seq)) continue;
      if (span.count++ == 0) span.first = seq;
      span.last = seq;
    }
    if (span.count == 0) continue;
    const auto name = index.name(local);
    copies.items.push_back({0, static_cast<std::uint32_t>(name.size()), copies.names.size(), span});
    copies.names.append(name);
  }
}

// On a worker: a run of each segment, and of those in front of it that are not much larger.
void Log::run_rebuild(Rebuild& rebuild) {
  const auto write = [&](SubjectCopies& copies) -> result<> {
    auto written = write_subjects(directory_, row_.id, rebuild.number++, store_.random.below(0),
                                  copies, rebuild.runs);
    if (!written) return written.error();
    const auto before = std::exchange(rebuild.runs, std::move(written->runs));
    for (const auto& run : before) {
      const auto& now = rebuild.runs;
      if (std::find(now.begin(), now.end(), run) != now.end()) continue;
      static_cast<void>(directory_.remove(run_file_name(run->note().number)));
    }
    rebuild.live += static_cast<std::uint64_t>(written->live_change);
    copies = {};
    return {};
  };
  const auto run = [&]() -> result<> {
    for (const auto& [segment, end_seq] : rebuild.sealed) {
      auto loaded = load_index(directory_, segment, codec(segment.number).get());
      if (!loaded && loaded.error().status != DUNLIN_E_CORRUPT &&
          loaded.error().status != DUNLIN_E_NOT_FOUND) {
        return loaded.error();
      }
      if (!loaded) continue;
      SubjectCopies copies;
      copy_subjects_of(*loaded->index, end_seq, rebuild.view, copies);
      if (auto outcome = write(copies); !outcome) return outcome;
    }
    return write(rebuild.active);
  };
  if (auto outcome = run(); !outcome) rebuild.failure = outcome.error();
  rebuild.sealed.clear();
  rebuild.view.segments.clear();
}

void Log::rebuilt(const std::shared_ptr<Rebuild>& rebuild) {
  constexpr std::uint64_t retry_ns = 5'000'000'000;
  checkpoint_number_ = std::max(checkpoint_number_, rebuild->number);
  auto& subjects = state_->subjects();
  // After everything was purged memory knows all there is.
  const bool is_same = subjects.clears() == rebuild->clears;
  const auto failure = is_same ? rebuild->failure : std::nullopt;
  // What no checkpoint comes to name goes with the next one.
  for (const auto& run : rebuild->runs) named_runs_.push_back(run->note().number);
  if (is_same && !failure) {
    subjects.published(std::exchange(rebuild->runs, {}),
                       static_cast<std::int64_t>(rebuild->live - rebuild->live_before));
  }
  if (!failure) distrust_.reset();
  is_rebuilding_ = false;
  // Files are closed on a worker.
  run_on_worker([rebuild] { rebuild->runs.clear(); }, [] {});
  const auto snapshot = std::exchange(rebuild_snapshot_, 0);
  if (failure) {
    rebuild_not_before_ns_ = store_.clock.monotonic_ns() + retry_ns;
    fail_subject_questions(*failure);
    snapshot_close(snapshot);
    return;
  }
  snapshot_close(snapshot);
  for (const auto& question : std::exchange(waiting_for_subjects_, {})) go_on(question);
  settle_subjects();
  written_since_checkpoint_ = UINT64_MAX / 2;
  maybe_checkpoint();
  settle_files();
  press_erasures();
}

void Log::fail_subject_questions(const Error& why) {
  for (const auto& question : std::exchange(waiting_for_subjects_, {})) {
    question->failure = why;
    go_on(question);
  }
}

}  // namespace dunlin::storage_file::engine
