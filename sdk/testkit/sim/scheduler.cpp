#include "sdk/testkit/sim/scheduler.hpp"

#include <algorithm>
#include <chrono>

namespace dunlin::testkit {
namespace {

constexpr std::size_t worker_threads = 3;
constexpr std::int64_t wall_start_ns = 1'750'000'000'000'000'000;  // of simulated time
constexpr std::uint64_t never = UINT64_MAX;

std::uint64_t system_ns() {
  return static_cast<std::uint64_t>(std::chrono::nanoseconds(
      std::chrono::steady_clock::now().time_since_epoch()).count());
}

}  // namespace

thread_local std::uint32_t Scheduler::current_ = DUNLIN_THREAD_CONTROL;
thread_local std::uint64_t Scheduler::task_number_ = 0;

Scheduler::Scheduler(std::uint64_t seed, bool real)
    : real_(real), rng_(seed), real_start_(system_ns()) {
  for (std::size_t i = 0; real && i < worker_threads; ++i) {
    threads_.emplace_back([this] { work(); });
  }
}

Scheduler::~Scheduler() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_worker_.notify_all();
  for (auto& thread : threads_) thread.join();
}

std::uint64_t Scheduler::monotonic_ns() const {
  return real_ ? system_ns() - real_start_ + 1'000'000'000 : now_;
}

std::int64_t Scheduler::wall_ns() const {
  return wall_start_ns + static_cast<std::int64_t>(monotonic_ns());
}

void Scheduler::post(std::uint32_t thread, dunlin_task task, void* user) {
  const std::lock_guard lock(mutex_);
  if (thread == DUNLIN_THREAD_WORKER) {
    worker_.push_back({task, user});
    wake_worker_.notify_one();
    return;
  }
  (thread == DUNLIN_THREAD_CONTROL ? control_ : shard_).push_back({task, user});
  wake_caller_.notify_all();
}

dunlin_timer Scheduler::start_timer(const dunlin_timer_options& options, dunlin_task fire,
                                    void* user) {
  const std::lock_guard lock(mutex_);
  timers_[++timer_count_] = {options, fire, user};
  wake_caller_.notify_all();
  return timer_count_;
}

void Scheduler::cancel_timer(dunlin_timer timer, dunlin_task done, void* user) {
  std::uint32_t thread = DUNLIN_THREAD_CONTROL;
  {
    const std::lock_guard lock(mutex_);
    if (const auto at = timers_.find(timer); at != timers_.end()) {
      thread = at->second.options.thread;
      timers_.erase(at);
    }
  }
  if (done != nullptr) post(thread, done, user);
}

void Scheduler::violation(std::string text) {
  const std::lock_guard lock(mutex_);
  if (violation_.empty()) violation_ = std::move(text);
}

std::string Scheduler::first_violation() const {
  const std::lock_guard lock(mutex_);
  return violation_;
}

bool Scheduler::pick(Task& out, std::uint32_t& thread) {
  const std::lock_guard lock(mutex_);
  const bool choices[] = {!control_.empty(), !shard_.empty(), !real_ && !worker_.empty()};
  const auto open = static_cast<std::uint64_t>(std::count(choices, choices + 3, true));
  if (open == 0) return false;
  std::uint64_t chosen = rng_.below(open);
  std::size_t which = 0;
  while (!choices[which] || chosen-- != 0) ++which;
  if (which == 2) {
    const std::size_t at = rng_.below(worker_.size());
    out = worker_[at];
    worker_.erase(worker_.begin() + static_cast<std::ptrdiff_t>(at));
    thread = DUNLIN_THREAD_WORKER;
    return true;
  }
  auto& queue = which == 0 ? control_ : shard_;
  out = queue.front();
  queue.pop_front();
  thread = which == 0 ? DUNLIN_THREAD_CONTROL : DUNLIN_THREAD_SHARD;
  return true;
}

bool Scheduler::run_one() {
  Task task{};
  std::uint32_t thread = 0;
  if (!pick(task, thread)) return false;
  now_ += 1000;
  const Here here(*this, thread);
  task.run(task.user);
  return true;
}

std::uint64_t Scheduler::next_timer() const {
  std::uint64_t next = never;
  for (const auto& [id, timer] : timers_) next = std::min(next, timer.options.at_ns);
  return next;
}

bool Scheduler::fire_due(std::uint64_t now) {
  std::vector<std::pair<std::uint32_t, Task>> due;
  {
    const std::lock_guard lock(mutex_);
    for (auto at = timers_.begin(); at != timers_.end();) {
      auto& [id, timer] = *at;
      if (timer.options.at_ns > now) {
        ++at;
        continue;
      }
      due.push_back({timer.options.thread, {timer.fire, timer.user}});
      if (timer.options.period_ns == 0) {
        at = timers_.erase(at);
        continue;
      }
      const std::uint64_t late = now - timer.options.at_ns;
      timer.options.at_ns += (late / timer.options.period_ns + 1) * timer.options.period_ns;
      ++at;
    }
  }
  // A timer's call is no queued task: a cancel from its own thread must be able to stop it.
  for (const auto& [thread, task] : due) {
    if (real_ && thread == DUNLIN_THREAD_WORKER) {
      post(thread, task.run, task.user);
      continue;
    }
    const Here here(*this, thread);
    task.run(task.user);
  }
  return !due.empty();
}

void Scheduler::drain() {
  if (real_) return;
  while (run_one()) {
  }
}

void Scheduler::pass(std::uint64_t ns) {
  const std::uint64_t end = monotonic_ns() + ns;
  run_until([&] {
    if (real_) return monotonic_ns() >= end;
    return now_ >= end || (worker_.empty() && shard_.empty() && control_.empty() &&
                           next_timer() > end);
  });
  if (!real_) now_ = std::max(now_, end);
}

bool Scheduler::run_until(const std::function<bool()>& done, std::uint64_t patience_ns) {
  if (real_) return run_real(done, patience_ns);
  const std::uint64_t give_up = now_ + patience_ns;
  while (!done()) {
    // Timers that are due take part in the order; they are looked at between any two tasks.
    if (next_timer() <= now_ && fire_due(now_)) continue;
    if (run_one()) continue;
    const std::uint64_t next = next_timer();
    if (next == never || next > give_up) return done();
    now_ = std::max(now_, next);
  }
  return true;
}

bool Scheduler::run_real(const std::function<bool()>& done, std::uint64_t patience_ns) {
  const std::uint64_t give_up = monotonic_ns() + patience_ns;
  while (!done()) {
    if (fire_due(monotonic_ns())) continue;
    if (run_one()) continue;
    if (monotonic_ns() > give_up) return false;
    std::unique_lock lock(mutex_);
    if (!control_.empty() || !shard_.empty()) continue;
    wake_caller_.wait_for(lock, std::chrono::milliseconds(1));
  }
  return true;
}

void Scheduler::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_worker_.wait(lock, [&] { return ending_ || !worker_.empty(); });
    if (worker_.empty()) return;
    const Task task = worker_.front();
    worker_.erase(worker_.begin());
    lock.unlock();
    {
      const Here here(*this, DUNLIN_THREAD_WORKER);
      task.run(task.user);
    }
    lock.lock();
  }
}

}  // namespace dunlin::testkit
