/* dunlin.observe/1: the server's own state, for monitoring.
 *
 * A request is answered asynchronously: the host asks every shard for its part between two loop
 * turns, so no shard stops for it, and calls `done` on control with a snapshot. The snapshot and
 * everything in it is valid until `done` returns; the `each_` functions read it.
 *
 * Numbers in one snapshot are not from one instant: every shard answers when it comes to it.
 */
#ifndef DUNLIN_EXT_OBSERVE_H
#define DUNLIN_EXT_OBSERVE_H

#include <dunlin/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DUNLIN_EXT_OBSERVE "dunlin.observe/1"

/* Frozen. Counters by the kind of connection. */
typedef struct dunlin_by_kind {
    uint64_t clients, routes, gateways, leafs;
} dunlin_by_kind;

/* Members are named as the fields of /varz, with the unit where it differs. */
typedef struct dunlin_server_info {
    uint32_t          struct_size, proto;
    dunlin_str        server_id, server_name, version, git_commit;
    dunlin_str        host, ip, cluster_name, system_account, config_digest;
    uint16_t          port, reserved16;
    uint32_t          auth_required, tls_required, tls_verify;
    const dunlin_str *connect_urls;
    size_t            connect_url_count;
    const dunlin_str *tags;
    size_t            tag_count;
    const dunlin_str *metadata; /* key, value, key, value, ...                                 */
    size_t            metadata_count; /* pairs                                                 */
    int64_t           max_connections, max_subscriptions; /* 0 for none                        */
    int64_t           max_payload, max_pending, max_control_line;
    int64_t           ping_interval_ns, write_deadline_ns, auth_timeout_ns, tls_timeout_ns;
    int32_t           ping_max;
    uint32_t          lame_duck; /* 1 while the server is leaving                              */
    int64_t           start_ns, now_ns, config_load_ns; /* wall clock                          */
    uint64_t          mem_bytes;
    double            cpu_percent;
    uint32_t          cores, shards;
    uint64_t          connections, total_connections, routes, remotes, leafnodes, subscriptions;
    uint64_t          in_msgs, in_bytes, out_msgs, out_bytes;
    uint64_t          in_client_msgs, in_client_bytes, out_client_msgs, out_client_bytes;
    uint64_t          slow_consumers, stale_connections, stalled_clients;
    dunlin_by_kind    slow_consumers_by, stale_connections_by;
    dunlin_str        go;            /* what stands for the Go version in INFO                  */
    dunlin_str        write_timeout; /* "close" or "retry"; empty by default                    */
    const dunlin_str *cmdline;       /* the process's arguments, secrets taken out              */
    size_t            cmdline_count;
} dunlin_server_info;

#define DUNLIN_CONNS_OPEN 1u
#define DUNLIN_CONNS_CLOSED 2u
#define DUNLIN_CONNS_ALL 3u

#define DUNLIN_SUBS_NONE 0u
#define DUNLIN_SUBS_LIST 1u   /* subject and queue                                              */
#define DUNLIN_SUBS_DETAIL 2u /* everything                                                     */

/* All conditions given must hold. A listing sorts and pages first, without subscriptions, then
 * asks again for the page's `cids` with them. */
typedef struct dunlin_connections_query {
    uint32_t        struct_size;
    uint32_t        state;         /* DUNLIN_CONNS_...                                         */
    uint32_t        subscriptions; /* DUNLIN_SUBS_...                                          */
    uint32_t        reserved;
    const uint64_t *cids;          /* only these; NULL for all                                 */
    size_t          cid_count;
    dunlin_str      account, user; /* empty for any                                            */
    dunlin_str      filter_subject; /* with a subscription that would get this subject          */
} dunlin_connections_query;

/* Frozen. */
typedef struct dunlin_sub_info {
    dunlin_str account, subject, queue, sid;
    uint64_t   msgs, max, cid;
} dunlin_sub_info;

/* Members are named as the fields of /connz. Times are of the wall clock; 0 for unknown. */
typedef struct dunlin_connection_info {
    uint32_t   struct_size;
    uint32_t   kind;   /* DUNLIN_KIND_... of net.h                                             */
    uint64_t   cid;
    dunlin_str type;   /* "nats", "mqtt", "websocket"                                          */
    dunlin_str ip;
    uint16_t   port, reserved16;
    uint32_t   closed; /* 1: `stop_ns` and `reason` are set                                    */
    int64_t    start_ns, last_activity_ns, stop_ns;
    dunlin_str reason;
    int64_t    rtt_ns;
    uint64_t   pending_bytes;
    uint64_t   in_msgs, out_msgs, in_bytes, out_bytes;
    uint64_t   stalls;
    uint64_t   subscription_count;
    dunlin_str name, lang, version;
    dunlin_str account, authorized_user;
    dunlin_str tls_version, tls_cipher;
    uint32_t   tls_first, shard;
    dunlin_str jwt, issuer_key, name_tag, mqtt_client;
    const dunlin_sub_info *subs; /* as asked for                                               */
    size_t     sub_count;
    const dunlin_str *tags;
    size_t     tag_count;
} dunlin_connection_info;

/* Frozen. */
typedef struct dunlin_traffic {
    uint64_t msgs, bytes;
} dunlin_traffic;

typedef struct dunlin_account_info {
    uint32_t       struct_size;
    uint32_t       is_system, is_expired, is_complete, jetstream_enabled, reserved;
    dunlin_str     name, name_tag, issuer_key, jwt;
    int64_t        update_ns;
    uint64_t       client_connections, leafnode_connections, total_connections, subscriptions;
    uint64_t       slow_consumers;
    dunlin_traffic sent, received;
    dunlin_traffic sent_routes, received_routes, sent_gateways, received_gateways;
    dunlin_traffic sent_leafs, received_leafs;
} dunlin_account_info;

typedef struct dunlin_subscriptions_query {
    uint32_t   struct_size;
    uint32_t   list;    /* 0: the numbers only                                                 */
    dunlin_str account; /* empty for all                                                       */
    dunlin_str test;    /* only subscriptions that would get this literal subject              */
    uint64_t   offset, limit; /* of the list; limit 0 for none                                 */
} dunlin_subscriptions_query;

/* Members are named as the fields of /subsz. */
typedef struct dunlin_subscriptions_info {
    uint32_t struct_size, reserved;
    uint64_t num_subscriptions, num_cache, num_inserts, num_removes, num_matches;
    double   cache_hit_rate;
    uint64_t max_fanout;
    double   avg_fanout;
    uint64_t total; /* subscriptions the query matched, before offset and limit                */
} dunlin_subscriptions_info;

typedef struct dunlin_plugin_info {
    uint32_t   struct_size, is_static;
    dunlin_str id, version, summary, license;
    dunlin_str origin; /* path, or "static"                                                    */
    dunlin_str sha256; /* hexadecimal; empty when static                                       */
    dunlin_str status; /* "started", "failed: ..."                                             */
    uint32_t   abi_version_built, abi_version_needed;
} dunlin_plugin_info;

typedef struct dunlin_snapshot dunlin_snapshot;
/* Runs once on control, never from inside the call that asked; `snapshot` is NULL unless `status`
 * is DUNLIN_OK. */
typedef void (*dunlin_on_snapshot)(void *user, dunlin_status status,
                                   const dunlin_snapshot *snapshot);

typedef struct dunlin_observe {
    uint32_t struct_size, reserved;

    /* [control] */
    dunlin_status (*server)(const dunlin_host *host, dunlin_on_snapshot done, void *user);
    dunlin_status (*connections)(const dunlin_host *host, const dunlin_connections_query *query,
                                 dunlin_on_snapshot done, void *user);
    /* `name` empty: all. DUNLIN_E_NOT_FOUND goes to `done`. */
    dunlin_status (*accounts)(const dunlin_host *host, dunlin_str name, dunlin_on_snapshot done,
                              void *user);
    dunlin_status (*subscriptions)(const dunlin_host *host,
                                   const dunlin_subscriptions_query *query,
                                   dunlin_on_snapshot done, void *user);

    /* Reading a snapshot, inside `done`. A part that was not asked for is absent: NULL, or no
     * visit. Visitors stop when they return false.  [control] */
    const dunlin_server_info *(*server_info)(const dunlin_snapshot *snapshot);
    const dunlin_subscriptions_info *(*subscriptions_info)(const dunlin_snapshot *snapshot);
    void (*each_connection)(const dunlin_snapshot *snapshot,
                            bool (*visit)(void *user, const dunlin_connection_info *info),
                            void *user);
    void (*each_account)(const dunlin_snapshot *snapshot,
                         bool (*visit)(void *user, const dunlin_account_info *info), void *user);
    void (*each_subscription)(const dunlin_snapshot *snapshot,
                              bool (*visit)(void *user, const dunlin_sub_info *info), void *user);

    /* Every plugin of this process; not a snapshot.  [control] */
    void (*each_plugin)(const dunlin_host *host,
                        bool (*visit)(void *user, const dunlin_plugin_info *info), void *user);
} dunlin_observe;

#ifdef __cplusplus
}
#endif
#endif
