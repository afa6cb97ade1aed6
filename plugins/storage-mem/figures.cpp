#include "plugins/storage-mem/figures.hpp"

#include <string>

namespace dunlin::storage_mem {
namespace {

constexpr const char* component = "memory";

template <class T>
T or_nothing(result<T> made) {
  return made ? *made : T{};
}

}  // namespace

Figures::Figures(Host host) : health_(host.get<Health>()) {
  const auto metrics = host.get<Metrics>();
  stores_ = or_nothing(metrics.gauge("stores", "Open stores"));
  logs_ = or_nothing(metrics.gauge("logs", "Logs in memory, open or not"));
  records_ = or_nothing(metrics.gauge("records", "Records in memory"));
  memory_bytes_ = or_nothing(metrics.gauge("memory_bytes", "Memory of all logs"));
  refused_ = or_nothing(
      metrics.counter("refused_total", "Appends refused because there was no memory"));
}

void Figures::refused(std::string_view log) noexcept {
  refused_.add();
  if (is_short_.exchange(true) || !health_) return;
  // Without memory for a sentence the component alone has to say it.
  try {
    health_.set(component, DUNLIN_HEALTH_DEGRADED,
                "no memory for records of " + std::string(log) + ": they are refused");
  } catch (const std::bad_alloc&) {
    health_.set(component, DUNLIN_HEALTH_DEGRADED);
  }
}

void Figures::recovered() noexcept {
  if (is_short_.exchange(false) && health_) health_.set(component, DUNLIN_HEALTH_OK);
}

Tally::~Tally() {
  set(0, 0);
  figures_->logs_.add(-1);
}

void Tally::show(const LogData& data) noexcept {
  set(static_cast<std::int64_t>(data.records().size()),
      static_cast<std::int64_t>(data.memory_bytes()));
}

// Most appends change the number of records only.
void Tally::set(std::int64_t records, std::int64_t memory_bytes) noexcept {
  if (records != records_) figures_->records_.add(records - records_);
  if (memory_bytes != memory_bytes_) figures_->memory_bytes_.add(memory_bytes - memory_bytes_);
  records_ = records;
  memory_bytes_ = memory_bytes;
}

}  // namespace dunlin::storage_mem
