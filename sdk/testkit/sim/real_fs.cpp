// dunlin.fs/1 over the file system of this machine, for --real, memory and figures.
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "sdk/testkit/sim/world.hpp"

namespace dunlin::testkit {
namespace {

struct RealFile {
  int fd;
};
RealFile* real(dunlin_file* file) { return reinterpret_cast<RealFile*>(file); }

dunlin_status failed(dunlin_error* err, const char* what, const std::string& path = {}) {
  const int code = errno;
  if (err != nullptr) {
    err->os_error = code;
    std::snprintf(err->text, sizeof err->text, "%s %s: %s", what, path.c_str(),
                  std::strerror(code));
  }
  dunlin_status status = DUNLIN_E_IO;
  if (code == ENOENT) status = DUNLIN_E_NOT_FOUND;
  if (code == EEXIST || code == ENOTEMPTY) status = DUNLIN_E_EXISTS;
  if (code == EACCES || code == EPERM || code == EROFS) status = DUNLIN_E_DENIED;
  if (code == ENOSPC || code == EDQUOT) status = DUNLIN_E_NO_SPACE;
  if (code == EMFILE || code == ENFILE || code == EFBIG) status = DUNLIN_E_LIMIT;
  if (err != nullptr) err->status = status;
  return status;
}

std::string text_of(dunlin_str path) { return {path.data, path.size}; }

bool on_allowed_thread(const dunlin_host* host, const char* what) {
  World& world = World::of(host);
  ++world.fs_calls;
  if (world.scheduler.thread() != DUNLIN_THREAD_SHARD) return true;
  world.scheduler.violation(cat("dunlin.fs/1 ", what, " was called on a shard"));
  errno = EDEADLK;
  return false;
}

dunlin_status open(const dunlin_host* host, dunlin_str path, uint32_t flags, dunlin_file** out,
                   dunlin_error* err) {
  int mode = (flags & DUNLIN_FS_WRITE) != 0 ? O_RDWR : O_RDONLY;
  if ((flags & DUNLIN_FS_CREATE) != 0) mode |= O_CREAT;
  if ((flags & DUNLIN_FS_EXCLUSIVE) != 0) mode |= O_EXCL;
  const int fd = on_allowed_thread(host, "open")
                     ? ::open(text_of(path).c_str(), mode | O_CLOEXEC, 0600)
                     : -1;
  if (fd < 0) return failed(err, "open", text_of(path));
  *out = reinterpret_cast<dunlin_file*>(new RealFile{fd});
  ++World::of(host).open_files;
  return DUNLIN_OK;
}

void close(const dunlin_host* host, dunlin_file* file) {
  --World::of(host).open_files;
  ::close(real(file)->fd);
  delete real(file);
}

dunlin_status read_at(const dunlin_host* host, dunlin_file* file, uint64_t offset, uint8_t* out,
                      size_t n, size_t* got, dunlin_error* err) {
  if (!on_allowed_thread(host, "read_at")) return failed(err, "read");
  *got = 0;
  while (*got < n) {
    const ssize_t part =
        ::pread(real(file)->fd, out + *got, n - *got, static_cast<off_t>(offset + *got));
    if (part < 0 && errno == EINTR) continue;
    if (part < 0) return failed(err, "read");
    if (part == 0) break;
    *got += static_cast<size_t>(part);
  }
  return DUNLIN_OK;
}

dunlin_status write_all(int fd, uint64_t offset, const uint8_t* data, size_t n,
                        dunlin_error* err) {
  while (n > 0) {
    const ssize_t part = ::pwrite(fd, data, n, static_cast<off_t>(offset));
    if (part < 0 && errno == EINTR) continue;
    if (part < 0) return failed(err, "write");
    data += part;
    offset += static_cast<uint64_t>(part);
    n -= static_cast<size_t>(part);
  }
  return DUNLIN_OK;
}

dunlin_status write_at(const dunlin_host* host, dunlin_file* file, uint64_t offset,
                       const dunlin_bytes* parts, size_t n, dunlin_error* err) {
  if (!on_allowed_thread(host, "write_at")) return failed(err, "write");
  for (size_t i = 0; i < n; ++i) {
    const auto status = write_all(real(file)->fd, offset, parts[i].data, parts[i].size, err);
    if (status != DUNLIN_OK) return status;
    offset += parts[i].size;
  }
  return DUNLIN_OK;
}

dunlin_status size(const dunlin_host*, dunlin_file* file, uint64_t* out, dunlin_error* err) {
  struct stat info {};
  if (::fstat(real(file)->fd, &info) != 0) return failed(err, "size");
  *out = static_cast<uint64_t>(info.st_size);
  return DUNLIN_OK;
}

dunlin_status resize(const dunlin_host* host, dunlin_file* file, uint64_t to, dunlin_error* err) {
  const bool ok = on_allowed_thread(host, "resize") &&
                  ::ftruncate(real(file)->fd, static_cast<off_t>(to)) == 0;
  return ok ? DUNLIN_OK : failed(err, "resize");
}

dunlin_status zero_fill(const dunlin_host* host, dunlin_file* file, uint64_t to,
                        dunlin_error* err) {
  static const std::string zeros(1 << 20, '\0');
  if (const auto status = resize(host, file, to, err); status != DUNLIN_OK) return status;
  for (uint64_t at = 0; at < to; at += zeros.size()) {
    const auto n = static_cast<size_t>(std::min<uint64_t>(zeros.size(), to - at));
    const auto* data = reinterpret_cast<const uint8_t*>(zeros.data());
    const auto status = write_all(real(file)->fd, at, data, n, err);
    if (status != DUNLIN_OK) return status;
  }
  return DUNLIN_OK;
}

dunlin_status sync_file(const dunlin_host* host, dunlin_file* file, dunlin_error* err) {
  const bool ok = on_allowed_thread(host, "sync_file") && ::fdatasync(real(file)->fd) == 0;
  return ok ? DUNLIN_OK : failed(err, "sync");
}

dunlin_status sync_dir(const dunlin_host* host, dunlin_str path, dunlin_error* err) {
  if (!on_allowed_thread(host, "sync_dir")) return failed(err, "sync");
  const int fd = ::open(text_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return failed(err, "sync", text_of(path));
  const bool ok = ::fsync(fd) == 0;
  ::close(fd);
  return ok ? DUNLIN_OK : failed(err, "sync", text_of(path));
}

dunlin_status rename(const dunlin_host*, dunlin_str from, dunlin_str to, dunlin_error* err) {
  const bool ok = ::rename(text_of(from).c_str(), text_of(to).c_str()) == 0;
  return ok ? DUNLIN_OK : failed(err, "rename", text_of(from));
}

dunlin_status remove(const dunlin_host*, dunlin_str path, dunlin_error* err) {
  return ::unlink(text_of(path).c_str()) == 0 ? DUNLIN_OK : failed(err, "remove", text_of(path));
}

dunlin_status make_dir(const dunlin_host*, dunlin_str path, dunlin_error* err) {
  const bool ok = ::mkdir(text_of(path).c_str(), 0700) == 0;
  return ok ? DUNLIN_OK : failed(err, "mkdir", text_of(path));
}

dunlin_status remove_dir(const dunlin_host*, dunlin_str path, dunlin_error* err) {
  return ::rmdir(text_of(path).c_str()) == 0 ? DUNLIN_OK : failed(err, "rmdir", text_of(path));
}

dunlin_status list(const dunlin_host*, dunlin_str path,
                   bool (*visit)(void*, const dunlin_dir_item*), void* user, dunlin_error* err) {
  DIR* dir = ::opendir(text_of(path).c_str());
  if (dir == nullptr) return failed(err, "list", text_of(path));
  std::vector<std::string> names;
  while (const dirent* item = ::readdir(dir)) names.emplace_back(item->d_name);
  ::closedir(dir);
  for (const auto& name : names) {
    struct stat info {};
    if (name == "." || name == ".." || ::stat((text_of(path) + "/" + name).c_str(), &info) != 0) {
      continue;
    }
    const uint32_t kind = S_ISREG(info.st_mode)   ? DUNLIN_FS_FILE
                          : S_ISDIR(info.st_mode) ? DUNLIN_FS_DIRECTORY
                                                  : DUNLIN_FS_OTHER;
    const dunlin_dir_item out{{name.data(), name.size()}, kind, 0,
                              static_cast<uint64_t>(info.st_size)};
    if (!visit(user, &out)) break;
  }
  return DUNLIN_OK;
}

dunlin_status space(const dunlin_host*, dunlin_str path, dunlin_fs_space* out, dunlin_error* err) {
  struct statvfs info {};
  if (::statvfs(text_of(path).c_str(), &info) != 0) return failed(err, "space", text_of(path));
  out->total = info.f_blocks * info.f_frsize;
  out->available = info.f_bavail * info.f_frsize;
  return DUNLIN_OK;
}

dunlin_status lock(const dunlin_host*, dunlin_str path, dunlin_file_lock** out,
                   dunlin_error* err) {
  const int fd = ::open(text_of(path).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return failed(err, "lock", text_of(path));
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const bool held = errno == EWOULDBLOCK;
    const auto status = failed(err, "lock", text_of(path));
    ::close(fd);
    return held ? DUNLIN_E_AGAIN : status;
  }
  *out = reinterpret_cast<dunlin_file_lock*>(new RealFile{fd});
  return DUNLIN_OK;
}

void unlock(const dunlin_host*, dunlin_file_lock* held) {
  auto* file = reinterpret_cast<RealFile*>(held);
  ::close(file->fd);
  delete file;
}

}  // namespace

const dunlin_fs real_fs = {
    sizeof(dunlin_fs), 0,        open,     close,  read_at, write_at, size,       resize,
    zero_fill,         sync_file, sync_dir, rename, remove,  make_dir, remove_dir, list,
    space,             lock,     unlock};

}  // namespace dunlin::testkit
