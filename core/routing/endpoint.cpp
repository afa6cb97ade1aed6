#include "core/routing/endpoint.hpp"

#include <algorithm>

#include "core/routing/router.hpp"

namespace dunlin::routing {

bool Endpoint::hold_back(std::uint64_t publisher, std::uint16_t its_shard,
                         net::Nanoseconds until) {
  // Messages come in runs of one publisher, the last one added as a rule.
  const auto found =
      std::find_if(held_back_.rbegin(), held_back_.rend(),
                   [publisher](const HeldBack& one) { return one.publisher == publisher; });
  if (found == held_back_.rend()) {
    held_back_.push_back({publisher, until, its_shard});
    return true;
  }
  if (shard().now() < found->until) return false;
  found->until = until;
  return true;
}

void Endpoint::on_drained() {
  std::vector<HeldBack> waiting;
  waiting.swap(held_back_);
  for (const HeldBack& one : waiting)
    ShardRouter::let_go(shard(), one.publisher, one.shard);
}

}  // namespace dunlin::routing
