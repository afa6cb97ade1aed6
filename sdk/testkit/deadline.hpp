// The time a test is given, as a watcher measures it that looks every `look`.
//
// Time in which the watcher itself did not run is not the test's: a machine that was paused, or
// builds that were stopped for a measurement, would turn every test under way into a hang. So at
// most `look_max` counts between two looks.

#pragma once

#include <algorithm>
#include <chrono>

namespace dunlin::testkit {

class Deadline {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds look{100}, look_max{500};

  Deadline(Clock::duration given, Clock::time_point now) : left_(given), last_look_(now) {}

  [[nodiscard]] bool is_over(Clock::time_point now) {
    left_ -= std::min<Clock::duration>(now - last_look_, look_max);
    last_look_ = now;
    return left_ <= Clock::duration::zero();
  }

 private:
  Clock::duration left_;
  Clock::time_point last_look_;
};

}  // namespace dunlin::testkit
