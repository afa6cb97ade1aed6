// What changes do to the subjects of a log.

#include <utility>

#include "plugins/storage-file/log/state.hpp"

namespace dunlin::storage_file::engine {

void State::adopt_active(std::shared_ptr<SegmentIndex> index) {
  for (std::uint32_t local = 0; local < index->subjects(); ++local) {
    auto id = subjects_.find(index->name(local));
    if (id == Subjects::none) {
      if (subjects_.is_complete()) continue;
      id = subjects_.touch(index->name(local));
    }
    index->set_global(local, id);
    auto& entry = subjects_[id];
    entry.extra = (entry.extra & ~Subjects::local_mask) | local;
  }
  active()->index = std::move(index);
}

std::uint32_t State::known_local(const SegmentIndex& index, Subjects::Id id) const noexcept {
  const auto known = subjects_[id].extra & Subjects::local_mask;
  return known < index.subjects() && index.subject(known).global == id ? known
                                                                       : SegmentIndex::none;
}

std::uint32_t State::local_subject(SegmentIndex& index, Subjects::Id id) {
  if (const auto known = known_local(index, id); known != SegmentIndex::none) return known;
  const auto local = index.add_subject(subjects_.name(id), id);
  auto& entry = subjects_[id];
  entry.extra = (entry.extra & ~Subjects::local_mask) | local;
  return local;
}

std::uint64_t State::live_neighbour(const Segment& segment, std::uint32_t item,
                                    bool is_behind) const noexcept {
  const auto& index = *segment.index;
  const auto step = [&](std::uint32_t at) {
    return is_behind ? index.link(at).next : index.link(at).previous;
  };
  auto at = step(item);
  while (at != SegmentIndex::none && !view_.is_live(index.seq(at))) at = step(at);
  return at == SegmentIndex::none || index.seq(at) >= segment.end_seq ? 0 : index.seq(at);
}

void State::forget_subject(const Segment& segment, std::uint32_t item, std::uint64_t seq) {
  const auto& index = *segment.index;
  const auto local = index.link(item).subject;
  if (local == SegmentIndex::none) return;
  // Ids the index remembers are those of now only while it is written to.
  const auto global = segment.is_sealed ? Subjects::none : index.subject(local).global;
  auto id = global < Subjects::none ? global : subjects_.find(index.name(local));
  if (id == Subjects::none) {
    if (subjects_.is_complete()) return;
    id = subjects_.touch(index.name(local));
  }
  subjects_.touch(id);
  if (!subjects_.is_whole(id)) {
    forget_change(segment, item, seq, id);
    return;
  }
  auto& entry = subjects_[id];
  if (entry.count == 0) return;
  entry.count = (entry.count - 1) & ((1ull << 48) - 1);
  if (entry.count == 0) {
    subjects_.emptied(id);
    erase_if_empty(id);
    return;
  }
  if (seq == entry.first && (entry.extra & Subjects::first_bound) == 0) {
    const auto next = live_neighbour(segment, item, true);
    entry.first = next != 0 ? next : segment.end_seq;
    if (next == 0) entry.extra |= Subjects::first_bound;
  }
  if (seq == entry.last && (entry.extra & Subjects::last_bound) == 0) {
    const auto previous = live_neighbour(segment, item, false);
    entry.last = previous != 0 ? previous : segment.first_seq - 1;
    if (previous == 0) entry.extra |= Subjects::last_bound;
  }
  subjects_.settle_ends(id);
}

// The record may be one of those that memory knows of, or one from before.
void State::forget_change(const Segment& segment, std::uint32_t item, std::uint64_t seq,
                          Subjects::Id id) {
  auto& entry = subjects_[id];
  entry.count = (entry.count - 1) & ((1ull << 48) - 1);
  const bool is_from_before = entry.first == 0 || seq < entry.first;
  if (is_from_before) entry.extra |= Subjects::first_bound;
  if (entry.last == 0) {
    entry.extra |= Subjects::last_bound;
    return;
  }
  if (seq == entry.first) {
    const auto next = live_neighbour(segment, item, true);
    entry.first = next != 0 ? next : segment.end_seq;
    entry.extra |= Subjects::first_bound;
  }
  if (seq == entry.last && (entry.extra & Subjects::last_bound) == 0) {
    const auto previous = live_neighbour(segment, item, false);
    entry.last = previous != 0 ? previous : segment.first_seq - 1;
    if (previous == 0) entry.extra |= Subjects::last_bound;
  }
}

void State::erase_if_empty(Subjects::Id id) {
  if (!subjects_.may_erase_empty(id)) return;
  if (auto* now = active(); now != nullptr && now->index) {
    const auto local = known_local(*now->index, id);
    if (local != SegmentIndex::none) now->index->set_global(local, Subjects::none);
  }
  subjects_.erase(id);
}

void State::forget_subjects() {
  const auto live = subjects_.live();
  subjects_.clear();
  subjects_.restore_runs({}, live);
  subjects_.set_incomplete();
  if (auto* now = active(); now != nullptr && now->index) adopt_active(now->index);
}

void State::evict_subjects(std::size_t steps) {
  auto* now = active();
  subjects_.evict(steps, [&](Subjects::Id id) {
    return now != nullptr && now->index && known_local(*now->index, id) != SegmentIndex::none;
  });
}

void State::settle(std::string_view name, const std::optional<SubjectSpan>& below) {
  subjects_.settle(name, below, [this](std::uint64_t seq) {
    return !has_truncated_ && view_.is_live(seq);
  });
}

}  // namespace dunlin::storage_file::engine
