// Background work: segments of which most is dead are rewritten into less space, small ones
// together, sealed ones compressed, and those of another key encrypted with the present one.
//
// One rewriting at a time: a plan on the log's thread, slices of work on a worker, at the store's
// pace; then the new segment takes the place of the old ones in the state, between two changes. The
// old files stay until a checkpoint that does not need them is durable. Only segments the last
// checkpoint knows as sealed are rewritten: what is read again after a crash is as it was written.

#include <algorithm>

#include "plugins/storage-file/files.hpp"
#include "plugins/storage-file/layout.hpp"
#include "plugins/storage-file/log/log.hpp"
#include "plugins/storage-file/log/rewrite.hpp"

namespace dunlin::storage_file::engine {
namespace {

constexpr std::uint64_t slice_bytes = 1u << 20;
constexpr std::size_t sources_max = 16;
// Small segments are put together when there are so many of them side by side.
constexpr std::size_t small_run = 8;
// Less than this is not worth a file of its own.
constexpr std::uint64_t gain_min = 4096;
// Their indexes are in memory while segments are rewritten.
constexpr std::uint64_t records_max = 2'000'000;
constexpr std::uint64_t retry_ns = 5'000'000'000;

// What the records it was written with take in its file; in one the journal wrote the entries of
// changes count with them.
std::uint64_t record_file_bytes(const Segment& segment) {
  return segment.used - std::min(segment.used, segment_header_bytes + segment.kept_bytes);
}

std::uint64_t live_file_bytes(const Segment& segment) {
  const auto bytes = record_file_bytes(segment);
  if (!is_rewritten(segment.number)) return std::min(bytes, segment.live_bytes);
  if (segment.records == 0) return 0;
  return static_cast<std::uint64_t>(static_cast<double>(bytes) *
                                    static_cast<double>(segment.live) /
                                    static_cast<double>(segment.records));
}

bool is_mostly_dead(const Segment& segment) {
  const auto dead = record_file_bytes(segment) - live_file_bytes(segment) + segment.capacity -
                    segment.used;
  return dead > segment.capacity / 2 && dead >= gain_min;
}

// Fetches indexes before a rewriting begins.
class Indexes final : public Question {
 public:
  Indexes(std::vector<std::uint64_t> numbers, std::function<void(bool)> then)
      : numbers_(std::move(numbers)), then_(std::move(then)) {}

  Next step(Log& log) override {
    for (const auto number : numbers_) {
      const auto segment = log.now().find_segment(number);
      if (!segment) return fail_with(fail(DUNLIN_E_NOT_FOUND, "the segment is gone"));
      if (!segment->index) return want(number);
      held.push_back(segment->index);
    }
    return Next::done;
  }
  void complete() noexcept override { then_(!failure); }

 private:
  std::vector<std::uint64_t> numbers_;
  std::function<void(bool)> then_;
};

}  // namespace

struct Log::Rewrite {
  std::vector<std::uint64_t> numbers;
  std::vector<std::shared_ptr<SegmentIndex>> indexes;  // they stay in memory
  std::unique_ptr<Rewriter> rewriter;
  std::uint64_t truncations = 0;
  std::uint64_t spent = 0;  // bytes, of the last slice
  bool is_urgent = false, must_stop = false;
  bool is_written = false;
  bool is_idle = false;  // waits for the clock, or for a snapshot to be closed
  std::optional<Error> failure;
};

// ---- what is worth it -------------------------------------------------------------------------

Log::Worth Log::worth_of(const Segment& segment) const {
  if (!segment.is_sealed || segment.live == 0 || !segment.has_index_file ||
      given_up_.contains(segment.number) ||
      (segment.number & generation_mask) >= generation_mask / 2) {
    return Worth::nothing;
  }
  if (segment.must_rewrite) return Worth::erasure;
  if (store_.pace->is_off()) return Worth::nothing;
  if (segment.key_id != store_.keys->current_id() &&
      (segment.key_id == 0 || store_.keys->opens(segment.key_id))) {
    return Worth::key;
  }
  // One that dies from its front, as with limits, is soon gone as a whole.
  const auto first = state_->first_seq();
  const bool is_dying = first > segment.first_seq && first < segment.end_seq &&
                        2 * segment.live >= segment.end_seq - first;
  if (is_mostly_dead(segment) && !is_dying) return Worth::space;
  const bool is_packed = segment.compression != 0 && segment.compression != DUNLIN_COMPRESS_NONE;
  if (options_.compression != DUNLIN_COMPRESS_NONE && !is_packed) return Worth::compression;
  return Worth::nothing;
}

// The first of the segments that most needs it, and those beside it that fit into the same file.
std::vector<std::uint64_t> Log::choose_rewrite(bool& is_urgent, bool& needs_checkpoint) const {
  const auto& segments = state_->view().segments;
  const auto limit = segment_bytes_limit();
  auto best = Worth::nothing;
  std::size_t at = 0, run = 0;
  needs_checkpoint = false;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const auto& segment = *segments[i];
    auto worth = worth_of(segment);
    if (place_in_journal(segment.number) >= checkpointed_place_) {
      needs_checkpoint = needs_checkpoint || worth >= Worth::key;
      break;
    }
    const bool is_small = segment.has_index_file && segment.live != 0 && !store_.pace->is_off() &&
                          live_file_bytes(segment) <= limit / small_run;
    run = is_small ? run + 1 : 0;
    if (worth == Worth::nothing && run >= small_run) worth = Worth::company;
    if (worth > best) {
      best = worth;
      at = worth == Worth::company ? i + 1 - run : i;
    }
  }
  is_urgent = best == Worth::erasure;
  std::vector<std::uint64_t> numbers;
  if (best == Worth::nothing) return numbers;
  std::uint64_t bytes = 0, records = 0;
  for (auto i = at; i < segments.size() && numbers.size() < sources_max; ++i) {
    const auto& segment = *segments[i];
    if (place_in_journal(segment.number) >= checkpointed_place_) break;
    bytes += live_file_bytes(segment);
    records += segment.records;
    const bool is_wanted = i == at || worth_of(segment) >= Worth::space ||
                           live_file_bytes(segment) <= limit / small_run;
    const bool is_possible = segment.live != 0 && segment.has_index_file &&
                             !given_up_.contains(segment.number);
    if (!is_wanted || !is_possible) break;
    if (i != at && (bytes > limit || records > records_max)) break;
    numbers.push_back(segment.number);
  }
  return numbers;
}

void Log::maybe_rewrite() {
  changes_since_choice_ = 0;
  const bool is_possible = !rewrite_ && !is_read_only_ && !poison_ && !closing_ &&
                           store_.pace != nullptr && snapshots_.empty() && erasers_ == 0 &&
                           state_->active() != nullptr &&
                           store_.clock.monotonic_ns() >= rewrite_not_before_ns_;
  if (!is_possible) return;
  auto job = std::make_shared<Rewrite>();
  bool needs_checkpoint = false;
  job->numbers = choose_rewrite(job->is_urgent, needs_checkpoint);
  if (job->numbers.empty()) {
    if (needs_checkpoint && may_checkpoint()) checkpoint(false, [] {});
    maybe_index();
    return;
  }
  rewrite_ = job;
  const auto question = std::make_shared<Indexes>(job->numbers, [this](bool is_there) {
    if (!is_there) rewrite_->must_stop = true;
    plan_rewrite();
  });
  if (const auto outcome = ask(question); outcome) {
    plan_rewrite();
  } else if (outcome.error().status != DUNLIN_E_AGAIN) {
    job->must_stop = true;
    plan_rewrite();
  }
}

// Segments that were read without their index at the start: a segment without one in a file is not
// rewritten. One at a time.
void Log::maybe_index() {
  if (is_indexing_) return;
  const auto& segments = state_->view().segments;
  const auto found = std::find_if(segments.begin(), segments.end(), [&](const auto& segment) {
    return segment->is_sealed && segment->live != 0 && !segment->has_index_file &&
           !segment->index && !given_up_.contains(segment->number) &&
           (segment->must_rewrite || !store_.pace->is_off());
  });
  if (found == segments.end()) return;
  is_indexing_ = true;
  const auto then = [this, bytes = (*found)->used](bool is_there) {
    is_indexing_ = false;
    const auto now = store_.clock.monotonic_ns();
    if (!is_there) rewrite_not_before_ns_ = now + retry_ns;
    if (!is_there || store_.pace->is_off()) return;
    const auto wait = store_.pace->spend(bytes, now);
    if (wait == 0 || closing_) return;
    rewrite_not_before_ns_ = now + wait;
    auto timer = store_.clock.timer(options_.thread, wait, 0, [this] { maybe_rewrite(); },
                                    options_.shard);
    if (timer) rewrite_timer_ = std::move(*timer);
  };
  const auto outcome = ask(std::make_shared<Indexes>(std::vector{(*found)->number}, then));
  if (outcome || outcome.error().status != DUNLIN_E_AGAIN) is_indexing_ = false;
}

void Log::after_change() {
  // Looking at all segments costs as much as there are, so it is not done for each change.
  if (++changes_since_choice_ > state_->view().segments.size()) maybe_rewrite();
}

// ---- the plan ---------------------------------------------------------------------------------

void Log::plan_rewrite() {
  auto& job = *rewrite_;
  const auto& view = state_->view();
  const auto first = std::find_if(
      view.segments.begin(), view.segments.end(),
      [&](const auto& segment) { return segment->number == job.numbers.front(); });
  const auto n = static_cast<std::ptrdiff_t>(job.numbers.size());
  const bool is_there = view.segments.end() - first >= n &&
                        (*(first + n - 1))->number == job.numbers.back() &&
                        state_->active() != nullptr;
  const auto fail_now = [&] {
    job.must_stop = true;
    post([this] { go_on_rewrite(); });
  };
  if (job.must_stop || !is_there || closing_) {
    fail_now();
    return;
  }
  RewritePlan plan;
  for (auto it = first; it != first + n; ++it) {
    if (!(*it)->index) {
      fail_now();
      return;
    }
    job.indexes.push_back((*it)->index);
    plan.sources.push_back(
        {ref(**it), (*it)->end_seq, (*it)->index, codec((*it)->number)});
    plan.sources.back().segment.file.reset();
  }
  const auto& last = **(first + n - 1);
  plan.first_seq = first == view.segments.begin() ? (*first)->first_seq
                                                  : (*std::prev(first))->end_seq;
  plan.end_seq = last.end_seq;
  plan.floor = view.first;
  if (view.first > plan.first_seq) {
    plan.dead.push_back({plan.first_seq, std::min(view.first, plan.end_seq) - 1});
  }
  const auto low = std::max(view.first, plan.first_seq);
  if (low < plan.end_seq) {
    view.gaps->each(low, plan.end_seq - 1, [&](std::uint64_t gap, std::uint64_t gap_end) {
      plan.dead.push_back({gap, gap_end});
      return true;
    });
  }
  for (auto it = view.segments.begin(); it != first; ++it) {
    plan.older.push_back({(*it)->first_seq, (*it)->end_seq, (*it)->clean_to});
  }
  plan.has_subjects = row_.has_subjects;
  plan.clean_to = place_in_journal(state_->active()->number);
  plan.compression = options_.compression;
  plan.header.log = row_.id;
  // Not that of a file a crash left there, which is going to be removed.
  auto& number = last_rewritten_[place_in_journal(last.number)];
  number = std::max(number, last.number) + 1;
  plan.header.number = number;
  plan.header.salt = store_.random.below(0);
  plan.header.store = store_.store_id;
  plan.codec = std::make_shared<BlockCodec>(
      store_.keys->codec(row_.id, plan.header.number, plan.compression));
  job.truncations = truncations_;
  job.rewriter = std::make_unique<Rewriter>(directory_, std::move(plan), *store_.observer);
  // A removal that was not durable yet must not be the only thing that survives of itself.
  when_durable([this](const result<>& outcome) {
    if (!outcome) rewrite_->must_stop = true;
    go_on_rewrite();
  });
}

// ---- the work ---------------------------------------------------------------------------------

void Log::go_on_rewrite() {
  auto& job = *rewrite_;
  job.is_idle = false;
  if (job.failure || job.must_stop || closing_ || poison_) {
    end_rewrite(false);
    return;
  }
  if (job.is_written) {
    if (snapshots_.empty()) {
      adopt_rewritten();
    } else {
      job.is_idle = true;
    }
    return;
  }
  const auto wait = job.spent == 0 || job.is_urgent || store_.pace->is_off()
                        ? 0
                        : store_.pace->spend(job.spent, store_.clock.monotonic_ns());
  job.spent = 0;
  if (wait == 0) {
    work_on_rewrite();
    return;
  }
  auto timer = store_.clock.timer(options_.thread, wait, 0, [this] {
    if (rewrite_ && rewrite_->is_idle) go_on_rewrite();
  }, options_.shard);
  if (!timer) {
    end_rewrite(false);
    return;
  }
  job.is_idle = true;
  rewrite_timer_ = std::move(*timer);
}

void Log::work_on_rewrite() {
  run_on_worker(
      [job = rewrite_] {
        const auto before = job->rewriter->file().read_bytes;
        auto finished = job->rewriter->go_on(slice_bytes);
        // About as much is written as is read, at most.
        job->spent = 2 * (job->rewriter->file().read_bytes - before);
        if (!finished) {
          job->failure = finished.error();
        } else {
          job->is_written = *finished;
        }
      },
      [this] { go_on_rewrite(); });
}

void Log::wake_rewrite() {
  if (rewrite_ && rewrite_->is_idle) go_on_rewrite();
}

void Log::adopt_rewritten() {
  auto& job = *rewrite_;
  auto& segments = state_->segments();
  const auto first = std::find_if(segments.begin(), segments.end(), [&](const auto& segment) {
    return segment->number == job.numbers.front();
  });
  const auto n = static_cast<std::ptrdiff_t>(job.numbers.size());
  bool is_valid = truncations_ == job.truncations && segments.end() - first >= n;
  for (std::ptrdiff_t i = 0; is_valid && i < n; ++i) {
    is_valid = (*(first + i))->number == job.numbers[static_cast<std::size_t>(i)];
  }
  if (!is_valid) {
    end_rewrite(false);
    return;
  }
  const auto& written = job.rewriter->file();
  const auto& plan = job.rewriter->plan();
  auto made = std::make_shared<Segment>();
  made->number = plan.header.number;
  made->salt = plan.header.salt;
  made->used = made->capacity = written.used;
  made->kept_bytes = written.kept_bytes;
  made->first_seq = plan.first_seq;
  made->end_seq = plan.end_seq;
  made->records = written.records;
  made->compression = plan.compression;
  made->clean_to = plan.clean_to;
  made->key_id = plan.codec->key_id();
  made->is_sealed = made->has_index_file = true;
  made->first_time_ns = (*first)->first_time_ns;
  std::uint64_t bytes = 0;
  for (auto it = first; it != first + n; ++it) {
    const auto& segment = **it;
    made->last_time_ns = std::max(made->last_time_ns, segment.last_time_ns);
    if (made->live == 0) {
      made->first_live = segment.first_live;
      made->first_live_time_ns = segment.first_live_time_ns;
    }
    made->live += segment.live;
    made->live_bytes += segment.live_bytes;
    bytes += segment.capacity;
    used_lately_.remove(*it);
    const auto& damaged = written.damaged;
    replaced_.push_back({*it, std::find(damaged.begin(), damaged.end(), segment.number) !=
                                  damaged.end()});
  }
  for (const auto& lost : written.unreadable) {
    if (state_->view().is_live(lost.seq)) --made->live;
  }
  lose_unreadable(written.unreadable);
  const auto at = segments.erase(first, first + n);
  segments.insert(at, std::move(made));
  store_.observer->rewrote(bytes, written.used);
  end_rewrite(true);
  maybe_checkpoint();
}

// Runs of records that stood beside each other are told together.
void Log::lose_unreadable(const std::vector<RewrittenFile::Unreadable>& lost) {
  const auto& view = state_->view();
  for (std::size_t i = 0; i < lost.size();) {
    const auto& first = lost[i];
    auto last = first.seq;
    if (!view.is_live(first.seq) || view.is_damaged(first.seq)) {
      ++i;
      continue;
    }
    for (++i; i < lost.size() && lost[i].seq == last + 1 && view.is_live(lost[i].seq) &&
              !view.is_damaged(lost[i].seq);
         ++i) {
      ++last;
    }
    state_->restore_damage(first.seq, last);
    announce_damage(first.seq, last, first.segment, first.offset,
                    "it could not be read when the segment was rewritten");
  }
}

void Log::end_rewrite(bool is_adopted) {
  auto job = std::exchange(rewrite_, nullptr);
  rewrite_timer_ = Timer();
  if (job->failure) {
    // It may be the disk: others are tried, this one after the next start.
    if (job->failure->status == DUNLIN_E_NO_SPACE) {
      rewrite_not_before_ns_ = store_.clock.monotonic_ns() + retry_ns;
    } else {
      given_up_.insert(job->numbers.front());
      store_.observer->damaged(row_.name, 0, 0,
                               row_.directory + "/" + segment_file_name(job->numbers.front()) +
                                   " cannot be rewritten: " + job->failure->text);
    }
    if (job->is_urgent) fail_erasures(*job->failure);
  }
  run_on_worker(
      [job, is_adopted] {
        if (job->rewriter && !is_adopted) job->rewriter->abandon();
        job->rewriter.reset();
      },
      [this] {
        settle_files();
        press_erasures();
      });
}

// ---- erasures ---------------------------------------------------------------------------------

std::shared_ptr<void> Log::hold_files() {
  ++erasers_;
  return {this, [this](void*) {
            --erasers_;
            if (!closing_ && !poison_) post([this] { maybe_rewrite(); });
          }};
}

bool Log::is_quiet() const noexcept {
  return !rewrite_ && replaced_.empty() && !is_checkpointing_;
}

bool Log::has_erased_all() const noexcept {
  const auto& segments = state_->view().segments;
  const auto& dropped = state_->dropped();
  const auto must = [](const auto& segment) { return segment->must_rewrite; };
  return is_quiet() && std::none_of(segments.begin(), segments.end(), must) &&
         std::none_of(dropped.begin(), dropped.end(), must);
}

void Log::fail_erasures(const Error& why) {
  for (const auto& question : std::exchange(waiting_for_quiet_, {})) {
    question->failure = why;
    post([this, question] { go_on(question); });
  }
}

// Does what those who erase wait for, and lets them look again.
void Log::settle_files() {
  if (waiting_for_quiet_.empty() || closing_) return;
  if (poison_) {
    fail_erasures(*poison_);
    return;
  }
  if (rewrite_ && !rewrite_->is_urgent) {
    rewrite_->must_stop = true;
    wake_rewrite();
    return;
  }
  if (is_quiet()) {
    for (const auto& question : std::exchange(waiting_for_quiet_, {})) {
      post([this, question] { go_on(question); });
    }
    return;
  }
  if (!replaced_.empty() && may_checkpoint()) checkpoint(false, [] {});
}

// Brings what is marked to be rewritten to where it can be: out of the segment that is written to,
// and into a checkpoint.
void Log::press_erasures() {
  if (rewrite_ || erasers_ != 0 || !may_checkpoint()) return;
  auto* active = state_->active();
  if (active != nullptr && active->must_rewrite) {
    if (!next_) {
      prepare();
      return;
    }
    begin_segment(std::move(*std::exchange(next_, std::nullopt)), false);
    prepare();
    flush();
    return;
  }
  const auto& dropped = state_->dropped();
  const bool is_dropped = std::any_of(dropped.begin(), dropped.end(),
                                      [](const auto& segment) { return segment->must_rewrite; });
  if (is_dropped && snapshots_.empty()) {
    // With the next segment at hand there is room for what a checkpoint has to say.
    next_ ? checkpoint(false, [] {}) : prepare();
  } else {
    maybe_rewrite();
  }
}

// ---- the old files ----------------------------------------------------------------------------

// On a worker, once no checkpoint needs it.
result<> Log::retire_replaced(const Replaced& replaced) {
  const auto number = replaced.segment->number;
  const auto name = segment_file_name(number);
  replaced.segment->file.reset();
  if (replaced.segment->must_rewrite) return wipe(number);
  if (replaced.has_damage) {
    const Files files(store_.host, store_.fs);
    const auto place = layout::in(store_.dir, layout::quarantine);
    const auto slash = row_.directory.rfind('/');
    const auto kept = place + "/" + row_.directory.substr(slash + 1) + "-" + name;
    auto outcome = files.make_dirs(place);
    if (outcome) outcome = files.rename(row_.directory + "/" + name, kept);
    if (outcome) {
      store_.observer->damaged(row_.name, 0, 0,
                               "what is healthy of " + row_.directory + "/" + name +
                                   " was rewritten; the damaged file is " + kept);
    }
  }
  // What cannot be removed now is found and removed at the next start.
  static_cast<void>(maker_.retire(number, 0));
  return {};
}

// Overwrites a segment that went for an erasure, and its index, which has the subjects. It stays in
// the catalogue until that is done.
result<> Log::wipe(std::uint64_t number) {
  for (const auto& name : {segment_file_name(number), index_file_name(number)}) {
    auto file = directory_.open(name, DUNLIN_FS_WRITE);
    if (!file && file.error().status == DUNLIN_E_NOT_FOUND) continue;
    if (!file) return file.error();
    auto size = (*file)->size();
    if (!size) return size.error();
    if (auto outcome = (*file)->zero_fill(*size); !outcome) return outcome;
    if (auto outcome = (*file)->sync(); !outcome) return outcome;
  }
  if (auto outcome = maker_.retire(number, 0); !outcome) return outcome;
  if (auto outcome = directory_.sync(); !outcome) return outcome;
  CatalogueBatch batch;
  batch.erase_segment(row_.id, number);
  // Should this be lost, it is looked for again.
  static_cast<void>(store_.catalogue->commit(std::move(batch), [](const result<>&) {}));
  return {};
}

}  // namespace dunlin::storage_file::engine
