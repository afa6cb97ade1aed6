#include "plugins/storage-mem/completions.hpp"

#include <utility>

namespace dunlin::storage_mem {

void Completions::add(Completion done) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(done));
    if (std::exchange(is_posted_, true)) return;
  }
  post();
}

void Completions::post() {
  const auto run_later = [self = shared_from_this()] { self->run(); };
  const auto posted = thread_ == DUNLIN_THREAD_SHARD    ? executor_.post_shard(shard_, run_later)
                      : thread_ == DUNLIN_THREAD_WORKER ? executor_.post_worker(run_later)
                                                        : executor_.post_control(run_later);
  // Only a host that has stopped the plugin refuses; nobody is left whom an early call could hurt.
  if (!posted) run();
}

// One batch at a time: what a completion adds comes in the next.
void Completions::run() {
  std::vector<Completion> batch;
  {
    const std::lock_guard lock(mutex_);
    batch.swap(waiting_);
  }
  for (auto& done : batch) done.succeed();
  {
    const std::lock_guard lock(mutex_);
    is_posted_ = !waiting_.empty();
    if (!is_posted_) return;
  }
  post();
}

}  // namespace dunlin::storage_mem
