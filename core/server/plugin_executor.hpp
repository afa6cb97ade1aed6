// The threads plugins are given: the control thread, the shards, and a small pool for blocking
// work, whose threads exist only once the first task is posted to it.
//
// Made on the control thread, with the first plugin. close() ends the pool; control and shards
// outlive this.

#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "core/net/shard.hpp"
#include "core/plugin/executor.hpp"

namespace dunlin::server {

class PluginExecutor final : public plugin::Executor {
 public:
  using Shards = std::vector<std::unique_ptr<net::Shard>>;
  // They wait for disks more than they compute, and one waits for what another does: a command for
  // its storage. One at a sync, one filling a file and a long command leave one for all others.
  static constexpr std::size_t workers_min = 4;
  static constexpr std::size_t workers_max = 8;

  // Both outlive the executor. The shards need not be running yet.
  PluginExecutor(boost::asio::io_context& control, Shards& shards);
  ~PluginExecutor() override;

  bool post_control(Task task) override;
  bool post_shard(std::uint32_t shard, Task task) override;
  bool post_worker(Task task) override;

  [[nodiscard]] plugin::ThreadKind thread() const noexcept override;
  [[nodiscard]] std::uint32_t shard_index() const noexcept override;
  [[nodiscard]] std::uint32_t shard_count() const noexcept override {
    return static_cast<std::uint32_t>(shards_.size());
  }

  // Runs `each` on every shard, then, when everything is over that any shard was doing with shared
  // tables and with what it had sent to others at the time of this call, `done`: on `shard`, or
  // with no_shard on any. False, without a call, when the shards take no more work.  [any thread]
  bool fence(std::uint32_t shard, Task each, Task done);

  // Runs what the pool has accepted, then ends it; nothing is accepted afterwards, by no thread.
  // The shards must still be running.  [control]
  void close();
  [[nodiscard]] bool is_closed() const noexcept {
    return closed_.load(std::memory_order_acquire);
  }

 private:
  boost::asio::io_context& control_;
  Shards& shards_;
  const std::thread::id control_thread_;
  std::atomic<bool> closed_{false};
  std::mutex pool_mutex_;  // guards pool_
  std::unique_ptr<boost::asio::thread_pool> pool_;
};

}  // namespace dunlin::server
