// SQLite's files on the host's file table, each page of the database with a checksum.
//
// With it the whole store runs on whatever disk the host has, a simulated one included, and no
// damaged page is ever taken for data. One Vfs serves one connection; control and workers only.

#pragma once

#include <dunlin/clock.hpp>
#include <dunlin/executor.hpp>
#include <dunlin/fs.hpp>

#include <sqlite3.h>

#include <string>

namespace example {

class Vfs {
 public:
  static constexpr int page_bytes = 4096;
  static constexpr int sum_bytes = 8;  // at the end of each page, which SQLite leaves to us

  explicit Vfs(dunlin::Host host);
  ~Vfs();
  Vfs(const Vfs&) = delete;
  Vfs& operator=(const Vfs&) = delete;

  [[nodiscard]] const char* name() const { return name_.c_str(); }
  [[nodiscard]] const dunlin::Fs& fs() const { return fs_; }
  [[nodiscard]] const dunlin::Random& random() const { return random_; }
  [[nodiscard]] const dunlin::Clock& clock() const { return clock_; }

 private:
  dunlin::Fs fs_;
  dunlin::Random random_;
  dunlin::Clock clock_;
  std::string name_;
  sqlite3_vfs vfs_{};
};

}  // namespace example
