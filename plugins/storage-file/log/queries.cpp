// Questions about times and sums; and what a log says of itself.

#include <algorithm>

#include "plugins/storage-file/log/answers.hpp"
#include "plugins/storage-file/log/log.hpp"

namespace dunlin::storage_file::engine {
namespace {

class SeqAt final : public Question {
 public:
  explicit SeqAt(const dunlin_seq_at& query) : query_(query) {}

  Next step(Log& log) override {
    const auto& view = log.now().view();
    seq_ = view.last + 1;
    for (const auto& segment : view.segments) {
      if (segment->live == 0 || segment->last_time_ns < query_.time_ns) continue;
      if (segment->first_live_time_ns >= query_.time_ns) {
        seq_ = segment->first_live;
        return Next::done;
      }
      if (!segment->index) return want(segment->number);
      const auto& index = *segment->index;
      const auto at = index.at_time(query_.time_ns);
      if (at >= index.size()) continue;
      const auto found = view.next_live(index.seq(at));
      if (found == 0 || found >= segment->end_seq) continue;
      seq_ = found;
      return Next::done;
    }
    return Next::done;
  }
  void complete() noexcept override { tell(query_.done, query_.user, failure, seq_); }
  [[nodiscard]] std::uint64_t seq() const { return seq_; }

 private:
  dunlin_seq_at query_;
  std::uint64_t seq_ = 0;
};

class Due final : public Question {
 public:
  explicit Due(const dunlin_due& query) : query_(query) {}

  Next step(Log& log) override {
    auto& now = log.now();
    const auto& view = now.view();
    const bool is_expiry = query_.index == DUNLIN_DUE_EXPIRY;
    auto& index = is_expiry ? now.expiries() : now.schedules();
    std::vector<storage::DueIndex::Item> dead, due;
    bool is_cut = false;
    const auto is_alive = [&](const storage::DueIndex::Item& item) {
      return view.is_live(item.seq) && (is_expiry || now.is_scheduled(item.seq, item.at_ns));
    };
    index.each_due(query_.now_ns, [&](const storage::DueIndex::Item& item) {
      const bool counts = is_alive(item);
      if (counts && query_.max != 0 && due.size() >= query_.max) {
        is_cut = true;
        return false;
      }
      (counts ? due : dead).push_back(item);
      return true;
    });
    for (const auto& item : dead) index.erase(item.at_ns, item.seq);
    std::vector<dunlin_due_item> items;
    for (const auto& item : due) {
      dunlin_str subject{};
      if (!find_subject(view, item.seq, subject)) return Next::index;
      items.push_back({item.seq, item.at_ns, subject});
    }
    // Items of removed records stay until somebody meets them.
    const storage::DueIndex::Item* next = index.next_item(query_.now_ns);
    while (next != nullptr && !is_alive(*next)) {
      const auto gone = *next;
      index.erase(gone.at_ns, gone.seq);
      next = index.next_item(query_.now_ns);
    }
    next_ns_ = is_cut ? query_.now_ns : next == nullptr ? storage::DueIndex::never : next->at_ns;
    for (const auto& item : items) {
      if (!query_.visit(query_.user, &item)) break;
    }
    return Next::done;
  }
  void complete() noexcept override { tell(query_.done, query_.user, failure, next_ns_); }
  [[nodiscard]] std::int64_t next_ns() const { return next_ns_; }

 private:
  bool find_subject(const View& view, std::uint64_t seq, dunlin_str& subject) {
    const auto place = view.segment_of(seq);
    if (place == view.segments.size()) return true;
    const auto& segment = *view.segments[place];
    if (!segment.index) {
      wanted = segment.number;
      return false;
    }
    const auto at = segment.index->find(seq);
    if (at != SegmentIndex::none) subject = detail::str(segment.index->subject_of(at));
    return true;
  }

  dunlin_due query_;
  std::int64_t next_ns_ = 0;
};

}  // namespace

result<std::uint64_t> Log::seq_at(const dunlin_seq_at& query) {
  const auto question = std::make_shared<SeqAt>(query);
  if (auto outcome = ask(question); !outcome) return outcome.error();
  return question->seq();
}

result<std::int64_t> Log::due(const dunlin_due& query) {
  if (query.index != DUNLIN_DUE_EXPIRY && query.index != DUNLIN_DUE_SCHEDULE) {
    return fail(DUNLIN_E_INVALID, "there is no such index");
  }
  const auto question = std::make_shared<Due>(query);
  if (auto outcome = ask(question); !outcome) return outcome.error();
  return question->next_ns();
}

result<> Log::gaps(std::uint64_t from, std::uint64_t to,
                   bool (*visit)(void* user, const dunlin_range* gap), void* user) {
  const auto& view = state_->view();
  const auto first = std::max(from, view.first), last = std::min(to, view.last);
  if (first > last) return {};
  view.gaps->each(first, last, [&](std::uint64_t low, std::uint64_t high) {
    const dunlin_range gap{low, high - low + 1};
    return visit(user, &gap);
  });
  return {};
}

dunlin_log_state Log::state() {
  dunlin_log_state out{};
  out.struct_size = sizeof out;
  const auto& view = state_->view();
  out.first_seq = view.first;
  out.last_seq = view.last;
  out.records = state_->records();
  out.bytes = state_->bytes();
  out.first_time_ns = out.records == 0 ? 0 : state_->first_time_ns();
  out.last_time_ns = state_->last_time_ns();
  out.deleted = view.first <= view.last ? view.last + 1 - view.first - out.records : 0;
  out.subjects = state_->has_subjects() ? state_->subjects().live() : 0;
  out.durable_seq = durable_seq_;
  out.damaged = state_->damaged();
  for (const auto& segment : view.segments) out.disk_bytes += segment->capacity;
  for (const auto& segment : state_->dropped()) out.disk_bytes += segment->capacity;
  for (const auto& replaced : replaced_) out.disk_bytes += replaced.segment->capacity;
  if (next_) out.disk_bytes += next_->capacity;
  out.memory_bytes = state_->memory_bytes() + journal_.memory_bytes();
  return out;
}

result<std::uint64_t> Log::snapshot_open() {
  snapshots_.emplace(++snapshot_count_, state_->snapshot());
  return snapshot_count_;
}

void Log::snapshot_close(std::uint64_t snapshot) {
  const auto found = snapshots_.find(snapshot);
  if (found == snapshots_.end()) return;
  // Its files are closed on a worker.
  auto view = std::make_shared<View>(std::move(found->second));
  snapshots_.erase(found);
  for (const auto& segment : view->segments) used_lately_.remove(segment);
  run_on_worker([view] { view->segments.clear(); }, [] {});
  maybe_checkpoint();
  wake_rewrite();
  press_erasures();
}

}  // namespace dunlin::storage_file::engine
