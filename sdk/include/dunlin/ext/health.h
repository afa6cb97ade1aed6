/* dunlin.health/1: what readiness is made of.
 *
 * A component is a plugin's own word ("meta", "store"); the host prefixes the plugin's id. The
 * server is ready while none has failed. Components of a stopped plugin vanish.
 */
#ifndef DUNLIN_EXT_HEALTH_H
#define DUNLIN_EXT_HEALTH_H

#include <dunlin/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DUNLIN_EXT_HEALTH "dunlin.health/1"

#define DUNLIN_HEALTH_OK 0u
#define DUNLIN_HEALTH_DEGRADED 1u
#define DUNLIN_HEALTH_FAILED 2u

/* Frozen. */
typedef struct dunlin_health_item {
    dunlin_str plugin, component; /* plugin is empty for the core's own components             */
    uint32_t   state, reserved;
    dunlin_str reason;
} dunlin_health_item;

typedef struct dunlin_health {
    uint32_t struct_size, reserved;

    /* A `state` from a newer header counts as failed.  [any] */
    void (*set)(const dunlin_host *host, dunlin_str component, uint32_t state, dunlin_str reason);
    /* The worst state of all.  [any] */
    uint32_t (*overall)(const dunlin_host *host);
    /* Every component; stops when `visit` returns false.  [any] */
    void (*each)(const dunlin_host *host, bool (*visit)(void *user, const dunlin_health_item *item),
                 void *user);
} dunlin_health;

#ifdef __cplusplus
}
#endif
#endif
