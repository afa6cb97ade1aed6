#include "database.hpp"

#include <dunlin/subject.hpp>

namespace example {
namespace {

constexpr const char* schema = R"(
CREATE TABLE IF NOT EXISTS logs(
  id INTEGER PRIMARY KEY, name BLOB UNIQUE, first INTEGER, first_time INTEGER, last INTEGER,
  last_time INTEGER,
  records INTEGER, bytes INTEGER);
CREATE TABLE IF NOT EXISTS subjects(
  id INTEGER PRIMARY KEY, log INTEGER, subject BLOB, count INTEGER, UNIQUE(log, subject));
CREATE TABLE IF NOT EXISTS records(
  log INTEGER, seq INTEGER, time INTEGER, expires INTEGER, due INTEGER, subject INTEGER,
  size INTEGER, header BLOB, payload BLOB, PRIMARY KEY(log, seq)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_subject ON records(log, subject, seq);
CREATE INDEX IF NOT EXISTS by_time ON records(log, time, seq);
CREATE INDEX IF NOT EXISTS by_expiry ON records(log, expires) WHERE expires <> 0;
CREATE INDEX IF NOT EXISTS by_due ON records(log, due) WHERE due <> 0;
CREATE TABLE IF NOT EXISTS gaps(
  log INTEGER, first INTEGER, last INTEGER, PRIMARY KEY(log, first)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS meta(path BLOB PRIMARY KEY, content BLOB) WITHOUT ROWID;
)";

[[noreturn]] void failed(sqlite3* db, int code) {
  dunlin_status status = DUNLIN_E_IO;
  if ((code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB) status = DUNLIN_E_CORRUPT;
  if ((code & 0xff) == SQLITE_FULL) status = DUNLIN_E_NO_SPACE;
  if ((code & 0xff) == SQLITE_TOOBIG) status = DUNLIN_E_INVALID;
  throw dunlin::fail(status, db == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(db));
}

// matches(filters, subject): filters, each but the last ended by NUL; none matches everything.
void matches(sqlite3_context* context, int, sqlite3_value** values) {
  const auto text = [&](int at) {
    return std::string_view(static_cast<const char*>(sqlite3_value_blob(values[at])),
                            static_cast<std::size_t>(sqlite3_value_bytes(values[at])));
  };
  std::string_view filters = text(0);
  bool any = filters.empty();
  while (!filters.empty() && !any) {
    const auto end = filters.find('\0');
    any = dunlin::subject_matches(filters.substr(0, end), text(1));
    filters.remove_prefix(end == std::string_view::npos ? filters.size() : end + 1);
  }
  sqlite3_result_int(context, any ? 1 : 0);
}

}  // namespace

bool Statement::step() {
  const int code = sqlite3_step(raw_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) failed(db_, code);
  return false;
}

std::string_view Statement::bytes(int column) {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(raw_, column));
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(raw_, column))};
}

Database::Database(dunlin::Host host, const std::string& path, bool create) : vfs_(host) {
  const int flags = SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0);
  try {
    const int code = sqlite3_open_v2(path.c_str(), &db_, flags, vfs_.name());
    if (code == SQLITE_CANTOPEN && !create) {
      throw dunlin::fail(DUNLIN_E_NOT_FOUND, "there is no store in " + path);
    }
    if (code != SQLITE_OK) failed(db_, code);
    int sum_bytes = Vfs::sum_bytes;
    sqlite3_file_control(db_, "main", SQLITE_FCNTL_RESERVE_BYTES, &sum_bytes);
    sqlite3_create_function(db_, "matches", 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC, nullptr, matches,
                            nullptr, nullptr);
    for (const char* text :
         {"PRAGMA locking_mode = EXCLUSIVE", "PRAGMA page_size = 4096",
          "PRAGMA temp_store = MEMORY", "PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL",
          "PRAGMA cell_size_check = ON", "PRAGMA cache_size = -2000", schema}) {
      const int ran = sqlite3_exec(db_, text, nullptr, nullptr, nullptr);
      if (ran != SQLITE_OK) failed(db_, ran);
    }
  } catch (...) {
    sqlite3_close(db_);
    throw;
  }
}

Database::~Database() {
  prepared_.clear();
  sqlite3_close(db_);
}

Statement Database::sql(const char* text) {
  auto& prepared = prepared_[text];
  if (prepared == nullptr) {
    sqlite3_stmt* raw = nullptr;
    const int code = sqlite3_prepare_v2(db_, text, -1, &raw, nullptr);
    if (code != SQLITE_OK) failed(db_, code);
    prepared.reset(raw);
  }
  return {db_, prepared.get()};
}

void Database::begin() {
  if (sqlite3_get_autocommit(db_) != 0) sql("BEGIN").run();
}

void Database::commit() {
  if (sqlite3_get_autocommit(db_) == 0) sql("COMMIT").run();
}

void Database::roll_back() {
  if (sqlite3_get_autocommit(db_) == 0) {
    sqlite3_exec(db_, "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

}  // namespace example
