#include "sqlite_vfs.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstdio>
#include <new>

namespace dunlin::storage_file {
namespace {

constexpr std::size_t page_size = SqliteVfs::page_bytes;
constexpr std::size_t checked_bytes = page_size - SqliteVfs::reserved_bytes;
constexpr int sector_bytes = 4096;
constexpr std::uint64_t ns_per_ms = 1'000'000;
// SQLite counts milliseconds since noon in Greenwich on November 24, 4714 BC.
constexpr std::int64_t unix_epoch_julian_ms = 210'866'760'000'000;

// What SQLite holds for an open file; made in memory SQLite allocates.
struct OpenFile {
  sqlite3_file base{};
  SqliteVfs* vfs = nullptr;
  File file;
  std::string path;
  bool has_checksums = false;   // the database itself
  bool must_sync_dir = false;   // the name is new, and may not survive a power cut yet
  bool in_memory = false;       // a copy, of a store opened to read only
  Bytes copy;

  int failed(const Error& error, int code) {
    vfs->note(error);
    return error.status == DUNLIN_E_NO_SPACE ? SQLITE_FULL : code;
  }
};

OpenFile& of(sqlite3_file* file) noexcept { return *reinterpret_cast<OpenFile*>(file); }
SqliteVfs& of(sqlite3_vfs* vfs) noexcept { return *static_cast<SqliteVfs*>(vfs->pAppData); }

// Nothing is thrown into SQLite.
template <class Body>
int guarded(int otherwise, Body&& body) noexcept {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return SQLITE_NOMEM;
  } catch (...) {
    return otherwise;
  }
}

std::uint64_t page_sum(const std::uint8_t* page, std::uint64_t offset) noexcept {
  return XXH3_64bits_withSeed(page, checked_bytes, offset);
}

bool is_whole_page(const OpenFile& file, std::size_t n, std::uint64_t offset) noexcept {
  return file.has_checksums && n == page_size && offset % page_size == 0;
}

// ---- files --------------------------------------------------------------------------------

int close_file(sqlite3_file* raw) noexcept {
  of(raw).~OpenFile();
  return SQLITE_OK;
}

result<std::size_t> read_some(OpenFile& file, std::uint64_t offset, std::span<std::uint8_t> out) {
  if (!file.in_memory) return file.file.read_at(offset, out);
  if (offset >= file.copy.size()) return std::size_t{0};
  const auto n = std::min<std::size_t>(out.size(), file.copy.size() - offset);
  std::memcpy(out.data(), file.copy.data() + offset, n);
  return n;
}

int read_file(sqlite3_file* raw, void* into, int amount, sqlite3_int64 at) noexcept {
  return guarded(SQLITE_IOERR_READ, [&] {
    auto& file = of(raw);
    const auto offset = static_cast<std::uint64_t>(at);
    const std::span out(static_cast<std::uint8_t*>(into), static_cast<std::size_t>(amount));
    auto got = read_some(file, offset, out);
    if (!got) return file.failed(got.error(), SQLITE_IOERR_READ);
    const bool is_page = is_whole_page(file, out.size(), offset);
    if (*got < out.size() && !(is_page && *got > 0)) {
      std::memset(out.data() + *got, 0, out.size() - *got);
      return SQLITE_IOERR_SHORT_READ;
    }
    // A page that is cut off is not one that was never written, as SQLite would have it.
    if (is_page && (*got < out.size() || load_le<std::uint64_t>(out.data() + checked_bytes) !=
                                             page_sum(out.data(), offset))) {
      return file.failed(fail(DUNLIN_E_CORRUPT, "the page at offset " + std::to_string(offset) +
                                                    " of " + file.path +
                                                    " is damaged (checksum)"),
                         SQLITE_IOERR_DATA);
    }
    return SQLITE_OK;
  });
}

int write_file(sqlite3_file* raw, const void* from, int amount, sqlite3_int64 at) noexcept {
  return guarded(SQLITE_IOERR_WRITE, [&] {
    auto& file = of(raw);
    const auto offset = static_cast<std::uint64_t>(at);
    BytesView bytes(static_cast<const std::uint8_t*>(from), static_cast<std::size_t>(amount));
    std::uint8_t page[page_size];
    if (is_whole_page(file, bytes.size(), offset)) {
      std::memcpy(page, bytes.data(), checked_bytes);
      store_le(page + checked_bytes, page_sum(page, offset));
      bytes = page;
    }
    if (file.in_memory) {
      if (file.copy.size() < offset + bytes.size()) file.copy.resize(offset + bytes.size());
      std::memcpy(file.copy.data() + offset, bytes.data(), bytes.size());
      return SQLITE_OK;
    }
    auto ok = file.file.write_at(offset, bytes);
    return ok ? SQLITE_OK : file.failed(ok.error(), SQLITE_IOERR_WRITE);
  });
}

int truncate_file(sqlite3_file* raw, sqlite3_int64 bytes) noexcept {
  return guarded(SQLITE_IOERR_TRUNCATE, [&] {
    auto& file = of(raw);
    if (file.in_memory) {
      file.copy.resize(static_cast<std::size_t>(bytes));
      return SQLITE_OK;
    }
    auto ok = file.file.resize(static_cast<std::uint64_t>(bytes));
    return ok ? SQLITE_OK : file.failed(ok.error(), SQLITE_IOERR_TRUNCATE);
  });
}

int sync_file(sqlite3_file* raw, int) noexcept {
  return guarded(SQLITE_IOERR_FSYNC, [&] {
    auto& file = of(raw);
    if (file.in_memory) return SQLITE_OK;
    if (auto ok = file.file.sync(); !ok) return file.failed(ok.error(), SQLITE_IOERR_FSYNC);
    if (!file.must_sync_dir) return SQLITE_OK;
    if (auto ok = file.vfs->files().sync_dir(parent_of(file.path)); !ok) {
      return file.failed(ok.error(), SQLITE_IOERR_DIR_FSYNC);
    }
    file.must_sync_dir = false;
    return SQLITE_OK;
  });
}

int size_of_file(sqlite3_file* raw, sqlite3_int64* out) noexcept {
  return guarded(SQLITE_IOERR_FSTAT, [&] {
    auto& file = of(raw);
    if (file.in_memory) {
      *out = static_cast<sqlite3_int64>(file.copy.size());
      return SQLITE_OK;
    }
    auto size = file.file.size();
    if (!size) return file.failed(size.error(), SQLITE_IOERR_FSTAT);
    *out = static_cast<sqlite3_int64>(*size);
    return SQLITE_OK;
  });
}

int lock_file(sqlite3_file*, int) noexcept { return SQLITE_OK; }
int no_reserved_lock(sqlite3_file*, int* out) noexcept {
  *out = 0;
  return SQLITE_OK;
}
int control_file(sqlite3_file*, int, void*) noexcept { return SQLITE_NOTFOUND; }
int sector_size(sqlite3_file*) noexcept { return sector_bytes; }
// None of the liberties SQLite could take: a power cut may tear what was written around.
int characteristics(sqlite3_file*) noexcept { return 0; }

constexpr sqlite3_io_methods make_methods() {
  sqlite3_io_methods methods{};
  methods.iVersion = 1;
  methods.xClose = close_file;
  methods.xRead = read_file;
  methods.xWrite = write_file;
  methods.xTruncate = truncate_file;
  methods.xSync = sync_file;
  methods.xFileSize = size_of_file;
  methods.xLock = lock_file;
  methods.xUnlock = lock_file;
  methods.xCheckReservedLock = no_reserved_lock;
  methods.xFileControl = control_file;
  methods.xSectorSize = sector_size;
  methods.xDeviceCharacteristics = characteristics;
  return methods;
}
constexpr sqlite3_io_methods methods = make_methods();

// ---- the file system ----------------------------------------------------------------------

constexpr std::uint64_t copy_bytes_max = std::uint64_t{1} << 32;

int open_in_memory(SqliteVfs& vfs, OpenFile& file) {
  file.in_memory = true;
  if (vfs.is_empty()) return SQLITE_OK;
  auto content = vfs.files().read_file(file.path, copy_bytes_max);
  if (content) {
    file.copy = std::move(*content);
  } else if (content.error().status != DUNLIN_E_NOT_FOUND) {
    return file.failed(content.error(), SQLITE_CANTOPEN);
  }
  return SQLITE_OK;
}

int open_on_disk(SqliteVfs& vfs, OpenFile& file, int flags) {
  const bool may_create = (flags & SQLITE_OPEN_CREATE) != 0;
  if (may_create) {
    auto is_there = vfs.files().exists(file.path);
    if (!is_there) return file.failed(is_there.error(), SQLITE_CANTOPEN);
    file.must_sync_dir = !*is_there;
  }
  auto opened = vfs.files().open(
      file.path, (flags & SQLITE_OPEN_READONLY) != 0
                     ? DUNLIN_FS_READ
                     : DUNLIN_FS_WRITE | (may_create ? DUNLIN_FS_CREATE : 0));
  if (!opened) return file.failed(opened.error(), SQLITE_CANTOPEN);
  file.file = std::move(*opened);
  return SQLITE_OK;
}

int open_file(sqlite3_vfs* raw, const char* path, sqlite3_file* into, int flags,
              int* out_flags) noexcept {
  into->pMethods = nullptr;
  return guarded(SQLITE_CANTOPEN, [&] {
    if (path == nullptr || (flags & SQLITE_OPEN_DELETEONCLOSE) != 0) return SQLITE_CANTOPEN;
    auto& vfs = of(raw);
    OpenFile file;
    file.vfs = &vfs;
    file.path = path;
    file.has_checksums = (flags & SQLITE_OPEN_MAIN_DB) != 0;
    const int code =
        vfs.is_read_only() ? open_in_memory(vfs, file) : open_on_disk(vfs, file, flags);
    if (code != SQLITE_OK) return code;
    new (into) OpenFile(std::move(file));
    into->pMethods = &methods;
    if (out_flags != nullptr) *out_flags = flags;
    return SQLITE_OK;
  });
}

int delete_file(sqlite3_vfs* raw, const char* path, int sync) noexcept {
  return guarded(SQLITE_IOERR_DELETE, [&] {
    auto& vfs = of(raw);
    if (vfs.is_read_only()) return SQLITE_OK;
    if (auto ok = vfs.files().remove(path); !ok) {
      vfs.note(ok.error());
      return SQLITE_IOERR_DELETE;
    }
    if (sync == 0) return SQLITE_OK;
    if (auto ok = vfs.files().sync_dir(parent_of(path)); !ok) {
      vfs.note(ok.error());
      return SQLITE_IOERR_DIR_FSYNC;
    }
    return SQLITE_OK;
  });
}

int access_file(sqlite3_vfs* raw, const char* path, int, int* out) noexcept {
  return guarded(SQLITE_IOERR_ACCESS, [&] {
    *out = 0;
    if (of(raw).is_empty()) return SQLITE_OK;
    auto is_there = of(raw).files().exists(path);
    if (!is_there) {
      of(raw).note(is_there.error());
      return SQLITE_IOERR_ACCESS;
    }
    *out = *is_there ? 1 : 0;
    return SQLITE_OK;
  });
}

int full_path(sqlite3_vfs*, const char* path, int n, char* out) noexcept {
  const auto written = std::snprintf(out, static_cast<std::size_t>(n), "%s", path);
  return written >= 0 && written < n ? SQLITE_OK : SQLITE_CANTOPEN;
}

int fill_random(sqlite3_vfs* raw, int n, char* out) noexcept {
  of(raw).random().fill({reinterpret_cast<std::uint8_t*>(out), static_cast<std::size_t>(n)});
  return n;
}

// Nobody else has the file, so SQLite never waits.
int do_not_sleep(sqlite3_vfs*, int) noexcept { return 0; }

int current_time_ms(sqlite3_vfs* raw, sqlite3_int64* out) noexcept {
  *out = unix_epoch_julian_ms +
         of(raw).clock().wall_ns() / static_cast<std::int64_t>(ns_per_ms);
  return SQLITE_OK;
}

int current_time(sqlite3_vfs* raw, double* out) noexcept {
  static constexpr double ms_per_day = 86'400'000.0;
  sqlite3_int64 ms = 0;
  current_time_ms(raw, &ms);
  *out = static_cast<double>(ms) / ms_per_day;
  return SQLITE_OK;
}

int last_error(sqlite3_vfs*, int, char*) noexcept { return 0; }

}  // namespace

SqliteVfs::SqliteVfs(Files files, Clock clock, Random random, bool read_only)
    : files_(files), clock_(clock), random_(random), read_only_(read_only) {
  char text[64];
  std::snprintf(text, sizeof text, "dunlin-%p", static_cast<void*>(this));
  name_ = text;
  vfs_.iVersion = 2;
  vfs_.szOsFile = sizeof(OpenFile);
  vfs_.mxPathname = 4096;
  vfs_.zName = name_.c_str();
  vfs_.pAppData = this;
  vfs_.xOpen = open_file;
  vfs_.xDelete = delete_file;
  vfs_.xAccess = access_file;
  vfs_.xFullPathname = full_path;
  vfs_.xRandomness = fill_random;
  vfs_.xSleep = do_not_sleep;
  vfs_.xCurrentTime = current_time;
  vfs_.xCurrentTimeInt64 = current_time_ms;
  vfs_.xGetLastError = last_error;
  sqlite3_vfs_register(&vfs_, 0);
}

SqliteVfs::~SqliteVfs() { sqlite3_vfs_unregister(&vfs_); }

Error SqliteVfs::take_failure() { return std::exchange(failure_, Error{DUNLIN_OK, {}, 0}); }

}  // namespace dunlin::storage_file
