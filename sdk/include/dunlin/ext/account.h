/* dunlin.account/1: accounts, which separate subjects and carry limits.
 *
 * A `dunlin_account *` stays valid for the life of the process, also after the account was
 * removed from the configuration; it is then closed and routes nothing.
 */
#ifndef DUNLIN_EXT_ACCOUNT_H
#define DUNLIN_EXT_ACCOUNT_H

#include <dunlin/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DUNLIN_EXT_ACCOUNT "dunlin.account/1"

#define DUNLIN_LIMIT_NONE (-1)

#define DUNLIN_ACCOUNT_ADDED 1u
#define DUNLIN_ACCOUNT_CHANGED 2u /* limits or claims                                           */
#define DUNLIN_ACCOUNT_REMOVED 3u

typedef uint64_t dunlin_watch; /* 0 is none */

typedef struct dunlin_account_api {
    uint32_t struct_size, reserved;

    /* An account that is loaded, or NULL.  [any] */
    dunlin_account *(*find)(const dunlin_host *host, dunlin_str name);
    /* Loads it where that takes asking (a resolver). `found` runs once on control; `account` is
     * NULL unless `status` is DUNLIN_OK.  [any] */
    dunlin_status (*fetch)(const dunlin_host *host, dunlin_str name,
                           void (*found)(void *user, dunlin_status status,
                                         dunlin_account *account),
                           void *user);
    dunlin_account *(*global_account)(const dunlin_host *host); /* "$G"  [any] */
    dunlin_account *(*system_account)(const dunlin_host *host); /* NULL when there is none [any] */

    /* The name lives as long as the account.  [any] */
    dunlin_str (*name)(const dunlin_host *host, dunlin_account *account);

    /* A limit by its configuration key ("max_connections", "max_subscriptions", "max_payload", or
     * a key a plugin added), DUNLIN_LIMIT_NONE without one. DUNLIN_E_NOT_FOUND for an unknown
     * key.  [any] */
    dunlin_status (*limit)(const dunlin_host *host, dunlin_account *account, dunlin_str key,
                           int64_t *out);
    /* Claims as the operator wrote them: the account's token (operator mode), or empty.  [any] */
    void (*claims)(const dunlin_host *host, dunlin_account *account,
                   void (*visit)(void *user, dunlin_str claims), void *user);

    /* Every loaded account; stops when `visit` returns false.  [control] */
    void (*each)(const dunlin_host *host, bool (*visit)(void *user, dunlin_account *account),
                 void *user);

    /* `on_change` runs on control for every later event.  [control] */
    dunlin_status (*watch)(const dunlin_host *host,
                           void (*on_change)(void *user, dunlin_account *account, uint32_t event),
                           void *user, dunlin_watch *out);
    void (*unwatch)(const dunlin_host *host, dunlin_watch watch); /* [control] */
} dunlin_account_api;

#ifdef __cplusplus
}
#endif
#endif
