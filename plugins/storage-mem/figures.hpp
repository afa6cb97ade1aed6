// What operators see of all stores of this plugin: gauges, and the component of health "memory".
//
// Any thread. A host without metrics or health is told nothing.

#pragma once

#include <dunlin/health.hpp>
#include <dunlin/host.hpp>
#include <dunlin/metrics.hpp>

#include <atomic>
#include <memory>
#include <string_view>

#include "plugins/storage-mem/log_data.hpp"

namespace dunlin::storage_mem {

class Figures {
 public:
  explicit Figures(Host host);

  void store_opened() const noexcept { stores_.add(1); }
  void store_closed() const noexcept { stores_.add(-1); }

  // A log found no memory for a record, and when one does again.
  void refused(std::string_view log) noexcept;
  void accepted() noexcept {
    if (is_short_.load(std::memory_order_relaxed)) recovered();
  }

 private:
  friend class Tally;
  void recovered() noexcept;

  const Health health_;
  Gauge stores_, logs_, records_, memory_bytes_;
  Counter refused_;
  std::atomic<bool> is_short_ = false;
};

// The share of one log in the gauges; given back when it goes. Used by the thread of its log.
class Tally {
 public:
  explicit Tally(std::shared_ptr<Figures> figures) : figures_(std::move(figures)) {
    figures_->logs_.add(1);
  }
  Tally(const Tally&) = delete;
  Tally& operator=(const Tally&) = delete;
  ~Tally();

  // After every change.
  void show(const LogData& data) noexcept;
  [[nodiscard]] Figures& figures() const noexcept { return *figures_; }

 private:
  void set(std::int64_t records, std::int64_t memory_bytes) noexcept;

  const std::shared_ptr<Figures> figures_;
  std::int64_t records_ = 0, memory_bytes_ = 0;  // as they were shown
};

}  // namespace dunlin::storage_mem
