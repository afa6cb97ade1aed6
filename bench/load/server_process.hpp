// What the server's process has used: processor time and memory, read from outside.
//
// Works for any process of the same user on Linux. With pid 0 every reading is zero, so that a
// server which cannot be observed can still be loaded. One thread.

#pragma once

#include <sys/types.h>

#include <cstdint>

namespace dunlin::bench {

struct CpuTime {
  std::uint64_t total_ns = 0;  // Exact.
  std::uint64_t user_ns = 0;   // In steps of a scheduler tick, usually 10 ms.
  std::uint64_t system_ns = 0;
};

class ServerProcess {
 public:
  explicit ServerProcess(pid_t pid) noexcept : pid_{pid} {}

  // Throws std::runtime_error when the process is gone.
  [[nodiscard]] CpuTime cpu_time() const;
  [[nodiscard]] std::uint64_t rss_bytes() const;

  // Samples until two readings 100 ms apart differ by less than 1 %, at most two seconds.
  [[nodiscard]] std::uint64_t settled_rss_bytes() const;

 private:
  pid_t pid_;
};

// Processor time of this process, to tell whether the load generator was the bottleneck.
std::uint64_t own_cpu_ns() noexcept;

}  // namespace dunlin::bench
