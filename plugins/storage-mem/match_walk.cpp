#include "plugins/storage-mem/match_walk.hpp"

#include <algorithm>

namespace dunlin::storage_mem {

MatchWalk::MatchWalk(const Source& source, std::span<const dunlin_str> filters, std::uint64_t from,
                     std::uint64_t to, bool backward)
    : source_(source),
      from_(std::max<std::uint64_t>(from, 1)),
      to_(std::min(to, source.last_seq())),
      backward_(backward),
      candidates_(Later{backward}) {
  if (from_ > to_) return;
  source.log.table().each(filters, [&](SubjectTable::Id subject) {
    push(subject, backward_ ? to_ : from_);
    return true;
  });
}

std::optional<Records::Position> MatchWalk::next() {
  while (!candidates_.empty()) {
    const auto [seq, subject] = candidates_.top();
    candidates_.pop();
    const bool is_end = backward_ ? seq <= from_ : seq >= to_;
    if (!is_end) push(subject, backward_ ? seq - 1 : seq + 1);
    // In a snapshot a sequence may have been another subject's.
    const auto position = source_.records().find(seq);
    if (position && source_.records().at(*position).head->subject == subject) return position;
  }
  return std::nullopt;
}

void MatchWalk::push(SubjectTable::Id subject, std::uint64_t seq) {
  const auto found = nearest(subject, seq);
  if (found != 0 && found >= from_ && found <= to_) candidates_.push({found, subject});
}

std::uint64_t MatchWalk::nearest(SubjectTable::Id subject, std::uint64_t seq) const {
  const auto& log = source_.log;
  const auto& entry = log.table()[subject];
  const auto found = backward_ ? log.lists().at_or_below(entry, seq)
                               : log.lists().at_or_above(entry, seq);
  if (source_.snapshot == nullptr) return found;
  const auto* const removed = log.removed_of(subject);
  if (removed == nullptr) return found;
  const auto* const other = backward_ ? removed->at_or_below(seq) : removed->at_or_above(seq);
  if (other == nullptr) return found;
  if (found == SequenceLists::none) return *other;
  return backward_ ? std::max(found, *other) : std::min(found, *other);
}

}  // namespace dunlin::storage_mem
