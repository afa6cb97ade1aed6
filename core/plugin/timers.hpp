// Timers of all plugins: one wheel ordered by time over the TimeSource, firing on the thread each
// timer was started for.
//
// A timer's state is shared by the queue and by the task that is on its way to a thread. Cancelling
// marks it and then waits for its mutex, which is held while it fires.

#pragma once

#include <dunlin/ext/clock.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "core/plugin/executor.hpp"

namespace dunlin::plugin {

class Timers {
 public:
  Timers(Executor& executor, TimeSource& time) : executor_(executor), time_(time) {}

  // `holder` is the plugin; it holds at most DUNLIN_TIMERS_MAX.  [any thread]
  dunlin_status start(std::uint32_t holder, const dunlin_timer_options& options, dunlin_task fire,
                      void* user, dunlin_timer& out);
  // When it returned, `fire` is not running and will not run.  [any thread but the timer's]
  void cancel(dunlin_timer timer);
  // `done` (may be NULL) runs on the timer's thread.  [any thread]
  void cancel_async(dunlin_timer timer, dunlin_task done, void* user);
  // Cancels everything `holder` has, without waiting.
  void cancel_all(std::uint32_t holder);

 private:
  struct State;
  using Shared = std::shared_ptr<State>;

  void wake();
  void fire(const Shared& state);
  void remove(const Shared& state);  // mutex_ held
  Shared mark_cancelled(dunlin_timer timer);
  bool post(const State& state, Executor::Task task);

  Executor& executor_;
  TimeSource& time_;
  std::mutex mutex_;  // guards everything below
  std::unordered_map<dunlin_timer, Shared> by_id_;
  std::multimap<std::uint64_t, Shared> by_time_;
  std::unordered_map<std::uint32_t, std::size_t> count_by_holder_;
  dunlin_timer last_id_ = 0;
};

}  // namespace dunlin::plugin
