/* dunlin.router/1: publishing and subscribing inside the server.
 *
 * The host validates every subject that crosses, removes headers only the server may write, and
 * applies the permissions of the connection a call is made for. A plugin cannot reach a subject
 * its user may not reach.
 *
 * Messages travel in batches: one call, or one callback, for many.
 */
#ifndef DUNLIN_EXT_ROUTER_H
#define DUNLIN_EXT_ROUTER_H

#include <dunlin/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DUNLIN_EXT_ROUTER "dunlin.router/1"

#define DUNLIN_SUBJECT_MAX 4096u /* bytes                                                      */

#define DUNLIN_MSG_NO_ECHO 1u /* the origin's own subscriptions do not get it                  */

/* Frozen. In deliveries `header` (the whole "NATS/1.0..." block) and `payload` point into
 * `owner`; when publishing, `owner` may be NULL and the host copies what it needs. */
typedef struct dunlin_msg {
    dunlin_str   subject, reply;
    dunlin_bytes header, payload;
    dunlin_buf  *owner;  /* retain it to keep header and payload past the callback             */
    uint64_t     origin; /* connection id, 0 for internal                                      */
    uint32_t     flags;  /* DUNLIN_MSG_...                                                     */
    uint32_t     reserved;
} dunlin_msg;

/* `n` messages in order, at least one. `user` is the subscription's.  [shard], or [worker] with
 * DUNLIN_SUB_ON_WORKER. Calls for one subscription never overlap. */
typedef void (*dunlin_on_msgs)(void *user, const dunlin_msg *msgs, size_t n);

#define DUNLIN_SUB_ON_WORKER 1u /* deliver on a worker; messages are queued meanwhile           */
#define DUNLIN_SUB_NO_LINKS 2u  /* interest is not announced to other servers                   */

typedef struct dunlin_sub_options {
    uint32_t    struct_size;
    uint32_t    flags; /* DUNLIN_SUB_...                                                       */
    /* Deliver on this shard, or DUNLIN_SHARD_NONE: on whichever shard publishes. With a
     * connection it is the connection's shard, whatever stands here. */
    uint32_t    home_shard, reserved;
    dunlin_str  subject, queue;  /* queue is empty for a plain subscription                    */
    dunlin_str  sid;             /* shown by listings; may be empty                            */
    uint64_t    messages_max;    /* ends itself after that many; 0 for none                    */
} dunlin_sub_options;

typedef uint64_t dunlin_sub_id;     /* 0 is none */
typedef uint64_t dunlin_request_id; /* 0 is none */

/* `reply` is NULL unless `status` is DUNLIN_OK. */
typedef void (*dunlin_on_reply)(void *user, dunlin_status status, const dunlin_msg *reply);

typedef struct dunlin_router {
    uint32_t struct_size, reserved;

    /* Routes `n` messages in order. `on_behalf_of` may be NULL for the plugin itself; otherwise
     * that connection's permissions apply and the caller is on its shard. On failure `*done` (may
     * be NULL) tells how many were routed: DUNLIN_E_INVALID, DUNLIN_E_DENIED, DUNLIN_E_LIMIT for
     * a payload above the maximum.  [any; with a connection: its shard] */
    dunlin_status (*publish)(const dunlin_host *host, dunlin_account *account,
                             dunlin_conn *on_behalf_of, const dunlin_msg *msgs, size_t n,
                             size_t *done);

    /* DUNLIN_E_INVALID, DUNLIN_E_DENIED, DUNLIN_E_LIMIT. Interest exists when it returned. With a
     * connection the subscription ends with it, and deliveries to it have passed its deny rules.
     * [any; with a connection: its shard] */
    dunlin_status (*subscribe)(const dunlin_host *host, dunlin_account *account,
                               dunlin_conn *on_behalf_of, const dunlin_sub_options *options,
                               dunlin_on_msgs on_msgs, void *user, dunlin_sub_id *out);

    /* Returns after the last callback has finished. Unknown ids are ignored.
     * [control, worker] */
    void (*unsubscribe)(const dunlin_host *host, dunlin_sub_id sub);
    /* `done` (may be NULL) runs where deliveries ran, after the last of them.  [any] */
    void (*unsubscribe_async)(const dunlin_host *host, dunlin_sub_id sub, dunlin_task done,
                              void *user);

    /* One reply, or DUNLIN_E_TIMEOUT, DUNLIN_E_NO_RESPONDERS, DUNLIN_E_CANCELLED; always exactly
     * one call, on control.  `message->reply` is ignored.  [any] */
    dunlin_status (*request)(const dunlin_host *host, dunlin_account *account,
                             const dunlin_msg *message, uint64_t timeout_ns,
                             dunlin_on_reply on_reply, void *user, dunlin_request_id *out);
    void (*request_cancel)(const dunlin_host *host, dunlin_request_id request); /* [any] */

    /* Would a message on this literal subject reach anyone?  [any] */
    bool (*interest)(const dunlin_host *host, dunlin_account *account, dunlin_str subject);

    /* Reserves every subject below `prefix` ("$MQTT.") for this plugin: clients can neither
     * publish nor subscribe there, whatever their permissions say. DUNLIN_E_EXISTS when another
     * plugin has it.  [control] */
    dunlin_status (*reserve_prefix)(const dunlin_host *host, dunlin_str prefix);

    /* Copies `parts` into one new buffer, which the caller must release. `*view` is its content.
     * [any] */
    dunlin_status (*buf_create)(const dunlin_host *host, const dunlin_bytes *parts, size_t n,
                                dunlin_buf **out, dunlin_bytes *view);
    void (*retain)(dunlin_buf *buf);  /* [any] */
    void (*release)(dunlin_buf *buf); /* [any] */
} dunlin_router;

#ifdef __cplusplus
}
#endif
#endif
