#include "core/server/plugin_executor.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
namespace dunlin::server {

namespace {

thread_local bool is_worker = false;

void run_on_worker(const plugin::Executor::Task& task) {
  is_worker = true;
  task();
}

// A countdown over all shards; the last one to get there goes on.
struct Barrier {
  explicit Barrier(std::size_t shards) : left(shards) {}
  std::atomic<std::size_t> left;
  plugin::Executor::Task then;
};

}  // namespace

PluginExecutor::PluginExecutor(boost::asio::io_context& control, Shards& shards)
    : control_(control), shards_(shards), control_thread_(std::this_thread::get_id()) {}

PluginExecutor::~PluginExecutor() { close(); }

bool PluginExecutor::post_control(Task task) {
  if (is_closed()) return false;
  boost::asio::post(control_, std::move(task));
  return true;
}

bool PluginExecutor::post_shard(std::uint32_t shard, Task task) {
  if (is_closed() || shard >= shards_.size()) return false;
  shards_[shard]->post(std::move(task));
  return true;
}

bool PluginExecutor::post_worker(Task task) {
  const std::lock_guard lock(pool_mutex_);
  if (is_closed()) return false;
  if (pool_ == nullptr) {
    const std::size_t threads =
        std::clamp<std::size_t>(std::thread::hardware_concurrency(), workers_min, workers_max);
    pool_ = std::make_unique<boost::asio::thread_pool>(threads);
  }
  boost::asio::post(*pool_, [task = std::move(task)] { run_on_worker(task); });
  return true;
}

plugin::ThreadKind PluginExecutor::thread() const noexcept {
  using enum plugin::ThreadKind;
  if (net::Shard::current() != nullptr) return shard;
  if (std::this_thread::get_id() == control_thread_) return control;
  return is_worker ? worker : other;
}

std::uint32_t PluginExecutor::shard_index() const noexcept {
  const net::Shard* const shard = net::Shard::current();
  return shard == nullptr ? no_shard : shard->index();
}

// The first round ends every match that was being walked, and hands over what it caused; the
// second comes, in every mailbox, behind what was handed over.
bool PluginExecutor::fence(std::uint32_t shard, Task each, Task done) {
  if (is_closed()) return false;
  const auto first = std::make_shared<Barrier>(shards_.size());
  const auto second = std::make_shared<Barrier>(shards_.size());
  second->then = [this, shard, done = std::move(done)] {
    if (shard == no_shard || net::Shard::current()->index() == shard)
      done();
    else
      shards_[shard]->post(done);
  };
  first->then = [this, second] {
    for (auto& one : shards_)
      one->post([second] {
        if (second->left.fetch_sub(1) == 1) second->then();
      });
  };
  for (auto& one : shards_)
    one->post([first, each, where = one.get()] {
      each();
      where->hand_over();
      if (first->left.fetch_sub(1) == 1) first->then();
    });
  return true;
}

void PluginExecutor::close() {
  std::unique_ptr<boost::asio::thread_pool> pool;
  {
    const std::lock_guard lock(pool_mutex_);
    closed_.store(true, std::memory_order_release);
    pool = std::move(pool_);
  }
  if (pool != nullptr) pool->join();
}

}  // namespace dunlin::server
