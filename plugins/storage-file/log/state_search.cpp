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
  if (id == Subjects::none) return nothing;
  const auto local = known_local(index, id);
  return local != SegmentIndex::none ? index.matches(filters, local) : nothing;
}

std::optional<Search> State::match_by_span(const View& view, const Filters& filters,
                                           std::uint64_t at, bool is_backward) const {
  if (&view != &view_ || filters.size() != 1 || !is_literal_subject(filters[0])) return {};
  const auto id = subjects_.find(filters[0]);
  if (id == Subjects::none) {
    return subjects_.is_complete() ? std::optional(Search{}) : std::nullopt;
  }
  if (!subjects_.is_whole(id)) return {};
  const auto& entry = subjects_[id];
  if (entry.count == 0) return Search{};
  if (at < entry.first) {
    if (is_backward) return Search{};
    if ((entry.extra & Subjects::first_bound) == 0) return Search{entry.first, 0};
  }
  if (at > entry.last) {
    if (!is_backward) return Search{};
    if ((entry.extra & Subjects::last_bound) == 0) return Search{entry.last, 0};
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

std::uint64_t State::resolve(std::string_view name, SubjectSpan& span) const {
  if (span.count <= 0) return 0;
  const Filters filter{std::string(name)};
  if (span.is_first_bound) {
    const auto found = next_match(view_, filter, span.first);
    if (found.missing != 0) {
      // In front of that segment there is none: the next search begins there.
      span.first = std::max(span.first, find_segment(found.missing)->first_seq);
      return found.missing;
    }
    if (found.seq != 0) span.first = found.seq;
    span.is_first_bound = false;
  }
  if (span.is_last_bound) {
    const auto found = previous_match(view_, filter, span.last);
    if (found.missing != 0) {
      span.last = std::min(span.last, find_segment(found.missing)->end_seq - 1);
      return found.missing;
    }
    if (found.seq != 0) span.last = found.seq;
    span.is_last_bound = false;
  }
  return 0;
}

std::uint64_t State::resolve(Subjects::Id id) {
  if ((subjects_[id].extra & Subjects::bounds) == 0) return 0;
  auto span = subjects_.span(id);
  const auto missing = resolve(subjects_.name(id), span);
  subjects_.refine(id, span);
  return missing;
}

const std::string* State::unknown_subject(const View& view, const Filters& filters) const {
  const bool asks_one = &view == &view_ && has_subjects_ && filters.size() == 1 &&
                        is_literal_subject(filters[0]);
  return asks_one && !subjects_.is_known(filters[0]) ? &filters[0] : nullptr;
}

}  // namespace dunlin::storage_file::engine
