// SqliteVfs: SQLite on the host's file system, clock and randomness, so that a simulated disk
// tortures SQLite as it does our own files.
//
// Every page of the database carries a checksum (XXH3) in its last eight bytes, written here and
// checked here when a whole page is read: SQLite itself would serve a flipped bit. The write-ahead
// log has checksums of SQLite's own. The database needs `reserved_bytes` per page for it; page
// size is `page_bytes`, nothing else.
//
// The database is used by one connection in exclusive locking mode (the store holds a lock file),
// so there is no shared memory and nothing to lock. Temporary files are kept in memory
// (temp_store = memory): none is ever opened.
//
// With `read_only` nothing is changed on the disk: files are copied into memory when they are
// opened, and SQLite recovers its log there.
//
// One thread at a time, control or a worker. Registered with SQLite under a name of its own while
// the object lives.

#pragma once

#include <dunlin/clock.hpp>
#include <dunlin/executor.hpp>
#include <sqlite3.h>

#include <string>

#include "files.hpp"

namespace dunlin::storage_file {

class SqliteVfs {
 public:
  static constexpr int page_bytes = 4096;
  static constexpr int reserved_bytes = 8;

  SqliteVfs(Files files, Clock clock, Random random, bool read_only);
  ~SqliteVfs();
  SqliteVfs(const SqliteVfs&) = delete;
  SqliteVfs& operator=(const SqliteVfs&) = delete;

  [[nodiscard]] const char* name() const noexcept { return name_.c_str(); }
  // The last thing a file did not do, for a better sentence than SQLite's; cleared by reading.
  [[nodiscard]] Error take_failure();

  // For the functions SQLite calls.
  [[nodiscard]] const Files& files() const noexcept { return files_; }
  [[nodiscard]] bool is_read_only() const noexcept { return read_only_; }
  // Read only: what is on the disk is not looked at any more; a database begins empty.
  void begin_empty() noexcept { is_empty_ = read_only_; }
  [[nodiscard]] bool is_empty() const noexcept { return is_empty_; }
  void note(Error failure) { failure_ = std::move(failure); }
  [[nodiscard]] const Clock& clock() const noexcept { return clock_; }
  [[nodiscard]] const Random& random() const noexcept { return random_; }

 private:
  Files files_;
  Clock clock_;
  Random random_;
  bool read_only_;
  bool is_empty_ = false;
  Error failure_{DUNLIN_OK, {}, 0};
  std::string name_;
  sqlite3_vfs vfs_{};
};

}  // namespace dunlin::storage_file
