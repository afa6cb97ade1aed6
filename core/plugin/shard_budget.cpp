#include "core/plugin/shard_budget.hpp"

#include <map>
#include <mutex>
#include <string_view>
#include <unordered_map>

#include "core/base/log.hpp"

namespace dunlin::plugin {
namespace {

struct Entry {
  std::string name;
  dunlin_cell* overruns = nullptr;
  std::map<std::string_view, ShardBudget::Clock::time_point> told;  // by function
};

// Shards meet here only when something is late already.
struct Entries {
  std::mutex mutex;
  std::unordered_map<Owner, Entry> of;
};

Entries& entries() {
  static Entries entries;
  return entries;
}

}  // namespace

thread_local ShardCall* ShardCall::innermost_ = nullptr;

void ShardBudget::add(Owner owner, std::string name, dunlin_cell* overruns) {
  const std::lock_guard lock(entries().mutex);
  entries().of[owner] = {std::move(name), overruns, {}};
}

void ShardBudget::remove(Owner owner) {
  const std::lock_guard lock(entries().mutex);
  entries().of.erase(owner);
}

void ShardBudget::overrun(Owner owner, const char* function, Clock::duration took,
                          Clock::time_point now) noexcept try {
  std::string name;
  {
    const std::lock_guard lock(entries().mutex);
    const auto found = entries().of.find(owner);
    if (found == entries().of.end()) return;
    Entry& entry = found->second;
    if (entry.overruns != nullptr)
      __atomic_fetch_add(&entry.overruns->value, std::int64_t{1}, __ATOMIC_RELAXED);
    const auto [told, is_first] = entry.told.try_emplace(function, now);
    if (!is_first && now - told->second < quiet) return;
    told->second = now;
    name = entry.name;
  }
  constexpr auto microseconds = [](Clock::duration duration) {
    return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
  };
  log_warning("plugin {}: {} took {} µs on a shard; at most {} µs are allowed", name, function,
              microseconds(took), microseconds(budget));
} catch (...) {
  // Without memory there is no line.
}

}  // namespace dunlin::plugin
