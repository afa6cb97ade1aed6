// Removing the records of a segment by what was worked out from its index before.

#include <algorithm>
#include <unordered_map>

#include "plugins/storage-file/log/state.hpp"

namespace dunlin::storage_file::engine {

Removal State::plan(const Segment& segment, std::span<const std::uint32_t> items) const {
  Removal removal;
  removal.changes = segment.changes;
  const auto& index = *segment.index;
  std::vector<bool> goes(index.size());
  std::unordered_map<std::uint32_t, std::size_t> places;  // of subjects of the index
  for (const auto at : items) {
    const auto seq = index.seq(at);
    if (seq >= segment.end_seq || !view_.is_live(seq)) continue;
    goes[at] = true;
    ++removal.records;
    removal.bytes += index.content_bytes(at) + record_cost +
                     (index.item(at).has_header ? header_cost : 0);
    if (!removal.ranges.empty() && removal.ranges.back().last + 1 == seq) {
      removal.ranges.back().last = seq;
    } else {
      removal.ranges.push_back({seq, seq});
    }
    if (!has_subjects_ || index.link(at).subject == SegmentIndex::none) continue;
    const auto subject = index.link(at).subject;
    const auto [place, is_new] = places.emplace(subject, removal.subjects.size());
    if (is_new) {
      removal.subjects.push_back({std::string(index.name(subject)), 0, seq, 0, 0});
    }
    ++removal.subjects[place->second].count;
  }
  const auto stays = [&](std::uint32_t at) {
    const auto seq = index.seq(at);
    return !goes[at] && seq < segment.end_seq && view_.is_live(seq);
  };
  for (const auto& [subject, place] : places) {
    auto& left = removal.subjects[place];
    for (auto at = index.subject(subject).first; at != SegmentIndex::none;
         at = index.link(at).next) {
      if (!stays(at)) continue;
      if (left.first == 0) left.first = index.seq(at);
      left.last = index.seq(at);
    }
  }
  if (segment.live <= removal.records) return removal;
  for (auto at = index.lower_bound(segment.first_live); at < index.size(); ++at) {
    if (!stays(at)) continue;
    removal.first_live = index.seq(at);
    removal.first_live_time_ns = index.item(at).time_ns;
    break;
  }
  return removal;
}

void State::forget(const Segment& segment, const Removal::Subject& subject) {
  auto id = subjects_.find(subject.name);
  if (id == Subjects::none && subjects_.is_complete()) return;
  id = subjects_.touch(subject.name);
  auto& entry = subjects_[id];
  const bool is_whole = subjects_.is_whole(id);
  if (is_whole && entry.count == 0) return;
  const auto count = is_whole ? std::min<std::uint64_t>(entry.count, subject.count)
                              : subject.count;
  entry.count = (entry.count - count) & ((1ull << 48) - 1);
  if (is_whole && entry.count == 0) {
    subjects_.emptied(id);
    erase_if_empty(id);
    return;
  }
  const auto is_here = [&](std::uint64_t seq) {
    return seq >= segment.first_seq && seq < segment.end_seq;
  };
  if (is_whole ? (entry.extra & Subjects::first_bound) == 0 && is_here(entry.first)
               : entry.first != 0 && is_here(entry.first)) {
    entry.first = subject.first != 0 ? subject.first : segment.end_seq;
    if (!is_whole || subject.first == 0) entry.extra |= Subjects::first_bound;
  } else if (!is_whole && (entry.first == 0 || subject.lowest < entry.first)) {
    entry.extra |= Subjects::first_bound;
  }
  if (!is_whole && entry.last == 0) {
    entry.extra |= Subjects::last_bound;
  } else if ((entry.extra & Subjects::last_bound) == 0 && is_here(entry.last)) {
    entry.last = subject.last != 0 ? subject.last : segment.first_seq - 1;
    if (subject.last == 0) entry.extra |= Subjects::last_bound;
  }
  if (is_whole) subjects_.settle_ends(id);
}

void State::apply(Segment& segment, const Removal& removal, dunlin_removed& removed) {
  for (const auto& range : removal.ranges) gaps().add(range.first, range.last);
  segment.live -= removal.records;
  segment.live_bytes -= removal.bytes;
  bytes_ -= removal.bytes;
  removed.bytes += removal.bytes;
  ++segment.changes;
  for (const auto& subject : removal.subjects) forget(segment, subject);
  if (segment.live != 0 && removal.first_live != 0) {
    segment.first_live = removal.first_live;
    segment.first_live_time_ns = removal.first_live_time_ns;
  }
}

}  // namespace dunlin::storage_file::engine
