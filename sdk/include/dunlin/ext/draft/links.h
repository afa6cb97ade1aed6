/* dunlin.links/1 (draft: for plugins of the exact same build): links to other servers.
 *
 * A link is a connection of kind router, gateway or leaf that carries other servers' interest and
 * messages. The plugin owns the protocol (net.h: listen or connect, parse, write). The host owns
 * the delivery rules between kinds and enforces them:
 *
 *   from a client or inside    to local subscriptions, routes, gateways and leafs
 *   from a route               to local subscriptions, and leafs this server is the hub of
 *   from a gateway             to local subscriptions, routes and leafs
 *   from a leaf (we are hub)   everywhere, except back and except leafs of the same origin
 *   from the hub (we are leaf) to local subscriptions, gateways and other leafs, not routes
 *
 * Life of a link: protocol.open -> handshake -> attach -> subscribe, publish, deliver ... ->
 * protocol.close (everything of the link is removed by then; no detach needed).
 */
#ifndef DUNLIN_EXT_DRAFT_LINKS_H
#define DUNLIN_EXT_DRAFT_LINKS_H

#include <dunlin/abi.h>
#include <dunlin/ext/net.h>
#include <dunlin/ext/router.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DUNLIN_EXT_LINKS "dunlin.links/1"

typedef struct dunlin_link dunlin_link;

/* ---- deliveries: from this server to the link ---- */

/* Frozen. One message for the other server: one copy, however many subscriptions it has there. */
typedef struct dunlin_link_delivery {
    dunlin_account   *account;
    dunlin_msg        msg;         /* `origin` is the connection it came from                  */
    const dunlin_str *queues;      /* groups the other server must serve; others it must not   */
    uint32_t          queue_count;
    uint32_t          origin_kind; /* DUNLIN_KIND_... it came from                             */
    dunlin_str        origin;      /* leaf cluster it came from, or empty                      */
} dunlin_link_delivery;

#define DUNLIN_LINK_SPOKE 1u   /* a leaf connection on which the other side is the hub          */
#define DUNLIN_LINK_HEADERS 2u /* the other side takes headers; without it they are removed     */

typedef struct dunlin_link_options {
    uint32_t   struct_size;
    uint32_t   flags; /* DUNLIN_LINK_...                                                       */
    dunlin_str peer_id, peer_name;
    dunlin_str origin; /* a leaf's cluster name: its messages are not sent back to it          */
    /* Writes frames for `n` deliveries with net->write, in order. Deliveries of one loop turn
     * come together.  [shard of the link] */
    void (*deliver)(void *user, dunlin_link *link, const dunlin_link_delivery *deliveries,
                    size_t n);
    void *user;
} dunlin_link_options;

/* ---- remote interest: from the link to this server ---- */

/* Frozen. */
typedef struct dunlin_remote_sub {
    dunlin_account *account;
    dunlin_str      subject, queue;
    dunlin_str      origin; /* on behalf of a leaf cluster, else empty                         */
    int32_t         weight; /* members a queue subscription stands for; 1 for plain; 0 removes */
    uint32_t        reserved;
} dunlin_remote_sub;

/* ---- remote messages: from the link to this server ---- */

#define DUNLIN_ROUTED_QUEUES 1u  /* only the listed groups are served, maybe none               */
#define DUNLIN_ROUTED_FORWARD 2u /* a gateway reply on a route: may leave by a gateway          */

/* Frozen. */
typedef struct dunlin_routed_msg {
    dunlin_account   *account;
    dunlin_msg        msg;
    const dunlin_str *queues;
    uint32_t          queue_count;
    uint32_t          flags;  /* DUNLIN_ROUTED_...                                             */
    dunlin_str        origin; /* leaf cluster the message came from, or empty                  */
} dunlin_routed_msg;

/* ---- local interest: what to announce ---- */

/* Frozen. Interest of one (account, subject, queue, kind of owner, origin) changed. */
typedef struct dunlin_interest_change {
    dunlin_account *account;
    dunlin_str      subject, queue;
    dunlin_str      origin; /* leaf cluster the interest comes from, or empty                  */
    uint32_t        kind;   /* DUNLIN_KIND_... of the owners                                   */
    int32_t         before; /* members (of a queue: summed weight); 0: there was none          */
    int32_t         after;
    uint32_t        reserved;
} dunlin_interest_change;

#define DUNLIN_INTEREST_OF(kind) (1u << (kind))

typedef struct dunlin_interest_options {
    uint32_t        struct_size;
    uint32_t        kinds;   /* DUNLIN_INTEREST_OF(...) joined by |; 0 for all but links'       */
    dunlin_account *account; /* NULL: every account, also later ones                           */
    uint32_t        shard, reserved; /* where on_change runs                                   */
    /* First everything that exists (before is 0), then every change, each once and, within one
     * account, in order. Consecutive changes of one key may be joined.  [shard] */
    void (*on_change)(void *user, const dunlin_interest_change *changes, size_t n);
    void *user;
} dunlin_interest_options;

typedef uint64_t dunlin_observer; /* 0 is none */

/* ---- peers ---- */

typedef struct dunlin_peer_info {
    uint32_t   struct_size;
    uint32_t   kind; /* DUNLIN_KIND_ROUTER, _GATEWAY, _LEAF                                    */
    dunlin_str id, name, cluster, domain, version;
    uint64_t   connections;
    uint32_t   jetstream, reserved;
    int64_t    rtt_ns;
} dunlin_peer_info;

typedef struct dunlin_links {
    uint32_t struct_size, reserved;

    /* Makes a connection of a link kind a link. DUNLIN_E_DENIED for other kinds, DUNLIN_E_EXISTS
     * when it is one.  [shard of conn] */
    dunlin_status (*attach)(const dunlin_host *host, dunlin_conn *conn,
                            const dunlin_link_options *options, dunlin_link **out);
    /* Removes the link's subscriptions; no delivery follows. The connection stays.  [shard] */
    void (*detach)(const dunlin_host *host, dunlin_link *link);

    /* Adds interest, or sets the weight of interest the link has. On failure `*done` (may be
     * NULL) tells how many were taken.  [shard of the link] */
    dunlin_status (*subscribe)(const dunlin_host *host, dunlin_link *link,
                               const dunlin_remote_sub *subs, size_t n, size_t *done);
    /* Routes messages from the other server by the rules of the link's kind. On failure `*done`
     * tells how many were routed.  [shard of the link] */
    dunlin_status (*publish)(const dunlin_host *host, dunlin_link *link,
                             const dunlin_routed_msg *msgs, size_t n, size_t *done);

    /* [control] */
    dunlin_status (*observe)(const dunlin_host *host, const dunlin_interest_options *options,
                             dunlin_observer *out);
    /* Returns after the last on_change.  [control] */
    void (*unobserve)(const dunlin_host *host, dunlin_observer observer);

    /* The servers this one knows. A plugin sets those it learnt of; JetStream reads.  [control] */
    dunlin_status (*set_peer)(const dunlin_host *host, const dunlin_peer_info *peer);
    void (*remove_peer)(const dunlin_host *host, dunlin_str id);
    void (*each_peer)(const dunlin_host *host,
                      bool (*visit)(void *user, const dunlin_peer_info *peer), void *user);
} dunlin_links;

#ifdef __cplusplus
}
#endif
#endif
