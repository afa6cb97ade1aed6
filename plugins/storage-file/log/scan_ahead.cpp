#include "plugins/storage-file/log/scan_ahead.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include "plugins/storage-file/log/index_loader.hpp"
#include "plugins/storage-file/log/scan.hpp"
#include "plugins/storage-file/log/state.hpp"

namespace dunlin::storage_file::engine {
namespace {

// Segments that are scanned before they are wanted, at most: what they hold is in memory.
constexpr std::size_t ahead_max = 8;
constexpr std::size_t helpers_max = 8;

class ContentReader {
 public:
  explicit ContentReader(const ScanJob& job) : job_(job) {
    content_.index = std::make_shared<SegmentIndex>(job.has_subjects);
    content_.next_seq = job.next_seq;
  }

  std::optional<SegmentContent> run() {
    SubjectNumbers subjects(*content_.index);
    SegmentScan scan(*job_.file, job_.key, job_.begin, job_.end, &job_.codec);
    while (const auto scanned = scan.next()) {
      content_.read_bytes += scanned->entry.bytes;
      if (!take(*scanned, subjects)) return std::nullopt;
      if (scanned->entry.kind == EntryKind::end) break;
    }
    // Whether a group without its end was cut off, what stands behind the segment tells.
    const bool is_in_group = content_.next_seq <= group_last_;
    if (scan.failure() || !scan.at_end() || is_in_group) return std::nullopt;
    content_.end = scan.position();
    content_.key_id = scan.key_id();
    return std::move(content_);
  }

 private:
  bool take(const Scanned& scanned, SubjectNumbers& subjects) {
    const auto& entry = scanned.entry;
    std::uint64_t below = 0, first = 0;
    if (const auto mark = get_mark(entry)) content_.durable = std::max(content_.durable, *mark);
    switch (entry.kind) {
      case EntryKind::record:
      case EntryKind::erased:
        return take_record(scanned, subjects);
      case EntryKind::skip: {
        const auto skip = get_skip(entry);
        if (!skip || skip->first != content_.next_seq) return false;
        content_.next_seq += skip->count;
        content_.last_time_ns = std::max(content_.last_time_ns, skip->time_ns);
        content_.skips.push_back(*skip);
        return true;
      }
      case EntryKind::purge:
        if (!get_numbers(entry, below)) return false;
        content_.next_seq = std::max(content_.next_seq, below);
        [[fallthrough]];
      case EntryKind::remove:
      case EntryKind::reschedule:
        content_.changes.emplace_back(
            entry.kind, std::vector<std::uint8_t>(entry.body.begin(), entry.body.end()));
        return true;
      case EntryKind::truncate:
      case EntryKind::rewritten:
        return false;
      case EntryKind::start:
        return scanned.block == SegmentIndex::none;
      case EntryKind::group:
        return get_numbers(entry, first, group_last_);
      case EntryKind::mark:
      case EntryKind::end:
      case EntryKind::block:
        return true;
    }
    return false;
  }

  bool take_record(const Scanned& scanned, SubjectNumbers& subjects) {
    dunlin_record record;
    if (!read_record(scanned.entry, record) || record.seq != content_.next_seq) return false;
    ++content_.next_seq;
    content_.last_time_ns = std::max(content_.last_time_ns, record.time_ns);
    auto& index = *content_.index;
    if (scanned.entry.kind == EntryKind::erased) {
      index.add(record.seq, item_of(scanned, record), SegmentIndex::none);
      content_.erased.push_back(record.seq);
      return true;
    }
    const auto subject = job_.has_subjects
                             ? subjects.of({record.subject.data, record.subject.size})
                             : SegmentIndex::none;
    index.add(record.seq, item_of(scanned, record), subject);
    ++content_.records;
    content_.content_bytes += record.subject.size + record.header.size + record.payload.size +
                              record_cost + (record.header.size != 0 ? header_cost : 0);
    if (record.expires_ns != 0 || record.due_ns != 0) {
      content_.due.push_back({record.seq, record.expires_ns, record.due_ns});
    }
    return true;
  }

  const ScanJob& job_;
  SegmentContent content_;
  std::uint64_t group_last_ = 0;
};

}  // namespace

std::optional<SegmentContent> read_content(const ScanJob& job) {
  try {
    return ContentReader(job).run();
  } catch (const std::bad_alloc&) {
    // Entry by entry it needs less.
    return std::nullopt;
  }
}

struct ScanAhead::Shared : std::enable_shared_from_this<ScanAhead::Shared> {
  explicit Shared(const Executor& to_ask) : executor(to_ask) {}

  const Executor& executor;  // while not `is_done`
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::optional<ScanJob>> jobs;
  std::vector<std::optional<std::optional<SegmentContent>>> results;
  std::size_t next = 0;    // not begun by anybody
  std::size_t wanted = 0;  // by the opener
  std::size_t at_work = 0;
  std::size_t helpers = 0;  // asked, or at work
  bool is_done = false;

  // With the lock held; it is free while the segment is read.
  void scan(std::unique_lock<std::mutex>& lock, std::size_t place) {
    ++at_work;
    const auto job = std::exchange(jobs[place], std::nullopt);
    lock.unlock();
    auto content = job ? read_content(*job) : std::nullopt;
    lock.lock();
    --at_work;
    results[place].emplace(std::move(content));
    changed.notify_all();
  }
  [[nodiscard]] bool has_work() const {
    return !is_done && next < std::min(wanted + ahead_max, jobs.size());
  }
  // With the lock held: as many helpers as there are segments for them.
  void ask_for_help() {
    const auto ahead = has_work() ? std::min(wanted + ahead_max, jobs.size()) - next : 0;
    while (helpers < std::min(ahead, helpers_max)) {
      ++helpers;
      if (executor.post_worker([self = shared_from_this()] { self->help(); })) continue;
      --helpers;
      return;
    }
  }
  void help() {
    std::unique_lock lock(mutex);
    if (has_work()) scan(lock, next++);
    --helpers;
    ask_for_help();
  }
};

ScanAhead::ScanAhead(const Executor& executor, std::vector<std::optional<ScanJob>> jobs)
    : shared_(std::make_shared<Shared>(executor)) {
  shared_->results.resize(jobs.size());
  shared_->jobs = std::move(jobs);
}

ScanAhead::~ScanAhead() {
  std::unique_lock lock(shared_->mutex);
  shared_->is_done = true;
  shared_->changed.wait(lock, [&] { return shared_->at_work == 0; });
  shared_->jobs.clear();
  shared_->results.clear();
}

std::optional<SegmentContent> ScanAhead::take(std::size_t place) {
  std::unique_lock lock(shared_->mutex);
  shared_->wanted = place;
  const bool is_mine = shared_->next <= place;
  if (is_mine) shared_->next = place + 1;
  shared_->ask_for_help();
  if (is_mine) shared_->scan(lock, place);
  shared_->changed.wait(lock, [&] { return shared_->results[place].has_value(); });
  return std::exchange(shared_->results[place], std::nullopt).value();
}

}  // namespace dunlin::storage_file::engine
