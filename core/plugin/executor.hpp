// Executor and TimeSource: the threads and the time plugins are given. The server implements them
// over its shards, its control thread and its worker pool; a simulation implements them by hand.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace dunlin::plugin {

// The numbers are those of dunlin/ext/executor.h.
enum class ThreadKind : std::uint8_t { other, control, shard, worker };

class Executor {
 public:
  using Task = std::function<void()>;
  static constexpr std::uint32_t no_shard = 0xffffffffu;

  virtual ~Executor() = default;

  // A task runs exactly once, after the call returned, in order per thread. False when that thread
  // takes no more work; then the task does not run.  [any thread]
  virtual bool post_control(Task task) = 0;
  virtual bool post_shard(std::uint32_t shard, Task task) = 0;
  virtual bool post_worker(Task task) = 0;

  [[nodiscard]] virtual ThreadKind thread() const noexcept = 0;            // of the caller
  [[nodiscard]] virtual std::uint32_t shard_index() const noexcept = 0;    // or no_shard
  [[nodiscard]] virtual std::uint32_t shard_count() const noexcept = 0;
};

class TimeSource {
 public:
  virtual ~TimeSource() = default;

  [[nodiscard]] virtual std::uint64_t monotonic_ns() const noexcept = 0;
  [[nodiscard]] virtual std::int64_t wall_ns() const noexcept = 0;

  // Calls `wake` once, not before `at_ns`, on a thread of its own choice; `wake` is short. Never
  // from inside this call. A later call with an earlier time moves the wake-up forward.
  virtual void wake_at(std::uint64_t at_ns, std::function<void()> wake) = 0;
};

// The operating system's clocks, and a thread that exists once the first wake-up was asked for.
std::unique_ptr<TimeSource> make_system_time();

}  // namespace dunlin::plugin
