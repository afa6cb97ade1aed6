/* dunlin.config/1: the plugin's section of the configuration.
 *
 * Keys are declared as data. From the declaration the host checks the section strictly (an
 * unknown key is an error with its place and the nearest known name), fills in defaults, and
 * produces reference documentation. A plugin declares its keys first thing in `configure`.
 *
 * Nodes belong to the host. Those given to `configure` live until `start` has returned, those given
 * to `reload_prepare` until `reload_finish` has; copy what is kept.
 */
#ifndef DUNLIN_EXT_CONFIG_H
#define DUNLIN_EXT_CONFIG_H

#include <dunlin/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DUNLIN_EXT_CONFIG "dunlin.config/1"

#define DUNLIN_KEY_TEXT 1u
#define DUNLIN_KEY_SECRET 2u
#define DUNLIN_KEY_INTEGER 3u
#define DUNLIN_KEY_NUMBER 4u    /* integer or floating point                                    */
#define DUNLIN_KEY_BOOLEAN 5u
#define DUNLIN_KEY_DURATION 6u  /* "1h30m", "250ms"; a bare integer is seconds                  */
#define DUNLIN_KEY_SIZE 7u      /* "64MB", "1KiB", or bytes                                     */
#define DUNLIN_KEY_LIST 8u      /* elements have the type in `element`                          */
#define DUNLIN_KEY_TABLE 9u     /* keys are in `children`; none means any key is allowed        */
#define DUNLIN_KEY_ANY 10u      /* the plugin checks it itself                                  */
#define DUNLIN_KEY_TLS 11u      /* a tls table like the server's own, for dunlin.net/1          */

#define DUNLIN_KEY_REQUIRED 1u
#define DUNLIN_KEY_RELOADABLE 2u /* a reload may change it; any other change is refused          */

/* Frozen. Texts are string constants of the plugin and stay valid while it is loaded. */
typedef struct dunlin_key {
    const char              *name;     /* lower case, as operators write it                    */
    const char              *aliases;  /* other spellings, separated by spaces; may be NULL    */
    uint32_t                 type;     /* DUNLIN_KEY_...                                       */
    uint32_t                 element;  /* type of list elements                                */
    uint32_t                 flags, reserved;
    const char              *fallback; /* the default as an operator would write it, or NULL   */
    const char              *help;     /* one line                                             */
    const char              *choices;  /* allowed texts, separated by spaces; NULL for any     */
    int64_t                  least, most; /* for integers, sizes, durations (ns); both 0: any  */
    const struct dunlin_key *children; /* of a table, or of the tables in a list               */
    size_t                   child_count;
} dunlin_key;

/* Frozen. Where a node was written. A default has no file and line 0. */
typedef struct dunlin_position {
    dunlin_str file;
    uint32_t   line, column;
} dunlin_position;

typedef struct dunlin_config_api {
    uint32_t struct_size, reserved;

    /* Checks `tree` against `keys` and remembers the defaults.
     * On failure DUNLIN_E_CONFIG; `err` has the first problem with file:line:column, the log all
     * of them. To be called once per tree, before any getter.  [control] */
    dunlin_status (*declare_keys)(const dunlin_host *host, const dunlin_config *tree,
                                  const dunlin_key *keys, size_t n, dunlin_error *err);

    /* The value of `key` in a table: the written one, else its declared default, else NULL. An
     * absent table whose keys are declared is there, with their defaults.  [control] */
    const dunlin_config *(*get)(const dunlin_host *host, const dunlin_config *table,
                                dunlin_str key);
    /* DUNLIN_KEY_TEXT, INTEGER, NUMBER, BOOLEAN, LIST or TABLE, as written.  [control] */
    uint32_t (*type)(const dunlin_host *host, const dunlin_config *node);
    /* Elements of a list or keys of a table, in order; stops when `visit` returns false. `key` is
     * empty for lists.  [control] */
    dunlin_status (*each)(const dunlin_host *host, const dunlin_config *node,
                          bool (*visit)(void *user, dunlin_str key, const dunlin_config *value),
                          void *user);

    /* Typed reads: DUNLIN_E_CONFIG when the value cannot be read as that type.  [control] */
    dunlin_status (*text)(const dunlin_host *host, const dunlin_config *node, dunlin_str *out);
    dunlin_status (*secret)(const dunlin_host *host, const dunlin_config *node,
                            dunlin_secret *out);
    dunlin_status (*integer)(const dunlin_host *host, const dunlin_config *node, int64_t *out);
    dunlin_status (*number)(const dunlin_host *host, const dunlin_config *node, double *out);
    dunlin_status (*boolean)(const dunlin_host *host, const dunlin_config *node, bool *out);
    dunlin_status (*duration_ns)(const dunlin_host *host, const dunlin_config *node,
                                 int64_t *out);
    dunlin_status (*size_bytes)(const dunlin_host *host, const dunlin_config *node, uint64_t *out);

    void (*position)(const dunlin_host *host, const dunlin_config *node, dunlin_position *out);

    /* Fills `err` with "<sentence> at file:line:column" and returns DUNLIN_E_CONFIG.  [control] */
    dunlin_status (*refuse)(const dunlin_host *host, const dunlin_config *node,
                            dunlin_str sentence, dunlin_error *err);
} dunlin_config_api;

#ifdef __cplusplus
}
#endif
#endif
