#include "core/base/quiescence.hpp"

#include <algorithm>

#include "core/base/ensure.hpp"

namespace dunlin {

Quiescence::~Quiescence() {
  for (const auto& entry : retired_) entry.release(entry.object);
}

Quiescence::Reader Quiescence::enter() {
  for (Reader reader = 0; reader < readers_max; ++reader) {
    bool expected = false;
    if (!slots_[reader].taken.compare_exchange_strong(expected, true)) continue;
    unsigned used = slots_used_.load();
    while (used < reader + 1 && !slots_used_.compare_exchange_weak(used, reader + 1)) {
    }
    return reader;
  }
  constexpr bool more_threads_than_readers_max = true;
  ensure(!more_threads_than_readers_max);
  return 0;
}

void Quiescence::leave(Reader reader) {
  offline(reader);
  slots_[reader].taken.store(false);
}

void Quiescence::online(Reader reader) noexcept {
  // The store must be visible before this thread reads any shared table: a full fence, paid once
  // per wake-up, not per turn.
  auto& seen = slots_[reader].seen;
  seen.store(epoch_.load(std::memory_order_relaxed), std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  // A writer may have advanced between the load and the fence; catch up so that it need not wait.
  seen.store(epoch_.load(std::memory_order_acquire), std::memory_order_release);
}

void Quiescence::offline(Reader reader) noexcept {
  slots_[reader].seen.store(offline_mark, std::memory_order_release);
}

std::uint64_t Quiescence::oldest_seen() const noexcept {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  std::uint64_t oldest = epoch_.load(std::memory_order_acquire);
  const unsigned used = slots_used_.load(std::memory_order_acquire);
  for (unsigned i = 0; i < used; ++i)
    oldest = std::min(oldest, slots_[i].seen.load(std::memory_order_acquire));
  return oldest;
}

void Quiescence::retire(void* object, void (*release)(void*)) {
  const std::lock_guard lock(mutex_);
  retired_.push_back({advance(), object, release});
  retired_count_.store(retired_.size(), std::memory_order_relaxed);
}

void Quiescence::collect() {
  if (retired_count_.load(std::memory_order_relaxed) == 0) return;
  std::vector<Retired> free_now;
  {
    const std::lock_guard lock(mutex_);
    const auto oldest = oldest_seen();
    // Entries are in epoch order, so what can be freed is a prefix.
    const auto end = std::find_if(retired_.begin(), retired_.end(),
                                  [&](const Retired& entry) { return entry.epoch >= oldest; });
    free_now.assign(retired_.begin(), end);
    retired_.erase(retired_.begin(), end);
    if (retired_.empty()) retired_.shrink_to_fit();
    retired_count_.store(retired_.size(), std::memory_order_relaxed);
  }
  for (const auto& entry : free_now) entry.release(entry.object);
}

}  // namespace dunlin
