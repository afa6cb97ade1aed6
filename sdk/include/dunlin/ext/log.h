/* dunlin.log/1: the server's log.
 *
 * The host adds the time, the plugin's id and, when given, the account and the connection. Text
 * is one line of UTF-8; control characters are replaced. Secrets never belong in it.
 */
#ifndef DUNLIN_EXT_LOG_H
#define DUNLIN_EXT_LOG_H

#include <dunlin/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DUNLIN_EXT_LOG "dunlin.log/1"

#define DUNLIN_LOG_FATAL 0u
#define DUNLIN_LOG_ERROR 1u
#define DUNLIN_LOG_WARNING 2u
#define DUNLIN_LOG_INFO 3u
#define DUNLIN_LOG_DEBUG 4u
#define DUNLIN_LOG_TRACE 5u
#define DUNLIN_LOG_HOST_MISBEHAVING 16u   /* the host broke this contract; logged as an error   */
#define DUNLIN_LOG_PLUGIN_MISBEHAVING 17u /* this or another plugin did                         */
/* Added to a level: the line stands without the plugin's id, for lines that tools wait for.    */
#define DUNLIN_LOG_BARE 0x100u

#define DUNLIN_FIELD_TEXT 0u
#define DUNLIN_FIELD_INTEGER 1u

/* Frozen. Rendered as name=value behind the text. */
typedef struct dunlin_log_field {
    dunlin_str name;
    uint32_t   type, reserved; /* DUNLIN_FIELD_...                                              */
    dunlin_str text;
    int64_t    integer;
} dunlin_log_field;

typedef struct dunlin_log {
    uint32_t struct_size, reserved;

    /* Would a line of this level be written? Cheap; ask before composing one.  [any] */
    bool (*enabled)(const dunlin_host *host, uint32_t level);

    /* Writes one line. `account` and `conn` may be NULL.  [any] */
    void (*write)(const dunlin_host *host, uint32_t level, dunlin_account *account,
                  dunlin_conn *conn, const dunlin_log_field *fields, size_t n, dunlin_str text);
} dunlin_log;

#ifdef __cplusplus
}
#endif
#endif
