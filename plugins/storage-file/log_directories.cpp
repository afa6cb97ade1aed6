#include "log_directories.hpp"

#include <algorithm>

#include "layout.hpp"
#include "names.hpp"

namespace dunlin::storage_file {
namespace {

constexpr std::uint64_t label_bytes_max = 4096;

std::string last_part(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

result<> LogDirectories::write_label(const LogRow& row) const {
  LogLabel label;
  label.store = catalogue_.label().id;
  label.id = row.id;
  label.name = row.name;
  label.first_seq = row.first_seq;
  label.has_subjects = row.has_subjects;
  return files_.replace_file(layout::in(row.directory, layout::log_label),
                             bytes_of(storage_file::write_label(label)));
}

result<LogRow> LogDirectories::make(std::string_view name, std::uint64_t first_seq,
                                    bool has_subjects) {
  auto id = catalogue_.next_log();
  if (!id) return id.error();
  LogRow row;
  row.id = *id;
  row.name = name;
  row.first_seq = first_seq;
  row.has_subjects = has_subjects;
  const auto directory = directory_name(row.id, name);
  row.directory = root_ + "/" + directory;
  if (auto ok = files_.make_dirs(row.directory); !ok) return ok.error();
  if (auto ok = write_label(row); !ok) return ok.error();
  CatalogueBatch batch;
  auto relative = row;
  relative.directory = directory;
  batch.put_log(std::move(relative));
  if (auto ok = catalogue_.commit_now(std::move(batch)); !ok) return ok.error();
  return row;
}

result<> LogDirectories::drop(const LogRow& row) {
  const auto dropped = row.directory + layout::dropped;
  if (auto ok = files_.rename(row.directory, dropped);
      !ok && ok.error().status != DUNLIN_E_NOT_FOUND) {
    return ok;
  }
  if (auto ok = files_.sync_dir(root_); !ok) return ok;
  CatalogueBatch batch;
  batch.erase_log(row.id);
  if (auto ok = catalogue_.commit_now(std::move(batch)); !ok) {
    static_cast<void>(files_.rename(dropped, row.directory));
    return ok;
  }
  return files_.remove_tree(dropped);
}

// ---- after a crash, or after damage -------------------------------------------------------

result<std::vector<Finding>> LogDirectories::reconcile() {
  std::vector<Finding> findings;
  rows_.clear();
  auto read = catalogue_.each_log({}, [&](const LogRow& row) {
    rows_.push_back(row);
    return true;
  });
  if (!read) return read.error();
  if (auto ok = files_.make_dirs(root_); !ok) return ok.error();
  auto items = files_.list(root_);
  if (!items) return items.error();
  for (const auto& item : *items) {
    if (item.kind != DUNLIN_FS_DIRECTORY) continue;
    if (auto ok = settle(item.name, findings); !ok) return ok.error();
  }
  if (auto ok = restore_labels(findings); !ok) return ok.error();
  rows_.clear();
  return findings;
}

result<> LogDirectories::settle(const std::string& directory, std::vector<Finding>& findings) {
  const auto path = root_ + "/" + directory;
  const auto is_of = [&](const std::string& wanted) {
    return std::any_of(rows_.begin(), rows_.end(),
                       [&](const LogRow& row) { return last_part(row.directory) == wanted; });
  };
  const std::string_view ending = layout::dropped;
  if (directory.ends_with(ending)) {
    const auto before = directory.substr(0, directory.size() - ending.size());
    if (!is_of(before)) return files_.remove_tree(path);
    // It was not dropped after all.
    if (auto ok = files_.rename(path, root_ + "/" + before); !ok) return ok;
    return files_.sync_dir(root_);
  }
  if (is_of(directory)) return {};
  auto items = files_.list(path);
  if (!items) return items.error();
  const bool has_records =
      std::any_of((*items).begin(), (*items).end(), [](const DirItem& item) {
        return !item.name.starts_with(layout::log_label) && item.size > 0;
      });
  return has_records ? take_up(directory, findings) : files_.remove_tree(path);
}

result<> LogDirectories::take_up(const std::string& directory, std::vector<Finding>& findings) {
  const auto path = root_ + "/" + directory;
  const auto from_name = parse_directory_name(directory);
  auto text = files_.read_file(layout::in(path, layout::log_label), label_bytes_max);
  auto label = text ? read_log_label(text_of(*text)) : result<LogLabel>(text.error());
  LogRow row;
  if (label && (*label).store == catalogue_.label().id) {
    row.id = (*label).id;
    row.name = (*label).name;
    row.first_seq = (*label).first_seq;
    row.has_subjects = (*label).has_subjects;
  } else if (from_name) {
    row.id = from_name->id;
    row.name = from_name->name.value_or("recovered/" + directory.substr(0, directory.find('-')));
  } else {
    findings.push_back({true, path + " holds files but no log of this store; it was left alone"});
    return {};
  }
  const auto is_taken = [&](const LogRow& other) {
    return other.id == row.id || other.name == row.name;
  };
  if (std::any_of(rows_.begin(), rows_.end(), is_taken)) {
    findings.push_back({true, path + " holds a second log " + row.name + "; it was left alone"});
    return {};
  }
  row.must_scan = true;
  row.directory = directory;
  CatalogueBatch batch;
  batch.put_log(row);
  if (auto ok = catalogue_.commit_now(std::move(batch)); !ok) return ok;
  findings.push_back({true, "the log " + row.name + " in " + path +
                                " was missing in the catalogue; it was taken up again"});
  row.directory = path;
  rows_.push_back(row);
  return label ? result<>{} : write_label(row);
}

// What is wrong with the label of a log; empty when nothing is.
result<std::string> LogDirectories::label_problem(const LogRow& row) const {
  auto text = files_.read_file(layout::in(row.directory, layout::log_label), label_bytes_max);
  if (!text && text.error().status == DUNLIN_E_NOT_FOUND) return std::string("is not there");
  if (!text && text.error().status != DUNLIN_E_LIMIT) return text.error();
  auto label = text ? read_log_label(text_of(*text)) : result<LogLabel>(text.error());
  if (!label && label.error().status == DUNLIN_E_UNSUPPORTED) return std::string();
  if (!label) return std::string("is damaged");
  const bool is_of_row = (*label).store == catalogue_.label().id && (*label).id == row.id &&
                         (*label).name == row.name;
  return std::string(is_of_row ? "" : "belongs to another log");
}

result<> LogDirectories::restore_labels(std::vector<Finding>& findings) {
  for (const auto& row : rows_) {
    auto problem = label_problem(row);
    if (!problem) return problem.error();
    if ((*problem).empty()) continue;
    findings.push_back({true, layout::in(row.directory, layout::log_label) + " of the log " +
                                  row.name + " " + *problem + "; it was written again"});
    if (auto ok = files_.make_dirs(row.directory); !ok) return ok;
    if (auto ok = write_label(row); !ok) return ok;
  }
  return {};
}

}  // namespace dunlin::storage_file
