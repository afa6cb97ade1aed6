#include "reporter.hpp"

#include <array>

namespace dunlin::storage_file {
namespace {

constexpr std::array sync_bounds = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
                                    0.025,  0.05,    0.1,    0.25,  0.5,    1.0,   5.0};
constexpr double ns_per_second = 1e9;

template <class T>
T or_nothing(result<T> made) {
  return made ? *made : T{};
}

}  // namespace

class Reporter::StoreObserver final : public Observer {
 public:
  StoreObserver(std::shared_ptr<Reporter> reporter, std::string dir)
      : reporter_(std::move(reporter)), dir_(std::move(dir)) {}

  void wrote(std::uint64_t bytes) noexcept override {
    reporter_->written_.add(static_cast<std::int64_t>(bytes));
  }
  void read(std::uint64_t bytes) noexcept override {
    reporter_->read_.add(static_cast<std::int64_t>(bytes));
  }
  void rewrote(std::uint64_t from_bytes, std::uint64_t to_bytes) noexcept override {
    reporter_->rewritten_.add(static_cast<std::int64_t>(from_bytes));
    if (from_bytes > to_bytes) {
      reporter_->reclaimed_.add(static_cast<std::int64_t>(from_bytes - to_bytes));
    }
  }
  void synced(std::uint64_t duration_ns) noexcept override {
    reporter_->syncs_.add();
    reporter_->metrics_.observe(reporter_->sync_seconds_,
                                static_cast<double>(duration_ns) / ns_per_second);
  }
  void damaged(std::string_view log, std::uint64_t first, std::uint64_t last,
               std::string_view text) noexcept override {
    detail::contain(reporter_->metrics_.raw_host(), "a report", [&] {
      const auto name = dir_ + ": " + std::string(log);
      if (last == 0) {
        reporter_->log_.warning("{}: {}", name, text);
        return;
      }
      reporter_->damage_.add(static_cast<std::int64_t>(last - first + 1));
      reporter_->log_.error("{}: records {} to {} are damaged: {}", name, first, last, text);
      reporter_->trouble(name, Trouble::damaged, text);
    });
  }
  void poisoned(std::string_view log, std::string_view text) noexcept override {
    detail::contain(reporter_->metrics_.raw_host(), "a report", [&] {
      const auto name = dir_ + ": " + std::string(log);
      reporter_->log_.error("{}: takes no more changes until the server is restarted: {}; look for "
                            "errors of the disk in the system's log first",
                            name, text);
      reporter_->trouble(name, Trouble::poisoned, text);
    });
  }
  void recovered(std::string_view log) noexcept override {
    detail::contain(reporter_->metrics_.raw_host(), "a report",
                    [&] { reporter_->no_trouble(dir_ + ": " + std::string(log)); });
  }

 private:
  std::shared_ptr<Reporter> reporter_;
  std::string dir_;
};

Reporter::Reporter(Host host)
    : log_(host.get<Log>()), health_(host.get<Health>()), metrics_(host.get<Metrics>()) {
  written_ = or_nothing(metrics_.counter("written_bytes_total", "Bytes written to segments"));
  read_ = or_nothing(metrics_.counter("read_bytes_total", "Bytes read from segments"));
  rewritten_ = or_nothing(metrics_.counter(
      "rewritten_bytes_total", "Bytes of segments that were rewritten in the background"));
  reclaimed_ = or_nothing(metrics_.counter(
      "reclaimed_bytes_total", "Bytes of disk space given back by rewriting segments"));
  syncs_ = or_nothing(metrics_.counter("syncs_total", "Syncs of segments"));
  damage_ = or_nothing(metrics_.counter("damaged_records_total", "Records found unreadable"));
  stores_ = or_nothing(metrics_.gauge("stores", "Open stores"));
  logs_ = or_nothing(metrics_.gauge("logs", "Open logs"));
  damaged_logs_ = or_nothing(metrics_.gauge("damaged_logs", "Open logs with unreadable records"));
  poisoned_logs_ = or_nothing(
      metrics_.gauge("poisoned_logs", "Logs that refuse changes because a sync failed"));
  full_stores_ = or_nothing(metrics_.gauge("full_stores", "Stores that refuse records: disk full"));
  free_bytes_ = or_nothing(metrics_.gauge("disk_free_bytes", "Free space where stores are"));
  old_segments_ = or_nothing(
      metrics_.gauge("previous_key_segments", "Segments that need previous_key to be read"));
  sync_seconds_ = or_nothing(metrics_.histogram("sync_seconds", "How long syncs take",
                                                sync_bounds));
}

std::unique_ptr<Observer> Reporter::observer(const std::string& dir) {
  return std::make_unique<StoreObserver>(shared_from_this(), dir);
}

void Reporter::store_closed(const std::string& dir) noexcept {
  stores_.add(-1);
  catalogue(dir, {});
  detail::contain(metrics_.raw_host(), "a report", [&] {
    const std::lock_guard lock(mutex_);
    std::erase_if(troubles_, [&](const auto& one) { return one.first.starts_with(dir + ": "); });
    full_.erase(dir);
    old_keys_.erase(dir);
    show_old_keys();
    full_stores_.set(static_cast<std::int64_t>(full_.size()));
    if (full_.empty()) health_.set("space", DUNLIN_HEALTH_OK);
    show_logs();
  });
}

void Reporter::catalogue(const std::string& dir, std::string_view trouble) noexcept {
  detail::contain(metrics_.raw_host(), "a report", [&] {
    const std::lock_guard lock(mutex_);
    if (trouble.empty()) {
      if (catalogues_.erase(dir) == 0) return;
    } else {
      catalogues_[dir] = trouble;
      log_.error("{}: {}", dir, trouble);
    }
    if (catalogues_.empty()) {
      health_.set("catalogue", DUNLIN_HEALTH_OK);
    } else {
      const auto& [first_dir, text] = *catalogues_.begin();
      health_.set("catalogue", DUNLIN_HEALTH_FAILED, first_dir + ": " + text);
    }
  });
}

void Reporter::space(const std::string& dir, std::uint64_t available, bool is_full) noexcept {
  detail::contain(metrics_.raw_host(), "a report", [&] {
    free_bytes_.set(static_cast<std::int64_t>(available));
    const std::lock_guard lock(mutex_);
    const bool is_new = is_full ? full_.insert(dir).second : full_.erase(dir) > 0;
    if (!is_new) return;
    full_stores_.set(static_cast<std::int64_t>(full_.size()));
    if (is_full) {
      log_.error("{}: the disk is nearly full ({} bytes left, keep_free wants more): records are "
                 "refused, removals are not; delete something or make room",
                 dir, available);
      health_.set("space", DUNLIN_HEALTH_DEGRADED,
                  dir + ": the disk is nearly full (" + std::to_string(available) +
                      " bytes left, keep_free wants more): records are refused; delete something "
                      "or make room");
    } else {
      log_.info("{}: there is room on the disk again ({} bytes)", dir, available);
      if (full_.empty()) health_.set("space", DUNLIN_HEALTH_OK);
    }
  });
}

void Reporter::needs_previous_key(const std::string& dir, std::uint64_t segments) noexcept {
  detail::contain(metrics_.raw_host(), "a report", [&] {
    const std::lock_guard lock(mutex_);
    const bool is_new = !old_keys_.contains(dir);
    if (segments == 0) {
      old_keys_.erase(dir);
      log_.info("{}: nothing needs the previous key any more", dir);
    } else {
      old_keys_[dir] = segments;
      if (is_new) {
        log_.info("{}: {} segments need the previous key until they were encrypted again, which "
                  "is done in the background",
                  dir, segments);
      }
    }
    show_old_keys();
  });
}

void Reporter::show_old_keys() {
  std::uint64_t segments = 0;
  for (const auto& [dir, count] : old_keys_) segments += count;
  old_segments_.set(static_cast<std::int64_t>(segments));
}

void Reporter::trouble(const std::string& log, Trouble what, std::string_view text) noexcept {
  const std::lock_guard lock(mutex_);
  auto& entry = troubles_[log];
  if (entry.second.empty() || what == Trouble::poisoned) entry = {what, std::string(text)};
  show_logs();
}

void Reporter::no_trouble(const std::string& log) noexcept {
  const std::lock_guard lock(mutex_);
  if (troubles_.erase(log) > 0) show_logs();
}

void Reporter::show_logs() {
  std::int64_t damaged = 0, poisoned = 0;
  for (const auto& [name, entry] : troubles_) {
    ++(entry.first == Trouble::damaged ? damaged : poisoned);
  }
  damaged_logs_.set(damaged);
  poisoned_logs_.set(poisoned);
  if (troubles_.empty()) {
    health_.set("logs", DUNLIN_HEALTH_OK);
    return;
  }
  const auto& [name, entry] = *troubles_.begin();
  health_.set("logs", poisoned > 0 ? DUNLIN_HEALTH_FAILED : DUNLIN_HEALTH_DEGRADED,
              std::to_string(damaged) + " damaged, " + std::to_string(poisoned) +
                  " poisoned; first " + name + ": " + entry.second);
}

}  // namespace dunlin::storage_file
