// Timers of one shard: a binary heap whose entries know their place, so that moving or cancelling
// one is logarithmic and needs no allocation.  [one shard]

#pragma once

#include <cstdint>
#include <vector>

namespace dunlin::net {

// Monotonic nanoseconds.
using Nanoseconds = std::uint64_t;
inline constexpr Nanoseconds never = ~Nanoseconds{0};
inline constexpr Nanoseconds milliseconds = 1'000'000;
inline constexpr Nanoseconds seconds = 1'000'000'000;

class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Runs once when due; the timer is idle by then and may be set again.
  virtual void on_due(Nanoseconds now) = 0;
  [[nodiscard]] bool is_set() const noexcept { return place_ != idle; }
  [[nodiscard]] Nanoseconds due() const noexcept { return due_; }

 protected:
  ~Timer() = default;

 private:
  friend class TimerQueue;
  static constexpr std::uint32_t idle = ~std::uint32_t{0};
  Nanoseconds due_ = never;
  std::uint32_t place_ = idle;
};

class TimerQueue {
 public:
  void set(Timer& timer, Nanoseconds due);
  void cancel(Timer& timer) noexcept;
  // Runs everything due by `now`.
  void run(Nanoseconds now);
  [[nodiscard]] Nanoseconds next() const noexcept {
    return heap_.empty() ? never : heap_.front()->due_;
  }

 private:
  void up(std::size_t place) noexcept;
  void down(std::size_t place) noexcept;
  void put(Timer* timer, std::size_t place) noexcept {
    heap_[place] = timer;
    timer->place_ = static_cast<std::uint32_t>(place);
  }

  std::vector<Timer*> heap_;
};

}  // namespace dunlin::net
