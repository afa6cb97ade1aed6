#include "plugins/storage-file/log/state.hpp"

#include <algorithm>
#include <utility>

#include "plugins/storage-file/log/scan_ahead.hpp"

namespace dunlin::storage_file::engine {

bool View::is_damaged(std::uint64_t seq) const noexcept {
  const auto behind = damaged.upper_bound(seq);
  return behind != damaged.begin() && std::prev(behind)->second >= seq;
}

std::uint64_t View::first_damaged(std::uint64_t from, std::uint64_t to) const noexcept {
  auto at = damaged.upper_bound(from);
  if (at != damaged.begin() && std::prev(at)->second >= from) --at;
  if (at == damaged.end() || at->first > to) return 0;
  return std::max(at->first, from);
}

std::uint64_t View::last_damaged(std::uint64_t from, std::uint64_t to) const noexcept {
  const auto behind = damaged.upper_bound(to);
  if (behind == damaged.begin() || std::prev(behind)->second < from) return 0;
  return std::min(std::prev(behind)->second, to);
}

std::size_t View::segment_of(std::uint64_t seq) const noexcept {
  const auto behind = std::upper_bound(
      segments.begin(), segments.end(), seq,
      [](std::uint64_t wanted, const auto& segment) { return wanted < segment->first_seq; });
  if (behind == segments.begin()) return segments.size();
  const auto found = std::prev(behind);
  if ((*found)->end_seq <= seq) return segments.size();
  return static_cast<std::size_t>(found - segments.begin());
}

std::uint64_t View::next_live(std::uint64_t seq) const noexcept {
  if (first > last) return 0;
  const auto found = gaps->next_absent(std::max(seq, first));
  return found <= last && found >= first ? found : 0;
}

std::uint64_t View::previous_live(std::uint64_t seq) const noexcept {
  if (first > last || seq < first) return 0;
  const auto found = gaps->previous_absent(std::min(seq, last));
  return found >= first ? found : 0;
}

State::State(std::uint64_t first_seq, bool has_subjects, std::uint64_t seed)
    : has_subjects_(has_subjects), subjects_(seed) {
  view_.first = first_seq;
  view_.last = first_seq - 1;
  view_.gaps = std::make_shared<storage::GapSet>();
}

View State::snapshot() const {
  View copy = view_;
  for (auto& segment : copy.segments) {
    segment = std::make_shared<Segment>(*segment);
    segment->is_sealed = true;
  }
  return copy;
}

storage::GapSet& State::gaps() {
  if (view_.gaps.use_count() > 1) {
    auto copy = std::make_shared<storage::GapSet>();
    view_.gaps->each(view_.first, view_.last, [&](std::uint64_t first, std::uint64_t last) {
      copy->add(first, last);
      return true;
    });
    view_.gaps = std::move(copy);
  }
  return *view_.gaps;
}

std::uint64_t State::records() const noexcept {
  if (view_.first > view_.last) return 0;
  return view_.last + 1 - view_.first - view_.gaps->size();
}

std::uint64_t State::damaged() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& [first, last] : view_.damaged) sum += last + 1 - first;
  return sum;
}

std::int64_t State::first_time_ns() const noexcept {
  for (const auto& segment : view_.segments) {
    if (segment->live != 0) return segment->first_live_time_ns;
  }
  return 0;
}

std::size_t State::memory_bytes() const noexcept {
  auto bytes = view_.gaps->memory_bytes() + subjects_.memory_bytes() + expiries_.memory_bytes() +
               schedules_.memory_bytes();
  for (const auto& segment : view_.segments) {
    bytes += sizeof(Segment);
    if (segment->index) bytes += segment->index->memory_bytes();
  }
  return bytes;
}

std::shared_ptr<Segment> State::find_segment(std::uint64_t number) const noexcept {
  const auto found = std::lower_bound(
      view_.segments.begin(), view_.segments.end(), number,
      [](const auto& segment, std::uint64_t wanted) { return segment->number < wanted; });
  return found != view_.segments.end() && (*found)->number == number ? *found : nullptr;
}

void State::open_segment(std::shared_ptr<Segment> segment) {
  segment->first_seq = segment->end_seq = view_.last + 1;
  segment->is_sealed = false;
  segment->index = std::make_shared<SegmentIndex>(has_subjects_);
  view_.segments.push_back(std::move(segment));
}

void State::seal_active() noexcept {
  if (auto* segment = active()) segment->is_sealed = true;
  drop_dead();
}

void State::count_item(Segment& segment, std::uint64_t seq, const SegmentIndex::Item& item,
                       std::uint32_t content_bytes) {
  const auto cost = content_bytes + record_cost + (item.has_header ? header_cost : 0);
  ++segment.changes;
  if (segment.live++ == 0) {
    segment.first_live = seq;
    segment.first_live_time_ns = item.time_ns;
  }
  segment.live_bytes += cost;
  bytes_ += cost;
}

Subjects::Id State::add(const dunlin_record& record, const SegmentIndex::Item& item) {
  auto& segment = *view_.segments.back();
  auto& index = *segment.index;
  auto id = Subjects::none;
  auto local = SegmentIndex::none;
  if (has_subjects_) {
    id = subjects_.touch({record.subject.data, record.subject.size});
    subjects_.add(id, record.seq);
    local = local_subject(index, id);
  }
  index.add(record.seq, item, local);
  view_.last = record.seq;
  last_time_ns_ = std::max(last_time_ns_, record.time_ns);
  if (segment.records++ == 0) segment.first_time_ns = record.time_ns;
  segment.last_time_ns = record.time_ns;
  segment.end_seq = record.seq + 1;
  count_item(segment, record.seq, item,
             static_cast<std::uint32_t>(record.subject.size + record.header.size +
                                        record.payload.size));
  if (record.expires_ns != 0) expiries_.insert(record.expires_ns, record.seq);
  if (record.due_ns != 0) restore_schedule(record.seq, record.due_ns);
  return id;
}

void State::add_all(SegmentContent& content) {
  auto& segment = *view_.segments.back();
  segment.index = std::move(content.index);
  const auto& index = *segment.index;
  if (has_subjects_) {
    for (std::uint32_t local = 0; local < index.subjects(); ++local) {
      const auto& subject = index.subject(local);
      const auto id = subjects_.touch(index.name(local));
      subjects_.add(id, index.seq(subject.first), index.seq(subject.last), subject.count);
    }
  }
  view_.last = content.next_seq - 1;
  segment.end_seq = content.next_seq;
  last_time_ns_ = std::max(last_time_ns_, content.last_time_ns);
  if (index.size() != 0) {
    segment.first_time_ns = index.item(0).time_ns;
    segment.last_time_ns = index.item(index.size() - 1).time_ns;
  }
  segment.records = segment.live = content.records;
  segment.live_bytes = content.content_bytes;
  bytes_ += content.content_bytes;
  for (const auto& skip : content.skips) gaps().add(skip.first, skip.first + skip.count - 1);
  for (const auto seq : content.erased) gaps().add(seq);
  if (segment.live != 0) {
    segment.first_live = index.seq(0);
    find_first_live(segment);
  }
  for (const auto& due : content.due) {
    if (due.expires_ns != 0) expiries_.insert(due.expires_ns, due.seq);
    if (due.due_ns != 0) restore_schedule(due.seq, due.due_ns);
  }
  advance_first();
}

void State::add_erased(const dunlin_record& record, const SegmentIndex::Item& item) {
  auto& segment = *view_.segments.back();
  segment.index->add(record.seq, item, SegmentIndex::none);
  view_.last = record.seq;
  last_time_ns_ = std::max(last_time_ns_, record.time_ns);
  segment.end_seq = record.seq + 1;
  gaps().add(record.seq);
  advance_first();
}

void State::skip(std::uint64_t first, std::uint64_t count, std::int64_t time_ns) {
  view_.last = first + count - 1;
  gaps().add(first, view_.last);
  if (auto* segment = active()) segment->end_seq = view_.last + 1;
  if (time_ns != 0) last_time_ns_ = std::max(last_time_ns_, time_ns);
  advance_first();
}

void State::lose(std::uint64_t first, std::uint64_t last) {
  view_.damaged.emplace(first, last);
  view_.last = std::max(view_.last, last);
  if (auto* segment = active()) {
    segment->end_seq = std::max(segment->end_seq, last + 1);
    segment->has_damage = true;
  }
}

void State::missing_for(std::uint64_t first, std::uint64_t last,
                        std::vector<std::uint64_t>& numbers) const {
  first = std::max(first, view_.first);
  last = std::min(last, view_.last);
  if (first > last) return;
  for (const auto& segment : view_.segments) {
    if (segment->first_seq > last) break;
    if (segment->end_seq <= first || segment->live == 0 || segment->index) continue;
    if (numbers.empty() || numbers.back() != segment->number) numbers.push_back(segment->number);
  }
}

void State::find_first_live(Segment& segment) const noexcept {
  if (segment.live == 0) return;
  auto seq = segment.first_live;
  while (seq < segment.end_seq) {
    seq = view_.gaps->next_absent(seq);
    const auto at = segment.index->lower_bound(seq);
    if (at >= segment.index->size()) return;
    const auto found = segment.index->seq(at);
    if (!view_.gaps->contains(found)) {
      segment.first_live = found;
      segment.first_live_time_ns = segment.index->item(at).time_ns;
      return;
    }
    seq = found;
  }
}

void State::remove_in(Segment& segment, std::uint64_t first, std::uint64_t last,
                      dunlin_removed& removed) {
  first = std::max({first, segment.first_seq, view_.first});
  last = std::min(last, segment.end_seq - 1);
  if (first > last || segment.live == 0) return;
  auto& index = *segment.index;
  std::vector<std::uint32_t> items;
  for (auto at = index.lower_bound(first); at < index.size() && index.seq(at) <= last; ++at) {
    if (!view_.gaps->contains(index.seq(at))) items.push_back(at);
  }
  gaps().add(first, last);
  ++segment.changes;
  for (const auto at : items) {
    const auto cost = index.content_bytes(at) + record_cost +
                      (index.item(at).has_header ? header_cost : 0);
    --segment.live;
    segment.live_bytes -= cost;
    bytes_ -= cost;
    removed.bytes += cost;
    if (has_subjects_) forget_subject(segment, at, index.seq(at));
  }
  if (segment.first_live >= first && segment.first_live <= last) find_first_live(segment);
}

// What is removed is lost no longer.
void State::forgive(std::uint64_t first, std::uint64_t last) {
  auto at = view_.damaged.upper_bound(first);
  if (at != view_.damaged.begin()) --at;
  while (at != view_.damaged.end() && at->first <= last) {
    const auto [low, high] = *at;
    if (high < first) {
      ++at;
      continue;
    }
    at = view_.damaged.erase(at);
    if (low < first) view_.damaged.emplace(low, first - 1);
    if (high > last) at = view_.damaged.emplace(last + 1, high).first;
    if (high > last) break;
  }
}

void State::advance_first() {
  if (view_.first > view_.last || !view_.gaps->contains(view_.first)) {
    if (view_.first > view_.last) gaps().clear();
    return;
  }
  const auto next = view_.gaps->next_absent(view_.first);
  if (next > view_.last) {
    view_.first = view_.last + 1;
    gaps().clear();
  } else {
    view_.first = next;
    gaps().erase_below(next);
  }
}

void State::drop_dead() {
  auto& segments = view_.segments;
  const auto is_dead = [&](const std::shared_ptr<Segment>& segment) {
    if (!segment->is_sealed || segment->live != 0) return false;
    const auto lost = view_.damaged.lower_bound(segment->first_seq);
    return lost == view_.damaged.end() || lost->first >= segment->end_seq;
  };
  const auto first_dead = std::stable_partition(
      segments.begin(), segments.end(), [&](const auto& segment) { return !is_dead(segment); });
  for (auto it = first_dead; it != segments.end(); ++it) {
    // What was lost was never subtracted.
    bytes_ -= std::exchange((*it)->live_bytes, 0);
    (*it)->index.reset();
    dropped_.push_back(std::move(*it));
  }
  segments.erase(first_dead, segments.end());
}

dunlin_removed State::remove(std::span<const Range> ranges, const Removals& removals) {
  dunlin_removed removed{};
  const auto before = records();
  bool is_segment_dead = false;
  for (const auto& range : ranges) {
    const auto first = std::max(range.first, view_.first);
    const auto last = std::min(range.last, view_.last);
    if (first > last) continue;
    const auto from = std::upper_bound(
        view_.segments.begin(), view_.segments.end(), first,
        [](std::uint64_t wanted, const auto& segment) { return wanted < segment->end_seq; });
    for (auto it = from; it != view_.segments.end() && (*it)->first_seq <= last; ++it) {
      const auto removal = removals.find((*it)->number);
      if (removal == removals.end()) {
        remove_in(**it, first, last, removed);
      } else if (removal->second.changes == (*it)->changes) {
        apply(**it, removal->second, removed);
      }
      is_segment_dead = is_segment_dead || ((*it)->is_sealed && (*it)->live == 0);
    }
    if (!view_.damaged.empty()) forgive(first, last);
    gaps().add(first, last);
    advance_first();
  }
  if (is_segment_dead) drop_dead();
  removed.records = before - records();
  return removed;
}

// Everything at once, which needs to know nothing of the records.
dunlin_removed State::clear() {
  const dunlin_removed removed{records(), bytes_};
  for (const auto& segment : view_.segments) {
    segment->live = 0;
    segment->live_bytes = 0;
  }
  if (auto* now = active()) {
    for (std::uint32_t id = 0; id < now->index->subjects(); ++id) {
      now->index->set_global(id, Subjects::none);
    }
  }
  subjects_.clear();
  expiries_.clear();
  schedules_.clear();
  scheduled_.clear();
  view_.damaged.clear();
  bytes_ = 0;
  view_.first = view_.last + 1;
  gaps().clear();
  drop_dead();
  return removed;
}

dunlin_removed State::purge_below(std::uint64_t below, const Removals& removals) {
  dunlin_removed removed{};
  if (below <= view_.first) return removed;
  const Range range{view_.first, below - 1};
  removed = below > view_.last ? clear() : remove(std::span(&range, 1), removals);
  if (below > view_.last + 1) {
    view_.first = below;
    view_.last = below - 1;
    if (auto* segment = active()) {
      if (segment->first_seq == segment->end_seq) segment->first_seq = below;
      segment->end_seq = below;
    }
  }
  return removed;
}

dunlin_removed State::truncate(std::uint64_t last, const Removals& removals) {
  dunlin_removed removed{};
  if (last >= view_.last) return removed;
  has_truncated_ = true;
  const auto before = records();
  const Range above{last + 1, view_.last};
  for (const auto& segment : view_.segments) {
    const auto removal = removals.find(segment->number);
    if (removal == removals.end()) {
      remove_in(*segment, above.first, above.last, removed);
    } else {
      apply(*segment, removal->second, removed);
    }
  }
  forgive(above.first, above.last);
  if (view_.first > last) view_.first = last + 1;
  view_.last = last;
  gaps().erase_above(last);
  std::int64_t time = 0;
  for (const auto& segment : view_.segments) {
    if (segment->first_seq > last + 1) segment->first_seq = last + 1;
    if (segment->end_seq > last + 1) {
      segment->end_seq = last + 1;
      segment->last_time_ns = 0;
      if (segment->index) {
        const auto behind = segment->index->lower_bound(last + 1);
        if (behind > 0) segment->last_time_ns = segment->index->item(behind - 1).time_ns;
      }
    }
    if (segment->end_seq > segment->first_seq) time = std::max(time, segment->last_time_ns);
  }
  if (time != 0) last_time_ns_ = time;
  if (auto* segment = active()) {
    if (segment->index.use_count() > 1) {
      // A snapshot reads on in the old one.
      auto copy = std::make_shared<SegmentIndex>(has_subjects_);
      copy->copy_below(*segment->index, last + 1);
      segment->index = std::move(copy);
    } else {
      segment->index->truncate(last);
    }
    segment->records = segment->index->size();
  }
  const auto erase_above = [&](storage::DueIndex& index) {
    std::vector<storage::DueIndex::Item> items;
    index.each_due(storage::DueIndex::never, [&](const auto& item) {
      if (item.seq > last) items.push_back(item);
      return true;
    });
    for (const auto& item : items) index.erase(item.at_ns, item.seq);
  };
  erase_above(expiries_);
  erase_above(schedules_);
  std::erase_if(scheduled_, [&](const auto& item) { return item.first > last; });
  advance_first();
  drop_dead();
  removed.records = before - records();
  return removed;
}

bool State::is_scheduled(std::uint64_t seq, std::int64_t at_ns) const noexcept {
  const auto found = scheduled_.find(seq);
  return found != scheduled_.end() && found->second == at_ns;
}

void State::restore_schedule(std::uint64_t seq, std::int64_t at_ns) {
  scheduled_[seq] = at_ns;
  schedules_.insert(at_ns, seq);
}

bool State::reschedule(std::uint64_t seq, std::int64_t due_ns) {
  if (!view_.is_live(seq)) return false;
  if (const auto found = scheduled_.find(seq); found != scheduled_.end()) {
    schedules_.erase(found->second, seq);
    scheduled_.erase(found);
  }
  if (due_ns != 0) restore_schedule(seq, due_ns);
  return true;
}

std::vector<Range> State::lose_missing(Segment& segment, const SegmentIndex& index,
                                       std::uint64_t last) {
  std::vector<Range> lost;
  const auto lose_live = [&](std::uint64_t first, std::uint64_t end) {
    first = std::max(first, view_.first);
    end = std::min({end, view_.last + 1, last < UINT64_MAX ? last + 1 : last});
    while (first < end) {
      const auto seq = view_.gaps->next_absent(first);
      if (seq >= end) break;
      auto behind = end;
      view_.gaps->each(seq, end - 1, [&](std::uint64_t gap, std::uint64_t) {
        behind = gap;
        return false;
      });
      if (!view_.is_damaged(seq)) lost.push_back({seq, behind - 1});
      first = behind;
    }
  };
  auto next = segment.first_seq;
  for (std::uint32_t at = 0; at < index.size() && index.seq(at) < segment.end_seq; ++at) {
    const auto seq = index.seq(at);
    if (seq > next) lose_live(next, seq);
    next = seq + 1;
  }
  if (next < segment.end_seq) lose_live(next, segment.end_seq);
  for (const auto& range : lost) {
    segment.live -= std::min(segment.live, range.last + 1 - range.first);
    ++segment.changes;
    segment.has_damage = true;
    view_.damaged.emplace(range.first, range.last);
  }
  return lost;
}

void State::restore(const Sums& sums) noexcept {
  view_.first = sums.first;
  view_.last = sums.last;
  bytes_ = sums.bytes;
  last_time_ns_ = sums.last_time_ns;
}

}  // namespace dunlin::storage_file::engine
