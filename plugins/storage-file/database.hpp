// Database and Statement: SQLite with results instead of codes.
//
// One thread at a time. Errors carry what the file system said when it was its doing:
// DUNLIN_E_CORRUPT for a damaged page or image, DUNLIN_E_NO_SPACE, DUNLIN_E_IO for the rest.

#pragma once

#include <dunlin/result.hpp>
#include <sqlite3.h>

#include <memory>
#include <string>

#include "bytes.hpp"
#include "sqlite_vfs.hpp"

namespace dunlin::storage_file {

class Database;

class Statement {
 public:
  Statement() = default;

  [[nodiscard]] bool is_prepared() const noexcept { return statement_ != nullptr; }
  // Bind in order, beginning anew after `reset`.
  Statement& add(std::int64_t value);
  Statement& add(std::uint64_t value) { return add(static_cast<std::int64_t>(value)); }
  Statement& add_text(std::string_view value);
  Statement& add_blob(BytesView value);

  // True: there is a row.
  result<bool> step();
  // Runs a statement that has no rows, and makes it ready for the next time.
  result<> run();
  void reset() noexcept;

  // Columns of the current row, valid until the next step.
  [[nodiscard]] std::int64_t integer(int column) const noexcept;
  [[nodiscard]] std::uint64_t number(int column) const noexcept {
    return static_cast<std::uint64_t>(integer(column));
  }
  [[nodiscard]] std::string_view text(int column) const noexcept;
  [[nodiscard]] BytesView blob(int column) const noexcept;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
  };
  Database* database_ = nullptr;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int bound_ = 0;
};

class Database {
 public:
  Database() = default;
  Database(const Database&) = delete;  // SQLite keeps a pointer to it
  Database& operator=(const Database&) = delete;
  // Makes the file when it is not there, unless the VFS is read only.
  result<> open(SqliteVfs& vfs, const std::string& path);
  // Closes, which moves the log into the database and removes it. Statements must be gone. Without
  // it the files stay as they are, as after a crash.
  result<> close();
  [[nodiscard]] bool is_open() const noexcept { return connection_ != nullptr; }

  result<> run(const char* sql);
  [[nodiscard]] result<Statement> prepare(std::string_view sql);
  // Moves the log into the database, so that it begins anew. Not inside a transaction.
  result<> checkpoint();
  // How long the log is.
  [[nodiscard]] int log_pages() const noexcept { return log_pages_; }
  // Every page that is in use is read and checked. DUNLIN_E_CORRUPT says what is wrong.
  [[nodiscard]] result<> check();

  [[nodiscard]] Error failure(int code);

 private:
  struct Close {
    void operator()(sqlite3* connection) const noexcept { sqlite3_close_v2(connection); }
  };
  SqliteVfs* vfs_ = nullptr;
  std::string path_;
  std::unique_ptr<sqlite3, Close> connection_;
  int log_pages_ = 0;
};

}  // namespace dunlin::storage_file
