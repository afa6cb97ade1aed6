// Finding records by filter: segment by segment, with what each index knows.

#include <dunlin/subject.hpp>

#include <algorithm>

#include "plugins/storage-file/log/state.hpp"

namespace dunlin::storage_file::engine {

const std::vector<std::uint32_t>& State::matches_in(const Segment& segment,
                                                    const Filters& filters) const {
  static const std::vector<std::uint32_t> nothing;
  const auto& index = *segment.index;
  if (segment.is_sealed || filters.size() != 1 || !is_literal_subject(filters[0])) {
    return index.matches(filters);
  }
  const auto id = subjects_.find(filters[0]);
  if (id == storage::SubjectTable::none) return nothing;
  const auto local = subjects_[id].extra & ~dirty;
  const bool is_here = local < index.subjects() && index.subject(local).global == id;
  return is_here ? index.matches(filters, local) : nothing;
}

std::optional<Search> State::match_by_span(const View& view, const Filters& filters,
                                           std::uint64_t at, bool is_backward) const {
  if (&view != &view_ || filters.size() != 1 || !is_literal_subject(filters[0])) return {};
  const auto id = subjects_.find(filters[0]);
  if (id == storage::SubjectTable::none) return Search{};
  const auto& entry = subjects_[id];
  if (at < entry.first) {
    if (is_backward) return Search{};
    if ((entry.extra & first_dirty) == 0) return Search{entry.first, 0};
  }
  if (at > entry.last) {
    if (!is_backward) return Search{};
    if ((entry.extra & last_dirty) == 0) return Search{entry.last, 0};
  }
  return {};
}

Search State::next_match(const View& view, const Filters& filters, std::uint64_t from) const {
  if (filters.empty()) return {view.next_live(from), 0};
  if (const auto known = match_by_span(view, filters, from, false)) return *known;
  from = std::max(from, view.first);
  const auto begin = std::upper_bound(
      view.segments.begin(), view.segments.end(), from,
      [](std::uint64_t wanted, const auto& segment) { return wanted < segment->end_seq; });
  for (auto it = begin; it != view.segments.end() && from <= view.last; ++it) {
    const auto& segment = **it;
    if (segment.live == 0) continue;
    if (!segment.index) return {0, segment.number};
    const auto& items = matches_in(segment, filters);
    const auto low = segment.index->lower_bound(std::max(from, segment.first_seq));
    for (auto at = std::lower_bound(items.begin(), items.end(), low); at != items.end(); ++at) {
      const auto seq = segment.index->seq(*at);
      if (seq >= segment.end_seq || seq > view.last) break;
      if (!view.gaps->contains(seq)) return {seq, 0};
    }
  }
  return {};
}

Search State::previous_match(const View& view, const Filters& filters, std::uint64_t to) const {
  if (filters.empty()) return {view.previous_live(to), 0};
  if (const auto known = match_by_span(view, filters, to, true)) return *known;
  to = std::min(to, view.last);
  for (auto it = view.segments.rbegin(); it != view.segments.rend(); ++it) {
    const auto& segment = **it;
    if (segment.end_seq <= view.first || to < view.first) break;
    if (segment.first_seq > to || segment.live == 0) continue;
    if (!segment.index) return {0, segment.number};
    const auto& items = matches_in(segment, filters);
    const auto high = segment.index->lower_bound(std::min(to + 1, segment.end_seq));
    auto at = std::lower_bound(items.begin(), items.end(), high);
    while (at != items.begin()) {
      const auto seq = segment.index->seq(*--at);
      if (seq < view.first) break;
      if (!view.gaps->contains(seq)) return {seq, 0};
    }
  }
  return {};
}

std::uint64_t State::resolve(storage::SubjectTable::Id id) {
  auto& entry = subjects_[id];
  if ((entry.extra & dirty) == 0) return 0;
  const Filters filter{std::string(subjects_.name(id))};
  if ((entry.extra & first_dirty) != 0) {
    const auto found = next_match(view_, filter, entry.first);
    if (found.missing != 0) return found.missing;
    if (found.seq != 0) entry.first = found.seq;
    entry.extra &= ~first_dirty;
  }
  if ((entry.extra & last_dirty) != 0) {
    const auto found = previous_match(view_, filter, entry.last);
    if (found.missing != 0) return found.missing;
    if (found.seq != 0) entry.last = found.seq;
    entry.extra &= ~last_dirty;
  }
  return 0;
}

}  // namespace dunlin::storage_file::engine
