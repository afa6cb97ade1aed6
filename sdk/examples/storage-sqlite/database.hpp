// One SQLite connection, and its statements as C++. What fails throws dunlin::Error.
//
// One thread at a time: whoever uses it holds the store's mutex.

#pragma once

#include <dunlin/result.hpp>

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "vfs.hpp"

namespace example {

class Statement {
 public:
  Statement(sqlite3* db, sqlite3_stmt* raw) : db_(db), raw_(raw) {}
  Statement(Statement&& other) noexcept
      : db_(other.db_), raw_(std::exchange(other.raw_, nullptr)) {}
  ~Statement() {
    if (raw_ == nullptr) return;
    sqlite3_reset(raw_);
    sqlite3_clear_bindings(raw_);
  }

  template <class... Values>
  Statement with(const Values&... values) && {
    int at = 0;
    (bind(++at, values), ...);
    return std::move(*this);
  }
  // The next row; false at the end.
  bool step();
  void run() {
    while (step()) {
    }
  }
  [[nodiscard]] std::int64_t number(int column) { return sqlite3_column_int64(raw_, column); }
  [[nodiscard]] std::string_view bytes(int column);

 private:
  void bind(int at, std::int64_t value) { sqlite3_bind_int64(raw_, at, value); }
  void bind(int at, std::uint64_t value) {
    sqlite3_bind_int64(raw_, at, static_cast<std::int64_t>(value));
  }
  // As a blob, also what is empty. It must stay until the statement ends.
  void bind(int at, std::string_view value) {
    sqlite3_bind_blob64(raw_, at, value.empty() ? "" : value.data(), value.size(), SQLITE_STATIC);
  }

  sqlite3* db_;
  sqlite3_stmt* raw_;
};

class Database {
 public:
  // Opens or makes the file.
  Database(dunlin::Host host, const std::string& path, bool create);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Prepared once; a statement of one text is used once at a time.
  Statement sql(const char* text);
  void begin();      // unless a transaction is open
  void commit();     // durable when it returns
  void roll_back();  // what was not committed is gone; never throws

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* raw) const { sqlite3_finalize(raw); }
  };
  Vfs vfs_;
  sqlite3* db_ = nullptr;
  std::unordered_map<const char*, std::unique_ptr<sqlite3_stmt, Finalize>> prepared_;
};

}  // namespace example
