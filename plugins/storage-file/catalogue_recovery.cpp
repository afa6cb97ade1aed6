#include "catalogue_recovery.hpp"

#include <algorithm>
#include <cstdio>

#include "layout.hpp"

namespace dunlin::storage_file {
namespace {

constexpr std::uint64_t label_bytes_max = 4096;

std::string hex(KeyId id) {
  char text[9];
  std::snprintf(text, sizeof text, "%08x", id);
  return text;
}

// What there is before anything was opened.
struct Inventory {
  bool has_label = false, has_database = false, has_journal = false, has_logs = false;
  bool was_clean = true;  // SQLite leaves no log behind when it closes
  std::vector<std::string> database_files;  // with SQLite's own beside it

  [[nodiscard]] bool is_empty() const noexcept {
    return !has_label && !has_database && !has_journal && !has_logs;
  }
};

class Opener {
 public:
  explicit Opener(const CatalogueSite& site) : site_(site), files_(site.files) {}

  result<OpenCatalogue> open();

 private:
  struct JournalState {
    JournalContent content;
    std::string problem;           // not usable at all
    std::vector<Change> newer;     // than the database
    [[nodiscard]] bool is_usable() const noexcept {
      return problem.empty() && content.has_snapshot;
    }
  };

  result<Inventory> take_inventory() const;
  result<> make_store();
  result<> read_label();
  result<> check_keys() const;
  result<> open_database();
  result<> read_journal_file();
  [[nodiscard]] bool was_never_finished() const;
  result<> settle_identity();
  result<> recover();
  result<> catch_up();
  result<> rebuild(bool from_database);
  result<> salvage(std::vector<Change>& into);
  result<> write_journal();
  result<> note_loss(const std::string& text);
  result<> read_loss();
  result<> quarantine(const std::string& name);
  result<> quarantine_database();
  void start_database();
  void found(bool is_damage, std::string text) {
    out_.findings.push_back({is_damage, std::move(text)});
  }
  [[nodiscard]] std::string path(const char* name) const { return layout::in(site_.dir, name); }
  [[nodiscard]] bool may_write() const noexcept { return !site_.is_read_only; }

  const CatalogueSite& site_;
  const Files& files_;
  Inventory inventory_;
  OpenCatalogue out_;
  StoreRow row_;
  std::string database_problem_;  // empty: it can be used
  std::string label_problem_;
  JournalState journal_;
};

// True for what recovery is about; every other failure ends the attempt.
bool is_damage(const Error& error) noexcept {
  return error.status == DUNLIN_E_CORRUPT || error.status == DUNLIN_E_NOT_FOUND;
}

result<Inventory> Opener::take_inventory() const {
  Inventory out;
  auto items = files_.list(site_.dir);
  if (!items) {
    if (items.error().status == DUNLIN_E_NOT_FOUND) return out;
    return items.error();
  }
  for (const auto& item : *items) {
    if (item.name == layout::label) out.has_label = true;
    if (item.name == layout::database) out.has_database = item.size > 0;
    if (item.name == layout::journal) out.has_journal = true;
    if (item.name.starts_with(layout::database)) out.database_files.push_back(item.name);
    if (item.name == std::string(layout::database) + "-wal" && item.size > 0) out.was_clean = false;
    if (item.name == layout::logs) {
      auto logs = files_.list(path(layout::logs));
      if (!logs) return logs.error();
      out.has_logs = !(*logs).empty();
    }
  }
  return out;
}

void Opener::start_database() {
  out_.rows.reset();
  out_.database = std::make_unique<Database>();
  out_.rows = std::make_unique<CatalogueRows>(*out_.database);
}

// ---- a new store --------------------------------------------------------------------------

// The label comes last: without it, and without anything that was ever committed, making the store
// was not finished.
result<> Opener::make_store() {
  if (!site_.may_create || !may_write()) {
    return fail(DUNLIN_E_NOT_FOUND, "there is no store in " + site_.dir);
  }
  if (auto ok = files_.make_dirs(path(layout::logs)); !ok) return ok;
  site_.random.fill(row_.id);
  out_.label.id = row_.id;
  out_.label.key_id = site_.keys->current_id();
  start_database();
  if (auto ok = out_.database->open(*out_.vfs, path(layout::database)); !ok) return ok;
  if (auto ok = out_.rows->create(row_.id); !ok) return ok;
  if (auto ok = write_journal(); !ok) return ok;
  return files_.replace_file(path(layout::label), bytes_of(write_label(out_.label)));
}

bool Opener::was_never_finished() const {
  const bool has_content = (database_problem_.empty() && row_.commit > 0) ||
                           (journal_.is_usable() && journal_.content.last_commit > 0);
  return !inventory_.has_label && !inventory_.has_logs && !has_content;
}

// ---- what there is ------------------------------------------------------------------------

result<> Opener::read_label() {
  auto text = files_.read_file(path(layout::label), label_bytes_max);
  if (!text && !is_damage(text.error()) && text.error().status != DUNLIN_E_LIMIT) {
    return text.error();
  }
  auto label = text ? read_store_label(text_of(*text)) : result<StoreLabel>(text.error());
  if (label) {
    out_.label = *label;
  } else if (label.error().status == DUNLIN_E_UNSUPPORTED) {
    return fail(DUNLIN_E_UNSUPPORTED, path(layout::label) + ": " + label.error().text);
  } else {
    label_problem_ = inventory_.has_label ? label.error().text : "it is not there";
  }
  return {};
}

result<> Opener::check_keys() const {
  for (const auto id : {out_.label.key_id, out_.label.older_key_id}) {
    if (site_.keys->opens(id)) continue;
    const bool has_none = site_.keys->current_id() == 0 && site_.keys->previous_id() == 0;
    return fail(DUNLIN_E_DENIED,
                "the store in " + site_.dir + " is encrypted with the key " + hex(id) +
                    (has_none ? ", and no key is configured"
                              : ", which is neither key nor previous_key of the configuration") +
                    "; nothing was changed");
  }
  return {};
}

result<> Opener::open_database() {
  const auto problem = [&](const Error& error) -> result<> {
    if (!is_damage(error)) return error;
    database_problem_ = error.text;
    return {};
  };
  if (!inventory_.has_database) {
    database_problem_ = path(layout::database) + " is not there";
    return {};
  }
  start_database();
  if (auto ok = out_.database->open(*out_.vfs, path(layout::database)); !ok) {
    return problem(ok.error());
  }
  if (auto ok = out_.database->check(); !ok) return problem(ok.error());
  if (auto ok = out_.rows->upgrade(); !ok) return problem(ok.error());
  auto row = out_.rows->store();
  if (!row) return problem(row.error());
  row_ = *row;
  return {};
}

result<> Opener::read_journal_file() {
  const Journal journal(files_, path(layout::journal));
  const bool has_database = database_problem_.empty();
  auto content = journal.read([&](std::uint64_t commit, std::vector<Change> changes) -> result<> {
    if (!has_database || commit <= row_.commit) return {};
    for (auto& change : changes) journal_.newer.push_back(std::move(change));
    return {};
  });
  if (content) {
    journal_.content = *content;
    if (!journal_.content.has_snapshot) journal_.problem = journal_.content.damage;
    return {};
  }
  if (!is_damage(content.error())) return content.error();
  journal_.problem =
      inventory_.has_journal ? content.error().text : std::string("it is not there");
  return {};
}

// Which store this is, when the three do not agree: the majority says; the odd one is foreign.
result<> Opener::settle_identity() {
  const bool has_database = database_problem_.empty();
  const bool has_journal = journal_.problem.empty();
  const auto& of_journal = journal_.content.store_id;
  if (label_problem_.empty()) {
    const bool others_agree = has_database && has_journal && row_.id == of_journal;
    if (others_agree && row_.id != out_.label.id) {
      label_problem_ = "it belongs to another store";
    }
  }
  const bool trusts_label = label_problem_.empty();
  if (!trusts_label) {
    if (!has_database && !has_journal) {
      return fail(DUNLIN_E_CORRUPT, "in " + site_.dir + " neither " + layout::label + " nor " +
                                        layout::database + " nor " + layout::journal +
                                        " can be read: put back one of them from a copy");
    }
    out_.label = {};
    out_.label.id = has_database ? row_.id : of_journal;
    out_.label.key_id = site_.keys->current_id();
    out_.label.older_key_id = site_.keys->previous_id();
  }
  if (has_database && row_.id != out_.label.id) {
    database_problem_ = path(layout::database) + " belongs to another store";
    out_.rows.reset();
    out_.database.reset();
  }
  if (has_journal && of_journal != out_.label.id) {
    journal_.problem = "it belongs to another store";
  }
  if (trusts_label) return {};
  found(true, path(layout::label) + ": " + label_problem_ + "; it was written again");
  if (!may_write()) return {};
  if (inventory_.has_label) {
    if (auto ok = quarantine(layout::label); !ok) return ok;
  }
  return files_.replace_file(path(layout::label), bytes_of(write_label(out_.label)));
}

// ---- quarantine and loss ------------------------------------------------------------------

result<> Opener::quarantine(const std::string& name) {
  if (!may_write()) return {};
  const auto place = path(layout::quarantine);
  if (auto ok = files_.make_dirs(place); !ok) return ok;
  for (int n = 1;; ++n) {
    const auto to = place + "/" + name + "." + std::to_string(n);
    auto is_taken = files_.exists(to);
    if (!is_taken) return is_taken.error();
    if (*is_taken) continue;
    if (auto ok = files_.rename(path(name.c_str()), to); !ok) return ok;
    if (auto ok = files_.sync_dir(place); !ok) return ok;
    return files_.sync_dir(site_.dir);
  }
}

result<> Opener::quarantine_database() {
  out_.rows.reset();
  out_.database.reset();
  out_.vfs->begin_empty();
  for (const auto& name : inventory_.database_files) {
    auto is_there = files_.exists(path(name.c_str()));
    if (!is_there) return is_there.error();
    if (!*is_there) continue;
    if (auto ok = quarantine(name); !ok) return ok;
  }
  return {};
}

result<> Opener::note_loss(const std::string& text) {
  found(true, text);
  if (!out_.loss.empty()) out_.loss += "\n";
  out_.loss += text;
  if (!may_write()) return {};
  const auto content =
      out_.loss + "\n\nRemove this file to go on with what is left. What was found damaged is in " +
      layout::quarantine + "/.\n";
  return files_.replace_file(path(layout::loss), bytes_of(content));
}

result<> Opener::read_loss() {
  static constexpr std::uint64_t bytes_max = 1 << 20;
  auto text = files_.read_file(path(layout::loss), bytes_max);
  if (text) {
    const auto all = text_of(*text);
    out_.loss = all.substr(0, all.find("\n\n"));
    if (out_.loss.empty()) out_.loss = "metadata was lost";
    return {};
  }
  if (text.error().status == DUNLIN_E_NOT_FOUND) return {};
  return text.error();
}

// ---- recovery -----------------------------------------------------------------------------

result<> Opener::write_journal() {
  if (!may_write()) return {};
  if (!out_.journal) out_.journal = std::make_unique<Journal>(files_, path(layout::journal));
  return out_.journal->rewrite(out_.label.id, row_.commit, [&](const auto& put) {
    return out_.rows->each_row(put);
  });
}

// The journal is ahead of the database.
result<> Opener::catch_up() {
  const auto commits = journal_.content.last_commit - row_.commit;
  if (auto ok = out_.database->run("BEGIN IMMEDIATE"); !ok) return ok;
  for (const auto& change : journal_.newer) {
    if (auto ok = out_.rows->apply(change); !ok) return ok;
  }
  row_.commit = journal_.content.last_commit;
  if (auto ok = out_.rows->set_commit(row_.commit); !ok) return ok;
  if (auto ok = out_.database->run("COMMIT"); !ok) return ok;
  // One is ordinary: a crash between the two.
  if (commits > 1) {
    found(true, path(layout::database) + " had lost its last " + std::to_string(commits) +
                    " commits; they were made again from " + layout::journal);
  }
  return {};
}

// What can still be read of a damaged database, and of the journal before it.
result<> Opener::salvage(std::vector<Change>& into) {
  if (!out_.database || !out_.database->is_open()) return {};
  const auto keep = [&](const Change& change) -> result<> {
    into.push_back(change);
    return {};
  };
  auto forward = out_.rows->each_row(keep);
  if (forward) return {};
  static_cast<void>(out_.rows->each_row(
      [&](const Change& change) -> result<> {
        if (!std::holds_alternative<change::AddDamage>(change)) into.push_back(change);
        return {};
      },
      true));
  return {};
}

result<> Opener::rebuild(bool from_database) {
  std::vector<Change> saved;
  if (from_database) {
    if (auto ok = salvage(saved); !ok) return ok;
  }
  if (auto ok = quarantine_database(); !ok) return ok;
  start_database();
  if (auto ok = out_.database->open(*out_.vfs, path(layout::database)); !ok) return ok;
  if (auto ok = out_.rows->create(out_.label.id); !ok) return ok;
  if (auto ok = out_.database->run("BEGIN IMMEDIATE"); !ok) return ok;
  const auto apply = [&](std::uint64_t, const std::vector<Change>& changes) -> result<> {
    for (const auto& change : changes) {
      if (auto ok = out_.rows->apply(change); !ok) return ok;
    }
    return {};
  };
  if (inventory_.has_journal && journal_.content.store_id == out_.label.id) {
    const Journal journal(files_, path(layout::journal));
    auto read = journal.read(apply);
    if (!read && !is_damage(read.error())) return read.error();
  }
  if (auto ok = apply(0, saved); !ok) return ok;
  if (from_database) {
    if (auto ok = out_.database->run("UPDATE logs SET must_scan = 1"); !ok) return ok;
  }
  row_.id = out_.label.id;
  row_.commit = std::max(row_.commit, journal_.content.last_commit);
  if (auto ok = out_.rows->set_commit(row_.commit); !ok) return ok;
  return out_.database->run("COMMIT");
}

result<> Opener::recover() {
  const bool has_database = database_problem_.empty();
  const auto journal_path = path(layout::journal);
  if (!has_database && journal_.is_usable() && journal_.content.damage.empty()) {
    if (auto ok = rebuild(false); !ok) return ok;
    found(true, database_problem_ + "; the catalogue was made again from " + journal_path);
    return write_journal();
  }
  if (!has_database) {
    if (auto ok = note_loss("the catalogue is damaged (" + database_problem_ +
                            "), and so is its second copy " + journal_path + " (" +
                            (journal_.problem.empty() ? journal_.content.damage
                                                      : journal_.problem) +
                            "): what both still had was kept, streams or consumers may be missing");
        !ok) {
      return ok;
    }
    if (auto ok = rebuild(true); !ok) return ok;
    return write_journal();
  }
  if (!journal_.is_usable()) {
    found(true, journal_path + ": " + journal_.problem + "; it was written again");
    if (inventory_.has_journal) {
      if (auto ok = quarantine(layout::journal); !ok) return ok;
    }
    return write_journal();
  }
  const auto& content = journal_.content;
  if (content.snapshot_commit > row_.commit) {
    if (auto ok = rebuild(false); !ok) return ok;
    found(true, path(layout::database) + " was an old copy; it was made again from " +
                    journal_path);
    return write_journal();
  }
  if (content.last_commit > row_.commit) {
    if (auto ok = catch_up(); !ok) return ok;
  }
  if (content.last_commit < row_.commit || !content.damage.empty()) {
    // A torn end is what a crash leaves; anything else is worth an operator's look.
    found(inventory_.was_clean, journal_path + " ended at commit " +
                                    std::to_string(content.last_commit) + " of " +
                                    std::to_string(row_.commit) + "; it was written again");
    return write_journal();
  }
  if (!may_write()) return {};
  out_.journal = std::make_unique<Journal>(files_, journal_path);
  return out_.journal->resume(content);
}

result<OpenCatalogue> Opener::open() {
  out_.vfs = std::make_unique<SqliteVfs>(files_, site_.clock, site_.random, site_.is_read_only);
  auto inventory = take_inventory();
  if (!inventory) return inventory.error();
  inventory_ = std::move(*inventory);
  if (inventory_.is_empty()) {
    if (auto ok = make_store(); !ok) return ok.error();
    return std::move(out_);
  }
  if (auto ok = read_label(); !ok) return ok.error();
  if (auto ok = check_keys(); !ok) return ok.error();
  if (auto ok = read_loss(); !ok) return ok.error();
  if (auto ok = open_database(); !ok) return ok.error();
  if (auto ok = read_journal_file(); !ok) return ok.error();
  if (was_never_finished()) {
    found(false, "what an interrupted creation had left in " + site_.dir + " was moved to " +
                     layout::quarantine + "/");
    if (auto ok = quarantine_database(); !ok) return ok.error();
    if (inventory_.has_journal) {
      if (auto ok = quarantine(layout::journal); !ok) return ok.error();
    }
    row_ = {};
    if (auto ok = make_store(); !ok) return ok.error();
    return std::move(out_);
  }
  if (auto ok = settle_identity(); !ok) return ok.error();
  if (auto ok = recover(); !ok) return ok.error();
  out_.commit = row_.commit;
  return std::move(out_);
}

}  // namespace

result<OpenCatalogue> open_catalogue(const CatalogueSite& site) { return Opener(site).open(); }

}  // namespace dunlin::storage_file
