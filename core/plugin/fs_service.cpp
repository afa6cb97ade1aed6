// dunlin.fs/1 on the file systems of the operating system.
//
// Files and locks belong to the plugin that opened them. A call from a shard is refused: any of
// them may block.

#include <dirent.h>
#include <dunlin/ext/fs.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <limits>
#include <memory>
#include <string>
#include <system_error>

#include "core/base/log.hpp"
#include "core/plugin/context.hpp"

struct dunlin_file {
  int descriptor;
  std::string path;
};
struct dunlin_file_lock {
  int descriptor;
};

namespace dunlin::plugin {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int value) noexcept : value_(value) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  [[nodiscard]] int get() const noexcept { return value_; }
  int release() noexcept { return std::exchange(value_, -1); }

 private:
  int value_;
};

dunlin_status status_of(int error) noexcept {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return DUNLIN_E_NOT_FOUND;
    case EEXIST:
    case ENOTEMPTY:
      return DUNLIN_E_EXISTS;
    case EACCES:
    case EPERM:
    case EROFS:
      return DUNLIN_E_DENIED;
    case ENOSPC:
    case EDQUOT:
      return DUNLIN_E_NO_SPACE;
    case EMFILE:
    case ENFILE:
    case EFBIG:
    case ENOMEM:
      return DUNLIN_E_LIMIT;
    case EWOULDBLOCK:
      return DUNLIN_E_AGAIN;
    case ENAMETOOLONG:
    case EINVAL:
      return DUNLIN_E_INVALID;
    default:
      return DUNLIN_E_IO;
  }
}

dunlin_status failed(dunlin_error* err, int error, const char* what, std::string_view path) {
  const auto status = status_of(error);
  set_error(err, status,
            fmt::format("cannot {} {}: {}", what, path, std::generic_category().message(error)));
  if (err != nullptr && err->struct_size >= sizeof(dunlin_error)) err->os_error = error;
  return status;
}

template <class Call>
auto repeated(Call&& call) noexcept {
  for (;;) {
    const auto outcome = call();
    if (outcome >= 0 || errno != EINTR) return outcome;
  }
}

// Whether the caller may block; what it gave as a path, with its end marked.
dunlin_status check_thread(const dunlin_host* host, dunlin_error* err) {
  const auto& context = context_of(host);
  if (context.shared.executor.thread() != ThreadKind::shard) return DUNLIN_OK;
  log_error("plugin {} misbehaves: it called the file system on a shard", context.identity.id);
  return set_error(err, DUNLIN_E_WRONG_THREAD, "files may be used on control and workers only");
}

dunlin_status check_path(const dunlin_host* host, dunlin_str path, std::string& out,
                         dunlin_error* err) {
  if (const auto status = check_thread(host, err); status != DUNLIN_OK) return status;
  out = view(path);
  if (!out.empty() && out[0] == '/' && out.find('\0') == std::string::npos) return DUNLIN_OK;
  return set_error(err, DUNLIN_E_INVALID, "a path must be absolute and contain no NUL");
}

// Runs `body`, which may run out of memory; nothing is thrown into the plugin.
template <class Body>
dunlin_status guarded(dunlin_error* err, Body&& body) noexcept {
  try {
    return body();
  } catch (const std::exception& exception) {
    return set_error(err, DUNLIN_E_LIMIT, exception.what());
  }
}

// Checks the path and calls `call(path)`, which answers like a system call.
template <class Call>
dunlin_status on_path(const dunlin_host* host, dunlin_str path, const char* what,
                      dunlin_error* err, Call&& call) noexcept {
  return guarded(err, [&]() -> dunlin_status {
    std::string name;
    if (const auto status = check_path(host, path, name, err); status != DUNLIN_OK) return status;
    return repeated([&] { return call(name.c_str()); }) < 0 ? failed(err, errno, what, name)
                                                            : DUNLIN_OK;
  });
}

dunlin_status open_file(const dunlin_host* host, dunlin_str path, std::uint32_t flags,
                        dunlin_file** out, dunlin_error* err) {
  return guarded(err, [&]() -> dunlin_status {
    std::string name;
    if (const auto status = check_path(host, path, name, err); status != DUNLIN_OK) return status;
    const bool writes = (flags & DUNLIN_FS_WRITE) != 0;
    if (out == nullptr || (flags & (DUNLIN_FS_READ | DUNLIN_FS_WRITE)) == 0 ||
        ((flags & DUNLIN_FS_CREATE) != 0 && !writes)) {
      return set_error(err, DUNLIN_E_INVALID, "these flags make no sense together");
    }
    // A pipe of that name must not block; a regular file does not care.
    int mode = O_CLOEXEC | O_NONBLOCK | (writes ? O_RDWR : O_RDONLY);
    if ((flags & DUNLIN_FS_CREATE) != 0) mode |= O_CREAT;
    if ((flags & DUNLIN_FS_EXCLUSIVE) != 0) mode |= O_EXCL;
    Descriptor descriptor(repeated([&] { return ::open(name.c_str(), mode, 0600); }));
    if (descriptor.get() < 0) return failed(err, errno, "open", name);
    struct stat about {};
    if (::fstat(descriptor.get(), &about) != 0) return failed(err, errno, "look at", name);
    if (!S_ISREG(about.st_mode)) {
      return set_error(err, DUNLIN_E_INVALID, fmt::format("{} is not a regular file", name));
    }
    *out = new dunlin_file{descriptor.get(), std::move(name)};
    descriptor.release();
    return DUNLIN_OK;
  });
}

void close_file(const dunlin_host*, dunlin_file* file) {
  if (file == nullptr) return;
  ::close(file->descriptor);
  delete file;
}

dunlin_status read_at(const dunlin_host* host, dunlin_file* file, std::uint64_t offset,
                      std::uint8_t* out, std::size_t n, std::size_t* got, dunlin_error* err) {
  return guarded(err, [&]() -> dunlin_status {
    if (const auto status = check_thread(host, err); status != DUNLIN_OK) return status;
    std::size_t done = 0;
    while (done < n) {
      const auto part = repeated([&] {
        return ::pread(file->descriptor, out + done, n - done,
                       static_cast<off_t>(offset + done));
      });
      if (part < 0) return failed(err, errno, "read", file->path);
      if (part == 0) break;
      done += static_cast<std::size_t>(part);
    }
    if (got != nullptr) *got = done;
    return DUNLIN_OK;
  });
}

// Some parts at a time, as many as the system takes in one call; a part it took in part goes on
// where it stopped.
dunlin_status write_parts(const dunlin_file& file, std::uint64_t offset, const dunlin_bytes* parts,
                          std::size_t n, dunlin_error* err) {
  constexpr std::size_t batch = 64;
  std::array<iovec, batch> vectors;
  std::size_t skip = 0;  // bytes of parts[0] that are written
  while (n > 0) {
    const auto count = std::min(n, batch);
    for (std::size_t i = 0; i < count; ++i) {
      const auto from = i == 0 ? skip : 0;
      vectors[i] = {const_cast<std::uint8_t*>(parts[i].data) + from, parts[i].size - from};
    }
    auto written = repeated([&] {
      return ::pwritev(file.descriptor, vectors.data(), static_cast<int>(count),
                       static_cast<off_t>(offset));
    });
    if (written < 0) return failed(err, errno, "write", file.path);
    offset += static_cast<std::uint64_t>(written);
    auto left = static_cast<std::size_t>(written) + skip;
    while (n > 0 && left >= parts->size) {
      left -= parts->size;
      ++parts;
      --n;
    }
    skip = left;
    if (written == 0 && n > 0) return failed(err, EIO, "write", file.path);
  }
  return DUNLIN_OK;
}

dunlin_status write_at(const dunlin_host* host, dunlin_file* file, std::uint64_t offset,
                       const dunlin_bytes* parts, std::size_t n, dunlin_error* err) {
  return guarded(err, [&]() -> dunlin_status {
    if (const auto status = check_thread(host, err); status != DUNLIN_OK) return status;
    return write_parts(*file, offset, parts, n, err);
  });
}

dunlin_status file_size(const dunlin_host* host, dunlin_file* file, std::uint64_t* out,
                        dunlin_error* err) {
  return guarded(err, [&]() -> dunlin_status {
    if (const auto status = check_thread(host, err); status != DUNLIN_OK) return status;
    struct stat about {};
    if (::fstat(file->descriptor, &about) != 0) return failed(err, errno, "look at", file->path);
    *out = static_cast<std::uint64_t>(about.st_size);
    return DUNLIN_OK;
  });
}

dunlin_status resize(const dunlin_host* host, dunlin_file* file, std::uint64_t size,
                     dunlin_error* err) {
  return guarded(err, [&]() -> dunlin_status {
    if (const auto status = check_thread(host, err); status != DUNLIN_OK) return status;
    const auto cut = [&] { return ::ftruncate(file->descriptor, static_cast<off_t>(size)); };
    return repeated(cut) < 0 ? failed(err, errno, "resize", file->path) : DUNLIN_OK;
  });
}

dunlin_status zero_fill(const dunlin_host* host, dunlin_file* file, std::uint64_t size,
                        dunlin_error* err) {
  static constexpr std::array<std::uint8_t, 256 * 1024> zeros{};
  constexpr std::size_t parts_max = 16;
  return guarded(err, [&]() -> dunlin_status {
    for (std::uint64_t at = 0; at < size;) {
      std::array<dunlin_bytes, parts_max> parts;
      std::size_t n = 0;
      auto end = at;
      for (; n < parts_max && end < size; ++n) {
        const auto bytes = std::min<std::uint64_t>(zeros.size(), size - end);
        parts[n] = {zeros.data(), bytes};
        end += bytes;
      }
      const auto status = write_at(host, file, at, parts.data(), n, err);
      if (status != DUNLIN_OK) return status;
      at = end;
    }
    return resize(host, file, size, err);
  });
}

dunlin_status sync_file(const dunlin_host* host, dunlin_file* file, dunlin_error* err) {
  return guarded(err, [&]() -> dunlin_status {
    if (const auto status = check_thread(host, err); status != DUNLIN_OK) return status;
    // Flushes the size too, whenever it has changed.
    if (repeated([&] { return ::fdatasync(file->descriptor); }) == 0) return DUNLIN_OK;
    const auto error = errno;
    failed(err, error, "sync", file->path);
    // Whatever the reason: the pages are in doubt.
    if (err != nullptr) err->status = DUNLIN_E_IO;
    return DUNLIN_E_IO;
  });
}

dunlin_status sync_dir(const dunlin_host* host, dunlin_str path, dunlin_error* err) {
  return on_path(host, path, "sync the directory", err, [](const char* name) {
    const Descriptor directory(::open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return directory.get() < 0 ? -1 : ::fsync(directory.get());
  });
}

dunlin_status rename_file(const dunlin_host* host, dunlin_str from, dunlin_str to,
                          dunlin_error* err) {
  return guarded(err, [&]() -> dunlin_status {
    std::string name, target;
    auto status = check_path(host, from, name, err);
    if (status == DUNLIN_OK) status = check_path(host, to, target, err);
    if (status != DUNLIN_OK) return status;
    return ::rename(name.c_str(), target.c_str()) != 0 ? failed(err, errno, "rename", name)
                                                       : DUNLIN_OK;
  });
}

// Names come and go while they are listed: one that has gone is not reported.
dunlin_status list(const dunlin_host* host, dunlin_str path,
                   bool (*visit)(void*, const dunlin_dir_item*), void* user, dunlin_error* err) {
  return guarded(err, [&]() -> dunlin_status {
    std::string directory;
    const auto status = check_path(host, path, directory, err);
    if (status != DUNLIN_OK) return status;
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(directory.c_str()), ::closedir);
    if (!stream) return failed(err, errno, "list", directory);
    for (;;) {
      errno = 0;
      const auto* entry = ::readdir(stream.get());
      if (entry == nullptr) return errno == 0 ? DUNLIN_OK : failed(err, errno, "list", directory);
      const std::string_view name(entry->d_name);
      if (name == "." || name == "..") continue;
      struct stat about {};
      if (::fstatat(::dirfd(stream.get()), entry->d_name, &about, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) continue;
        return failed(err, errno, "look at what is in", directory);
      }
      dunlin_dir_item item{};
      item.name = str(name);
      item.kind = S_ISREG(about.st_mode)   ? DUNLIN_FS_FILE
                  : S_ISDIR(about.st_mode) ? DUNLIN_FS_DIRECTORY
                                           : DUNLIN_FS_OTHER;
      if (S_ISREG(about.st_mode)) item.size = static_cast<std::uint64_t>(about.st_size);
      if (!visit(user, &item)) return DUNLIN_OK;
    }
  });
}

dunlin_status space(const dunlin_host* host, dunlin_str path, dunlin_fs_space* out,
                    dunlin_error* err) {
  struct statvfs about {};
  const auto status = on_path(host, path, "look at the file system of", err,
                              [&](const char* name) { return ::statvfs(name, &about); });
  if (status != DUNLIN_OK) return status;
  dunlin_fs_space found{};
  found.struct_size = std::min<std::uint32_t>(out->struct_size, sizeof found);
  found.total = std::uint64_t{about.f_blocks} * about.f_frsize;
  found.available = std::uint64_t{about.f_bavail} * about.f_frsize;
  std::memcpy(out, &found, found.struct_size);
  return DUNLIN_OK;
}

// A lock belongs to an open file, so that two plugins of one process exclude each other too.
dunlin_status lock(const dunlin_host* host, dunlin_str path, dunlin_file_lock** out,
                   dunlin_error* err) {
  return guarded(err, [&]() -> dunlin_status {
    std::string name;
    const auto status = check_path(host, path, name, err);
    if (status != DUNLIN_OK) return status;
    Descriptor descriptor(
        repeated([&] { return ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600); }));
    if (descriptor.get() < 0) return failed(err, errno, "open", name);
    if (repeated([&] { return ::flock(descriptor.get(), LOCK_EX | LOCK_NB); }) != 0) {
      return failed(err, errno, "lock", name);
    }
    *out = new dunlin_file_lock{descriptor.get()};
    descriptor.release();
    return DUNLIN_OK;
  });
}

void unlock(const dunlin_host*, dunlin_file_lock* lock) {
  if (lock == nullptr) return;
  ::close(lock->descriptor);
  delete lock;
}

constexpr dunlin_fs table = {
    sizeof(dunlin_fs),
    0,
    open_file,
    close_file,
    read_at,
    write_at,
    file_size,
    resize,
    zero_fill,
    sync_file,
    sync_dir,
    rename_file,
    [](const dunlin_host* host, dunlin_str path, dunlin_error* err) {
      return on_path(host, path, "remove", err, ::unlink);
    },
    [](const dunlin_host* host, dunlin_str path, dunlin_error* err) {
      return on_path(host, path, "make the directory", err,
                     [](const char* name) { return ::mkdir(name, 0700); });
    },
    [](const dunlin_host* host, dunlin_str path, dunlin_error* err) {
      return on_path(host, path, "remove the directory", err, ::rmdir);
    },
    list,
    space,
    lock,
    unlock};

}  // namespace

const void* fs_table() noexcept { return &table; }

}  // namespace dunlin::plugin
