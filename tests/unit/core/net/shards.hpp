// Running shards for tests, each on its thread, stopped and joined at the end.  [test thread]

#pragma once

#include <future>
#include <memory>
#include <utility>
#include <vector>

#include "core/base/quiescence.hpp"
#include "core/net/connection.hpp"
#include "core/net/shard.hpp"

namespace dunlin::net::testing {

class Shards {
 public:
  explicit Shards(std::uint16_t count, std::size_t read_buffer_size = 4096) {
    for (std::uint16_t i = 0; i < count; ++i)
      all_.push_back(
          std::make_unique<Shard>(Shard::Settings{i, count, read_buffer_size}, quiescence_));
  }
  ~Shards() { stop(); }
  Shards(const Shards&) = delete;
  Shards& operator=(const Shards&) = delete;

  void start() {
    running_ = true;
    for (const auto& shard : all_) shard->start(all_);
  }
  void stop() {
    if (!std::exchange(running_, false)) return;
    for (const auto& shard : all_) shard->stop();
    for (const auto& shard : all_) shard->join();
  }
  Shard& operator[](std::size_t index) { return *all_[index]; }

  // Runs `task` on the shard and waits for it.
  template <class Task>
  auto on(std::size_t index, Task task) {
    std::packaged_task<decltype(task())()> packaged(std::move(task));
    auto done = packaged.get_future();
    all_[index]->post([&packaged] { packaged(); });
    return done.get();
  }

 private:
  Quiescence quiescence_;
  std::vector<std::unique_ptr<Shard>> all_;
  bool running_ = false;
};

}  // namespace dunlin::net::testing
