#include "core/routing/account.hpp"

namespace dunlin::routing {

void Account::set_mappings(std::unique_ptr<const Mappings> mappings) {
  if (const Mappings* const before = mappings_.exchange(mappings.release()))
    quiescence_.retire(before);
}

Traffic ShardedTraffic::sum() const noexcept {
  Traffic total;
  for (const Cell& cell : cells_) {
    total.in_messages += cell.counters.in_messages.get();
    total.in_bytes += cell.counters.in_bytes.get();
    total.out_messages += cell.counters.out_messages.get();
    total.out_bytes += cell.counters.out_bytes.get();
    total.slow_consumers += cell.counters.slow_consumers.get();
  }
  return total;
}

}  // namespace dunlin::routing
