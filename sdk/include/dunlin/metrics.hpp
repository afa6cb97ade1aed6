// Metrics: cells of the host, changed in place.

#pragma once

#include <dunlin/ext/metrics.h>
#include <dunlin/host.hpp>

#include <span>

namespace dunlin {
inline namespace sdk {

// Tests false, and does nothing, when the host has no metrics.
class Counter {
 public:
  Counter() = default;
  explicit Counter(dunlin_cell* cell) noexcept : cell_(cell) {}
  explicit operator bool() const noexcept { return cell_ != nullptr; }
  void add(std::int64_t n = 1) const noexcept {
    if (cell_ != nullptr) dunlin_cell_add(cell_, n);
  }

 private:
  dunlin_cell* cell_ = nullptr;
};

class Gauge {
 public:
  Gauge() = default;
  explicit Gauge(dunlin_cell* cell) noexcept : cell_(cell) {}
  explicit operator bool() const noexcept { return cell_ != nullptr; }
  void add(std::int64_t n) const noexcept {
    if (cell_ != nullptr) dunlin_cell_add(cell_, n);
  }
  void set(std::int64_t value) const noexcept {
    if (cell_ != nullptr) dunlin_cell_set(cell_, value);
  }

 private:
  dunlin_cell* cell_ = nullptr;
};

class Metrics : public Table<dunlin_metrics> {
 public:
  DUNLIN_TABLE_WRAPPER(Metrics, dunlin_metrics, DUNLIN_EXT_METRICS)

  [[nodiscard]] result<Counter> counter(std::string_view name, std::string_view help,
                                        std::span<const dunlin_label> labels = {}) const {
    const auto options = describe(name, help, labels);
    dunlin_cell* cell = nullptr;
    const auto status = detail::invoke(api_.counter, host_, &options, &cell);
    if (status != DUNLIN_OK) return detail::take(status, "registering a counter").error();
    return Counter(cell);
  }
  [[nodiscard]] result<Gauge> gauge(std::string_view name, std::string_view help,
                                    std::span<const dunlin_label> labels = {}) const {
    const auto options = describe(name, help, labels);
    dunlin_cell* cell = nullptr;
    const auto status = detail::invoke(api_.gauge, host_, &options, &cell);
    if (status != DUNLIN_OK) return detail::take(status, "registering a gauge").error();
    return Gauge(cell);
  }
  [[nodiscard]] result<dunlin_histogram*> histogram(
      std::string_view name, std::string_view help, std::span<const double> bounds,
      std::span<const dunlin_label> labels = {}) const {
    const auto options = describe(name, help, labels);
    dunlin_histogram* histogram = nullptr;
    const auto status = detail::invoke(api_.histogram, host_, &options, bounds.data(),
                                       bounds.size(), &histogram);
    if (status != DUNLIN_OK) return detail::take(status, "registering a histogram").error();
    return histogram;
  }
  void observe(dunlin_histogram* histogram, double value) const noexcept {
    if (api_.observe != nullptr && histogram != nullptr) api_.observe(host_, histogram, value);
  }
  // `visit(const dunlin_metric_sample&)`; on control.
  template <class Visit>
  void each(Visit&& visit) const {
    if (api_.each == nullptr) return;
    api_.each(
        host_,
        [](void* user, const dunlin_metric_sample* sample) {
          (*static_cast<std::remove_reference_t<Visit>*>(user))(*sample);
        },
        const_cast<void*>(static_cast<const void*>(&visit)));
  }

 private:
  static dunlin_metric_options describe(std::string_view name, std::string_view help,
                                        std::span<const dunlin_label> labels) noexcept {
    dunlin_metric_options options{};
    options.struct_size = sizeof options;
    options.name = detail::str(name);
    options.help = detail::str(help);
    options.labels = labels.data();
    options.label_count = labels.size();
    return options;
  }
};

}  // namespace sdk
}  // namespace dunlin
