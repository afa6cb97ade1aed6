// Pace: how fast the background work of a store reads and writes, all its logs together.
//
// What was not used is saved for one second. Any thread.

#pragma once

#include <algorithm>
#include <cstdint>
#include <mutex>

namespace dunlin::storage_file {

class Pace {
 public:
  // 0: no background work at all.
  explicit Pace(std::uint64_t bytes_per_second) noexcept : rate_(bytes_per_second) {}

  [[nodiscard]] bool is_off() const noexcept { return rate_ == 0; }

  // Takes note of what was read and written; answers how long to wait before more.
  [[nodiscard]] std::uint64_t spend(std::uint64_t bytes, std::uint64_t now_ns) noexcept {
    const std::lock_guard lock(mutex_);
    const auto cost = static_cast<double>(bytes) / static_cast<double>(rate_) * second_ns;
    const auto saved = static_cast<std::uint64_t>(second_ns);
    paid_until_ns_ = std::max(paid_until_ns_, now_ns - std::min(now_ns, saved)) +
                     static_cast<std::uint64_t>(cost);
    return paid_until_ns_ > now_ns ? paid_until_ns_ - now_ns : 0;
  }

 private:
  static constexpr double second_ns = 1e9;

  const std::uint64_t rate_;
  std::mutex mutex_;
  std::uint64_t paid_until_ns_ = 0;
};

}  // namespace dunlin::storage_file
