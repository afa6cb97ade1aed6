// DiskSpace: Space (space.hpp) over the file system a store is on.
//
// Looks at the free space every few seconds, more often when there is little. The reserve is a file
// of the store; it is given up when a write found the disk full, and taken back, which proves that
// there is room again, once `keep_free` and the reserve fit. Where the numbers say there is room
// and writes say there is none (a quota), each time it is believed for longer, up to some seconds.
//
// `start` and `stop` on control or a worker; after `stop` nothing of it runs.

#pragma once

#include <dunlin/clock.hpp>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>

#include "files.hpp"
#include "space.hpp"

namespace dunlin::storage_file {

struct DiskSpaceOptions {
  std::string dir;
  std::uint64_t reserve_bytes = 0;
  std::uint64_t keep_free_bytes = 0;
  // The free bytes, and whether appends are refused, after each look; any thread.
  std::function<void(std::uint64_t available, bool is_full)> seen;
};

class DiskSpace final : public Space, public std::enable_shared_from_this<DiskSpace> {
 public:
  DiskSpace(Files files, Clock clock, Executor executor, DiskSpaceOptions options);

  result<> start();
  void stop();

  [[nodiscard]] bool is_full() const noexcept override {
    return is_full_.load(std::memory_order_relaxed);
  }
  void report_full() override;
  std::uint64_t watch(std::function<void(bool is_full)> changed) override;
  void unwatch(std::uint64_t id) override;

  // Looks now instead of later.
  void look();

 private:
  void arm();
  void set_full(bool is_full);
  void tell_watchers();
  [[nodiscard]] bool take_reserve();

  Files files_;
  Clock clock_;
  Executor executor_;
  DiskSpaceOptions options_;
  std::atomic<bool> is_full_{false};

  std::mutex mutex_;  // of everything below
  bool is_stopped_ = false;
  bool has_reserve_ = false;
  std::uint64_t available_ = UINT64_MAX;
  std::uint64_t reported_ns_ = 0;  // when a write found no room
  std::uint64_t hold_ns_ = 0;      // how long that is believed at least
  Timer timer_;

  std::mutex watch_mutex_;  // held while a watcher is called
  std::map<std::uint64_t, std::function<void(bool)>> watchers_;
  std::uint64_t last_watch_ = 0;
  bool told_ = false;  // what watchers know
};

}  // namespace dunlin::storage_file
