// Waiting for a condition with a deadline, the only way a test here may spend time.
#pragma once

#include <poll.h>

#include <chrono>
#include <functional>

namespace dunlin::testing {

using Clock = std::chrono::steady_clock;

// Generous on purpose: a deadline is reached only by a failing test, and test machines are busy.
inline constexpr std::chrono::milliseconds patience{10'000};

// Asks until the answer is yes or the deadline passes. For conditions that nothing can announce to
// us (a file's content, a kernel table); what arrives on a descriptor is waited for with poll.
inline bool eventually(const std::function<bool()>& condition,
                       std::chrono::milliseconds limit = patience) {
  const Clock::time_point deadline = Clock::now() + limit;
  while (!condition()) {
    if (Clock::now() >= deadline) {
      return condition();
    }
    ::poll(nullptr, 0, 1);
  }
  return true;
}

}  // namespace dunlin::testing
