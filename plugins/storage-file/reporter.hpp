// Reporter: what the plugin tells operators: metrics, log lines, health.
//
// One for the plugin, made on control when it starts; stores and their observers share it. Health
// has three components: "catalogue" (metadata), "space" (a full disk), "logs" (damaged or poisoned
// ones). Any thread.

#pragma once

#include <dunlin/health.hpp>
#include <dunlin/log.hpp>
#include <dunlin/metrics.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "observer.hpp"

namespace dunlin::storage_file {

class Reporter : public std::enable_shared_from_this<Reporter> {
 public:
  explicit Reporter(Host host);

  // The observer of the store in `dir`.
  [[nodiscard]] std::unique_ptr<Observer> observer(const std::string& dir);

  [[nodiscard]] const Log& log() const noexcept { return log_; }
  void store_opened() noexcept { stores_.add(1); }
  // Its troubles are nobody's any more.
  void store_closed(const std::string& dir) noexcept;
  void log_opened(int difference) noexcept { logs_.add(difference); }

  // An empty text: it is well again.
  void catalogue(const std::string& dir, std::string_view trouble) noexcept;
  void space(const std::string& dir, std::uint64_t available, bool is_full) noexcept;
  // So many segments of the store were encrypted with the key before.
  void needs_previous_key(const std::string& dir, std::uint64_t segments) noexcept;

 private:
  class StoreObserver;
  enum class Trouble { damaged, poisoned };
  void trouble(const std::string& log, Trouble what, std::string_view text) noexcept;
  void no_trouble(const std::string& log) noexcept;
  // With `mutex_` held.
  void show_logs();
  void show_old_keys();

  Log log_;
  Health health_;
  Metrics metrics_;
  Counter written_, read_, rewritten_, reclaimed_, syncs_, damage_;
  Gauge stores_, logs_, damaged_logs_, poisoned_logs_, full_stores_, free_bytes_, old_segments_;
  dunlin_histogram* sync_seconds_ = nullptr;

  std::mutex mutex_;
  std::set<std::string> full_;                             // directories
  std::map<std::string, std::uint64_t> old_keys_;          // directory: segments
  std::map<std::string, std::string> catalogues_;          // directory: what is wrong
  std::map<std::string, std::pair<Trouble, std::string>> troubles_;  // directory and log
};

}  // namespace dunlin::storage_file
