/* dunlin.clock/1: time as the server sees it.
 *
 * Two clocks. The monotonic clock orders events and measures durations; it never goes back and
 * says nothing about the date. The wall clock stamps messages; it may be adjusted.
 *
 * Plugins use these instead of the operating system's, so that a simulated run can move time by
 * hand.
 */
#ifndef DUNLIN_EXT_CLOCK_H
#define DUNLIN_EXT_CLOCK_H

#include <dunlin/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DUNLIN_EXT_CLOCK "dunlin.clock/1"
#define DUNLIN_TIMERS_MAX 1048576u

/* 0 is no timer. */
typedef uint64_t dunlin_timer;

typedef struct dunlin_timer_options {
    uint32_t struct_size;
    uint32_t thread;          /* DUNLIN_THREAD_CONTROL, _SHARD or _WORKER (executor.h)         */
    uint32_t shard, reserved; /* which shard, for DUNLIN_THREAD_SHARD                          */
    uint64_t at_ns;           /* monotonic; a past time means as soon as possible              */
    uint64_t period_ns;       /* 0 for one shot; late periods are skipped, not caught up       */
} dunlin_timer_options;

typedef struct dunlin_clock {
    uint32_t struct_size, reserved;

    /* Nanoseconds since an arbitrary point.  [any] */
    uint64_t (*monotonic_ns)(const dunlin_host *host);
    /* Nanoseconds since 1970-01-01 UTC.  [any] */
    int64_t (*wall_ns)(const dunlin_host *host);

    /* Runs `fire(user)` on the chosen thread, not before its time. DUNLIN_E_LIMIT when the plugin
     * holds DUNLIN_TIMERS_MAX timers. `*out` stays valid until a one-shot fired or the timer was
     * cancelled.  [any] */
    dunlin_status (*timer_start)(const dunlin_host *host, const dunlin_timer_options *options,
                                 dunlin_task fire, void *user, dunlin_timer *out);

    /* After this returns, `fire` is not running and will not run. Not to be called from `fire`
     * nor from the thread it runs on; use the other one there. Unknown timers are ignored.
     * [any, not the timer's thread] */
    void (*timer_cancel)(const dunlin_host *host, dunlin_timer timer);
    /* Cancels; `done` runs on the timer's thread once `fire` will not run any more. `done` may be
     * NULL.  [any] */
    void (*timer_cancel_async)(const dunlin_host *host, dunlin_timer timer, dunlin_task done,
                               void *user);
} dunlin_clock;

#ifdef __cplusplus
}
#endif
#endif
