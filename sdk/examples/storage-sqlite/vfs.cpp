#include "vfs.hpp"

#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

namespace example {
namespace {

constexpr std::int64_t unix_epoch_julian_ms = 210'866'760'000'000;

struct OpenFile {
  sqlite3_file base;
  dunlin::File* file;
  const Vfs* vfs;
  std::string* directory;  // to be synced with the file, when the file is new
  bool has_sums;
};

OpenFile& of(sqlite3_file* file) { return *reinterpret_cast<OpenFile*>(file); }
const Vfs& of(sqlite3_vfs* vfs) { return *static_cast<const Vfs*>(vfs->pAppData); }

int code_of(const dunlin::Error& error, int otherwise) {
  return error.status == DUNLIN_E_NO_SPACE ? SQLITE_FULL : otherwise;
}

std::uint64_t sum_of(const std::uint8_t* page, std::uint64_t offset) {
  std::uint64_t sum = offset ^ 0x9e3779b97f4a7c15ull;
  for (int at = 0; at < Vfs::page_bytes - Vfs::sum_bytes; at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, page + at, sizeof word);
    sum = (sum ^ word) * 0xff51afd7ed558ccdull;
    sum ^= sum >> 32;
  }
  return sum;
}

bool is_page(const OpenFile& file, int n, sqlite3_int64 offset) {
  return file.has_sums && n == Vfs::page_bytes && offset % Vfs::page_bytes == 0;
}

int close(sqlite3_file* raw) {
  delete of(raw).file;
  delete of(raw).directory;
  return SQLITE_OK;
}

int read(sqlite3_file* raw, void* out, int n, sqlite3_int64 offset) {
  auto* bytes = static_cast<std::uint8_t*>(out);
  const auto got = of(raw).file->read_at(static_cast<std::uint64_t>(offset),
                                         {bytes, static_cast<std::size_t>(n)});
  if (!got) return SQLITE_IOERR_READ;
  const std::size_t count = *dunlin::result<std::size_t>(got);
  if (count < static_cast<std::size_t>(n)) {
    std::memset(bytes + count, 0, static_cast<std::size_t>(n) - count);
    return SQLITE_IOERR_SHORT_READ;
  }
  if (!is_page(of(raw), n, offset)) return SQLITE_OK;
  std::uint64_t written = 0;
  std::memcpy(&written, bytes + Vfs::page_bytes - Vfs::sum_bytes, sizeof written);
  const auto right = sum_of(bytes, static_cast<std::uint64_t>(offset));
  return written == right ? SQLITE_OK : SQLITE_CORRUPT;
}

int write(sqlite3_file* raw, const void* data, int n, sqlite3_int64 offset) {
  std::vector<std::uint8_t> page;
  if (is_page(of(raw), n, offset)) {
    const auto* bytes = static_cast<const std::uint8_t*>(data);
    page.assign(bytes, bytes + n);
    const auto sum = sum_of(page.data(), static_cast<std::uint64_t>(offset));
    std::memcpy(page.data() + Vfs::page_bytes - Vfs::sum_bytes, &sum, sizeof sum);
    data = page.data();
  }
  const auto done = of(raw).file->write_at(
      static_cast<std::uint64_t>(offset),
      std::string_view(static_cast<const char*>(data), static_cast<std::size_t>(n)));
  return done ? SQLITE_OK : code_of(done.error(), SQLITE_IOERR_WRITE);
}

int truncate(sqlite3_file* raw, sqlite3_int64 size) {
  const auto done = of(raw).file->resize(static_cast<std::uint64_t>(size));
  return done ? SQLITE_OK : code_of(done.error(), SQLITE_IOERR_TRUNCATE);
}

int sync(sqlite3_file* raw, int) {
  OpenFile& self = of(raw);
  if (const auto done = self.file->sync(); !done) return code_of(done.error(), SQLITE_IOERR_FSYNC);
  if (self.directory == nullptr) return SQLITE_OK;
  if (const auto done = self.vfs->fs().sync_dir(*self.directory); !done) {
    return SQLITE_IOERR_DIR_FSYNC;
  }
  delete std::exchange(self.directory, nullptr);
  return SQLITE_OK;
}

int file_size(sqlite3_file* raw, sqlite3_int64* out) {
  auto size = of(raw).file->size();
  if (!size) return SQLITE_IOERR_FSTAT;
  *out = static_cast<sqlite3_int64>(*size);
  return SQLITE_OK;
}

// The store holds a lock of its own: there is one connection.
int lock(sqlite3_file*, int) { return SQLITE_OK; }
int is_reserved(sqlite3_file*, int* out) {
  *out = 0;
  return SQLITE_OK;
}
int control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
int sector_size(sqlite3_file*) { return Vfs::page_bytes; }
int characteristics(sqlite3_file*) { return 0; }

const sqlite3_io_methods methods = {1,         close,     read, write, truncate,    sync,
                                    file_size, lock,      lock, is_reserved, control, sector_size,
                                    characteristics, nullptr, nullptr, nullptr, nullptr, nullptr,
                                    nullptr};

int open(sqlite3_vfs* vfs, const char* path, sqlite3_file* raw, int flags, int* out_flags) {
  OpenFile& self = of(raw);
  self = {};
  if (path == nullptr) return SQLITE_CANTOPEN;  // nothing temporary goes to the disk
  std::uint32_t mode = (flags & SQLITE_OPEN_READWRITE) != 0 ? DUNLIN_FS_WRITE : DUNLIN_FS_READ;
  auto file = of(vfs).fs().open(path, mode);
  const bool is_new = !file && file.error().status == DUNLIN_E_NOT_FOUND;
  if (is_new && (flags & SQLITE_OPEN_CREATE) != 0) {
    file = of(vfs).fs().open(path, mode | DUNLIN_FS_CREATE);
  }
  if (!file) return SQLITE_CANTOPEN;
  const std::string_view name = path;
  self.file = new dunlin::File(std::move(*file));
  self.vfs = &of(vfs);
  // Whoever opens a file cannot know whether its name survived: sync it once anyway.
  self.directory = new std::string(name.substr(0, name.rfind('/')));
  self.has_sums = (flags & SQLITE_OPEN_MAIN_DB) != 0;
  self.base.pMethods = &methods;
  if (out_flags != nullptr) *out_flags = flags;
  return SQLITE_OK;
}

int remove(sqlite3_vfs* vfs, const char* path, int sync_dir) {
  const std::string_view name = path;
  const auto done = of(vfs).fs().remove(name);
  if (!done && done.error().status != DUNLIN_E_NOT_FOUND) return SQLITE_IOERR_DELETE;
  if (sync_dir == 0) return SQLITE_OK;
  const auto synced = of(vfs).fs().sync_dir(name.substr(0, name.rfind('/')));
  return synced ? SQLITE_OK : SQLITE_IOERR_DIR_FSYNC;
}

int access(sqlite3_vfs* vfs, const char* path, int, int* out) {
  auto file = of(vfs).fs().open(path, DUNLIN_FS_READ);
  *out = 0;
  if (!file) return file.error().status == DUNLIN_E_NOT_FOUND ? SQLITE_OK : SQLITE_IOERR_ACCESS;
  auto size = file->size();
  if (!size) return SQLITE_IOERR_ACCESS;
  *out = *size > 0 ? 1 : 0;
  return SQLITE_OK;
}

int full_path(sqlite3_vfs*, const char* path, int n, char* out) {
  return std::snprintf(out, static_cast<std::size_t>(n), "%s", path) < n ? SQLITE_OK
                                                                         : SQLITE_CANTOPEN;
}

int randomness(sqlite3_vfs* vfs, int n, char* out) {
  of(vfs).random().fill({reinterpret_cast<std::uint8_t*>(out), static_cast<std::size_t>(n)});
  return n;
}

int pause(sqlite3_vfs*, int) { return 0; }

int now_ms(sqlite3_vfs* vfs, sqlite3_int64* out) {
  *out = unix_epoch_julian_ms + of(vfs).clock().wall_ns() / 1'000'000;
  return SQLITE_OK;
}

int now_days(sqlite3_vfs* vfs, double* out) {
  sqlite3_int64 ms = 0;
  now_ms(vfs, &ms);
  *out = static_cast<double>(ms) / 86'400'000.0;
  return SQLITE_OK;
}

}  // namespace

Vfs::Vfs(dunlin::Host host)
    : fs_(host.get<dunlin::Fs>()), random_(host.get<dunlin::Random>()),
      clock_(host.get<dunlin::Clock>()) {
  char text[40];
  std::snprintf(text, sizeof text, "storage-sqlite-%p", static_cast<void*>(this));
  name_ = text;
  vfs_.iVersion = 2;
  vfs_.szOsFile = sizeof(OpenFile);
  vfs_.mxPathname = 4096;
  vfs_.zName = name_.c_str();
  vfs_.pAppData = this;
  vfs_.xOpen = open;
  vfs_.xDelete = remove;
  vfs_.xAccess = access;
  vfs_.xFullPathname = full_path;
  vfs_.xRandomness = randomness;
  vfs_.xSleep = pause;
  vfs_.xCurrentTime = now_days;
  vfs_.xCurrentTimeInt64 = now_ms;
  sqlite3_vfs_register(&vfs_, 0);
}

Vfs::~Vfs() { sqlite3_vfs_unregister(&vfs_); }

}  // namespace example
