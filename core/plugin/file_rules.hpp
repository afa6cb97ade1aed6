// File rules: which files a plugin may be loaded from.
//
// A plugin has all the power of the server, so only who could replace the server may replace a
// plugin: the file and every directory above it belong to root or to the account the server runs
// under, nobody else may write there, and the last component is no symbolic link. The file is
// opened once, without following, and judged by its descriptor; the directories are walked with
// descriptors too.

#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "core/base/result.hpp"

namespace dunlin::plugin {

// An open file descriptor; closes it.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) noexcept : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(other.release()) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor();

  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] bool valid() const noexcept { return fd_ >= 0; }
  int release() noexcept;

 private:
  int fd_ = -1;
};

enum class FileFault { missing, rules, unreadable };

struct FileProblem {
  FileFault fault = FileFault::unreadable;
  std::string text;  // names the rule and the component of the path
};

using FileResult = boost::system::result<FileDescriptor, FileProblem>;
[[noreturn]] void throw_exception_from_error(const FileProblem& problem,
                                             const boost::source_location&);

// `path` is absolute, without "." and ".." components. `owner` is the account the server runs as.
FileResult open_checked(const std::string& path, uid_t owner);

// The whole file; fails above `bytes_max`.
result<std::vector<std::uint8_t>> read_whole(const FileDescriptor& file, std::size_t bytes_max);

}  // namespace dunlin::plugin
