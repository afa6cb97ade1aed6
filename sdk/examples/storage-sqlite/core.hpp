// What a store and its logs share: the database, and the queue of work on it.
//
// Jobs run on workers, one at a time, in the order they came: a query therefore sees every change
// that was made before it. Nothing waits for another thread, except control for the mutex.

#pragma once

#include <dunlin/clock.hpp>
#include <dunlin/executor.hpp>

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "database.hpp"

namespace example {

class Core : public std::enable_shared_from_this<Core> {
 public:
  using Job = std::function<void(Database&)>;

  // [control, worker]. Throws dunlin::Error.
  Core(dunlin::Host host, std::string dir, bool create);

  void enqueue(Job job);
  // Runs what is queued, here and now.  [control, worker]
  void run_all();
  // Runs `body` between two jobs.  [control, worker]
  template <class Body>
  auto with_database(Body&& body) {
    const std::lock_guard lock(database_mutex_);
    return body(*database_);
  }
  // Finishes the queue and gives the files back.  [control, worker]
  void shut_down();

  void post(std::uint32_t thread, std::uint32_t shard, std::function<void()> body);

  // ---- inside jobs ----
  // Something could not be written: what was not committed is undone, and every change is refused
  // until the store was opened again.
  void fail(Database& database);
  [[nodiscard]] bool failed() const { return failed_; }
  // `failed` is called in the job that failed, `full` on a worker when the disk has become full or
  // has room again.  [any]
  struct Watcher {
    Job failed;
    std::function<void(bool is_full)> full;
  };
  void watch(const void* who, Watcher watcher);
  void unwatch(const void* who);
  // Too little space for records; removals and what waits still fit.  [any]
  [[nodiscard]] bool is_full() const { return full_; }

  [[nodiscard]] const std::string& path() const { return path_; }
  // Names of open logs.  [control, and the job that closes one]
  std::mutex names_mutex;
  std::set<std::string, std::less<>> open_names;

 private:
  bool run_next();
  void run_some();
  void look_at_space();

  dunlin::Executor executor_;
  dunlin::Clock clock_;
  dunlin::Fs fs_;
  std::string dir_, path_;
  dunlin::FileLock lock_;
  std::unique_ptr<Database> database_;
  std::mutex database_mutex_, queue_mutex_;
  std::deque<Job> jobs_;
  bool posted_ = false;
  std::mutex watchers_mutex_;
  std::map<const void*, Watcher> watchers_;
  bool failed_ = false;
  std::atomic<bool> full_{false};
  dunlin::Timer look_again_;  // while it is full
};

}  // namespace example
