#include "core/plugin/file_rules.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace dunlin::plugin {
namespace {

std::string reason(int error) { return std::generic_category().message(error); }

FileProblem breaks(std::string text) { return {FileFault::rules, std::move(text)}; }

FileProblem cannot_open(const std::string& path, int error) {
  if (error == ENOENT || error == ENOTDIR) {
    return {FileFault::missing, fmt::format("{} does not exist", path)};
  }
  return {FileFault::unreadable, fmt::format("cannot open {}: {}", path, reason(error))};
}

// The rules that hold for the file and for each directory above it.
result<void> check_owner(int fd, const std::string& component, uid_t owner, bool directory) {
  struct stat state {};
  if (::fstat(fd, &state) != 0) {
    return fail(fmt::format("cannot examine {}: {}", component, reason(errno)));
  }
  if (state.st_uid != 0 && state.st_uid != owner) {
    return fail(fmt::format("{} belongs to user {}, but must belong to root or to user {}",
                            component, state.st_uid, owner));
  }
  // In a directory with the sticky bit nobody can replace what belongs to another.
  const bool sticky = directory && (state.st_mode & S_ISVTX) != 0;
  if ((state.st_mode & (S_IWGRP | S_IWOTH)) != 0 && !sticky) {
    return fail(fmt::format("{} has mode {:04o}, but must not be writable by group or others",
                            component, state.st_mode & 07777u));
  }
  if (!directory && !S_ISREG(state.st_mode)) {
    return fail(fmt::format("{} is not a regular file", component));
  }
  return {};
}

// Directories may be symbolic links on the way (/lib -> /usr/lib); what they lead to is judged.
boost::system::result<FileDescriptor, FileProblem> open_directory(const std::string& path,
                                                                  uid_t owner) {
  FileDescriptor current(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  std::size_t begin = 1;
  std::string walked = "/";
  while (true) {
    if (!current.valid()) return cannot_open(walked, errno);
    if (auto ok = check_owner(current.get(), walked, owner, true); !ok) {
      return breaks(ok.error().text);
    }
    const auto end = path.find('/', begin);
    if (end == std::string::npos) return current;
    const auto component = path.substr(begin, end - begin);
    begin = end + 1;
    walked = path.substr(0, end);
    current = FileDescriptor(::openat(current.get(), component.c_str(),
                                      O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
}

bool is_plain_absolute(const std::string& path) {
  if (path.size() < 2 || path.front() != '/' || path.back() == '/') return false;
  return (path + "/").find("/./") == std::string::npos &&
         (path + "/").find("/../") == std::string::npos &&
         path.find("//") == std::string::npos && path.find('\0') == std::string::npos;
}

}  // namespace

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = other.release();
  }
  return *this;
}

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) ::close(fd_);
}

int FileDescriptor::release() noexcept { return std::exchange(fd_, -1); }

void throw_exception_from_error(const FileProblem& problem, const boost::source_location&) {
  throw std::runtime_error(problem.text);
}

FileResult open_checked(const std::string& path, uid_t owner) {
  if (!is_plain_absolute(path)) {
    return breaks(fmt::format("{} is not an absolute path without \".\", \"..\" and \"//\"", path));
  }
  auto directory = open_directory(path, owner);
  if (!directory) return directory.error();
  const auto name = path.substr(path.rfind('/') + 1);
  FileDescriptor file(::openat(directory->get(), name.c_str(),
                               O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid()) {
    if (errno == ELOOP) {
      return breaks(fmt::format("{} is a symbolic link; name the file itself", path));
    }
    return cannot_open(path, errno);
  }
  if (auto ok = check_owner(file.get(), path, owner, false); !ok) return breaks(ok.error().text);
  return file;
}

result<std::vector<std::uint8_t>> read_whole(const FileDescriptor& file, std::size_t bytes_max) {
  std::vector<std::uint8_t> bytes;
  std::size_t filled = 0;
  while (true) {
    if (filled == bytes.size()) {
      bytes.resize(filled + 256 * 1024);
    }
    const auto got = ::pread(file.get(), bytes.data() + filled, bytes.size() - filled,
                             static_cast<off_t>(filled));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(fmt::format("it cannot be read: {}", reason(errno)));
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
    if (filled > bytes_max) return fail(fmt::format("it is larger than {} bytes", bytes_max));
  }
  bytes.resize(filled);
  return bytes;
}

}  // namespace dunlin::plugin
