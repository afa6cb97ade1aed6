// The real TimeSource: clock_gettime, and one thread that sleeps until the earliest wake-up.

#include <condition_variable>
#include <ctime>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "core/plugin/executor.hpp"

namespace dunlin::plugin {
namespace {

std::uint64_t read_clock(clockid_t clock) noexcept {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u +
         static_cast<std::uint64_t>(now.tv_nsec);
}

class SystemTime final : public TimeSource {
 public:
  ~SystemTime() override {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    changed_.notify_one();
    if (thread_.joinable()) thread_.join();
  }

  [[nodiscard]] std::uint64_t monotonic_ns() const noexcept override {
    return read_clock(CLOCK_MONOTONIC);
  }
  [[nodiscard]] std::int64_t wall_ns() const noexcept override {
    return static_cast<std::int64_t>(read_clock(CLOCK_REALTIME));
  }

  void wake_at(std::uint64_t at_ns, std::function<void()> wake) override {
    {
      const std::lock_guard lock(mutex_);
      wakes_.emplace(at_ns, std::move(wake));
      if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
    }
    changed_.notify_one();
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (!ending_) {
      if (wakes_.empty()) {
        changed_.wait(lock);
        continue;
      }
      const auto at = std::chrono::steady_clock::time_point(std::chrono::nanoseconds(
          wakes_.begin()->first > max_wait ? max_wait : wakes_.begin()->first));
      if (std::chrono::steady_clock::now() < at) {
        changed_.wait_until(lock, at);
        continue;
      }
      const auto wake = std::move(wakes_.begin()->second);
      wakes_.erase(wakes_.begin());
      lock.unlock();
      wake();
      lock.lock();
    }
  }

  static constexpr std::uint64_t max_wait = INT64_MAX;

  std::mutex mutex_;  // guards wakes_, ending_
  std::condition_variable changed_;
  std::multimap<std::uint64_t, std::function<void()>> wakes_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<TimeSource> make_system_time() { return std::make_unique<SystemTime>(); }

}  // namespace dunlin::plugin
