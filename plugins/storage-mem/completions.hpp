// The completions of one log, handed to the thread it was opened for, in the order they were added.
//
// Kept alive by what is still to be completed: the log may be gone before.  [any thread]

#pragma once

#include <dunlin/executor.hpp>
#include <dunlin/result.hpp>

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace dunlin::storage_mem {

class Completions : public std::enable_shared_from_this<Completions> {
 public:
  // `thread` is a DUNLIN_THREAD_...; what is none is completed on control.
  Completions(Executor executor, std::uint32_t thread, std::uint32_t shard) noexcept
      : executor_(executor), thread_(thread), shard_(shard) {}

  // Completes it with success, later.
  void add(Completion done);

 private:
  void post();
  void run();

  const Executor executor_;
  const std::uint32_t thread_, shard_;
  std::mutex mutex_;  // guards what follows
  std::vector<Completion> waiting_;
  bool is_posted_ = false;
};

}  // namespace dunlin::storage_mem
