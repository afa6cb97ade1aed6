/* dunlin.net/1: sockets. The host owns them, with TLS, limits, timeouts and listings; a plugin
 * parses decrypted bytes and writes replies.
 *
 *     listen / connect            [control]
 *         |  accepted, or connected; TLS done unless the protocol starts it itself
 *     protocol.open               [shard]  the connection's shard, for its whole life
 *     protocol.bytes ...          [shard]  returns what it consumed; the host keeps the rest
 *     authenticate -> bind        [shard]  asynchronous: credentials may be checked elsewhere
 *     protocol.bytes, tick ...
 *     protocol.close              [shard]  last call; the dunlin_conn is invalid afterwards
 *
 * Input: a protocol that neither consumes nor shuts while the buffer holds `input_bytes_max` is
 * closed by the host. Before authentication `preauth_bytes_max` bounds all the input together,
 * consumed or not: a peer that sends more is closed, or, while credentials are being checked, not
 * read from. Kind, TLS requirement and account are checked by the host before the first byte
 * reaches a protocol.
 *
 * TLS: the host makes the handshake and verifies the peer, as the tls table says. Who demands a
 * handshake before the first byte (`handshake_first` in that table) asks for DUNLIN_TLS_FIRST.
 *
 * Unless said otherwise, functions on a connection are called on its shard, and a connection that
 * is already shut answers DUNLIN_E_CLOSED.
 */
#ifndef DUNLIN_EXT_NET_H
#define DUNLIN_EXT_NET_H

#include <dunlin/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DUNLIN_EXT_NET "dunlin.net/1"

/* Who is at the other end; decides delivery rules. The numbers appear in trace events. */
#define DUNLIN_KIND_CLIENT 0u
#define DUNLIN_KIND_ROUTER 1u
#define DUNLIN_KIND_GATEWAY 2u
#define DUNLIN_KIND_SYSTEM 3u
#define DUNLIN_KIND_LEAF 4u
#define DUNLIN_KIND_JETSTREAM 5u
#define DUNLIN_KIND_ACCOUNT 6u

typedef struct dunlin_protocol {
    uint32_t    struct_size, reserved;
    const char *name; /* "mqtt": shown by connection listings                                  */

    /* A connection is there. `user` is the listener's or connector's. Returns the state passed to
     * the others; NULL refuses the connection.  [shard] */
    void *(*open)(void *user, dunlin_conn *conn);
    /* Returns the bytes consumed, at most in.size. After a shut it is not called again.  [shard] */
    size_t (*bytes)(void *state, dunlin_conn *conn, dunlin_bytes in);
    /* Optional. At the interval set by set_tick.  [shard] */
    void (*tick)(void *state, dunlin_conn *conn, uint64_t now_ns);
    /* Last call for this state, exactly once after a successful open. `why` is DUNLIN_OK for an
     * orderly end by this side.  [shard] */
    void (*close)(void *state, dunlin_conn *conn, dunlin_status why);
    /* Optional. The server goes into lame duck mode or stops at `deadline_ns`.  [shard] */
    void (*drain)(void *state, dunlin_conn *conn, uint64_t deadline_ns);
    /* Optional. Output fell below the host's low mark after write answered
     * DUNLIN_E_AGAIN.  [shard] */
    void (*writable)(void *state, dunlin_conn *conn);
} dunlin_protocol;

#define DUNLIN_TLS_NONE 0u
#define DUNLIN_TLS_FIRST 1u       /* before the protocol sees a byte                            */
#define DUNLIN_TLS_BY_PROTOCOL 2u /* the protocol calls start_tls                               */

typedef struct dunlin_listener_options {
    uint32_t               struct_size;
    uint32_t               kind; /* DUNLIN_KIND_CLIENT, _ROUTER, _GATEWAY or _LEAF             */
    dunlin_str             name; /* for the log: "mqtt"                                        */
    dunlin_str             address;
    uint16_t               port; /* 0 for any free one                                         */
    uint16_t               reserved16;
    uint32_t               tls_mode; /* DUNLIN_TLS_...                                         */
    const dunlin_config   *tls;      /* a DUNLIN_KEY_TLS table; NULL without TLS               */
    const dunlin_protocol *protocol; /* stays valid until unlisten completed                   */
    void                  *user;
    uint64_t connections_max;   /* 0 for the server's own                                      */
    uint64_t input_bytes_max;   /* largest unconsumed input; 0 for the server's own            */
    uint64_t preauth_bytes_max; /* all input before authentication; at most 64 KiB             */
    uint64_t pending_bytes_max; /* output; 0 for the server's own                              */
    uint64_t auth_timeout_ns;   /* 0 for the server's own                                      */
    uint64_t write_deadline_ns; /* 0 for the server's own                                      */
} dunlin_listener_options;

typedef uint64_t dunlin_listener;  /* 0 is none */
typedef uint64_t dunlin_connector; /* 0 is none */

#define DUNLIN_CONNECT_CONNECTED 1u
#define DUNLIN_CONNECT_FAILED 2u /* this attempt; the next follows after the delay              */
#define DUNLIN_CONNECT_LOST 3u   /* a connection that was open has closed                       */
#define DUNLIN_CONNECT_ENDED 4u  /* attempts are used up                                        */

/* `err` is NULL for DUNLIN_CONNECT_CONNECTED.  [control] */
typedef void (*dunlin_on_connect)(void *user, dunlin_connector connector, uint32_t event,
                                  dunlin_str address, const dunlin_error *err);

typedef struct dunlin_connect_options {
    uint32_t               struct_size;
    uint32_t               kind;
    dunlin_str             name;
    const dunlin_str      *addresses; /* "host:port", tried in turn                            */
    size_t                 address_count;
    uint32_t               tls_mode, attempts_max; /* attempts in a row; 0 for no end          */
    const dunlin_config   *tls;        /* NULL for the defaults                                */
    const dunlin_protocol *protocol;
    void                  *user;       /* of the protocol                                      */
    dunlin_on_connect      on_connect; /* may be NULL                                          */
    void                  *on_connect_user;
    uint64_t               connect_timeout_ns;
    uint64_t               retry_delay_ns, retry_delay_max_ns; /* doubles up to the maximum    */
    uint64_t               retry_jitter_ns;
    uint64_t               input_bytes_max, pending_bytes_max, write_deadline_ns;
    dunlin_str             tls_server_name; /* of the certificate; empty: the address's host   */
} dunlin_connect_options;

/* What the other end presented. Empty where it did not. */
typedef struct dunlin_credentials {
    uint32_t      struct_size;
    uint32_t      kind; /* DUNLIN_KIND_...                                                     */
    dunlin_str    type; /* "nats", "mqtt", "websocket"                                         */
    dunlin_str    user;
    dunlin_secret password, token;
    dunlin_str    nkey, signature, jwt, nonce;
    dunlin_str    name, lang, version; /* shown by listings                                    */
} dunlin_credentials;

/* On success the connection has a user and an account.  [shard of the connection] */
typedef void (*dunlin_on_auth)(void *state, dunlin_conn *conn, dunlin_status status,
                               dunlin_account *account);

/* Valid until the next call into the plugin for this connection returns. */
typedef struct dunlin_peer {
    uint32_t   struct_size;
    uint16_t   port, local_port;
    dunlin_str address, local_address;
    dunlin_str tls_version, tls_cipher; /* empty without TLS                                   */
    dunlin_str tls_subject;             /* distinguished name of a verified certificate        */
    uint32_t   outbound;                /* 1 when this side connected                          */
    uint32_t   reserved;
} dunlin_peer;

/* Frozen. With `owner` the host keeps a reference instead of a copy, if that is cheaper. */
typedef struct dunlin_part {
    dunlin_bytes bytes;
    dunlin_buf  *owner;
} dunlin_part;

typedef struct dunlin_net {
    uint32_t struct_size, reserved;

    /* DUNLIN_E_IO with the reason when the address cannot be bound.  [control] */
    dunlin_status (*listen)(const dunlin_host *host, const dunlin_listener_options *options,
                            dunlin_listener *out, dunlin_error *err);
    /* The bound port.  [any] */
    uint16_t (*listener_port)(const dunlin_host *host, dunlin_listener listener);
    /* Stops accepting and closes its connections; returns after the last close.  [control] */
    void (*unlisten)(const dunlin_host *host, dunlin_listener listener);
    /* The same; `done` (may be NULL) runs on control.  [any] */
    void (*unlisten_async)(const dunlin_host *host, dunlin_listener listener, dunlin_task done,
                           void *user);

    /* Connects, and connects again whenever the connection is lost, until disconnect. Names are
     * resolved by the host. Succeeds at once; outcomes go to on_connect.  [control] */
    dunlin_status (*connect)(const dunlin_host *host, const dunlin_connect_options *options,
                             dunlin_connector *out, dunlin_error *err);
    /* Returns after the connection's close and the last on_connect.  [control] */
    void (*disconnect)(const dunlin_host *host, dunlin_connector connector);

    /* ---- a connection ---- */

    /* Unique in the process.  [any] */
    uint64_t (*id)(const dunlin_host *host, dunlin_conn *conn);
    uint32_t (*kind)(const dunlin_host *host, dunlin_conn *conn);  /* [any] */
    uint32_t (*shard)(const dunlin_host *host, dunlin_conn *conn); /* [any] */
    dunlin_status (*peer)(const dunlin_host *host, dunlin_conn *conn, dunlin_peer *out);

    /* Queues the parts in order; they leave at the end of the loop turn. Past pending_bytes_max
     * the connection is closed as a slow consumer. DUNLIN_E_AGAIN: queued, but pause until
     * `writable`.  [shard] */
    dunlin_status (*write)(const dunlin_host *host, dunlin_conn *conn, const dunlin_part *parts,
                           size_t n);
    /* Writes a message to the connection's user: first tests the deny rules of the user on
     * `subject` (DUNLIN_E_DENIED: nothing was written) and counts the message. The only way a
     * message reaches a user, live or replayed.  [shard] */
    dunlin_status (*deliver)(const dunlin_host *host, dunlin_conn *conn, dunlin_str subject,
                             const dunlin_part *parts, size_t n);
    /* Counts a message received, for listings.  [shard] */
    void (*count_in)(const dunlin_host *host, dunlin_conn *conn, uint64_t msgs, uint64_t bytes);

    /* Starts TLS on a connection of DUNLIN_TLS_BY_PROTOCOL; what was queued before leaves in
     * clear. The next `bytes` is decrypted.  [shard] */
    dunlin_status (*start_tls)(const dunlin_host *host, dunlin_conn *conn);

    /* Checks the credentials; on_auth runs later, exactly once unless the connection closes
     * first. After a failure the plugin says so in its protocol and shuts.  [shard] */
    dunlin_status (*authenticate)(const dunlin_host *host, dunlin_conn *conn,
                                  const dunlin_credentials *credentials, dunlin_on_auth on_auth,
                                  void *state);
    /* Binds a connection that needs no credentials (an outbound link) to an account, without a
     * user. DUNLIN_E_DENIED for clients.  [shard] */
    dunlin_status (*bind_account)(const dunlin_host *host, dunlin_conn *conn,
                                  dunlin_account *account);
    /* NULL before authentication.  [shard] */
    dunlin_account *(*account)(const dunlin_host *host, dunlin_conn *conn);
    /* May its user publish to, or subscribe to, this subject?  [shard] */
    bool (*may_publish)(const dunlin_host *host, dunlin_conn *conn, dunlin_str subject);
    bool (*may_subscribe)(const dunlin_host *host, dunlin_conn *conn, dunlin_str subject,
                          dunlin_str queue);

    /* For listings: the client's own name, and so on.  [shard] */
    void (*describe)(const dunlin_host *host, dunlin_conn *conn, dunlin_str name, dunlin_str lang,
                     dunlin_str version);
    /* Calls protocol.tick every `interval_ns`; 0 stops it.  [shard] */
    void (*set_tick)(const dunlin_host *host, dunlin_conn *conn, uint64_t interval_ns);
    /* Stops and continues reading.  [shard] */
    void (*pause)(const dunlin_host *host, dunlin_conn *conn);
    void (*resume)(const dunlin_host *host, dunlin_conn *conn);
    /* Ends the connection after what is queued was sent (or the write deadline). `reason` is
     * shown by closed-connection listings. `close` follows, not from inside this call.  [shard] */
    void (*shut)(const dunlin_host *host, dunlin_conn *conn, dunlin_status why,
                 dunlin_str reason);
} dunlin_net;

#ifdef __cplusplus
}
#endif
#endif
