// SubjectSpan: what is known of one subject: how many live records it has, and the first and the
// last of them; or, as a change, what came on top of what is written elsewhere.
//
// Pure functions, any thread.

#pragma once

#include <dunlin/ext/storage.h>

#include <cstdint>
#include <optional>

namespace dunlin::storage_file::engine {

struct SubjectSpan {
  // Of a change: how many more, or fewer, there are than before.
  std::int64_t count = 0;
  // Of a change: of the records that were added; 0 when there were none.
  std::uint64_t first = 0, last = 0;
  // The first live record is not `first`, but none lies in front of it. Of a change: some of what
  // was there before may be gone.
  bool is_first_bound = false;
  // None lies behind `last`. Of a change: the last may be one that was there before.
  bool is_last_bound = false;
  bool is_change = false;

  bool operator==(const SubjectSpan&) const = default;
  [[nodiscard]] bool is_exact() const noexcept {
    return !is_change && !is_first_bound && !is_last_bound;
  }
  [[nodiscard]] dunlin_span span() const noexcept {
    if (count <= 0) return {};
    return {static_cast<std::uint64_t>(count), first, last};
  }
};

// A single record is the first and the last; none at all is nothing.
void settle_ends(SubjectSpan& span) noexcept;

// What `change` makes of what was there below it; of nothing when there was nothing.
[[nodiscard]] SubjectSpan apply_change(const std::optional<SubjectSpan>& below,
                                       const SubjectSpan& change) noexcept;

}  // namespace dunlin::storage_file::engine
