// Files: the host's file system (dunlin.fs/1) as this plugin uses it for whole small files.
//
// Control or a worker; everything may block. Errors name the path and what was tried.

#pragma once

#include <dunlin/ext/fs.h>
#include <dunlin/result.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bytes.hpp"

namespace dunlin::storage_file {

// An open file; closed when it goes.
class File {
 public:
  File() = default;
  File(const dunlin_host* host, const dunlin_fs* fs, dunlin_file* file, std::string path) noexcept
      : host_(host), fs_(fs), file_(file), path_(std::move(path)) {}
  File(File&& other) noexcept
      : host_(other.host_), fs_(other.fs_), file_(std::exchange(other.file_, nullptr)),
        path_(std::move(other.path_)) {}
  File& operator=(File&& other) noexcept;
  ~File() { close(); }

  void close() noexcept;
  explicit operator bool() const noexcept { return file_ != nullptr; }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

  // How many bytes there were before the end of the file.
  result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> out) const;
  result<> write_at(std::uint64_t offset, BytesView bytes) const;
  [[nodiscard]] result<std::uint64_t> size() const;
  result<> resize(std::uint64_t bytes) const;
  result<> zero_fill(std::uint64_t bytes) const;
  result<> sync() const;

 private:
  result<> outcome(dunlin_status status, const dunlin_error& error, const char* what) const;

  const dunlin_host* host_ = nullptr;
  const dunlin_fs* fs_ = nullptr;
  dunlin_file* file_ = nullptr;
  std::string path_;
};

struct DirItem {
  std::string name;
  std::uint32_t kind = DUNLIN_FS_FILE;
  std::uint64_t size = 0;
};

class Files {
 public:
  Files(const dunlin_host* host, const dunlin_fs* fs) noexcept : host_(host), fs_(fs) {}

  [[nodiscard]] result<File> open(const std::string& path, std::uint32_t flags) const;
  [[nodiscard]] result<bool> exists(const std::string& path) const;
  // DUNLIN_E_LIMIT for a file that is larger.
  [[nodiscard]] result<Bytes> read_file(const std::string& path, std::uint64_t bytes_max) const;
  // Atomic and durable: after a crash there is the old file or the new one.
  result<> replace_file(const std::string& path, BytesView content) const;
  // By name.
  [[nodiscard]] result<std::vector<DirItem>> list(const std::string& path) const;
  // With what stands above it; there already is no failure.
  result<> make_dirs(const std::string& path) const;
  // Not there is no failure.
  result<> remove(const std::string& path) const;
  // With everything in it; not there is no failure.
  result<> remove_tree(const std::string& path) const;
  result<> rename(const std::string& from, const std::string& to) const;
  result<> sync_dir(const std::string& path) const;
  [[nodiscard]] result<dunlin_fs_space> space(const std::string& path) const;

  [[nodiscard]] const dunlin_host* host() const noexcept { return host_; }
  [[nodiscard]] const dunlin_fs* raw() const noexcept { return fs_; }

 private:
  const dunlin_host* host_;
  const dunlin_fs* fs_;
};

// "a/b/c" -> "a/b"
[[nodiscard]] std::string parent_of(const std::string& path);

}  // namespace dunlin::storage_file
