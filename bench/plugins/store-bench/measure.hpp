// The command "store-bench DIR SECONDS RECORDS_IN_A_BATCH...": appends to a log alone, batch by
// batch, each followed by a sync, and writes the same bytes with pwrite and fdatasync beside it:
// what the disk can do, in the same run. On a worker; throws what goes wrong.

#pragma once

#include <dunlin/clock.hpp>
#include <dunlin/storage.hpp>

#include <filesystem>
#include <functional>
#include <span>
#include <string>

#include "waiter.hpp"

namespace store_bench {

class Measurement {
 public:
  // `room` is for the event DUNLIN_LOG_ROOM of that log.
  Measurement(dunlin::Clock clock, dunlin::StoredLog& log, Waiter& room)
      : clock_(clock), log_(log), room_(room), last_(log.state().last_seq) {}

  void run(const std::filesystem::path& dir, double seconds, std::span<const dunlin_str> batches,
           const std::function<void(const std::string&)>& say);

 private:
  double calls_per_second(double seconds, const std::function<void()>& call);
  void append_batch(std::size_t size);
  double measure_raw(const std::filesystem::path& path, double seconds, std::size_t batch);

  dunlin::Clock clock_;
  dunlin::StoredLog& log_;
  Waiter& room_;
  std::uint64_t last_;
};

}  // namespace store_bench
