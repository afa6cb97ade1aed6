// Threads and time of the simulated host, and their real counterpart.
//
// Simulated: everything runs on the caller's thread inside `run_until`, one task at a time, in an
// order drawn from the seed among what the executor's rules allow; time moves only when there is
// nothing to run. Real: workers are threads and time is the system's; control and shard tasks
// still run on the caller's thread.

#pragma once

#include <dunlin/ext/clock.h>
#include <dunlin/ext/executor.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "sdk/testkit/base.hpp"

namespace dunlin::testkit {

class Scheduler {
 public:
  Scheduler(std::uint64_t seed, bool real);
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Runs tasks until `done`. False when it never came: nothing left to run and no timer for
  // `patience_ns`.
  bool run_until(const std::function<bool()>& done, std::uint64_t patience_ns = 120'000'000'000);
  // Runs what there is, without waiting for timers.
  void drain();
  // Lets `ns` pass, running what falls due.
  void pass(std::uint64_t ns);

  // Runs `body` as a task of that thread would.
  template <class Body>
  auto as(std::uint32_t thread, Body&& body) {
    const Here here(*this, thread);
    return body();
  }

  void post(std::uint32_t thread, dunlin_task task, void* user);
  dunlin_timer start_timer(const dunlin_timer_options& options, dunlin_task fire, void* user);
  void cancel_timer(dunlin_timer timer, dunlin_task done, void* user);

  [[nodiscard]] std::uint32_t thread() const { return current_; }
  [[nodiscard]] std::uint64_t monotonic_ns() const;
  [[nodiscard]] std::int64_t wall_ns() const;
  // A call that took so long.
  void take(std::uint64_t ns) { now_ += ns; }
  // Tasks run so far: proves that something came from another task than this.
  [[nodiscard]] static std::uint64_t task_number() { return task_number_; }
  // What the backend did against the rules; empty for nothing.
  void violation(std::string text);
  [[nodiscard]] std::string first_violation() const;

 private:
  struct Task {
    dunlin_task run;
    void* user;
  };
  struct Timer {
    dunlin_timer_options options;
    dunlin_task fire;
    void* user;
  };
  // Sets what `thread()` answers, for a while.
  class Here {
   public:
    Here(Scheduler& scheduler, std::uint32_t thread) : before_(scheduler.current_) {
      scheduler.current_ = thread;
      ++task_number_;
    }
    ~Here() { current_ = before_; }

   private:
    std::uint32_t before_;
  };

  bool run_one();
  bool fire_due(std::uint64_t now);
  [[nodiscard]] std::uint64_t next_timer() const;
  bool run_real(const std::function<bool()>& done, std::uint64_t patience_ns);
  void work();
  bool pick(Task& out, std::uint32_t& thread);

  static thread_local std::uint32_t current_;
  static thread_local std::uint64_t task_number_;
  const bool real_;
  Rng rng_;
  mutable std::mutex mutex_;  // idle in a simulation
  std::condition_variable wake_caller_, wake_worker_;
  std::deque<Task> control_, shard_;
  std::vector<Task> worker_;
  std::map<dunlin_timer, Timer> timers_;
  dunlin_timer timer_count_ = 0;
  std::uint64_t now_ = 1'000'000'000;
  std::uint64_t real_start_ = 0;
  std::string violation_;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace dunlin::testkit
