/* The binary contract between the server (the host) and a plugin.
 *
 * A plugin exports one function, which returns a constant descriptor, `dunlin_entry`. The host
 * calls the descriptor's `create` with a `dunlin_host`, and everything else is reached by asking
 * the host for named tables of functions ("extensions", see ext/). The smallest complete plugin:
 *
 *     #include <dunlin/abi.h>
 *
 *     static dunlin_status start(void *self, dunlin_error *err) { ... return DUNLIN_OK; }
 *     ...
 *     static dunlin_status create(const dunlin_host *host, const dunlin_plugin **out,
 *                                 dunlin_error *err) { ... }
 *
 *     DUNLIN_PLUGIN_ENTRY(hello, "com.example.hello", "1.0.0", "Says hello", "Apache-2.0",
 *                         DUNLIN_ENTRY_PLAIN, DUNLIN_PROVIDES_NONE, DUNLIN_NEEDS_NONE, create)
 *
 * Rules that hold everywhere:
 *
 *   Sizes      A struct that may grow begins with `struct_size`, written by whoever allocated it.
 *              A reader copies min(theirs, mine) into a zeroed struct of its own. A struct marked
 *              "frozen" travels in arrays and never changes. `reserved` is written as zero.
 *   Ownership  Nobody frees the other side's memory. Pointers in `dunlin_str` and `dunlin_bytes`
 *              are borrowed until the call returns. Lists are delivered through visitors.
 *   Failure    A call that can fail returns a `dunlin_status`; `err`, where there is one, may be
 *              NULL. No exception crosses, in either direction.
 *   Process    A plugin never forks, long-jumps, or changes signal handlers, the locale, the
 *              working directory or the umask. Time, files, randomness and threads come from the
 *              host, so that the server can run on simulated ones.
 *
 * Threads, as tags on every function:
 *
 *   [control]  One thread, serialised. May block briefly (at most a second).
 *   [shard]    A shard's event loop. Calls for one connection or subscription never overlap, for
 *              different ones they may. Never block; budget 100 microseconds.
 *   [worker]   A pool for blocking work.
 *   [any]      From everywhere, concurrently.
 *
 * A completion runs exactly once, and never from inside the call that queued it.
 */
#ifndef DUNLIN_ABI_H
#define DUNLIN_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of these headers. Until 1.0 the minor must match exactly; from then on a plugin
 * loads when the majors are equal and the host is not older than the plugin needs. */
#define DUNLIN_ABI_MAJOR 0
#define DUNLIN_ABI_MINOR 1
#define DUNLIN_ABI_MAKE(major, minor) (((uint32_t)(major) << 16) | (uint32_t)(minor))
#define DUNLIN_ABI_VERSION DUNLIN_ABI_MAKE(DUNLIN_ABI_MAJOR, DUNLIN_ABI_MINOR)
#define DUNLIN_ABI_MAJOR_OF(version) ((uint32_t)(version) >> 16)
#define DUNLIN_ABI_MINOR_OF(version) ((uint32_t)(version)&0xffffu)

/* The lowest version a plugin needs; define both before including to ask for less than the
 * headers it is compiled with. */
#ifndef DUNLIN_ABI_NEEDED_MAJOR
#define DUNLIN_ABI_NEEDED_MAJOR DUNLIN_ABI_MAJOR
#define DUNLIN_ABI_NEEDED_MINOR DUNLIN_ABI_MINOR
#endif

/* The exact build of the host these headers belong to. The build system of the SDK defines it;
 * only plugins that use draft tables depend on it. */
#ifndef DUNLIN_BUILD_ID
#define DUNLIN_BUILD_ID ""
#endif

/* ---- results ---------------------------------------------------------------------------- */

typedef int32_t dunlin_status;
#define DUNLIN_OK 0
#define DUNLIN_E_INVALID 1       /* an argument breaks the function's rules                  */
#define DUNLIN_E_NOT_FOUND 2
#define DUNLIN_E_EXISTS 3
#define DUNLIN_E_DENIED 4        /* permissions, ownership, a reserved name                  */
#define DUNLIN_E_UNSUPPORTED 5   /* this host or this build does not do that                 */
#define DUNLIN_E_LIMIT 6         /* a configured or built-in limit is reached                */
#define DUNLIN_E_CLOSED 7        /* the connection, listener or link is gone                 */
#define DUNLIN_E_CANCELLED 8
#define DUNLIN_E_TIMEOUT 9
#define DUNLIN_E_AGAIN 10        /* not now; try later                                       */
#define DUNLIN_E_CONFIG 11       /* the configuration is wrong; the text names the place     */
#define DUNLIN_E_IO 12
#define DUNLIN_E_NO_SPACE 13
#define DUNLIN_E_CORRUPT 14
#define DUNLIN_E_WRONG_THREAD 15 /* called from a thread the tag does not allow              */
#define DUNLIN_E_DROPPED 16      /* a completion was destroyed without being completed       */
#define DUNLIN_E_INTERNAL 17     /* a bug; the text says what was noticed                    */
#define DUNLIN_E_NO_RESPONDERS 18

/* Caller-allocated, 512 bytes. The reader of a failure gets one sentence: what failed, on what,
 * why, and what to do. `text` always ends with NUL. */
typedef struct dunlin_error {
    uint32_t struct_size;
    int32_t  status;   /* a dunlin_status                                                     */
    int32_t  os_error; /* errno, 0 when there is none                                         */
    uint32_t reserved;
    char     text[496];
} dunlin_error;

/* ---- borrowed data ----------------------------------------------------------------------- */

/* Frozen. UTF-8, not terminated; an absent string is {NULL, 0}. */
typedef struct dunlin_str {
    const char *data;
    size_t      size;
} dunlin_str;

/* Frozen. */
typedef struct dunlin_bytes {
    const uint8_t *data;
    size_t         size;
} dunlin_bytes;

/* Frozen. A password, token or key. It has no text form: never log, store or show the bytes. */
typedef struct dunlin_secret {
    dunlin_bytes reveal;
} dunlin_secret;

/* Host-owned, reference-counted memory; see router.h for retain and release. */
typedef struct dunlin_buf dunlin_buf;
/* Identities; what they are good for and how long is said where they are handed out. */
typedef struct dunlin_conn    dunlin_conn;
typedef struct dunlin_account dunlin_account;
typedef struct dunlin_config  dunlin_config;

/* Work handed to a thread, and the completion of asynchronous calls. */
typedef void (*dunlin_task)(void *user);
typedef void (*dunlin_done)(void *user, dunlin_status status, const dunlin_error *err);

/* Is `table` new enough to have `member`, and is it filled in? */
#define DUNLIN_HAS(table, member)                                             \
    ((table) != NULL &&                                                       \
     (size_t)((const char *)(&(table)->member + 1) - (const char *)(table)) <= \
         (size_t)(table)->struct_size &&                                      \
     (table)->member != NULL)

/* ---- host --------------------------------------------------------------------------------- */

/* One per plugin: the pointer is the plugin's identity in every call it makes. Valid from
 * `create` until `destroy` returned. */
typedef struct dunlin_host {
    uint32_t    struct_size;
    uint32_t    abi_version; /* what the host implements                                      */
    const char *product;     /* name and version, for logs only                               */
    const char *build_id;    /* exact build; draft extensions require equality                */

    /* The table of functions for `id` ("dunlin.log/1"), or NULL when the host has none or does
     * not hand it to this plugin. Valid until the plugin is destroyed.  [any] */
    const void *(*extension)(const struct dunlin_host *host, const char *id);
} dunlin_host;

/* ---- plugin ------------------------------------------------------------------------------- */

/* The instance `create` gives back. It belongs to the plugin and stays valid until `destroy`
 * returned. Members not marked optional are required.
 *
 * Order: create, configure, start, [reload...], drain, stop, destroy. After a failed configure
 * or start the next call is destroy; stop is called only after a start that succeeded. */
typedef struct dunlin_plugin {
    uint32_t struct_size, reserved;
    void    *self;

    /* Reads the plugin's section: `tree` is a table, empty when there is no section, and valid
     * until the call returns. Declares its keys first (config.h). Opens nothing yet: the same
     * call is used to check a file. To refuse, set `err`.  [control] */
    dunlin_status (*configure)(void *self, const dunlin_config *tree, dunlin_error *err);
    /* Opens listeners, registers endpoints, starts work. What it needs has started.  [control] */
    dunlin_status (*start)(void *self, dunlin_error *err);
    /* The server is about to stop: finish what can be finished before `deadline_ns` (monotonic
     * clock). Returns at once.  [control] */
    void (*drain)(void *self, uint64_t deadline_ns);
    /* Ends everything start began. No callback of the plugin runs after it.  [control] */
    void (*stop)(void *self);
    /* Releases everything.  [control] */
    void (*destroy)(void *self);

    /* Optional. Two steps, so that all plugins change together or none does.  [control] */
    dunlin_status (*reload_prepare)(void *self, const dunlin_config *tree, dunlin_error *err);
    void (*reload_finish)(void *self, bool commit);

    /* Optional. A table the plugin offers to the host or to others.  [any] */
    const void *(*extension)(void *self, const char *id);
} dunlin_plugin;

/* ---- descriptor --------------------------------------------------------------------------- */

#define DUNLIN_ENTRY_PLAIN 0
#define DUNLIN_ENTRY_DRAFT 1   /* uses draft tables: loads only in the build it was made for   */
#define DUNLIN_ENTRY_HOT_ADD 2 /* a configuration reload may add it                            */

#define DUNLIN_NEED_REQUIRED 0
#define DUNLIN_NEED_OPTIONAL 1

/* Frozen. Capabilities are "name/revision". A provider of one of several interchangeable
 * implementations appends its own word ("storage/1:file"); a need for "storage/1" is met by any. */
typedef struct dunlin_need {
    const char *capability;
    uint32_t    flags, reserved;
} dunlin_need;

typedef struct dunlin_entry {
    uint32_t           struct_size;
    uint32_t           abi_version_built;  /* header version at compile time                   */
    uint32_t           abi_version_needed; /* lowest version the plugin really needs           */
    uint32_t           flags;              /* DUNLIN_ENTRY_...                                 */
    const char        *id;                 /* "storage-file", "com.example.storage-s3"         */
    const char        *version;            /* the plugin's own semantic version                */
    const char        *summary;            /* one line for --list-plugins                      */
    const char        *license;            /* SPDX expression                                  */
    const char *const *provides;           /* NULL-ended capability ids                        */
    const dunlin_need *needs;              /* ended by an entry whose capability is NULL       */

    /* Must not call the host yet; on success writes the instance to *out.  [control] */
    dunlin_status (*create)(const dunlin_host *host, const dunlin_plugin **out,
                            dunlin_error *err);
} dunlin_entry;

/* The one exported symbol, and the section that repeats the descriptor as text so that the host
 * can refuse a file before it runs any of its code. */
typedef const dunlin_entry *(*dunlin_entry_fn)(void);
#define DUNLIN_ENTRY_SYMBOL "dunlin_plugin_v1"
#define DUNLIN_NOTE_SECTION ".dunlin.plugin"
#define DUNLIN_NOTE_MAGIC "dunlin-plugin-note 1\n"

#define DUNLIN_TEXT_OF_(x) #x
#define DUNLIN_TEXT_OF(x) DUNLIN_TEXT_OF_(x)
#define DUNLIN_JOIN_(a, b) a##b
#define DUNLIN_JOIN(a, b) DUNLIN_JOIN_(a, b)

/* A static build defines DUNLIN_STATIC_PLUGIN; its entries need names of their own. */
#ifdef DUNLIN_STATIC_PLUGIN
#define DUNLIN_ENTRY_NAME(name) DUNLIN_JOIN(dunlin_plugin_v1_, name)
#else
#define DUNLIN_ENTRY_NAME(name) dunlin_plugin_v1
#endif

#if defined(__has_attribute)
#if __has_attribute(retain)
#define DUNLIN_RETAIN_ , retain
#endif
#endif
#ifndef DUNLIN_RETAIN_
#define DUNLIN_RETAIN_
#endif
#define DUNLIN_NOTE_ATTRIBUTES \
    __attribute__((used DUNLIN_RETAIN_, section(DUNLIN_NOTE_SECTION), aligned(1)))
#ifdef __cplusplus
#define DUNLIN_EXPORT extern "C" __attribute__((visibility("default")))
#else
#define DUNLIN_EXPORT __attribute__((visibility("default")))
#endif

#define DUNLIN_ITEM_TEXT_(capability) capability,
#define DUNLIN_ITEM_NEED_(capability) {capability, DUNLIN_NEED_REQUIRED, 0},
#define DUNLIN_ITEM_WANT_(capability) {capability, DUNLIN_NEED_OPTIONAL, 0},
#define DUNLIN_NOTE_PROVIDES_(capability) "provides " capability "\n"
#define DUNLIN_NOTE_NEED_(capability) "need " capability "\n"
#define DUNLIN_NOTE_WANT_(capability) "want " capability "\n"

/* Lists for DUNLIN_PLUGIN_ENTRY are macros that apply their arguments:
 *
 *     #define MY_PROVIDES(item) item("com.example.audit/1")
 *     #define MY_NEEDS(need, want) need("jetstream/1") want("com.example.geo/1")
 */
#define DUNLIN_PROVIDES_NONE(item)
#define DUNLIN_NEEDS_NONE(need, want)

#define DUNLIN_NOTE_HEAD_(id, version, flags)                                               \
    DUNLIN_NOTE_MAGIC "id " id "\nversion " version "\n"                                    \
    "built " DUNLIN_TEXT_OF(DUNLIN_ABI_MAJOR) "." DUNLIN_TEXT_OF(DUNLIN_ABI_MINOR) "\n"     \
    "needed " DUNLIN_TEXT_OF(DUNLIN_ABI_NEEDED_MAJOR) "."                                   \
    DUNLIN_TEXT_OF(DUNLIN_ABI_NEEDED_MINOR) "\n"                                            \
    "flags " DUNLIN_TEXT_OF(flags) "\nbuild " DUNLIN_BUILD_ID "\n"

/* Declares a plugin: `name` is an identifier, texts are string literals. Used once, at file scope
 * of a C file; C++ has DUNLIN_PLUGIN in plugin.hpp. */
#define DUNLIN_PLUGIN_ENTRY(name, id_, version_, summary_, license_, flags_, provides_, needs_, \
                            create_)                                                        \
    DUNLIN_NOTE_ATTRIBUTES static const char DUNLIN_JOIN(dunlin_note_, name)[] =            \
        DUNLIN_NOTE_HEAD_(id_, version_, flags_) provides_(DUNLIN_NOTE_PROVIDES_)           \
            needs_(DUNLIN_NOTE_NEED_, DUNLIN_NOTE_WANT_) "end\n";                           \
    static const char *const DUNLIN_JOIN(dunlin_provides_, name)[] = {                      \
        provides_(DUNLIN_ITEM_TEXT_) NULL};                                                 \
    static const dunlin_need DUNLIN_JOIN(dunlin_needs_, name)[] = {                         \
        needs_(DUNLIN_ITEM_NEED_, DUNLIN_ITEM_WANT_){NULL, 0, 0}};                          \
    static const dunlin_entry DUNLIN_JOIN(dunlin_entry_, name) = {                          \
        (uint32_t)sizeof(dunlin_entry),                                                     \
        DUNLIN_ABI_VERSION,                                                                 \
        DUNLIN_ABI_MAKE(DUNLIN_ABI_NEEDED_MAJOR, DUNLIN_ABI_NEEDED_MINOR),                  \
        flags_,                                                                             \
        id_,                                                                                \
        version_,                                                                           \
        summary_,                                                                           \
        license_,                                                                           \
        DUNLIN_JOIN(dunlin_provides_, name),                                                \
        DUNLIN_JOIN(dunlin_needs_, name),                                                   \
        create_};                                                                           \
    DUNLIN_EXPORT const dunlin_entry *DUNLIN_ENTRY_NAME(name)(void);                        \
    const dunlin_entry *DUNLIN_ENTRY_NAME(name)(void) { return &DUNLIN_JOIN(dunlin_entry_, name); }

#ifdef __cplusplus
}
#endif
#endif
