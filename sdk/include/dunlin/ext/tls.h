/* dunlin.tls/1: the server's TLS, for a plugin that has sockets of its own.
 *
 * No socket is touched here: encrypted bytes go in and come out, and the plugin moves them. What a
 * plugin receives over dunlin.net/1 is decrypted already and needs none of this. A server without
 * TLS brings no TLS library into the process; the first context does.
 *
 * A session is used by one thread at a time. After every call on it `output` may have grown: the
 * handshake, tickets and alerts speak unasked. A plugin frees its sessions and contexts before its
 * `destroy` returns.
 */
#ifndef DUNLIN_EXT_TLS_H
#define DUNLIN_EXT_TLS_H

#include <dunlin/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DUNLIN_EXT_TLS "dunlin.tls/1"

typedef struct dunlin_tls_context dunlin_tls_context;
typedef struct dunlin_tls_session dunlin_tls_session;

/* Of a server: it shows this certificate and asks for none. */
typedef struct dunlin_tls_options {
    uint32_t   struct_size, reserved;
    dunlin_str cert_file, key_file; /* PEM; the certificate's chain follows it                 */
} dunlin_tls_options;

typedef struct dunlin_tls {
    uint32_t struct_size, reserved;

    /* Reads the files. DUNLIN_E_CONFIG names the one that cannot be used, or says why this server
     * has no TLS.  [any] */
    dunlin_status (*context_create)(const dunlin_host *host, const dunlin_tls_options *options,
                                    dunlin_tls_context **out, dunlin_error *err);
    /* Its sessions may live on.  [any] */
    void (*context_free)(const dunlin_host *host, dunlin_tls_context *context);

    /* For one connection.  [any] */
    dunlin_status (*session_create)(const dunlin_host *host, const dunlin_tls_context *context,
                                    dunlin_tls_session **out);
    void (*session_free)(const dunlin_host *host, dunlin_tls_session *session);

    /* Takes encrypted bytes from the peer, and goes on with the handshake. DUNLIN_E_IO when the
     * peer does not speak TLS properly: `reason` says how, and what is in `output` (an alert) may
     * still be sent.  [any] */
    dunlin_status (*feed)(const dunlin_host *host, dunlin_tls_session *session,
                          dunlin_bytes encrypted);
    /* Plain bytes. DUNLIN_E_AGAIN when more has to be fed first, DUNLIN_E_CLOSED after the peer's
     * goodbye, DUNLIN_E_IO as in `feed`. `room` is not 0.  [any] */
    dunlin_status (*read)(const dunlin_host *host, dunlin_tls_session *session, uint8_t *into,
                          size_t room, size_t *got);
    /* Seals all of it. DUNLIN_E_AGAIN before the handshake is complete, DUNLIN_E_CLOSED after
     * `close`.  [any] */
    dunlin_status (*write)(const dunlin_host *host, dunlin_tls_session *session,
                           dunlin_bytes plain);
    /* Says goodbye: the last that is put into `output`.  [any] */
    void (*close)(const dunlin_host *host, dunlin_tls_session *session);

    /* Bytes for the peer, borrowed until the next call on the session; and how many of them were
     * sent, which takes them away.  [any] */
    dunlin_bytes (*output)(const dunlin_host *host, const dunlin_tls_session *session);
    void (*sent)(const dunlin_host *host, dunlin_tls_session *session, size_t count);
    /* Of a failure; empty without.  [any] */
    dunlin_str (*reason)(const dunlin_host *host, const dunlin_tls_session *session);
} dunlin_tls;

#ifdef __cplusplus
}
#endif
#endif
