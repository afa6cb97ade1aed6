/* dunlin.fs/1: files and directories with explicit durability.
 *
 * What is written is readable at once and survives the process; it survives a power cut only
 * after a sync of the file (`sync_file`) and, for a name that was created, renamed or removed, of
 * the directory that holds it (`sync_dir`). Until then a cut may lose it, keep it, or keep some of
 * its sectors, in any order. Nothing else is promised, and a simulated disk takes every liberty
 * this leaves.
 *
 * Paths are absolute and UTF-8. Every call may block, so none is for a shard. Interrupted calls
 * are repeated by the host; no call does half its work and answers DUNLIN_OK.
 *
 * Errors: DUNLIN_E_NOT_FOUND, DUNLIN_E_EXISTS, DUNLIN_E_DENIED, DUNLIN_E_NO_SPACE (disk or quota
 * full), DUNLIN_E_LIMIT (file or descriptor limit), DUNLIN_E_IO for the rest; `os_error` has errno.
 * After DUNLIN_E_IO from `sync_file` the state of what was written since the last good sync is
 * unknown, and another sync that succeeds says nothing about it.
 */
#ifndef DUNLIN_EXT_FS_H
#define DUNLIN_EXT_FS_H

#include <dunlin/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DUNLIN_EXT_FS "dunlin.fs/1"

#define DUNLIN_FS_READ 1u
#define DUNLIN_FS_WRITE 2u     /* writing, and reading too                                     */
#define DUNLIN_FS_CREATE 4u    /* with WRITE: make the file when it is not there, mode 0600    */
#define DUNLIN_FS_EXCLUSIVE 8u /* with CREATE: DUNLIN_E_EXISTS when it is there                */

#define DUNLIN_FS_FILE 1u
#define DUNLIN_FS_DIRECTORY 2u
#define DUNLIN_FS_OTHER 3u

/* An open file. Calls on one file may overlap as long as the ranges written do not. */
typedef struct dunlin_file dunlin_file;
/* A held lock. */
typedef struct dunlin_file_lock dunlin_file_lock;

/* Frozen. */
typedef struct dunlin_dir_item {
    dunlin_str name; /* without the directory; never "." or ".."                              */
    uint32_t   kind; /* DUNLIN_FS_FILE, ...                                                    */
    uint32_t   reserved;
    uint64_t   size; /* bytes, of files                                                        */
} dunlin_dir_item;

typedef struct dunlin_fs_space {
    uint32_t struct_size, reserved;
    uint64_t total;     /* bytes of the file system                                            */
    uint64_t available; /* bytes this process may still use                                    */
} dunlin_fs_space;

/* All [control, worker]. */
typedef struct dunlin_fs {
    uint32_t struct_size, reserved;

    dunlin_status (*open)(const dunlin_host *host, dunlin_str path, uint32_t flags,
                          dunlin_file **out, dunlin_error *err);
    /* Does not sync. The handle is gone whatever happens. */
    void (*close)(const dunlin_host *host, dunlin_file *file);

    /* Reads until `n` bytes or the end of the file; `*got` tells how many. */
    dunlin_status (*read_at)(const dunlin_host *host, dunlin_file *file, uint64_t offset,
                             uint8_t *out, size_t n, size_t *got, dunlin_error *err);
    /* Writes all parts one after the other, or fails with any of them written. Writing behind
     * the end fills the hole with zeros. */
    dunlin_status (*write_at)(const dunlin_host *host, dunlin_file *file, uint64_t offset,
                              const dunlin_bytes *parts, size_t n, dunlin_error *err);
    dunlin_status (*size)(const dunlin_host *host, dunlin_file *file, uint64_t *out,
                          dunlin_error *err);
    /* Cuts off, or extends with zeros. */
    dunlin_status (*resize)(const dunlin_host *host, dunlin_file *file, uint64_t size,
                            dunlin_error *err);
    /* Writes zeros, so that later writes there change no metadata and sync faster. For a whole
     * file only; what is behind `size` goes. */
    dunlin_status (*zero_fill)(const dunlin_host *host, dunlin_file *file, uint64_t size,
                               dunlin_error *err);

    /* Content and size of the file are on stable storage when this answers DUNLIN_OK. */
    dunlin_status (*sync_file)(const dunlin_host *host, dunlin_file *file, dunlin_error *err);
    /* The names in `path` are. */
    dunlin_status (*sync_dir)(const dunlin_host *host, dunlin_str path, dunlin_error *err);

    /* Replaces `to` atomically. */
    dunlin_status (*rename)(const dunlin_host *host, dunlin_str from, dunlin_str to,
                            dunlin_error *err);
    dunlin_status (*remove)(const dunlin_host *host, dunlin_str path, dunlin_error *err);
    /* Parents must be there; DUNLIN_E_EXISTS when `path` is. Mode 0700. */
    dunlin_status (*make_dir)(const dunlin_host *host, dunlin_str path, dunlin_error *err);
    /* Only an empty one. */
    dunlin_status (*remove_dir)(const dunlin_host *host, dunlin_str path, dunlin_error *err);
    /* In no particular order; stops when `visit` returns false. */
    dunlin_status (*list)(const dunlin_host *host, dunlin_str path,
                          bool (*visit)(void *user, const dunlin_dir_item *item), void *user,
                          dunlin_error *err);
    dunlin_status (*space)(const dunlin_host *host, dunlin_str path, dunlin_fs_space *out,
                           dunlin_error *err);

    /* Takes the lock file at `path`, making it when needed; DUNLIN_E_AGAIN when another process
     * or plugin has it. A lock dies with its process. */
    dunlin_status (*lock)(const dunlin_host *host, dunlin_str path, dunlin_file_lock **out,
                          dunlin_error *err);
    void (*unlock)(const dunlin_host *host, dunlin_file_lock *lock);
} dunlin_fs;

#ifdef __cplusplus
}
#endif
#endif
