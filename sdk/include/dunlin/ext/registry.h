/* dunlin.registry/1: how plugins find each other.
 *
 * A plugin may offer tables only under capabilities it declared in `provides`. Offers are made in
 * `start` or before and vanish when the plugin stops; since providers start before and stop after
 * those who need them, a table found for a declared need stays valid until the finder's `stop`
 * returned.
 */
#ifndef DUNLIN_EXT_REGISTRY_H
#define DUNLIN_EXT_REGISTRY_H

#include <dunlin/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DUNLIN_EXT_REGISTRY "dunlin.registry/1"

/* Frozen. */
typedef struct dunlin_offer {
    dunlin_str  capability; /* as declared: "storage/1:file"                                  */
    dunlin_str  plugin;     /* id of the provider                                             */
    const void *table;
    void       *self;       /* first argument of the table's functions                        */
} dunlin_offer;

typedef struct dunlin_registry {
    uint32_t struct_size, reserved;

    /* DUNLIN_E_DENIED when `capability` is not in the descriptor, DUNLIN_E_EXISTS when it was
     * offered before.  [control] */
    dunlin_status (*offer)(const dunlin_host *host, const char *capability, const void *table,
                           void *self);
    /* The exact capability, or the first offered "capability:..." of it. DUNLIN_E_NOT_FOUND; or
     * DUNLIN_E_DENIED when this plugin did not declare the need.  [any] */
    dunlin_status (*find)(const dunlin_host *host, const char *capability, dunlin_offer *out);
    /* Every offer of a capability, in start order; stops when `visit` returns false.  [any] */
    dunlin_status (*each)(const dunlin_host *host, const char *capability,
                          bool (*visit)(void *user, const dunlin_offer *offer), void *user);
} dunlin_registry;

#ifdef __cplusplus
}
#endif
#endif
