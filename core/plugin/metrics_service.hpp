// Metrics of plugins and of the core: cells that are changed in place, histograms, collectors.
//
// Registering and reading happen on control; cells and histograms are changed from any thread.
// Everything of a plugin lives until forget(), which is called when it is destroyed.

#pragma once

#include <dunlin/ext/metrics.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace dunlin::plugin {

class MetricsService {
 public:
  using Collect = void (*)(void* user, dunlin_metric_visit emit, void* emit_user);

  MetricsService();
  ~MetricsService();

  // `plugin` is empty for the core. `type` is DUNLIN_METRIC_COUNTER or _GAUGE.
  dunlin_status cell(std::string_view plugin, std::uint32_t type,
                     const dunlin_metric_options& options, std::size_t shards, dunlin_cell*& out);
  dunlin_status histogram(std::string_view plugin, const dunlin_metric_options& options,
                          const double* bounds, std::size_t n, dunlin_histogram*& out);
  static void observe(dunlin_histogram* histogram, double value) noexcept;
  void collector(std::string_view plugin, Collect collect, void* user);

  void forget_collectors(std::string_view plugin);
  void forget(std::string_view plugin);
  // Samples of one name together, names in order.
  void each(dunlin_metric_visit visit, void* user) const;

 private:
  struct Metric;
  struct Collector {
    std::string plugin;
    Collect collect;
    void* user;
  };
  dunlin_status add(std::string_view plugin, const dunlin_metric_options& options,
                    std::unique_ptr<Metric> metric);

  std::vector<std::unique_ptr<Metric>> metrics_;  // ordered by name
  std::vector<Collector> collectors_;
};

}  // namespace dunlin::plugin
