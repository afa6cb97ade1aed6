// Executor: runs a callable once on one of the host's threads. Random: the host's randomness.

#pragma once

#include <dunlin/ext/executor.h>
#include <dunlin/ext/random.h>
#include <dunlin/log.hpp>

#include <memory>
#include <span>

namespace dunlin {
inline namespace sdk {

namespace detail {
// A callable on its way through `void *user`; freed after it ran.
template <class Body>
struct OneShot {
  const dunlin_host* host;
  Body body;

  static void run(void* user) noexcept {
    const std::unique_ptr<OneShot> self(static_cast<OneShot*>(user));
    contain(self->host, "a posted task", [&] { self->body(); });
  }
};

// Hands `body` to `post(task, user)`; keeps nothing when that fails.
template <class Body, class Post>
dunlin_status hand_over(const dunlin_host* host, Body&& body, Post&& post) {
  using Task = OneShot<std::decay_t<Body>>;
  std::unique_ptr<Task> task(new Task{host, std::forward<Body>(body)});
  const dunlin_status status = post(&Task::run, static_cast<void*>(task.get()));
  if (status == DUNLIN_OK) static_cast<void>(task.release());
  return status;
}
}  // namespace detail

class Executor : public Table<dunlin_executor> {
 public:
  DUNLIN_TABLE_WRAPPER(Executor, dunlin_executor, DUNLIN_EXT_EXECUTOR)

  template <class Body>
  result<> post_control(Body&& body) const {
    return post(std::forward<Body>(body), [this](dunlin_task task, void* user) {
      return detail::invoke(api_.post_control, host_, task, user);
    });
  }
  template <class Body>
  result<> post_shard(std::uint32_t shard, Body&& body) const {
    return post(std::forward<Body>(body), [this, shard](dunlin_task task, void* user) {
      return detail::invoke(api_.post_shard, host_, shard, task, user);
    });
  }
  template <class Body>
  result<> post_worker(Body&& body) const {
    return post(std::forward<Body>(body), [this](dunlin_task task, void* user) {
      return detail::invoke(api_.post_worker, host_, task, user);
    });
  }
  [[nodiscard]] std::uint32_t thread() const noexcept { return api_.thread(host_); }
  [[nodiscard]] std::uint32_t shard_index() const noexcept { return api_.shard_index(host_); }
  [[nodiscard]] std::uint32_t shard_count() const noexcept { return api_.shard_count(host_); }

 private:
  template <class Body, class Post>
  result<> post(Body&& body, Post&& post) const {
    return detail::take(detail::hand_over(host_, std::forward<Body>(body), post), "post");
  }
};

class Random : public Table<dunlin_random> {
 public:
  DUNLIN_TABLE_WRAPPER(Random, dunlin_random, DUNLIN_EXT_RANDOM)

  void fill(std::span<std::uint8_t> out) const noexcept {
    api_.bytes(host_, out.data(), out.size());
  }
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) const noexcept {
    return api_.below(host_, bound);
  }
};

}  // namespace sdk
}  // namespace dunlin
