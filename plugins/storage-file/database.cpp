#include "database.hpp"

namespace dunlin::storage_file {
namespace {

dunlin_status status_of(int code) noexcept {
  switch (code & 0xff) {
    case SQLITE_FULL: return DUNLIN_E_NO_SPACE;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return DUNLIN_E_CORRUPT;
    case SQLITE_READONLY: return DUNLIN_E_DENIED;
    case SQLITE_IOERR:
      return code == SQLITE_IOERR_DATA || code == SQLITE_IOERR_SHORT_READ ? DUNLIN_E_CORRUPT
                                                                         : DUNLIN_E_IO;
    case SQLITE_CANTOPEN: return DUNLIN_E_IO;
    default: return DUNLIN_E_INTERNAL;
  }
}

// The order matters: the locking mode decides how the log's index is kept, the log how syncing is
// done. A store's tables are a few megabytes, and what is read once is kept by the caller.
constexpr const char* settings =
    "PRAGMA locking_mode = EXCLUSIVE;"
    "PRAGMA page_size = 4096;"
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = FULL;"
    "PRAGMA temp_store = MEMORY;"
    "PRAGMA cache_size = -1024;"
    "PRAGMA mmap_size = 0;"
    // Done by `checkpoint`, when nobody waits.
    "PRAGMA wal_autocheckpoint = 0;"
    "PRAGMA cell_size_check = ON;"
    "PRAGMA trusted_schema = OFF;";

}  // namespace

// ---- Statement ----------------------------------------------------------------------------

Statement& Statement::add(std::int64_t value) {
  sqlite3_bind_int64(statement_.get(), ++bound_, value);
  return *this;
}

Statement& Statement::add_text(std::string_view value) {
  sqlite3_bind_text64(statement_.get(), ++bound_, value.data() != nullptr ? value.data() : "",
                      value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  return *this;
}

Statement& Statement::add_blob(BytesView value) {
  // No pointer would bind NULL.
  static constexpr std::uint8_t nothing = 0;
  sqlite3_bind_blob64(statement_.get(), ++bound_, value.empty() ? &nothing : value.data(),
                      value.size(), SQLITE_TRANSIENT);
  return *this;
}

result<bool> Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  auto error = database_->failure(code);
  reset();
  return error;
}

result<> Statement::run() {
  auto row = step();
  if (!row) return row.error();
  reset();
  return {};
}

void Statement::reset() noexcept {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
  bound_ = 0;
}

std::int64_t Statement::integer(int column) const noexcept {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string_view Statement::text(int column) const noexcept {
  const auto* const data = sqlite3_column_text(statement_.get(), column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column));
  return {reinterpret_cast<const char*>(data), size};
}

BytesView Statement::blob(int column) const noexcept {
  const auto* const data = sqlite3_column_blob(statement_.get(), column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column));
  return {static_cast<const std::uint8_t*>(data), size};
}

// ---- Database -----------------------------------------------------------------------------

result<> Database::open(SqliteVfs& vfs, const std::string& path) {
  vfs_ = &vfs;
  path_ = path;
  sqlite3* raw = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE |
                    (vfs.is_read_only() ? 0 : SQLITE_OPEN_CREATE);
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags, vfs.name());
  connection_.reset(raw);
  if (code != SQLITE_OK) return failure(code);
  sqlite3_extended_result_codes(raw, 1);
  int reserved = SqliteVfs::reserved_bytes;
  // What is closed without `close` stays as it is: a damaged database is evidence.
  sqlite3_db_config(raw, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_file_control(raw, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved);
  if (auto ok = run(settings); !ok) return ok;
  const auto count_pages = [](void* self, sqlite3*, const char*, int pages) noexcept {
    static_cast<Database*>(self)->log_pages_ = pages;
    return SQLITE_OK;
  };
  sqlite3_wal_hook(raw, count_pages, this);
  return {};
}

result<> Database::close() {
  if (!connection_) return {};
  static_cast<void>(vfs_->take_failure());
  sqlite3_db_config(connection_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
  const int code = sqlite3_close(connection_.get());
  if (code != SQLITE_OK) return failure(code);
  static_cast<void>(connection_.release());
  const auto error = vfs_->take_failure();
  if (error.status != DUNLIN_OK) return error;
  return {};
}

result<> Database::run(const char* sql) {
  const int code = sqlite3_exec(connection_.get(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return failure(code);
  return {};
}

result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* raw = nullptr;
  const int code = sqlite3_prepare_v2(connection_.get(), sql.data(), static_cast<int>(sql.size()),
                                      &raw, nullptr);
  if (code != SQLITE_OK) return failure(code);
  Statement statement;
  statement.database_ = this;
  statement.statement_.reset(raw);
  return statement;
}

result<> Database::check() {
  auto statement = prepare("PRAGMA quick_check(8)");
  if (!statement) return statement.error();
  std::string wrong;
  while (true) {
    auto row = (*statement).step();
    if (!row) return row.error();
    if (!*row) break;
    const auto text = (*statement).text(0);
    if (text == "ok") continue;
    if (!wrong.empty()) wrong += "; ";
    wrong += text;
  }
  // quick_check goes on behind a page it cannot read; the VFS knows which.
  const auto unreadable = vfs_->take_failure();
  if (unreadable.status != DUNLIN_OK) return unreadable;
  if (wrong.empty()) return {};
  return fail(DUNLIN_E_CORRUPT, path_ + " is damaged: " + wrong);
}

result<> Database::checkpoint() {
  static_cast<void>(vfs_->take_failure());
  const int code = sqlite3_wal_checkpoint_v2(connection_.get(), nullptr,
                                             SQLITE_CHECKPOINT_RESTART, nullptr, nullptr);
  if (code != SQLITE_OK) return failure(code);
  log_pages_ = 0;
  return {};
}

Error Database::failure(int code) {
  auto cause = vfs_->take_failure();
  const auto status = status_of(code);
  if (cause.status != DUNLIN_OK) {
    return fail(cause.status == DUNLIN_E_CORRUPT || cause.status == DUNLIN_E_NO_SPACE ? cause.status
                                                                                     : status,
                cause.text, cause.os_error);
  }
  std::string text = path_ + ": ";
  text += connection_ ? sqlite3_errmsg(connection_.get()) : sqlite3_errstr(code);
  return fail(status, std::move(text));
}

}  // namespace dunlin::storage_file
