// Measurement: appends to a log batch by batch, each followed by a sync, and counts.
//
// `run` is for a worker and waits; everything of the log happens on its thread, control.

#pragma once

#include <dunlin/clock.hpp>
#include <dunlin/executor.hpp>
#include <dunlin/storage.hpp>

#include <optional>
#include <string>
#include <vector>

#include "waiter.hpp"

namespace store_bench {

// Calls, and how long each took.
class Durations {
 public:
  void add(std::uint64_t ns) { ns_.push_back(static_cast<std::uint32_t>(ns / 100)); }
  void add(const Durations& other) { ns_.insert(ns_.end(), other.ns_.begin(), other.ns_.end()); }
  [[nodiscard]] std::size_t count() const noexcept { return ns_.size(); }
  // In microseconds; `part` of them took no longer.
  [[nodiscard]] double at(double part);

 private:
  std::vector<std::uint32_t> ns_;  // hundreds of them
};

struct Workload {
  std::size_t batch = 1;          // records an append
  std::size_t batches = 1;        // of those under way at once
  std::size_t payload_bytes = 128;
  std::size_t subjects = 1;       // taken in turn
  std::uint64_t keep = 0;         // records; older ones are purged, 0: all are kept
  double seconds = 1;
};

struct Figures {
  double seconds = 0;
  std::uint64_t records = 0;
  Durations commits;  // from the append to the completion of its sync
};

class Measurement {
 public:
  // The log's thread is control.
  Measurement(dunlin::Host host, const dunlin::StoredLog& log, const Workload& workload);
  // Throws what went wrong as std::runtime_error.
  Figures run();
  // There is room in the log.  [control]
  void go_on();

 private:
  void begin();
  bool append();
  void purge();
  void end();

  dunlin::Executor executor_;
  dunlin::Clock clock_;
  const dunlin::StoredLog& log_;
  Workload workload_;
  Figures figures_;
  std::vector<std::string> subjects_;
  std::string payload_;
  std::vector<dunlin_record> records_;
  std::size_t appended_ = 0;  // of the batch that waits for room
  std::uint64_t append_ns_ = 0;
  std::uint64_t begin_ns_ = 0, end_ns_ = 0, last_ = 0, kept_from_ = 0;
  std::int64_t last_time_ns_ = 0;
  std::size_t under_way_ = 0;
  bool is_purging_ = false, is_over_ = false;
  std::optional<std::string> failure_;
  Waiter waiter_;
};

// The same bytes with pwrite and, if that is asked for, fdatasync: into a file that is full of
// zeros already, so that no metadata changes.
Figures measure_raw(const dunlin::Clock& clock, const std::string& path, const Workload& workload,
                    bool is_sync);

}  // namespace store_bench
