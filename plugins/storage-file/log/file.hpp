// File: an open file of dunlin.fs/1, and the calls on names the engine needs.
//
// Threads: everything here may block and belongs to control or a worker, closing included. Reads
// and writes of different ranges may overlap. Errors are those of dunlin.fs/1, with the path in
// their text.

#pragma once

#include <dunlin/ext/fs.h>
#include <dunlin/result.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace dunlin::storage_file::engine {

class File {
 public:
  File(const dunlin_host* host, const dunlin_fs* fs, dunlin_file* file, std::string path) noexcept
      : host_(host), fs_(fs), file_(file), path_(std::move(path)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { fs_->close(host_, file_); }

  // All of `out`; what the file does not have reads as zeros. Tells how many there were.
  result<std::size_t> read(std::uint64_t offset, std::span<std::uint8_t> out) const;
  result<> write(std::uint64_t offset, std::span<const dunlin_bytes> parts) const;
  result<> write(std::uint64_t offset, std::span<const std::uint8_t> bytes) const;
  [[nodiscard]] result<std::uint64_t> size() const;
  result<> resize(std::uint64_t size) const;
  result<> zero_fill(std::uint64_t size) const;
  result<> sync() const;
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  template <class Call>
  result<> call(const char* what, Call&& body) const;

  const dunlin_host* host_;
  const dunlin_fs* fs_;
  dunlin_file* file_;
  std::string path_;
};

struct DirItem {
  std::string name;
  std::uint64_t size = 0;
};

// One directory.
class Directory {
 public:
  Directory(const dunlin_host* host, const dunlin_fs* fs, std::string path)
      : host_(host), fs_(fs), path_(std::move(path)) {}

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  // `flags` are DUNLIN_FS_...
  [[nodiscard]] result<std::shared_ptr<File>> open(const std::string& name,
                                                   std::uint32_t flags) const;
  [[nodiscard]] result<std::vector<DirItem>> list() const;
  result<> rename(const std::string& from, const std::string& to) const;
  result<> remove(const std::string& name) const;
  // The names in the directory are on stable storage.
  result<> sync() const;

 private:
  [[nodiscard]] std::string place(const std::string& name) const { return path_ + "/" + name; }

  const dunlin_host* host_;
  const dunlin_fs* fs_;
  std::string path_;
};

}  // namespace dunlin::storage_file::engine
