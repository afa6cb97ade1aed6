// dunlin_log_store.read: plans which records a query wants, fetches those that are not in memory,
// visits them, and so on until the query ends.

#include <algorithm>

#include "plugins/storage-file/log/log.hpp"
#include "plugins/storage-file/log/record_fetch.hpp"

namespace dunlin::storage_file::engine {
namespace {

constexpr std::size_t plan_max = 2048;
constexpr std::uint64_t plan_bytes_max = 1u << 20;

std::uint32_t place_of(const SegmentIndex::Item& item) {
  return item.block == SegmentIndex::none ? item.offset : item.block;
}

class Read final : public Question {
 public:
  explicit Read(const dunlin_read& query)
      : query_(query), filters_(own_filters(query.filters, query.filter_count)) {
    snapshot = query.snapshot;
    end_.struct_size = sizeof end_;
  }

  Next step(Log& log) override;
  void work() override {
    std::vector<Fetch*> cold;
    for (auto& item : plan_) {
      if (item.is_cold) cold.push_back(&item.fetch);
    }
    if (auto outcome = fetch_records(cold, buffers_, *blocks_, *observer_); !outcome) {
      failure = outcome.error();
    }
    is_fetched_ = true;
  }
  void complete() noexcept override {
    if (!failure) {
      query_.done(query_.user, DUNLIN_OK, &end_, nullptr);
      return;
    }
    auto raw = detail::fresh_error();
    const auto status = detail::put(&raw, *failure);
    const bool has_place = status == DUNLIN_E_CORRUPT || (status == DUNLIN_E_IO && end_.next != 0);
    query_.done(query_.user, status, has_place ? &end_ : nullptr, &raw);
  }
  [[nodiscard]] const dunlin_read_end& end() const { return end_; }

 private:
  enum class Kind { record, gap, damaged };
  struct Planned {
    Kind kind = Kind::record;
    std::uint64_t seq = 0, length = 1;
    std::uint64_t segment = 0;
    bool is_cold = false, is_kept = false;
    Fetch fetch;
  };

  [[nodiscard]] bool is_backward() const { return (query_.flags & DUNLIN_READ_BACKWARD) != 0; }
  void begin(const View& view);
  // Fills the plan; `wanted` is set when an index is missing.
  bool plan(Log& log, const View& view);
  bool plan_next(Log& log, const View& view);
  Search find(Log& log, const View& view);
  [[nodiscard]] bool matches(const View& view, std::uint64_t seq) const;
  void plan_record(Log& log, const View& view, std::uint64_t seq);
  void plan_gaps(const View& view, std::uint64_t first, std::uint64_t last);
  void plan_damage(std::uint64_t seq);
  void move_behind(std::uint64_t seq);
  void visit(Log& log, const View& view);
  void keep_hot();
  // Is the index of the segment there that has `seq`? Sets `wanted`.
  bool has_index(const View& view, std::uint64_t seq);
  [[nodiscard]] bool is_all_planned() const {
    return is_exhausted_ ||
           (query_.records_max != 0 && end_.visits + plan_.size() >= query_.records_max) ||
           (query_.bytes_max != 0 && visited_bytes_ + planned_bytes_ >= query_.bytes_max);
  }
  bool show(Log& log, const Planned& item);
  void finish(std::uint32_t why);

  dunlin_read query_;
  Filters filters_;
  dunlin_read_end end_{};
  Observer* observer_ = nullptr;
  BlockCache* blocks_ = nullptr;
  bool has_begun_ = false, is_exhausted_ = false, is_finished_ = false;
  bool is_planned_ = false, is_fetched_ = false;
  std::uint64_t epoch_ = 0, view_last_ = 0;
  std::uint64_t low_ = 0, high_ = 0;  // the range, cut to what there is
  std::uint64_t cursor_ = 0;
  std::uint64_t searched_ = 0;  // up to here nothing matched
  std::size_t next_seq_ = 0;  // of `seqs`
  std::uint64_t looked_at_ = 0;
  std::vector<Planned> plan_;
  std::uint64_t planned_bytes_ = 0, visited_bytes_ = 0;
  std::vector<std::vector<std::uint8_t>> buffers_;
};

void Read::begin(const View& view) {
  has_begun_ = true;
  low_ = std::max(query_.from, view.first);
  high_ = std::min(query_.to, view.last);
  is_exhausted_ = low_ > high_ || view.first > view.last;
  cursor_ = is_backward() ? high_ : low_;
  searched_ = is_backward() ? UINT64_MAX : 0;
}

Search Read::find(Log& log, const View& view) {
  if (query_.seqs != nullptr) {
    while (next_seq_ < query_.seq_count && !view.is_live(query_.seqs[next_seq_])) ++next_seq_;
    return {next_seq_ < query_.seq_count ? query_.seqs[next_seq_] : 0, 0};
  }
  // Segments that were searched need not be searched again.
  hold_last();
  const auto at = is_backward() ? std::min(cursor_, searched_) : std::max(cursor_, searched_);
  const auto found = is_backward() ? log.now().previous_match(view, filters_, at)
                                   : log.now().next_match(view, filters_, at);
  if (found.missing == 0) return found;
  for (const auto& segment : view.segments) {
    if (segment->number != found.missing) continue;
    searched_ = is_backward() ? std::min(at, segment->end_seq - 1)
                              : std::max(at, segment->first_seq);
  }
  return found;
}

void Read::move_behind(std::uint64_t seq) {
  if (query_.seqs != nullptr) {
    ++next_seq_;
  } else if (is_backward()) {
    if (seq <= low_) is_exhausted_ = true;
    cursor_ = seq - 1;
  } else {
    if (seq >= high_) is_exhausted_ = true;
    cursor_ = seq + 1;
  }
}

void Read::plan_gaps(const View& view, std::uint64_t first, std::uint64_t last) {
  if ((query_.flags & DUNLIN_READ_GAPS) == 0 || query_.seqs != nullptr || first > last) return;
  const auto begin = static_cast<std::ptrdiff_t>(plan_.size());
  view.gaps->each(first, last, [&](std::uint64_t low, std::uint64_t high) {
    Planned gap;
    gap.kind = Kind::gap;
    gap.seq = low;
    gap.length = high - low + 1;
    plan_.push_back(std::move(gap));
    return true;
  });
  if (is_backward()) std::reverse(plan_.begin() + begin, plan_.end());
}

void Read::plan_damage(std::uint64_t seq) {
  Planned item;
  item.kind = Kind::damaged;
  item.seq = seq;
  plan_.push_back(std::move(item));
  is_exhausted_ = true;
}

bool Read::has_index(const View& view, std::uint64_t seq) {
  const auto place = view.segment_of(seq);
  if (place == view.segments.size()) return true;
  const auto& segment = *view.segments[place];
  // Of a segment whose file is gone there is an index, and nothing in it.
  if (segment.index && (segment.file || segment.index->size() == 0)) return true;
  wanted = segment.number;
  return false;
}

// Filters of a query that names sequences.
bool Read::matches(const View& view, std::uint64_t seq) const {
  if (filters_.empty()) return true;
  const auto place = view.segment_of(seq);
  if (place == view.segments.size()) return true;
  const auto& index = *view.segments[place]->index;
  const auto at = index.find(seq);
  return at == SegmentIndex::none || any_matches(filters_, index.subject_of(at));
}

void Read::plan_record(Log& log, const View& view, std::uint64_t seq) {
  const auto place = view.segment_of(seq);
  const auto* index = place < view.segments.size() ? view.segments[place]->index.get() : nullptr;
  const auto at = index != nullptr ? index->find(seq) : SegmentIndex::none;
  if (at == SegmentIndex::none) {
    log.lose(seq, index != nullptr ? view.segments[place]->number : 0, 0,
             "the record is not where it should be");
    plan_damage(seq);
    return;
  }
  const auto& segment = view.segments[place];
  Planned item;
  item.seq = seq;
  item.segment = segment->number;
  auto& fetch = item.fetch;
  fetch.seq = seq;
  fetch.item = segment->index->item(at);
  const bool is_block = fetch.item.block != SegmentIndex::none;
  auto bytes = log.journal().find(segment->number,
                                  is_block ? fetch.item.block : fetch.item.offset);
  if (bytes.empty()) {
    item.is_cold = true;
    fetch.file = segment->file;
    fetch.key = segment->key(log.row().id);
    if (is_block) {
      fetch.codec = log.codec(segment->number);
      fetch.block = {log.row().id, segment->number, segment->salt, fetch.item.block};
    }
  } else {
    fetch.entry = trusted_entry(is_block ? bytes.subspan(fetch.item.offset) : bytes);
  }
  planned_bytes_ += segment->index->content_bytes(at);
  plan_.push_back(std::move(item));
}

// One step: the gaps in front of the next record, and the record; or the end.
bool Read::plan_next(Log& log, const View& view) {
  const auto found = find(log, view);
  if (found.missing != 0) {
    wanted = found.missing;
    return false;
  }
  const bool is_range = query_.seqs == nullptr;
  const bool is_out = found.seq == 0 || (is_range && (found.seq < low_ || found.seq > high_));
  auto damaged = !is_out && view.is_damaged(found.seq) ? found.seq : 0;
  if (is_range) {
    const auto edge = is_out ? (is_backward() ? low_ : high_) : found.seq;
    const auto first = is_backward() ? edge : cursor_, last = is_backward() ? cursor_ : edge;
    damaged = is_backward() ? view.last_damaged(first, last) : view.first_damaged(first, last);
    if (damaged == 0 && !is_out && !has_index(view, found.seq)) return false;
    plan_gaps(view, is_backward() && damaged != 0 ? damaged : first,
              !is_backward() && damaged != 0 ? damaged : last);
  }
  if (damaged != 0) {
    plan_damage(damaged);
    return true;
  }
  if (is_out) {
    is_exhausted_ = true;
    return true;
  }
  if (!has_index(view, found.seq)) return false;
  if (!is_range && !matches(view, found.seq)) {
    ++next_seq_;
    return true;
  }
  plan_record(log, view, found.seq);
  if (!is_exhausted_) move_behind(found.seq);
  return true;
}

bool Read::plan(Log& log, const View& view) {
  epoch_ = log.truncations();
  planned_bytes_ = 0;
  while (!is_exhausted_ && plan_.size() < plan_max && planned_bytes_ < plan_bytes_max) {
    const bool has_all = query_.records_max != 0 &&
                         end_.visits + plan_.size() >= query_.records_max;
    const bool is_heavy = query_.bytes_max != 0 &&
                          visited_bytes_ + planned_bytes_ >= query_.bytes_max;
    if (has_all || is_heavy) return true;
    if (!plan_next(log, view)) return false;
  }
  return true;
}

void Read::finish(std::uint32_t why) {
  is_finished_ = true;
  end_.why = why;
  if (failure) return;
  if (why == DUNLIN_READ_END) {
    if (is_backward()) {
      end_.next = query_.from > 0 ? query_.from - 1 : 0;
    } else {
      end_.next = query_.to <= view_last_ ? query_.to + 1 : std::max(query_.from, view_last_ + 1);
    }
    return;
  }
  end_.next = is_backward() ? looked_at_ - 1 : looked_at_ + 1;
}

bool Read::show(Log& log, const Planned& item) {
  dunlin_record record{};
  if (item.kind == Kind::gap) {
    record.seq = item.seq;
    record.time_ns = static_cast<std::int64_t>(item.length);
    record.flags = DUNLIN_RECORD_GAP;
    looked_at_ = is_backward() ? item.seq : item.seq + item.length - 1;
  } else {
    if (!read_record(item.fetch.entry, record)) {
      log.lose(item.seq, item.segment, item.fetch.item.offset, "the record makes no sense");
      return true;
    }
    looked_at_ = item.seq;
    visited_bytes_ += record.subject.size + record.header.size + record.payload.size;
    if ((query_.flags & DUNLIN_READ_BARE) != 0) record.header = record.payload = {};
  }
  ++end_.visits;
  return query_.visit(query_.user, &record);
}

void Read::visit(Log& log, const View& view) {
  for (const auto& item : plan_) {
    // What went while it was fetched is passed over; what came in its place is looked up again,
    // and what could not be read because it was moved.
    const bool has_moved = !item.fetch.why.empty() && !log.now().find_segment(item.segment);
    if ((epoch_ != log.truncations() || has_moved) && snapshot == 0) {
      cursor_ = item.seq;
      searched_ = is_backward() ? UINT64_MAX : 0;
      if (query_.seqs != nullptr) {
        next_seq_ = static_cast<std::size_t>(
            std::lower_bound(query_.seqs, query_.seqs + query_.seq_count, item.seq) - query_.seqs);
      }
      is_exhausted_ = false;
      break;
    }
    const auto& why = item.fetch.why;
    if (item.kind == Kind::record && !view.is_live(item.seq)) continue;
    const bool is_disk_error = item.fetch.is_disk_error;
    if (!why.empty() && !is_disk_error) {
      log.lose(item.seq, item.segment, place_of(item.fetch.item), why);
    }
    if (item.kind == Kind::damaged || !why.empty()) {
      end_.next = item.seq;
      fail_with(fail(is_disk_error ? DUNLIN_E_IO : DUNLIN_E_CORRUPT,
                     "sequence " + std::to_string(item.seq) + " of " + log.row().name +
                         " cannot be read" + (is_disk_error ? ": " + why : "")));
      finish(DUNLIN_READ_END);
      return;
    }
    if (!show(log, item)) {
      finish(DUNLIN_READ_STOPPED);
      return;
    }
    const bool is_enough =
        (query_.records_max != 0 && end_.visits >= query_.records_max) ||
        (query_.bytes_max != 0 && visited_bytes_ >= query_.bytes_max);
    if (is_enough) {
      finish(DUNLIN_READ_LIMIT);
      return;
    }
  }
  if (is_exhausted_) finish(DUNLIN_READ_END);
}

// Entries in the journal's memory may go before they are visited.
void Read::keep_hot() {
  for (auto& item : plan_) {
    if (item.kind != Kind::record || item.is_cold || item.is_kept) continue;
    const auto* head = item.fetch.entry.body.data() - entry_head_bytes;
    buffers_.emplace_back(head, head + item.fetch.entry.bytes);
    item.fetch.entry = trusted_entry(buffers_.back());
    item.is_kept = true;
  }
}

Question::Next Read::step(Log& log) {
  const auto* view = log.view(snapshot);
  if (view == nullptr) return fail_with(fail(DUNLIN_E_INVALID, "there is no such snapshot"));
  observer_ = &log.observer();
  blocks_ = &log.blocks();
  view_last_ = view->last;
  if (!has_begun_) begin(*view);
  if (const auto* subject = log.now().unknown_subject(*view, filters_)) {
    return want_subject(*subject);
  }
  while (!is_finished_) {
    if (!is_planned_) {
      is_planned_ = plan(log, *view);
      if (!is_planned_) {
        keep_hot();
        return Next::index;
      }
    }
    const bool is_cold = std::any_of(plan_.begin(), plan_.end(),
                                     [](const Planned& item) { return item.is_cold; });
    if (is_cold && !is_fetched_) {
      keep_hot();
      return Next::work;
    }
    if (is_now && !is_all_planned()) {
      keep_hot();
      return Next::turn;
    }
    visit(log, *view);
    plan_.clear();
    buffers_.clear();
    is_planned_ = is_fetched_ = false;
    if (!is_now && !is_finished_) return Next::turn;
  }
  return Next::done;
}

}  // namespace

result<> Log::read(const dunlin_read& query, dunlin_read_end& end) {
  const auto question = std::make_shared<Read>(query);
  auto outcome = ask(question);
  if (outcome || outcome.error().status != DUNLIN_E_AGAIN) end = question->end();
  return outcome;
}

}  // namespace dunlin::storage_file::engine
