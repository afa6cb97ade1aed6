#include "catalogue_rows.hpp"

#include <algorithm>

#include "change_coding.hpp"

namespace dunlin::storage_file {
namespace {

// One step for each version of the tables; a step is never changed once it was released.
constexpr const char* steps[] = {
    "PRAGMA application_id = 1145981006;"  // "DNLN"
    "CREATE TABLE store ("
    "  one INTEGER PRIMARY KEY CHECK (one = 1), id BLOB NOT NULL,"
    "  last_commit INTEGER NOT NULL, next_log INTEGER NOT NULL);"
    "CREATE TABLE logs ("
    "  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, directory TEXT NOT NULL,"
    "  first_seq INTEGER NOT NULL, has_subjects INTEGER NOT NULL, epoch INTEGER NOT NULL,"
    "  must_scan INTEGER NOT NULL);"
    "CREATE TABLE segments ("
    "  log INTEGER NOT NULL, number INTEGER NOT NULL, file TEXT NOT NULL, state INTEGER NOT NULL,"
    "  epoch INTEGER NOT NULL, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL,"
    "  first_time_ns INTEGER NOT NULL, last_time_ns INTEGER NOT NULL, bytes INTEGER NOT NULL,"
    "  key_id INTEGER NOT NULL, indexes BLOB NOT NULL, extra BLOB NOT NULL,"
    "  PRIMARY KEY (log, number)) WITHOUT ROWID;"
    "CREATE TABLE checkpoints (log INTEGER PRIMARY KEY, blob BLOB NOT NULL);"
    "CREATE TABLE damage ("
    "  n INTEGER PRIMARY KEY, log INTEGER NOT NULL, first_seq INTEGER NOT NULL,"
    "  last_seq INTEGER NOT NULL, file TEXT NOT NULL, offset INTEGER NOT NULL,"
    "  text TEXT NOT NULL);"
    "CREATE TABLE meta (path TEXT NOT NULL UNIQUE, blob BLOB NOT NULL);",
};
constexpr std::int64_t newest_version = std::size(steps);

constexpr std::string_view log_columns =
    "id, name, directory, first_seq, has_subjects, epoch, must_scan";
constexpr std::string_view segment_columns =
    "log, number, file, state, epoch, first_seq, last_seq, first_time_ns, last_time_ns, bytes, "
    "key_id, indexes, extra";

LogRow log_of(const Statement& row) {
  return {row.number(0),      std::string(row.text(1)), std::string(row.text(2)),
          row.number(3),      row.integer(4) != 0,      row.number(5),
          row.integer(6) != 0};
}

result<SegmentRow> segment_of(const Statement& row) {
  SegmentRow out;
  out.number = row.number(1);
  out.file = row.text(2);
  out.state = static_cast<SegmentState>(row.integer(3));
  out.epoch = row.number(4);
  out.first_seq = row.number(5);
  out.last_seq = row.number(6);
  out.first_time_ns = row.integer(7);
  out.last_time_ns = row.integer(8);
  out.bytes = row.number(9);
  out.key_id = static_cast<std::uint32_t>(row.number(10));
  auto indexes = decode_indexes(row.blob(11));
  if (!indexes) return indexes.error();
  out.indexes = std::move(*indexes);
  out.extra = text_of(row.blob(12));
  return out;
}

DamageRow damage_of(const Statement& row) {
  return {row.number(2), row.number(3), std::string(row.text(4)), row.number(5),
          std::string(row.text(6))};
}

// The first text behind all that begin with `prefix`; empty when there is none.
std::string end_of_prefix(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && end.back() == '\xff') end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

template <class Visit>
result<> each(result<Statement> statement, Visit&& visit) {
  if (!statement) return statement.error();
  while (true) {
    auto row = (*statement).step();
    if (!row) return row.error();
    if (!*row) return {};
    result<bool> goes_on = visit(*statement);
    if (!goes_on) return goes_on.error();
    if (!*goes_on) return {};
  }
}

}  // namespace

// ---- the tables ---------------------------------------------------------------------------

result<> CatalogueRows::create(const StoreId& id) {
  if (auto ok = database_.run("BEGIN IMMEDIATE"); !ok) return ok;
  for (const auto* const step : steps) {
    if (auto ok = database_.run(step); !ok) return ok;
  }
  auto insert = database_.prepare("INSERT INTO store VALUES (1, ?, 0, 1)");
  if (!insert) return insert.error();
  if (auto ok = (*insert).add_blob(id).run(); !ok) return ok;
  const auto version = "PRAGMA user_version = " + std::to_string(newest_version);
  if (auto ok = database_.run(version.c_str()); !ok) return ok;
  return database_.run("COMMIT");
}

result<> CatalogueRows::upgrade() {
  std::int64_t version = 0;
  auto read = each(database_.prepare("PRAGMA user_version"), [&](Statement& row) -> result<bool> {
    version = row.integer(0);
    return false;
  });
  if (!read) return read;
  if (version < 1) return fail(DUNLIN_E_CORRUPT, "the catalogue has no tables");
  if (version > newest_version) {
    return fail(DUNLIN_E_UNSUPPORTED, "the catalogue was written by a newer version of Dunlin: " +
                                          std::to_string(version) + " instead of " +
                                          std::to_string(newest_version));
  }
  if (version == newest_version) return {};
  if (auto ok = database_.run("BEGIN IMMEDIATE"); !ok) return ok;
  for (auto at = version; at < newest_version; ++at) {
    if (auto ok = database_.run(steps[at]); !ok) return ok;
  }
  const auto now = "PRAGMA user_version = " + std::to_string(newest_version);
  if (auto ok = database_.run(now.c_str()); !ok) return ok;
  return database_.run("COMMIT");
}

result<StoreRow> CatalogueRows::store() {
  StoreRow out;
  bool is_there = false;
  auto read = each(database_.prepare("SELECT id, last_commit, next_log FROM store"),
                   [&](Statement& row) -> result<bool> {
                     const auto id = row.blob(0);
                     is_there = id.size() == out.id.size();
                     if (is_there) std::copy(id.begin(), id.end(), out.id.begin());
                     out.commit = row.number(1);
                     out.next_log = row.number(2);
                     return false;
                   });
  if (!read) return read.error();
  if (!is_there) return fail(DUNLIN_E_CORRUPT, "the catalogue does not say what it belongs to");
  return out;
}

result<> CatalogueRows::run(std::string_view sql, std::initializer_list<std::uint64_t> values) {
  auto statement = database_.prepare(sql);
  if (!statement) return statement.error();
  for (const auto value : values) (*statement).add(value);
  return (*statement).run();
}

result<Statement*> CatalogueRows::kept(Statement& statement, std::string_view sql) {
  if (!statement.is_prepared()) {
    auto prepared = database_.prepare(sql);
    if (!prepared) return prepared.error();
    statement = std::move(*prepared);
  }
  return &statement;
}

result<> CatalogueRows::set_commit(std::uint64_t commit) {
  auto update = kept(set_commit_, "UPDATE store SET last_commit = ?");
  if (!update) return update.error();
  return (*update)->add(commit).run();
}

// ---- changes ------------------------------------------------------------------------------

result<> CatalogueRows::apply_segment(const change::PutSegment& change) {
  static const auto sql = "INSERT OR REPLACE INTO segments (" + std::string(segment_columns) +
                          ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
  auto statement = database_.prepare(sql);
  if (!statement) return statement.error();
  const auto& row = change.row;
  Bytes indexes;
  encode_indexes(row.indexes, indexes);
  return (*statement)
      .add(change.log)
      .add(row.number)
      .add_text(row.file)
      .add(static_cast<std::int64_t>(row.state))
      .add(row.epoch)
      .add(row.first_seq)
      .add(row.last_seq)
      .add(row.first_time_ns)
      .add(row.last_time_ns)
      .add(row.bytes)
      .add(std::uint64_t{row.key_id})
      .add_blob(indexes)
      .add_blob(bytes_of(row.extra))
      .run();
}

result<> CatalogueRows::apply_log(const LogRow& row) {
  static const auto sql = "INSERT OR REPLACE INTO logs (" + std::string(log_columns) +
                          ") VALUES (?, ?, ?, ?, ?, ?, ?)";
  auto statement = database_.prepare(sql);
  if (!statement) return statement.error();
  auto ok = (*statement)
                .add(row.id)
                .add_text(row.name)
                .add_text(row.directory)
                .add(row.first_seq)
                .add(std::int64_t{row.has_subjects})
                .add(row.epoch)
                .add(std::int64_t{row.must_scan})
                .run();
  if (!ok) return ok;
  return run("UPDATE store SET next_log = max(next_log, ?)", {row.id + 1});
}

result<> CatalogueRows::apply(const Change& change) {
  struct Apply {
    CatalogueRows& rows;

    result<> operator()(const change::PutSegment& put) const { return rows.apply_segment(put); }
    result<> operator()(const change::EraseSegment& erase) const {
      return rows.run("DELETE FROM segments WHERE log = ? AND number = ?",
                      {erase.log, erase.number});
    }
    result<> operator()(const change::PutCheckpoint& put) const {
      auto insert =
          rows.kept(rows.put_checkpoint_, "INSERT OR REPLACE INTO checkpoints VALUES (?, ?)");
      if (!insert) return insert.error();
      return (*insert)->add(put.log).add_blob(bytes_of(put.blob)).run();
    }
    result<> operator()(const change::AddDamage& add) const {
      auto insert = rows.database_.prepare(
          "INSERT INTO damage (log, first_seq, last_seq, file, offset, text) "
          "VALUES (?, ?, ?, ?, ?, ?)");
      if (!insert) return insert.error();
      const auto& row = add.row;
      return (*insert).add(add.log).add(row.first).add(row.last).add_text(row.file).add(row.offset)
          .add_text(row.text).run();
    }
    result<> operator()(const change::ClearDamage& clear) const {
      return rows.run("DELETE FROM damage WHERE log = ?", {clear.log});
    }
    result<> operator()(const change::SetEpoch& set) const {
      return rows.run("UPDATE logs SET epoch = ? WHERE id = ?", {set.epoch, set.log});
    }
    result<> operator()(const change::Scanned& scanned) const {
      return rows.run("UPDATE logs SET must_scan = 0 WHERE id = ?", {scanned.log});
    }
    result<> operator()(const change::PutLog& put) const { return rows.apply_log(put.row); }
    result<> operator()(const change::EraseLog& erase) const {
      for (const auto* const sql :
           {"DELETE FROM segments WHERE log = ?", "DELETE FROM checkpoints WHERE log = ?",
            "DELETE FROM damage WHERE log = ?", "DELETE FROM logs WHERE id = ?"}) {
        if (auto ok = rows.run(sql, {erase.log}); !ok) return ok;
      }
      return {};
    }
    result<> operator()(const change::PutMeta& put) const {
      auto insert = rows.kept(rows.put_meta_, "INSERT OR REPLACE INTO meta VALUES (?, ?)");
      if (!insert) return insert.error();
      return (*insert)->add_text(put.item.path).add_blob(bytes_of(put.item.blob)).run();
    }
    result<> operator()(const change::EraseMeta& erase) const {
      auto statement = rows.kept(rows.erase_meta_, "DELETE FROM meta WHERE path = ?");
      if (!statement) return statement.error();
      return (*statement)->add_text(erase.path).run();
    }
    result<> operator()(const change::NextLog& next) const {
      return rows.run("UPDATE store SET next_log = max(next_log, ?)", {next.next});
    }
  };
  return std::visit(Apply{*this}, change);
}

// ---- questions ----------------------------------------------------------------------------

result<std::optional<LogRow>> CatalogueRows::find_log(std::string_view name) {
  auto statement =
      database_.prepare("SELECT " + std::string(log_columns) + " FROM logs WHERE name = ?");
  if (!statement) return statement.error();
  auto row = (*statement).add_text(name).step();
  if (!row) return row.error();
  if (!*row) return std::optional<LogRow>();
  return std::optional<LogRow>(log_of(*statement));
}

result<std::vector<SegmentRow>> CatalogueRows::segments(LogId log) {
  auto statement = database_.prepare("SELECT " + std::string(segment_columns) +
                                     " FROM segments WHERE log = ? ORDER BY number");
  if (statement) (*statement).add(log);
  std::vector<SegmentRow> out;
  auto read = each(std::move(statement), [&](Statement& row) -> result<bool> {
    auto segment = segment_of(row);
    if (!segment) return segment.error();
    out.push_back(std::move(*segment));
    return true;
  });
  if (!read) return read.error();
  return out;
}

result<std::optional<std::string>> CatalogueRows::checkpoint(LogId log) {
  auto statement = database_.prepare("SELECT blob FROM checkpoints WHERE log = ?");
  if (!statement) return statement.error();
  auto row = (*statement).add(log).step();
  if (!row) return row.error();
  if (!*row) return std::optional<std::string>();
  return std::optional<std::string>(text_of((*statement).blob(0)));
}

result<std::vector<DamageRow>> CatalogueRows::damage(LogId log) {
  auto statement = database_.prepare("SELECT * FROM damage WHERE log = ? ORDER BY n");
  if (statement) (*statement).add(log);
  std::vector<DamageRow> out;
  auto read = each(std::move(statement), [&](Statement& row) -> result<bool> {
    out.push_back(damage_of(row));
    return true;
  });
  if (!read) return read.error();
  return out;
}

result<std::uint64_t> CatalogueRows::segments_of_key(std::uint32_t key_id) {
  auto statement = database_.prepare("SELECT count(*) FROM segments WHERE key_id = ?");
  if (!statement) return statement.error();
  auto row = (*statement).add(std::uint64_t{key_id}).step();
  if (!row) return row.error();
  return (*statement).number(0);
}

result<> CatalogueRows::each_log(std::string_view prefix,
                                 const std::function<bool(const LogRow&)>& visit) {
  const auto end = end_of_prefix(prefix);
  auto statement = database_.prepare(
      "SELECT " + std::string(log_columns) + " FROM logs WHERE name >= ?" +
      (end.empty() ? "" : " AND name < ?") + " ORDER BY name");
  if (statement) (*statement).add_text(prefix);
  if (statement && !end.empty()) (*statement).add_text(end);
  return each(std::move(statement),
              [&](Statement& row) -> result<bool> { return visit(log_of(row)); });
}

result<> CatalogueRows::each_meta(
    std::string_view prefix, std::string_view from,
    const std::function<bool(std::string_view path, BytesView blob)>& visit) {
  const auto end = end_of_prefix(prefix);
  auto statement =
      database_.prepare(std::string("SELECT path, blob FROM meta WHERE path >= ?") +
                        (end.empty() ? "" : " AND path < ?") + " ORDER BY path");
  if (statement) (*statement).add_text(std::max(prefix, from));
  if (statement && !end.empty()) (*statement).add_text(end);
  return each(std::move(statement), [&](Statement& row) -> result<bool> {
    return visit(row.text(0), row.blob(1));
  });
}

result<> CatalogueRows::each_row(const VisitChange& visit, bool backwards) {
  const std::string order = backwards ? " DESC" : "";
  const auto table = [&](const std::string& select, auto&& to_change) -> result<> {
    return each(database_.prepare(select + order), [&](Statement& row) -> result<bool> {
      result<Change> change = to_change(row);
      if (!change) return change.error();
      if (auto ok = visit(*change); !ok) return ok.error();
      return true;
    });
  };
  result<> first;
  const auto note = [&first](result<> outcome) {
    if (first && !outcome) first = outcome;
  };
  note(table("SELECT next_log FROM store ORDER BY one", [](Statement& row) -> result<Change> {
    return Change(change::NextLog{row.number(0)});
  }));
  note(table("SELECT " + std::string(log_columns) + " FROM logs ORDER BY id",
             [](Statement& row) -> result<Change> { return Change(change::PutLog{log_of(row)}); }));
  note(table("SELECT " + std::string(segment_columns) + " FROM segments ORDER BY log" + order +
                 ", number",
             [](Statement& row) -> result<Change> {
               auto segment = segment_of(row);
               if (!segment) return segment.error();
               return Change(change::PutSegment{row.number(0), std::move(*segment)});
             }));
  note(table("SELECT log, blob FROM checkpoints ORDER BY log",
             [](Statement& row) -> result<Change> {
               return Change(
                   change::PutCheckpoint{row.number(0), std::string(text_of(row.blob(1)))});
             }));
  note(table("SELECT * FROM damage ORDER BY n", [](Statement& row) -> result<Change> {
    return Change(change::AddDamage{row.number(1), damage_of(row)});
  }));
  note(table("SELECT path, blob FROM meta ORDER BY rowid", [](Statement& row) -> result<Change> {
    return Change(
        change::PutMeta{{std::string(row.text(0)), std::string(text_of(row.blob(1)))}});
  }));
  return first;
}

}  // namespace dunlin::storage_file
