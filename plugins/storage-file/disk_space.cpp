#include "disk_space.hpp"

#include <algorithm>

#include "layout.hpp"

namespace dunlin::storage_file {
namespace {

constexpr std::uint64_t ms = 1'000'000;
// How long until the next look: a disk with little left can fill up within seconds.
constexpr std::uint64_t rest_when_plenty = 5'000 * ms;
constexpr std::uint64_t rest_when_little = 250 * ms;
constexpr std::uint64_t plenty_factor = 8;
constexpr std::uint64_t hold_most = 8'000 * ms;
constexpr std::uint64_t hold_memory = 60'000 * ms;

}  // namespace

DiskSpace::DiskSpace(Files files, Clock clock, Executor executor, DiskSpaceOptions options)
    : files_(files), clock_(clock), executor_(executor), options_(std::move(options)) {}

result<> DiskSpace::start() {
  {
    const std::lock_guard lock(mutex_);
    has_reserve_ = take_reserve();
  }
  look();
  return {};
}

void DiskSpace::stop() {
  Timer timer;
  {
    const std::lock_guard lock(mutex_);
    is_stopped_ = true;
    timer = std::move(timer_);
  }
  const std::lock_guard lock(watch_mutex_);
  watchers_.clear();
}

// With `mutex_` held. Written for real: a file that only says how large it is keeps no room.
bool DiskSpace::take_reserve() {
  if (options_.reserve_bytes == 0) return true;
  auto file = files_.open(layout::in(options_.dir, layout::reserve),
                          DUNLIN_FS_WRITE | DUNLIN_FS_CREATE);
  if (!file) return false;
  auto size = (*file).size();
  if (size && *size == options_.reserve_bytes) return true;
  if ((*file).zero_fill(options_.reserve_bytes) && (*file).sync()) return true;
  static_cast<void>((*file).resize(0));
  return false;
}

void DiskSpace::report_full() {
  {
    const std::lock_guard lock(mutex_);
    if (is_stopped_) return;
    if (has_reserve_ && options_.reserve_bytes > 0) {
      has_reserve_ = false;
      auto file = files_.open(layout::in(options_.dir, layout::reserve), DUNLIN_FS_WRITE);
      if (file && (*file).resize(0)) static_cast<void>((*file).sync());
    }
    const auto now = clock_.monotonic_ns();
    if (!is_full_.load(std::memory_order_relaxed)) {
      const bool is_again = hold_ns_ != 0 && now - reported_ns_ < hold_memory;
      hold_ns_ = is_again ? std::min(2 * hold_ns_, hold_most) : rest_when_little;
    }
    reported_ns_ = now;
    available_ = 0;
    is_full_.store(true, std::memory_order_relaxed);
    arm();
  }
  if (options_.seen) options_.seen(0, true);
  tell_watchers();
}

void DiskSpace::look() {
  std::uint64_t available = 0;
  bool is_full = false;
  {
    const std::lock_guard lock(mutex_);
    if (is_stopped_) return;
    auto space = files_.space(options_.dir);
    available = space ? (*space).available : 0;
    is_full = is_full_.load(std::memory_order_relaxed);
    if (!is_full) {
      is_full = available < options_.keep_free_bytes;
    } else if (clock_.monotonic_ns() - reported_ns_ >= hold_ns_ &&
               available >= options_.keep_free_bytes + options_.keep_free_bytes / 8 &&
               (has_reserve_ || available >= options_.reserve_bytes)) {
      if (!has_reserve_) has_reserve_ = take_reserve();
      is_full = !has_reserve_;
    }
    available_ = available;
    is_full_.store(is_full, std::memory_order_relaxed);
    arm();
  }
  if (options_.seen) options_.seen(available, is_full);
  tell_watchers();
}

// With `mutex_` held.
void DiskSpace::arm() {
  const bool has_plenty = !is_full_.load(std::memory_order_relaxed) &&
                          available_ / plenty_factor >= options_.keep_free_bytes;
  auto timer = clock_.timer(DUNLIN_THREAD_WORKER, has_plenty ? rest_when_plenty : rest_when_little,
                            0, [weak = weak_from_this()] {
                              if (const auto self = weak.lock()) self->look();
                            });
  if (timer) timer_ = std::move(*timer);
}

// Watchers hear of it on a worker: this may be somebody's failing write, with locks of its own.
void DiskSpace::tell_watchers() {
  static_cast<void>(executor_.post_worker([self = shared_from_this()] {
    const std::lock_guard lock(self->watch_mutex_);
    const bool is_full = self->is_full();
    if (self->told_ == is_full) return;
    self->told_ = is_full;
    for (const auto& [id, changed] : self->watchers_) changed(is_full);
  }));
}

std::uint64_t DiskSpace::watch(std::function<void(bool is_full)> changed) {
  const std::lock_guard lock(watch_mutex_);
  watchers_.emplace(++last_watch_, std::move(changed));
  return last_watch_;
}

void DiskSpace::unwatch(std::uint64_t id) {
  const std::lock_guard lock(watch_mutex_);
  watchers_.erase(id);
}

}  // namespace dunlin::storage_file
