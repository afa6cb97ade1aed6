#include "core/plugin/timers.hpp"

#include <dunlin/ext/executor.h>

#include <atomic>
#include <vector>

namespace dunlin::plugin {

struct Timers::State {
  dunlin_timer id;
  std::uint32_t holder;
  dunlin_timer_options options;
  dunlin_task run;
  void* user;
  std::atomic<bool> cancelled{false};
  std::mutex firing;  // held while `fire` runs
  std::multimap<std::uint64_t, Shared>::iterator place;  // valid while `queued`
  bool queued = false;
};

dunlin_status Timers::start(std::uint32_t holder, const dunlin_timer_options& options,
                            dunlin_task task, void* user, dunlin_timer& out) {
  const bool to_shard = options.thread == DUNLIN_THREAD_SHARD;
  if (options.thread < DUNLIN_THREAD_CONTROL || options.thread > DUNLIN_THREAD_WORKER ||
      (to_shard && options.shard >= executor_.shard_count())) {
    return DUNLIN_E_INVALID;
  }
  auto state = std::make_shared<State>();
  {
    const std::lock_guard lock(mutex_);
    auto& count = count_by_holder_[holder];
    if (count >= DUNLIN_TIMERS_MAX) return DUNLIN_E_LIMIT;
    ++count;
    state->id = ++last_id_;
    state->holder = holder;
    state->options = options;
    state->run = task;
    state->user = user;
    by_id_.emplace(state->id, state);
    state->place = by_time_.emplace(options.at_ns, state);
    state->queued = true;
    out = state->id;
  }
  time_.wake_at(options.at_ns, [this] { wake(); });
  return DUNLIN_OK;
}

// Hands every due timer to its thread, and asks for the next wake-up.
void Timers::wake() {
  const auto now = time_.monotonic_ns();
  std::vector<Shared> due;
  std::uint64_t next = 0;
  {
    const std::lock_guard lock(mutex_);
    while (!by_time_.empty() && by_time_.begin()->first <= now) {
      auto state = by_time_.begin()->second;
      by_time_.erase(by_time_.begin());
      state->queued = false;
      due.push_back(std::move(state));
    }
    if (!by_time_.empty()) next = by_time_.begin()->first;
  }
  for (const auto& state : due) {
    post(*state, [this, state] { this->fire(state); });
  }
  if (next != 0) time_.wake_at(next, [this] { wake(); });
}

void Timers::fire(const Shared& state) {
  {
    const std::lock_guard running(state->firing);
    if (state->cancelled.load()) return;
    state->run(state->user);
  }
  std::uint64_t next = 0;
  {
    const std::lock_guard lock(mutex_);
    if (state->cancelled.load()) return;
    const auto period = state->options.period_ns;
    if (period == 0) {
      remove(state);
      return;
    }
    // Late periods are skipped: the next one lies ahead of now.
    const auto now = time_.monotonic_ns();
    auto& at = state->options.at_ns;
    at += period;
    if (at <= now) at += (now - at) / period * period + period;
    next = at;
    state->place = by_time_.emplace(at, state);
    state->queued = true;
  }
  time_.wake_at(next, [this] { wake(); });
}

void Timers::remove(const Shared& state) {
  if (state->queued) by_time_.erase(state->place);
  state->queued = false;
  by_id_.erase(state->id);
  --count_by_holder_[state->holder];
}

Timers::Shared Timers::mark_cancelled(dunlin_timer timer) {
  const std::lock_guard lock(mutex_);
  const auto found = by_id_.find(timer);
  if (found == by_id_.end()) return nullptr;
  auto state = found->second;
  state->cancelled.store(true);
  remove(state);
  return state;
}

void Timers::cancel(dunlin_timer timer) {
  if (const auto state = mark_cancelled(timer)) {
    const std::lock_guard wait_for_fire(state->firing);
  }
}

void Timers::cancel_async(dunlin_timer timer, dunlin_task done, void* user) {
  const auto state = mark_cancelled(timer);
  if (done == nullptr) return;
  const auto finish = [state, done, user] {
    if (state) {
      const std::lock_guard wait_for_fire(state->firing);
    }
    done(user);
  };
  // A one-shot that already fired is gone; its `done` still has to run somewhere.
  const bool posted = state ? post(*state, finish) : executor_.post_control(finish);
  // The thread has ended, so `fire` cannot be running there.
  if (!posted) done(user);
}

void Timers::cancel_all(std::uint32_t holder) {
  const std::lock_guard lock(mutex_);
  std::vector<Shared> held;
  for (const auto& [id, state] : by_id_) {
    if (state->holder == holder) held.push_back(state);
  }
  for (const auto& state : held) {
    state->cancelled.store(true);
    remove(state);
  }
}

bool Timers::post(const State& state, Executor::Task task) {
  switch (state.options.thread) {
    case DUNLIN_THREAD_CONTROL: return executor_.post_control(std::move(task));
    case DUNLIN_THREAD_SHARD: return executor_.post_shard(state.options.shard, std::move(task));
    default: return executor_.post_worker(std::move(task));
  }
}

}  // namespace dunlin::plugin
