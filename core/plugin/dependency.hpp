// In which order plugins start: those who provide a capability before those who need it.
//
// All problems are found in one pass: the same id or capability twice, needs nobody meets, and
// cycles. Where the graph leaves a choice the order of the configuration decides, so a start is
// repeatable.

#pragma once

#include <string>
#include <vector>

#include "core/plugin/note.hpp"
#include "core/plugin/problem.hpp"

namespace dunlin::plugin {

struct Candidate {
  const Identity* identity;
  std::string origin;  // the path, or "static"
};

// Indices of `candidates` in start order.
boost::system::result<std::vector<std::size_t>, Refusal> resolve_order(
    const std::vector<Candidate>& candidates);

// Does an offer of `provided` meet a need for `needed`? "storage/1:file" meets "storage/1".
[[nodiscard]] bool meets(std::string_view provided, std::string_view needed) noexcept;

}  // namespace dunlin::plugin
