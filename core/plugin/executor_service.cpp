// dunlin.executor/1 and dunlin.random/1.

#include <dunlin/ext/executor.h>
#include <dunlin/ext/random.h>
#include <sodium.h>

#include "core/base/ensure.hpp"
#include "core/plugin/context.hpp"
#include "core/plugin/shard_budget.hpp"

namespace dunlin::plugin {
namespace {

static_assert(Executor::no_shard == DUNLIN_SHARD_NONE);
static_assert(static_cast<unsigned>(ThreadKind::worker) == DUNLIN_THREAD_WORKER);

template <class Post>
dunlin_status post(const dunlin_host* host, dunlin_task task, void* user, Post&& post) {
  auto& context = context_of(host);
  if (task == nullptr) return DUNLIN_E_INVALID;
  if (context.stopped.load()) return DUNLIN_E_CLOSED;
  return post(context.shared.executor, [task, user] { task(user); }) ? DUNLIN_OK
                                                                     : DUNLIN_E_CLOSED;
}

dunlin_status post_control(const dunlin_host* host, dunlin_task task, void* user) {
  return post(host, task, user, [](Executor& executor, Executor::Task body) {
    return executor.post_control(std::move(body));
  });
}

dunlin_status post_shard(const dunlin_host* host, std::uint32_t shard, dunlin_task task,
                         void* user) {
  if (shard >= context_of(host).shared.executor.shard_count()) return DUNLIN_E_INVALID;
  const Owner owner = context_of(host).owner;
  return post(host, task, user, [shard, owner](Executor& executor, Executor::Task body) {
    return executor.post_shard(shard, [owner, run = std::move(body)] {
      const ShardCall call(owner, "a posted task");
      run();
    });
  });
}

dunlin_status post_worker(const dunlin_host* host, dunlin_task task, void* user) {
  return post(host, task, user, [](Executor& executor, Executor::Task body) {
    return executor.post_worker(std::move(body));
  });
}

constexpr dunlin_executor table = {
    sizeof(dunlin_executor),
    0,
    post_control,
    post_shard,
    post_worker,
    [](const dunlin_host* host) {
      return static_cast<std::uint32_t>(context_of(host).shared.executor.thread());
    },
    [](const dunlin_host* host) { return context_of(host).shared.executor.shard_index(); },
    [](const dunlin_host* host) { return context_of(host).shared.executor.shard_count(); }};

void random_bytes(const dunlin_host*, std::uint8_t* out, std::size_t n) {
  randombytes_buf(out, n);
}

std::uint64_t random_below(const dunlin_host* host, std::uint64_t bound) {
  // Values in the incomplete last range are drawn again, so that every result is equally likely.
  const std::uint64_t surplus = bound == 0 ? 0 : (UINT64_MAX % bound + 1) % bound;
  std::uint64_t value = 0;
  do {
    random_bytes(host, reinterpret_cast<std::uint8_t*>(&value), sizeof value);
  } while (value > UINT64_MAX - surplus);
  return bound == 0 ? value : value % bound;
}

constexpr dunlin_random random_functions = {sizeof(dunlin_random), 0, random_bytes, random_below};

}  // namespace

const void* executor_table() noexcept { return &table; }
const void* random_table() noexcept { return &random_functions; }

}  // namespace dunlin::plugin
