#include "core.hpp"

namespace example {
namespace {

constexpr int jobs_of_task = 64;  // then other work gets its turn
// For what waits in memory, and SQLite's log of it.
constexpr std::uint64_t keep_free_bytes = 32u << 20;
constexpr std::uint64_t look_again_ns = 1'000'000'000;

}  // namespace

Core::Core(dunlin::Host host, std::string dir, bool create)
    : executor_(host.get<dunlin::Executor>()), clock_(host.get<dunlin::Clock>()),
      fs_(host.get<dunlin::Fs>()), dir_(dir), path_(dir + "/store.db") {
  if (create) {
    const auto made = fs_.make_dir(dir);
    if (!made && made.error().status != DUNLIN_E_EXISTS) throw made.error();
    const auto synced = fs_.sync_dir(dir.substr(0, std::max<std::size_t>(dir.rfind('/'), 1)));
    if (!synced) throw synced.error();
  }
  auto lock = fs_.lock(dir + "/lock");
  if (!lock) throw lock.error();
  lock_ = std::move(*lock);
  database_ = std::make_unique<Database>(host, path_, create);
}

void Core::enqueue(Job job) {
  const std::lock_guard lock(queue_mutex_);
  jobs_.push_back(std::move(job));
  if (posted_) return;
  posted_ = executor_.post_worker([self = shared_from_this()] { self->run_some(); }).has_value();
}

bool Core::run_next() {
  const std::lock_guard database(database_mutex_);
  Job job;
  {
    const std::lock_guard lock(queue_mutex_);
    if (jobs_.empty()) return false;
    job = std::move(jobs_.front());
    jobs_.pop_front();
  }
  job(*database_);
  return true;
}

void Core::run_some() {
  for (int i = 0; i < jobs_of_task; ++i) {
    if (!run_next()) break;
  }
  look_at_space();
  const std::lock_guard lock(queue_mutex_);
  posted_ = !jobs_.empty() &&
            executor_.post_worker([self = shared_from_this()] { self->run_some(); }).has_value();
}

// On a worker: after work, and by time while the disk is full.
void Core::look_at_space() {
  auto space = fs_.space(dir_);
  const bool is_full = space && (*space).available < keep_free_bytes;
  const std::lock_guard lock(watchers_mutex_);
  if (full_.exchange(is_full) == is_full) return;
  for (const auto& [who, watcher] : watchers_) watcher.full(is_full);
  if (!is_full) {
    look_again_.cancel();
    return;
  }
  auto timer = clock_.timer(DUNLIN_THREAD_WORKER, look_again_ns, look_again_ns,
                            [weak = weak_from_this()] {
                              if (const auto self = weak.lock()) self->look_at_space();
                            });
  if (timer) look_again_ = std::move(*timer);
}

void Core::run_all() {
  while (run_next()) {
  }
}

void Core::shut_down() {
  run_all();
  look_again_.cancel();
  const std::lock_guard lock(database_mutex_);
  database_.reset();
  lock_.unlock();
}

void Core::post(std::uint32_t thread, std::uint32_t shard, std::function<void()> body) {
  if (thread == DUNLIN_THREAD_SHARD) {
    static_cast<void>(executor_.post_shard(shard, std::move(body)));
  } else if (thread == DUNLIN_THREAD_WORKER) {
    static_cast<void>(executor_.post_worker(std::move(body)));
  } else {
    static_cast<void>(executor_.post_control(std::move(body)));
  }
}

void Core::fail(Database& database) {
  database.roll_back();
  if (std::exchange(failed_, true)) return;
  const std::lock_guard lock(watchers_mutex_);
  for (const auto& [who, watcher] : watchers_) watcher.failed(database);
}

void Core::watch(const void* who, Watcher watcher) {
  const std::lock_guard lock(watchers_mutex_);
  watchers_[who] = std::move(watcher);
}

void Core::unwatch(const void* who) {
  const std::lock_guard lock(watchers_mutex_);
  watchers_.erase(who);
}

}  // namespace example
