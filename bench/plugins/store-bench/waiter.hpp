// A completion that one thread waits for on another. Any thread; used again and again.

#pragma once

#include <dunlin/storage.hpp>

#include <condition_variable>
#include <mutex>

namespace store_bench {

class Waiter {
 public:
  void done() {
    const std::lock_guard lock(mutex_);
    is_done_ = true;
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return is_done_; });
    is_done_ = false;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_done_ = false;
};

// Not on the log's own thread.
inline void close_and_wait(dunlin::StoredLog& log) {
  if (!log) return;
  Waiter waiter;
  log.close([&](const dunlin::result<>&) { waiter.done(); });
  waiter.wait();
}

}  // namespace store_bench
