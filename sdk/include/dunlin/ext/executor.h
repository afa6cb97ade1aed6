/* dunlin.executor/1: work on the host's threads. Plugins start none of their own.
 *
 * Every posted task runs exactly once, after the call that posted it returned. Tasks posted to
 * one shard or to control run in the order they were posted from one thread. When the server
 * stops, tasks already accepted still run before the plugin's `destroy`.
 */
#ifndef DUNLIN_EXT_EXECUTOR_H
#define DUNLIN_EXT_EXECUTOR_H

#include <dunlin/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DUNLIN_EXT_EXECUTOR "dunlin.executor/1"

#define DUNLIN_THREAD_OTHER 0u
#define DUNLIN_THREAD_CONTROL 1u
#define DUNLIN_THREAD_SHARD 2u
#define DUNLIN_THREAD_WORKER 3u
#define DUNLIN_SHARD_NONE 0xffffffffu

typedef struct dunlin_executor {
    uint32_t struct_size, reserved;

    /* All fail with DUNLIN_E_CLOSED once the plugin was stopped.  [any] */
    dunlin_status (*post_control)(const dunlin_host *host, dunlin_task task, void *user);
    /* DUNLIN_E_INVALID when there is no such shard. */
    dunlin_status (*post_shard)(const dunlin_host *host, uint32_t shard, dunlin_task task,
                                void *user);
    dunlin_status (*post_worker)(const dunlin_host *host, dunlin_task task, void *user);

    /* DUNLIN_THREAD_...: where am I?  [any] */
    uint32_t (*thread)(const dunlin_host *host);
    /* The calling shard, or DUNLIN_SHARD_NONE.  [any] */
    uint32_t (*shard_index)(const dunlin_host *host);
    /* Fixed for the life of the process.  [any] */
    uint32_t (*shard_count)(const dunlin_host *host);
} dunlin_executor;

#ifdef __cplusplus
}
#endif
#endif
