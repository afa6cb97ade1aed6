/* dunlin.http/1: endpoints under the monitoring listener.
 *
 * Any plugin registers endpoints; the plugin that owns the listener (monitoring) enumerates and
 * dispatches. Without such a plugin registering succeeds and nothing is served. An endpoint
 * exists from its registration until it is removed or its plugin stops.
 */
#ifndef DUNLIN_EXT_HTTP_H
#define DUNLIN_EXT_HTTP_H

#include <dunlin/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DUNLIN_EXT_HTTP "dunlin.http/1"

#define DUNLIN_HTTP_BODY_MAX 1048576u

/* Who may ask. The dispatcher decides which scope a request has. */
#define DUNLIN_SCOPE_PUBLIC 0u  /* health probes                                               */
#define DUNLIN_SCOPE_MONITOR 1u /* read-only state of the server                               */
#define DUNLIN_SCOPE_ADMIN 2u   /* changes something                                           */

/* Frozen. */
typedef struct dunlin_http_header {
    dunlin_str name, value;
} dunlin_http_header;

/* Valid until the handler returns. */
typedef struct dunlin_http_request {
    uint32_t                  struct_size;
    uint32_t                  scope;  /* the highest the requester has                         */
    dunlin_str                method; /* "GET"                                                 */
    dunlin_str                path;   /* without base path and query                           */
    dunlin_str                query;  /* behind the "?", still encoded                         */
    dunlin_str                remote; /* address of the requester                              */
    dunlin_bytes              body;
    const dunlin_http_header *headers;
    size_t                    header_count;
} dunlin_http_request;

typedef struct dunlin_http_response {
    uint32_t                  struct_size;
    uint32_t                  status; /* 200                                                   */
    dunlin_str                content_type;
    dunlin_bytes              body;
    const dunlin_http_header *headers; /* further ones                                         */
    size_t                    header_count;
} dunlin_http_response;

/* One request being answered. Valid until respond() was called for it. */
typedef struct dunlin_http_exchange dunlin_http_exchange;

/* Answers with http->respond, at once or later, exactly once.  [control] */
typedef void (*dunlin_http_handler)(void *user, const dunlin_http_request *request,
                                    dunlin_http_exchange *exchange);
/* Runs on control; the response is valid until it returns. */
typedef void (*dunlin_http_answer)(void *user, const dunlin_http_response *response);

typedef struct dunlin_endpoint {
    uint32_t            struct_size;
    uint32_t            scope;   /* the lowest that may ask                                    */
    dunlin_str          path;    /* "/varz": absolute, no trailing slash except "/" itself     */
    dunlin_str          summary; /* one line for an index page; empty hides it there           */
    dunlin_http_handler handler;
    void               *user;
} dunlin_endpoint;

typedef struct dunlin_http {
    uint32_t struct_size, reserved;

    /* DUNLIN_E_EXISTS when the path is taken.  [control] */
    dunlin_status (*endpoint)(const dunlin_host *host, const dunlin_endpoint *endpoint);
    /* [control] */
    void (*remove)(const dunlin_host *host, dunlin_str path);
    /* Ends the exchange; the response is copied.  [any] */
    void (*respond)(const dunlin_host *host, dunlin_http_exchange *exchange,
                    const dunlin_http_response *response);

    /* For the owner of the listener. All endpoints by path; stops when `visit` returns false.
     * [control] */
    void (*each)(const dunlin_host *host,
                 bool (*visit)(void *user, dunlin_str plugin, const dunlin_endpoint *endpoint),
                 void *user);
    /* For the owner of the listener. DUNLIN_E_NOT_FOUND for an unknown path, DUNLIN_E_DENIED when
     * the request's scope is too low; then `answer` is not called. Otherwise it is called once;
     * a plugin that stops first is answered for with 503.  [control] */
    dunlin_status (*dispatch)(const dunlin_host *host, const dunlin_http_request *request,
                              dunlin_http_answer answer, void *user);
} dunlin_http;

#ifdef __cplusplus
}
#endif
#endif
