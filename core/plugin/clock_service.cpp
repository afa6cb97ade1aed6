// dunlin.clock/1 over the TimeSource and the Timers.

#include <dunlin/ext/clock.h>

#include "core/plugin/context.hpp"

namespace dunlin::plugin {
namespace {

dunlin_status timer_start(const dunlin_host* host, const dunlin_timer_options* options,
                          dunlin_task fire, void* user, dunlin_timer* out) {
  auto& context = context_of(host);
  const auto copy = copy_sized(options);
  if (!copy || fire == nullptr || out == nullptr || copy->reserved != 0) return DUNLIN_E_INVALID;
  if (context.stopped.load()) return DUNLIN_E_CLOSED;
  return context.shared.timers.start(context.owner, *copy, fire, user, *out);
}

constexpr dunlin_clock table = {
    sizeof(dunlin_clock),
    0,
    [](const dunlin_host* host) { return context_of(host).shared.time.monotonic_ns(); },
    [](const dunlin_host* host) { return context_of(host).shared.time.wall_ns(); },
    timer_start,
    [](const dunlin_host* host, dunlin_timer timer) {
      context_of(host).shared.timers.cancel(timer);
    },
    [](const dunlin_host* host, dunlin_timer timer, dunlin_task done, void* user) {
      context_of(host).shared.timers.cancel_async(timer, done, user);
    }};

}  // namespace

const void* clock_table() noexcept { return &table; }

}  // namespace dunlin::plugin
