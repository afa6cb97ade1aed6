// What one run has measured, and how it is printed.
//
// to_json() is one line for bench/compare; to_text() is for people. Plain data, no ownership.

#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "bench/load/histogram.hpp"
#include "bench/load/server_process.hpp"

namespace dunlin::bench {

struct Report {
  std::string label;
  std::size_t payload_size = 0;
  std::uint64_t messages = 0;  // Delivered; published where nobody subscribes; requests; ...
  double seconds = 0;
  CpuTime cpu;                // Used by the server during `seconds`.
  std::uint64_t load_ns = 0;  // Processor time of the load generator during `seconds`.
  Histogram latency;          // Nanoseconds.
  std::uint64_t rss_bytes = 0;
  std::uint64_t lost = 0;
  std::uint64_t extra = 0;
  std::vector<std::pair<std::string, double>> values;  // What only some modes measure.
  std::string error;                                   // Why the run ended early, if it did.

  [[nodiscard]] bool is_good() const noexcept {
    return lost == 0 && extra == 0 && error.empty();
  }
};

std::string to_json(const Report& report);
std::string to_text(const Report& report);

}  // namespace dunlin::bench
