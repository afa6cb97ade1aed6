// LogDirectories: the directories logs live in, made, dropped, and brought in line with the
// catalogue when a store is opened.
//
// A log is made in two steps, its directory with its label first, then its row; it is dropped in
// three: the directory gets the name of a dropped one, the row goes, the files go. A crash in
// between is settled by `reconcile`. Directories with records in them are never deleted for want of
// a row: the log is taken up again.
//
// Control or a worker, one thread at a time.

#pragma once

#include "catalogue_recovery.hpp"
#include "sqlite_catalogue.hpp"

namespace dunlin::storage_file {

class LogDirectories {
 public:
  LogDirectories(Files files, std::string store_dir, SqliteCatalogue& catalogue)
      : files_(files), root_(std::move(store_dir)), catalogue_(catalogue) {}

  result<LogRow> make(std::string_view name, std::uint64_t first_seq, bool has_subjects);
  result<> drop(const LogRow& row);
  // What it did that an operator should know.
  result<std::vector<Finding>> reconcile();

 private:
  result<> write_label(const LogRow& row) const;
  result<> take_up(const std::string& directory, std::vector<Finding>& findings);
  result<> settle(const std::string& directory, std::vector<Finding>& findings);
  [[nodiscard]] result<std::string> label_problem(const LogRow& row) const;
  result<> restore_labels(std::vector<Finding>& findings);

  Files files_;
  std::string root_;  // "<store>/logs"
  SqliteCatalogue& catalogue_;
  std::vector<LogRow> rows_;  // while reconciling
};

}  // namespace dunlin::storage_file
