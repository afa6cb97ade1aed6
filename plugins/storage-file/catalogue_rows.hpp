// CatalogueRows: the tables of the catalogue's database, their versions, and every statement on
// them.
//
// One thread at a time. Directories of logs are kept relative to the store's, so that a store can
// be moved.

#pragma once

#include <functional>
#include <optional>

#include "catalogue.hpp"
#include "database.hpp"
#include "journal.hpp"

namespace dunlin::storage_file {

struct StoreRow {
  StoreId id{};
  std::uint64_t commit = 0;   // the last one
  LogId next_log = 1;
};

using VisitChange = std::function<result<>(const Change&)>;

class CatalogueRows {
 public:
  explicit CatalogueRows(Database& database) : database_(database) {}

  // Makes the tables of an empty database.
  result<> create(const StoreId& id);
  // Brings those of an older version up to date. DUNLIN_E_CORRUPT when there are none,
  // DUNLIN_E_UNSUPPORTED when they are of a newer one.
  result<> upgrade();

  [[nodiscard]] result<StoreRow> store();
  result<> set_commit(std::uint64_t commit);
  result<> apply(const Change& change);

  [[nodiscard]] result<std::optional<LogRow>> find_log(std::string_view name);
  [[nodiscard]] result<std::vector<SegmentRow>> segments(LogId log);
  [[nodiscard]] result<std::optional<std::string>> checkpoint(LogId log);
  [[nodiscard]] result<std::vector<DamageRow>> damage(LogId log);
  // How many segments need the key.
  [[nodiscard]] result<std::uint64_t> segments_of_key(std::uint32_t key_id);

  // By name or path, in byte order, while `visit` returns true; metadata from the path `from` on.
  result<> each_log(std::string_view prefix, const std::function<bool(const LogRow&)>& visit);
  result<> each_meta(std::string_view prefix, std::string_view from,
                     const std::function<bool(std::string_view path, BytesView blob)>& visit);

  // Everything there is, as the changes that make it. `backwards` reads each table from its end:
  // of a damaged one that brings what is behind the damage.
  result<> each_row(const VisitChange& visit, bool backwards = false);

 private:
  result<> apply_segment(const change::PutSegment& change);
  result<> apply_log(const LogRow& row);
  result<> run(std::string_view sql, std::initializer_list<std::uint64_t> values);

  // Prepared once: metadata is put often.
  result<Statement*> kept(Statement& statement, std::string_view sql);

  Database& database_;
  Statement put_meta_, erase_meta_, put_checkpoint_, set_commit_;
};

}  // namespace dunlin::storage_file
