#include "plugins/storage-file/log/subject_span.hpp"

#include <algorithm>

namespace dunlin::storage_file::engine {

void settle_ends(SubjectSpan& span) noexcept {
  if (span.is_change) return;
  if (span.count <= 0) {
    span = {};
  } else if (span.count == 1 && span.is_first_bound != span.is_last_bound) {
    if (span.is_first_bound) span.first = span.last;
    if (span.is_last_bound) span.last = span.first;
    span.is_first_bound = span.is_last_bound = false;
  }
}

SubjectSpan apply_change(const std::optional<SubjectSpan>& below,
                         const SubjectSpan& change) noexcept {
  if (!change.is_change) return change;
  SubjectSpan out = change;
  out.is_change = below && below->is_change;
  const bool has_below = below && (below->is_change || below->count != 0);
  if (has_below) {
    out.count += below->count;
    if (out.first == 0 || (below->first != 0 && below->first < out.first)) {
      out.first = below->first;
    }
    out.is_first_bound = below->is_first_bound || change.is_first_bound;
    if (change.last == 0 && !change.is_last_bound) {
      out.last = below->last;
      out.is_last_bound = below->is_last_bound;
    } else if (change.is_last_bound) {
      out.last = std::max(below->last, change.last);
    }
  }
  settle_ends(out);
  return out;
}

}  // namespace dunlin::storage_file::engine
