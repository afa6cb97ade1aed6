/* storage/1: what a storage backend implements.
 *
 * A backend keeps stores; a store keeps logs and small blobs of metadata. A log is an ordered
 * sequence of records: the messages of a stream, the entries of a raft log, a journal. Retention
 * policy, limits, consumers, de-duplication and raft stay with the caller: a backend stores, finds
 * and forgets what it is told to.
 *
 * A backend offers a `dunlin_storage` under "storage/1:WORD" (registry.h), where WORD is what
 * operators write as the storage of a stream ("file", "memory").
 *
 * ---- Promises -----------------------------------------------------------------------------
 *
 *   S1 Durable means durable. Once a `sync` completed with DUNLIN_OK, everything accepted before
 *      it was called - records, gaps, removals, purges, truncations - is there after a power cut.
 *      `durable_seq` never moves backwards, except by `truncate`.
 *   S2 Order and prefix. After a crash the log is what some prefix of the accepted changes made
 *      it, at least as long as what was synced. Never a hole that was not recorded as a gap.
 *   S3 No invented data. A damaged record is reported as DUNLIN_E_CORRUPT with its sequence, never
 *      returned, never silently skipped. Loss found at open is reported through `verify` and
 *      `event`; the backend does not delete what it cannot read.
 *   S4 A failed sync is final. After DUNLIN_E_IO from `sync` the log refuses changes until it was
 *      closed and opened again; it does not retry and report success.
 *   S5 Atomic metadata. All items of one `put_meta` are there after a crash, or none is.
 *   S6 Reads see appends. A record is readable once its `append` returned, before it is durable.
 *   S7 Bounded memory. Memory is a function of the configured caches, not of the number of
 *      records. A backend in memory says so with DUNLIN_STORE_VOLATILE.
 *   S8 Feature honesty. What a backend does not do answers DUNLIN_E_UNSUPPORTED, and its flag in
 *      `features` is not set. No approximate answers.
 *   S9 Atomic groups. The records of one append with DUNLIN_APPEND_ATOMIC are accepted together
 *      or not at all, and become readable at one moment; after a crash all of them are there or
 *      none. Damage is another matter: it costs the records it hits (S3).
 *
 * ---- Threads and completions --------------------------------------------------------------
 *
 * Functions of a storage and of a store are [control, worker] and may block, except `put_meta`,
 * which is [any] and does not. Functions of one log are called by one thread at a
 * time (the caller serialises them) and never block on a disk. Completions, visits and events of a
 * log come on the thread named when it was opened; nothing of a log is called after its `close`
 * completed.
 *
 * `sync`, `verify` and `put_meta` end with their `done`, exactly once, when they answered
 * DUNLIN_OK; with anything else they were refused and `done` is not called. `close` always ends
 * with `done`.
 *
 * Questions ("queries") carry their visitor and their completion. A query answers
 *   DUNLIN_OK       all was in memory: visits and results are complete, `done` will not be called;
 *   DUNLIN_E_AGAIN  the disk is needed: visits come later, then `done`, exactly once;
 *   anything else   it failed, and `done` will not be called.
 * The query struct is copied; what it points to (filters, sequences) must stay until the end.
 * A query that was queued sees changes made before it was called, and may see later ones. One call
 * of `visit` never sees half a change. Visitors must not call the log, except for `visit` returning
 * false to stop.
 *
 * ---- Cost ---------------------------------------------------------------------------------
 *
 * n records, s subjects, g pieces (segments, blocks, ...) of the log on the disk, m matches. These
 * are upper bounds that callers rely on; none of them may hide a pass over all records.
 *
 * Filters are NATS subjects with `*` and `>`. No filter means every record.
 */
#ifndef DUNLIN_EXT_STORAGE_H
#define DUNLIN_EXT_STORAGE_H

#include <dunlin/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DUNLIN_EXT_STORAGE "storage/1"

/* ---- records ------------------------------------------------------------------------------ */

#define DUNLIN_RECORD_GAP 1u   /* the sequence was skipped or deleted: no subject, no content   */
#define DUNLIN_RECORD_MAX 67108864u /* bytes of subject, header and payload together            */
#define DUNLIN_RECORD_SUBJECT_MAX 65535u /* bytes of a subject; DUNLIN_E_INVALID beyond     */

/* Frozen: travels in arrays. */
typedef struct dunlin_record {
    uint64_t     seq;        /* assigned by the caller: the log's last + 1                     */
    int64_t      time_ns;    /* wall clock, never before the record in front of it             */
    int64_t      expires_ns; /* wall clock; 0 for never: enters the expiry index               */
    int64_t      due_ns;     /* wall clock; 0 for none: enters the schedule index              */
    dunlin_str   subject;    /* literal; empty only in logs without subjects                   */
    dunlin_bytes header, payload;
    uint32_t     flags, reserved;
} dunlin_record;

/* Frozen. The live records of one subject; count 0 means there are none. */
typedef struct dunlin_span {
    uint64_t count, first, last;
} dunlin_span;

/* Frozen. Consecutive sequences. */
typedef struct dunlin_range {
    uint64_t first, count;
} dunlin_range;

/* ---- what a log is ------------------------------------------------------------------------ */

typedef struct dunlin_log_state {
    uint32_t struct_size, reserved;
    uint64_t first_seq;     /* oldest live record; last_seq + 1 when there is none             */
    uint64_t last_seq;      /* 0 in a new log; what the log was opened with minus 1            */
    int64_t  first_time_ns; /* 0 when there is no live record                                  */
    int64_t  last_time_ns;  /* of the newest record ever, live or not                          */
    uint64_t records;       /* live                                                            */
    uint64_t bytes;         /* of live records, each subject + header + payload + the costs of
                             * dunlin_storage                                                  */
    uint64_t deleted;       /* sequences between first and last that are not live              */
    uint64_t subjects;      /* with at least one live record. Of a subject that is not in memory a
                             * change counts a moment later, once a worker has looked it up; a
                             * `count` of all with DUNLIN_COUNT_LAST is exact at once           */
    uint64_t durable_seq;   /* highest sequence known to survive a power cut                   */
    uint64_t damaged;       /* sequences known to be unreadable; they count as live            */
    uint64_t disk_bytes;    /* what the log occupies, free space inside it included            */
    uint64_t memory_bytes;  /* what the log keeps in memory now                                */
} dunlin_log_state;

/* Something the caller did not ask for. */
#define DUNLIN_LOG_DAMAGED 1u    /* first..last are unreadable; `text` names file and place     */
#define DUNLIN_LOG_POISONED 2u   /* a sync failed (S4)                                          */
#define DUNLIN_LOG_FULL 3u       /* no space for records; removals still work                   */
#define DUNLIN_LOG_RESUMED 4u    /* there is space again                                        */
#define DUNLIN_LOG_ROOM 5u       /* after an append that was cut short: there is room again     */

typedef struct dunlin_log_event {
    uint32_t   struct_size;
    uint32_t   kind; /* DUNLIN_LOG_...                                                          */
    uint64_t   first, last;
    dunlin_str text;
} dunlin_log_event;

/* ---- queries ------------------------------------------------------------------------------ */

#define DUNLIN_READ_BACKWARD 1u /* from `to` down to `from`                                     */
#define DUNLIN_READ_BARE 2u     /* header and payload are not wanted and come empty             */
#define DUNLIN_READ_GAPS 4u     /* gaps between first_seq and last_seq are visited too, one record
                                 * for each run, cut to the range: seq is its first sequence,
                                 * time_ns its length                                           */

/* How a read ended. */
#define DUNLIN_READ_END 1u     /* nothing more in the range                                    */
#define DUNLIN_READ_LIMIT 2u   /* records_max or bytes_max                                     */
#define DUNLIN_READ_STOPPED 3u /* `visit` returned false                                       */

typedef struct dunlin_read_end {
    uint32_t struct_size;
    uint32_t why;    /* DUNLIN_READ_...                                                        */
    uint64_t next;   /* go on here: one past (BACKWARD: before) the last record looked at; after
                      * DUNLIN_READ_END of a forward read max(from, last_seq + 1) or `to` + 1;
                      * with DUNLIN_E_CORRUPT or DUNLIN_E_IO the sequence that cannot be read  */
    uint64_t visits;
} dunlin_read_end;

/* A record is valid until `visit` returns. */
typedef bool (*dunlin_visit_record)(void *user, const dunlin_record *record);
typedef void (*dunlin_read_done)(void *user, dunlin_status status, const dunlin_read_end *end,
                                 const dunlin_error *err);

/* Records in sequence order. One record: from = to. The next that matches: `from`, filters,
 * records_max 1. The newest of a subject: BACKWARD, to = UINT64_MAX, one filter, records_max 1.
 * Cost O(log n) to begin, then O(1) a record without filters; with filters O(log n) a match plus
 * O(f) a filter, never a pass over what does not match, however rare the subject.
 * DUNLIN_E_CORRUPT stops in front of a damaged record, DUNLIN_E_IO in front of one that the disk
 * could not read this time: `next` names it, go on behind it. */
typedef struct dunlin_read {
    uint32_t            struct_size, flags;
    uint64_t            from, to;      /* inclusive; UINT64_MAX for the end                    */
    const dunlin_str   *filters;       /* a record matching any of them is visited once        */
    size_t              filter_count;
    const uint64_t     *seqs;          /* instead of a range: these, ascending; others of them
                                        * that are not live are passed over                    */
    size_t              seq_count;
    uint64_t            records_max;   /* 0 for no limit                                       */
    uint64_t            bytes_max;     /* of subjects, headers, payloads: stops after the record
                                        * that reaches it; 0: no limit                         */
    uint64_t            snapshot;      /* 0, or one of `snapshot_open`                         */
    dunlin_visit_record visit;
    dunlin_read_done    done;
    void               *user;
} dunlin_read;

typedef void (*dunlin_count_done)(void *user, dunlin_status status, const dunlin_span *result,
                                  const dunlin_error *err);

#define DUNLIN_COUNT_LAST 1u /* only the newest record of each subject counts                   */

/* How many live records at or behind `from` match, with the first and the last of them.
 * Cost O(m subjects + g), plus one piece of the log when `from` lies inside it. */
typedef struct dunlin_count {
    uint32_t          struct_size, flags;
    uint64_t          from;
    const dunlin_str *filters;
    size_t            filter_count;
    dunlin_count_done done;
    void             *user;
} dunlin_count;

typedef bool (*dunlin_visit_subject)(void *user, dunlin_str subject, const dunlin_span *span);

/* Subjects that match, in byte order, from behind `after`. Cost O(log s + m), O(g) a subject that
 * is not in memory. */
typedef struct dunlin_subjects {
    uint32_t             struct_size, reserved;
    dunlin_str           filter; /* empty for all                                              */
    dunlin_str           after;  /* the last subject of the page before; empty to begin        */
    uint64_t             max;    /* 0 for no limit                                             */
    dunlin_visit_subject visit;
    dunlin_done          done;
    void                *user;
} dunlin_subjects;

/* The spans of literal subjects, one into each place of `out`, count 0 for an unknown one. `out`
 * must stay until the end. Cost O(1) a subject in memory, O(g) otherwise. */
typedef struct dunlin_spans {
    uint32_t          struct_size, reserved;
    const dunlin_str *subjects;
    size_t            count;
    dunlin_span      *out;
    dunlin_done       done;
    void             *user;
} dunlin_spans;

/* The newest record, at or below `below`, of each subject that matches: their sequences,
 * ascending. DUNLIN_E_LIMIT, without a visit, when there are more than `max`. Cost O(m log m),
 * and O(g) for a subject whose newest record lies above `below`. */
typedef struct dunlin_last_each {
    uint32_t          struct_size, reserved;
    const dunlin_str *filters;
    size_t            filter_count;
    uint64_t          below; /* UINT64_MAX for no bound                                        */
    uint64_t          max;   /* 0 for no limit                                                 */
    bool (*visit)(void *user, uint64_t seq);
    dunlin_done       done;
    void             *user;
} dunlin_last_each;

typedef void (*dunlin_seq_done)(void *user, dunlin_status status, uint64_t seq,
                                const dunlin_error *err);

/* The first live record whose time is at or after `time_ns`; last_seq + 1 when there is none.
 * Cost O(log n). */
typedef struct dunlin_seq_at {
    uint32_t        struct_size, reserved;
    int64_t         time_ns;
    dunlin_seq_done done;
    void           *user;
} dunlin_seq_at;

#define DUNLIN_DUE_EXPIRY 1u   /* by expires_ns                                                 */
#define DUNLIN_DUE_SCHEDULE 2u /* by due_ns                                                     */

/* Frozen. */
typedef struct dunlin_due_item {
    uint64_t   seq;
    int64_t    at_ns;
    dunlin_str subject;
} dunlin_due_item;

/* The live records whose time is not after `now_ns`, earliest first (within a second of each
 * other in any order). They stay until they are removed or `reschedule`d, and are reported again.
 * `next_ns` of the completion is when to ask again, INT64_MAX for never. Cost O(m + log n). */
typedef struct dunlin_due {
    uint32_t struct_size, index; /* DUNLIN_DUE_...                                              */
    int64_t  now_ns;
    uint64_t max;                /* 0 for no limit                                             */
    bool (*visit)(void *user, const dunlin_due_item *item);
    void (*done)(void *user, dunlin_status status, int64_t next_ns, const dunlin_error *err);
    void    *user;
} dunlin_due;

/* ---- changes ------------------------------------------------------------------------------ */

/* Frozen. */
typedef struct dunlin_removed {
    uint64_t records, bytes;
} dunlin_removed;

typedef void (*dunlin_removed_done)(void *user, dunlin_status status,
                                    const dunlin_removed *removed, const dunlin_error *err);

/* Overwrite subject, header and payload where the record is stored, not just forget them, before
 * the removal completes; when a crash comes in between, when the log is opened again. Indexes may
 * name the subject for longer. */
#define DUNLIN_REMOVE_ERASE 1u

/* Removes the live records that match `filter` (empty: all) below `below`, but keeps the newest
 * `keep` of them. Without a filter and with `below` behind the end, the log goes on at `below`:
 * first_seq = below, last_seq = below - 1. Takes effect at one moment, between the call and its
 * completion. Cost O(g + m), and without a filter O(g). */
typedef struct dunlin_purge {
    uint32_t            struct_size, reserved;
    dunlin_str          filter;
    uint64_t            below; /* UINT64_MAX for no bound                                      */
    uint64_t            keep;
    dunlin_removed_done done;
    void               *user;
} dunlin_purge;

/* Frozen. Unreadable sequences, and where they were. */
typedef struct dunlin_damage {
    uint64_t   first, last; /* 0, 0 when no record is lost (an index that is rebuilt)          */
    dunlin_str file;
    uint64_t   offset;
    dunlin_str text;        /* what is wrong, and what was done about it                       */
} dunlin_damage;

/* ---- a log -------------------------------------------------------------------------------- */

/* Functions of one log, `log` being what `open_log` gave. Required unless marked optional. */
#define DUNLIN_APPEND_ATOMIC 1u /* all or none (S9), with DUNLIN_STORE_ATOMIC_BATCH             */
#define DUNLIN_ATOMIC_RECORDS_MAX 65536u /* records of such an append                           */
#define DUNLIN_ATOMIC_MAX 67108864u /* bytes of their subjects, headers and payloads together   */

typedef struct dunlin_log_store {
    uint32_t struct_size, reserved;

    /* Accepts records whose sequences follow the log's last without a hole. `*accepted` tells how
     * many of them were taken, always the first ones, and with DUNLIN_APPEND_ATOMIC all or none:
     * fewer than `n` with
     *   DUNLIN_E_AGAIN     the write buffer is full: go on after the event DUNLIN_LOG_ROOM;
     *   DUNLIN_E_NO_SPACE  the disk is, or soon will be: nothing was damaged; DUNLIN_LOG_RESUMED;
     *   DUNLIN_E_INVALID   a sequence, time or size breaks the rules;
     *   DUNLIN_E_LIMIT     more than DUNLIN_ATOMIC_RECORDS_MAX or DUNLIN_ATOMIC_MAX;
     *   DUNLIN_E_IO        the log is poisoned (S4); DUNLIN_E_DENIED it was opened to read only.
     * `spans`, when not NULL, has room for `n`: the span of each record's subject behind that
     * record; count 0 when that needs the disk (ask `spans`). Cost O(1) a record. */
    dunlin_status (*append)(void *log, const dunlin_record *records, size_t n, uint32_t flags,
                            size_t *accepted, dunlin_span *spans, dunlin_error *err);
    /* Takes `count` sequences behind the last without a record; with `time_ns` not 0 the last
     * time moves there. DUNLIN_E_AGAIN and DUNLIN_E_NO_SPACE as with `append`. O(1). */
    dunlin_status (*skip)(void *log, uint64_t first, uint64_t count, int64_t time_ns,
                          dunlin_error *err);

    /* Completes with DUNLIN_OK when everything accepted so far is durable (S1). With the log's
     * sync mode "interval" or "none": when it was handed to the operating system. Syncs that wait
     * are answered together; completions come in the order of the calls. */
    dunlin_status (*sync)(void *log, dunlin_done done, void *user);
    uint64_t (*durable_seq)(void *log);
    /* `out->struct_size` set by the caller. O(1). */
    dunlin_status (*state)(void *log, dunlin_log_state *out);

    dunlin_status (*read)(void *log, const dunlin_read *query, dunlin_read_end *end,
                          dunlin_error *err);
    dunlin_status (*count)(void *log, const dunlin_count *query, dunlin_span *result,
                           dunlin_error *err);
    dunlin_status (*subjects)(void *log, const dunlin_subjects *query, dunlin_error *err);
    dunlin_status (*spans)(void *log, const dunlin_spans *query, dunlin_error *err);
    dunlin_status (*last_each)(void *log, const dunlin_last_each *query, dunlin_error *err);
    dunlin_status (*seq_at)(void *log, const dunlin_seq_at *query, uint64_t *seq,
                            dunlin_error *err);
    dunlin_status (*due)(void *log, const dunlin_due *query, int64_t *next_ns, dunlin_error *err);
    /* The sequences from `from` to `to`, and from first_seq to last_seq, that are not live, as
     * ascending runs that do not touch. O(runs). */
    dunlin_status (*gaps)(void *log, uint64_t from, uint64_t to,
                          bool (*visit)(void *user, const dunlin_range *gap), void *user,
                          dunlin_error *err);

    /* Removes these sequences, ascending; those that are not live are passed over. With
     * DUNLIN_E_AGAIN it takes effect later, at one moment. O(log n) each. */
    dunlin_status (*remove)(void *log, const uint64_t *seqs, size_t n, uint32_t flags,
                            dunlin_removed *removed, dunlin_removed_done done, void *user,
                            dunlin_error *err);
    dunlin_status (*purge)(void *log, const dunlin_purge *query, dunlin_removed *removed,
                           dunlin_error *err);
    /* Forgets everything above `last`, as if it had never been; the next sequence is last + 1, and
     * last_time_ns that of the newest record left, or later. O(g). */
    dunlin_status (*truncate)(void *log, uint64_t last, dunlin_removed *removed,
                              dunlin_removed_done done, void *user, dunlin_error *err);
    /* Moves a live record in the schedule index; 0 takes it out. `due` tells where it is; what a
     * read shows in due_ns may be either time. DUNLIN_E_AGAIN and DUNLIN_E_NO_SPACE as with
     * `append`. O(log n). */
    dunlin_status (*reschedule)(void *log, uint64_t seq, int64_t due_ns, dunlin_error *err);

    /* A view that stays as the log is now while the log changes; `dunlin_read.snapshot` reads it.
     * What it holds is not given back before it is closed. O(g) to open. Optional, with
     * DUNLIN_STORE_SNAPSHOTS. */
    dunlin_status (*snapshot_open)(void *log, uint64_t *out, dunlin_error *err);
    void (*snapshot_close)(void *log, uint64_t snapshot);

    /* Reads everything there is and visits what is damaged, known before or found now. Changes
     * nothing. */
    dunlin_status (*verify)(void *log, bool (*visit)(void *user, const dunlin_damage *damage),
                            dunlin_done done, void *user, dunlin_error *err);

    /* Syncs and releases. Queries still queued end with DUNLIN_E_CANCELLED first. */
    void (*close)(void *log, dunlin_done done, void *user);
} dunlin_log_store;

/* ---- a store ------------------------------------------------------------------------------ */

#define DUNLIN_LOG_CREATE 1u      /* make it when it is not there                               */
#define DUNLIN_LOG_READ_ONLY 2u   /* change nothing on the disk, not even to repair             */
#define DUNLIN_LOG_NO_SUBJECTS 4u /* records have none, and no subject index is kept (raft)     */

#define DUNLIN_SYNC_DEFAULT 0u  /* the store's                                                  */
#define DUNLIN_SYNC_ALWAYS 1u   /* `sync` waits for stable storage                              */
#define DUNLIN_SYNC_INTERVAL 2u /* the backend syncs by time                                    */
#define DUNLIN_SYNC_NONE 3u     /* left to the operating system                                 */

#define DUNLIN_COMPRESS_DEFAULT 0u /* the store's                                               */
#define DUNLIN_COMPRESS_NONE 1u
#define DUNLIN_COMPRESS_S2 2u
#define DUNLIN_COMPRESS_ZSTD 3u

typedef struct dunlin_log_options {
    uint32_t struct_size, flags; /* DUNLIN_LOG_CREATE, ...                                      */
    uint32_t sync;               /* DUNLIN_SYNC_...                                             */
    uint32_t compression;        /* DUNLIN_COMPRESS_...                                         */
    uint64_t first_seq;          /* of a new log; 0 stands for 1                                */
    uint32_t thread;             /* where completions come: DUNLIN_THREAD_... (executor.h)      */
    uint32_t shard;              /* which, for DUNLIN_THREAD_SHARD                              */
    void (*event)(void *user, const dunlin_log_event *event); /* on that thread; may be NULL    */
    void    *user;
} dunlin_log_options;

/* Frozen. One item of metadata: a path ("streams/ORDERS", "consumers/ORDERS/c1") and its blob. */
typedef struct dunlin_meta {
    dunlin_str   path;
    dunlin_bytes blob;
    uint32_t     erase, reserved; /* 1: remove it                                              */
} dunlin_meta;

typedef bool (*dunlin_visit_meta)(void *user, const dunlin_meta *item);

/* Functions of one open store. Names of logs and paths of metadata are UTF-8 without control
 * characters, 1 to 1024 bytes, "/" between their parts, no part "." or ".."; the backend maps them
 * to files as it likes. */
typedef struct dunlin_store_api {
    uint32_t struct_size, reserved;

    /* DUNLIN_E_NOT_FOUND without DUNLIN_LOG_CREATE; DUNLIN_E_EXISTS when it is open. A damaged log
     * opens: what can be read is read, what cannot is reported. O(g) after a clean and after an
     * unclean stop, plus the records behind the last checkpoint. */
    dunlin_status (*open_log)(void *store, dunlin_str name, const dunlin_log_options *options,
                              void **log, const dunlin_log_store **api, dunlin_error *err);
    /* Deletes a closed log with all it has. */
    dunlin_status (*drop_log)(void *store, dunlin_str name, dunlin_error *err);
    /* In byte order; stops when `visit` returns false. */
    dunlin_status (*list_logs)(void *store, dunlin_str prefix,
                               bool (*visit)(void *user, dunlin_str name), void *user,
                               dunlin_error *err);

    /* All items or none (S5); durable when `done` comes with DUNLIN_OK, on the thread given.
     * Puts are done in the order of the calls. */
    dunlin_status (*put_meta)(void *store, const dunlin_meta *items, size_t n, uint32_t thread,
                              uint32_t shard, dunlin_done done, void *user);
    /* Every item whose path begins with `prefix`, in byte order, as the puts accepted so far
     * leave it. May block.  [control, worker] */
    dunlin_status (*list_meta)(void *store, dunlin_str prefix, dunlin_visit_meta visit, void *user,
                               dunlin_error *err);

    /* Everything must be closed. */
    void (*close)(void *store);
} dunlin_store_api;

#define DUNLIN_CIPHER_NONE 0u
#define DUNLIN_CIPHER_AES_GCM 1u
#define DUNLIN_CIPHER_CHACHA20_POLY1305 2u

typedef struct dunlin_store_options {
    uint32_t      struct_size, flags; /* DUNLIN_LOG_CREATE, DUNLIN_LOG_READ_ONLY                */
    dunlin_str    dir;                /* absolute; a volatile backend ignores it                */
    uint32_t      sync, compression;  /* of logs that do not say; 0: the backend's configuration */
    uint64_t      sync_interval_ns;   /* for DUNLIN_SYNC_INTERVAL; 0: the backend's             */
    uint32_t      cipher, reserved;   /* DUNLIN_CIPHER_...                                      */
    dunlin_secret key, previous_key;  /* previous: still opens what was written with it         */
} dunlin_store_options;

/* ---- the backend -------------------------------------------------------------------------- */

#define DUNLIN_STORE_VOLATILE 1u      /* nothing survives the process; sync is for order only   */
#define DUNLIN_STORE_SUBJECT_INDEX 2u /* filters, subjects, spans, last_each, count by filter   */
#define DUNLIN_STORE_SNAPSHOTS 4u
#define DUNLIN_STORE_DUE_INDEX 8u     /* due, reschedule                                        */
#define DUNLIN_STORE_COMPRESSION 16u
#define DUNLIN_STORE_ENCRYPTION 32u
#define DUNLIN_STORE_ERASE 64u        /* DUNLIN_REMOVE_ERASE                                    */
#define DUNLIN_STORE_ATOMIC_BATCH 128u /* DUNLIN_APPEND_ATOMIC                                  */

typedef struct dunlin_storage {
    uint32_t    struct_size, features; /* DUNLIN_STORE_...                                      */
    const char *kind;                  /* the word operators write                              */
    /* What accounting adds to the bytes of a record, and to one with a header. Limits and reports
     * of streams are counted with them: 30 and 4 for "file", 16 and 0 for "memory", as nats-server
     * counts. Not what a record costs on the disk. */
    uint32_t record_cost, header_cost;

    /* One process opens a directory at a time: DUNLIN_E_AGAIN when another has it. */
    dunlin_status (*open)(void *self, const dunlin_store_options *options, void **store,
                          const dunlin_store_api **api, dunlin_error *err);
} dunlin_storage;

#ifdef __cplusplus
}
#endif
#endif
