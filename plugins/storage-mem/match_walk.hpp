// The records that match filters, one after the other in sequence order, without looking at any
// that do not: the sequences of all matching subjects, merged.
//
// A walk refers to its log, which must not change meanwhile. To begin costs O(log n) for each
// matching subject, and so does each step for the one that it takes.

#pragma once

#include <cstdint>
#include <optional>
#include <queue>
#include <span>
#include <vector>

#include "plugins/storage-mem/log_data.hpp"

namespace dunlin::storage_mem {

// Where a read takes place: the log as it is, or as it was.
struct Source {
  const LogData& log;
  const Snapshot* snapshot;  // null: the log as it is at this moment

  [[nodiscard]] const Records& records() const noexcept {
    return snapshot != nullptr ? snapshot->records : log.records();
  }
  [[nodiscard]] std::uint64_t last_seq() const noexcept {
    return snapshot != nullptr ? snapshot->last_seq : log.last_seq();
  }
};

class MatchWalk {
 public:
  // Both ends are included; `backward` begins at `to`.
  MatchWalk(const Source& source, std::span<const dunlin_str> filters, std::uint64_t from,
            std::uint64_t to, bool backward);

  [[nodiscard]] std::optional<Records::Position> next();

 private:
  struct Candidate {
    std::uint64_t seq;
    SubjectTable::Id subject;
  };
  struct Later {
    bool backward;
    bool operator()(const Candidate& a, const Candidate& b) const noexcept {
      return backward ? a.seq < b.seq : a.seq > b.seq;
    }
  };

  // The subject's record at `seq` or next to it; 0 when there is none within the bounds.
  [[nodiscard]] std::uint64_t nearest(SubjectTable::Id subject, std::uint64_t seq) const;
  void push(SubjectTable::Id subject, std::uint64_t seq);

  Source source_;
  std::uint64_t from_, to_;
  bool backward_;
  std::priority_queue<Candidate, std::vector<Candidate>, Later> candidates_;
};

}  // namespace dunlin::storage_mem
