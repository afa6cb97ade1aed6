// Clock and Timer. A Timer is cancelled when it is destroyed.

#pragma once

#include <dunlin/executor.hpp>
#include <dunlin/ext/clock.h>

#include <functional>

namespace dunlin {
inline namespace sdk {

class Timer;

class Clock : public Table<dunlin_clock> {
 public:
  DUNLIN_TABLE_WRAPPER(Clock, dunlin_clock, DUNLIN_EXT_CLOCK)

  [[nodiscard]] std::uint64_t monotonic_ns() const noexcept { return api_.monotonic_ns(host_); }
  [[nodiscard]] std::int64_t wall_ns() const noexcept { return api_.wall_ns(host_); }

  // Calls `fire` on `thread` (DUNLIN_THREAD_...) after `delay_ns`, then every `period_ns` if
  // that is not 0.
  [[nodiscard]] result<Timer> timer(std::uint32_t thread, std::uint64_t delay_ns,
                                    std::uint64_t period_ns, std::function<void()> fire,
                                    std::uint32_t shard = 0) const;
};

class Timer {
 public:
  Timer() = default;
  Timer(Timer&& other) noexcept
      : clock_(other.clock_), id_(other.id_), state_(std::exchange(other.state_, nullptr)) {}
  Timer& operator=(Timer&& other) noexcept {
    if (this != &other) {
      cancel();
      clock_ = other.clock_;
      id_ = other.id_;
      state_ = std::exchange(other.state_, nullptr);
    }
    return *this;
  }
  ~Timer() { cancel(); }

  // May be called anywhere; `fire` may still be running on another thread when it returns.
  void cancel() noexcept {
    if (state_ == nullptr) return;
    clock_.raw().timer_cancel_async(
        clock_.raw_host(), id_, [](void* user) { delete static_cast<State*>(user); },
        std::exchange(state_, nullptr));
  }

 private:
  friend class Clock;
  struct State {
    const dunlin_host* host;
    std::function<void()> fire;
  };
  Clock clock_;
  dunlin_timer id_ = 0;
  State* state_ = nullptr;
};

inline result<Timer> Clock::timer(std::uint32_t thread, std::uint64_t delay_ns,
                                  std::uint64_t period_ns, std::function<void()> fire,
                                  std::uint32_t shard) const {
  dunlin_timer_options options{};
  options.struct_size = sizeof options;
  options.thread = thread;
  options.shard = shard;
  options.at_ns = monotonic_ns() + delay_ns;
  options.period_ns = period_ns;
  auto state = std::make_unique<Timer::State>(Timer::State{host_, std::move(fire)});
  Timer timer;
  const auto run = [](void* user) {
    auto& self = *static_cast<Timer::State*>(user);
    detail::contain(self.host, "a timer", [&] { self.fire(); });
  };
  const auto status =
      detail::invoke(api_.timer_start, host_, &options, dunlin_task{run},
                     static_cast<void*>(state.get()), &timer.id_);
  if (status != DUNLIN_OK) return detail::take(status, "starting a timer").error();
  timer.clock_ = *this;
  timer.state_ = state.release();
  return timer;
}

}  // namespace sdk
}  // namespace dunlin
