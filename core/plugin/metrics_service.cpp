#include "core/plugin/metrics_service.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "core/plugin/context.hpp"

struct dunlin_histogram {
  std::vector<double> bounds;
  std::vector<std::atomic<std::uint64_t>> counts;
  std::atomic<double> sum{0};
};

namespace dunlin::plugin {
namespace {

constexpr std::size_t labels_max = 16;
constexpr std::size_t bounds_max = 64;
constexpr std::size_t metrics_max = 100'000;  // a plugin with unbounded labels must not eat memory

bool is_name(std::string_view name) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
  return !name.empty() && name.size() <= 128 && is_letter(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

struct OwnedLabel {
  std::string name, value;
  bool operator==(const OwnedLabel&) const = default;
};

}  // namespace

struct MetricsService::Metric {
  std::uint32_t type = 0;
  std::string plugin, name, help;
  std::vector<OwnedLabel> labels;
  std::unique_ptr<dunlin_cell[]> cells;
  std::size_t cell_count = 0;
  std::unique_ptr<dunlin_histogram> histogram;

  void show(dunlin_metric_visit visit, void* user) const {
    std::vector<dunlin_label> label_views;
    for (const auto& label : labels) label_views.push_back({str(label.name), str(label.value)});
    dunlin_metric_sample sample{};
    sample.struct_size = sizeof sample;
    sample.type = type;
    sample.plugin = str(plugin);
    sample.name = str(name);
    sample.help = str(help);
    sample.labels = label_views.data();
    sample.label_count = label_views.size();
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < cell_count; ++i) {
      sum += __atomic_load_n(&cells[i].value, __ATOMIC_RELAXED);
    }
    sample.value = static_cast<double>(sum);
    std::vector<std::uint64_t> counts;
    if (histogram) {
      for (const auto& count : histogram->counts) counts.push_back(count.load());
      for (const auto count : counts) sample.count += count;
      sample.bounds = histogram->bounds.data();
      sample.bound_count = histogram->bounds.size();
      sample.counts = counts.data();
      sample.sum = histogram->sum.load();
    }
    visit(user, &sample);
  }
};

MetricsService::MetricsService() = default;
MetricsService::~MetricsService() = default;

dunlin_status MetricsService::add(std::string_view plugin, const dunlin_metric_options& options,
                                  std::unique_ptr<Metric> metric) {
  metric->plugin = plugin;
  metric->name = view(options.name);
  metric->help = view(options.help);
  if (!is_name(metric->name) || options.label_count > labels_max) return DUNLIN_E_INVALID;
  for (std::size_t i = 0; i < options.label_count; ++i) {
    const auto& label = options.labels[i];
    if (!is_name(view(label.name)) || view(label.name) == "plugin") return DUNLIN_E_INVALID;
    metric->labels.push_back({std::string(view(label.name)), std::string(view(label.value))});
  }
  if (metrics_.size() >= metrics_max) return DUNLIN_E_LIMIT;
  const auto before = [](const std::unique_ptr<Metric>& a, const std::string& name) {
    return a->name < name;
  };
  auto place = std::lower_bound(metrics_.begin(), metrics_.end(), metric->name, before);
  for (; place != metrics_.end() && (*place)->name == metric->name; ++place) {
    const auto& other = **place;
    if (other.type != metric->type) return DUNLIN_E_EXISTS;
    if (other.plugin == metric->plugin && other.labels == metric->labels) return DUNLIN_E_EXISTS;
  }
  metrics_.insert(place, std::move(metric));
  return DUNLIN_OK;
}

dunlin_status MetricsService::cell(std::string_view plugin, std::uint32_t type,
                                   const dunlin_metric_options& options, std::size_t shards,
                                   dunlin_cell*& out) {
  auto metric = std::make_unique<Metric>();
  metric->type = type;
  metric->cell_count = (options.flags & DUNLIN_METRIC_PER_SHARD) != 0 ? shards + 1 : 1;
  metric->cells = std::make_unique<dunlin_cell[]>(metric->cell_count);
  auto* const cells = metric->cells.get();
  const auto status = add(plugin, options, std::move(metric));
  out = status == DUNLIN_OK ? cells : nullptr;
  return status;
}

dunlin_status MetricsService::histogram(std::string_view plugin,
                                        const dunlin_metric_options& options, const double* bounds,
                                        std::size_t n, dunlin_histogram*& out) {
  out = nullptr;
  if (n > bounds_max || !std::is_sorted(bounds, bounds + n, std::less_equal<double>())) {
    return DUNLIN_E_INVALID;
  }
  auto metric = std::make_unique<Metric>();
  metric->type = DUNLIN_METRIC_HISTOGRAM;
  metric->histogram = std::make_unique<dunlin_histogram>();
  metric->histogram->bounds.assign(bounds, bounds + n);
  metric->histogram->counts = std::vector<std::atomic<std::uint64_t>>(n + 1);
  auto* const made = metric->histogram.get();
  const auto status = add(plugin, options, std::move(metric));
  if (status == DUNLIN_OK) out = made;
  return status;
}

void MetricsService::observe(dunlin_histogram* histogram, double value) noexcept {
  if (std::isnan(value)) return;
  const auto& bounds = histogram->bounds;
  const auto place = std::lower_bound(bounds.begin(), bounds.end(), value);
  const auto bucket = static_cast<std::size_t>(place - bounds.begin());
  histogram->counts[bucket].fetch_add(1, std::memory_order_relaxed);
  histogram->sum.fetch_add(value, std::memory_order_relaxed);
}

void MetricsService::collector(std::string_view plugin, Collect collect, void* user) {
  collectors_.push_back({std::string(plugin), collect, user});
}

void MetricsService::forget_collectors(std::string_view plugin) {
  std::erase_if(collectors_, [&](const Collector& c) { return c.plugin == plugin; });
}

void MetricsService::forget(std::string_view plugin) {
  forget_collectors(plugin);
  std::erase_if(metrics_, [&](const auto& metric) { return metric->plugin == plugin; });
}

void MetricsService::each(dunlin_metric_visit visit, void* user) const {
  for (const auto& metric : metrics_) metric->show(visit, user);
  struct Emit {
    const std::string& plugin;
    dunlin_metric_visit visit;
    void* user;
  };
  for (const auto& collector : collectors_) {
    Emit emit{collector.plugin, visit, user};
    collector.collect(
        collector.user,
        [](void* opaque, const dunlin_metric_sample* theirs) {
          auto& to = *static_cast<Emit*>(opaque);
          auto sample = copy_sized(theirs);
          if (!sample || !is_name(view(sample->name))) return;
          sample->plugin = str(to.plugin);
          to.visit(to.user, &*sample);
        },
        &emit);
  }
}

namespace {

dunlin_status add_cell(const dunlin_host* host, std::uint32_t type,
                       const dunlin_metric_options* options, dunlin_cell** out) {
  auto& context = context_of(host);
  const auto copy = copy_sized(options);
  if (!copy || out == nullptr) return DUNLIN_E_INVALID;
  *out = nullptr;
  if (!on_control(host, "metrics")) return DUNLIN_E_WRONG_THREAD;
  return context.shared.metrics.cell(context.identity.id, type, *copy,
                                     context.shared.executor.shard_count(), *out);
}

dunlin_status histogram(const dunlin_host* host, const dunlin_metric_options* options,
                        const double* bounds, std::size_t n, dunlin_histogram** out) {
  auto& context = context_of(host);
  const auto copy = copy_sized(options);
  if (!copy || out == nullptr || (bounds == nullptr && n > 0)) return DUNLIN_E_INVALID;
  if (!on_control(host, "metrics.histogram")) return DUNLIN_E_WRONG_THREAD;
  return context.shared.metrics.histogram(context.identity.id, *copy, bounds, n, *out);
}

dunlin_status collector(const dunlin_host* host, MetricsService::Collect collect, void* user) {
  auto& context = context_of(host);
  if (collect == nullptr) return DUNLIN_E_INVALID;
  if (!on_control(host, "metrics.collector")) return DUNLIN_E_WRONG_THREAD;
  if (context.stopped.load()) return DUNLIN_E_CLOSED;
  context.shared.metrics.collector(context.identity.id, collect, user);
  return DUNLIN_OK;
}

constexpr dunlin_metrics table = {
    sizeof(dunlin_metrics),
    0,
    [](const dunlin_host* host, const dunlin_metric_options* options, dunlin_cell** out) {
      return add_cell(host, DUNLIN_METRIC_COUNTER, options, out);
    },
    [](const dunlin_host* host, const dunlin_metric_options* options, dunlin_cell** out) {
      return add_cell(host, DUNLIN_METRIC_GAUGE, options, out);
    },
    histogram,
    [](const dunlin_host*, dunlin_histogram* target, double value) {
      if (target != nullptr) MetricsService::observe(target, value);
    },
    collector,
    [](const dunlin_host* host, dunlin_metric_visit visit, void* user) {
      if (visit == nullptr || !on_control(host, "metrics.each")) return;
      context_of(host).shared.metrics.each(visit, user);
    }};

}  // namespace

const void* metrics_table() noexcept { return &table; }

}  // namespace dunlin::plugin
