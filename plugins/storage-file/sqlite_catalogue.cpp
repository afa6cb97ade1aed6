#include "sqlite_catalogue.hpp"

#include <algorithm>

#include "layout.hpp"

namespace dunlin::storage_file {
namespace {

constexpr int log_pages_max = 512;
// How much of the metadata is copied at a time for whoever looks through it.
constexpr std::size_t visit_bytes = std::size_t{1} << 20;

}  // namespace

SqliteCatalogue::SqliteCatalogue(const CatalogueSite& site, Executor executor,
                                 std::function<void(const Error&)> failed, OpenCatalogue parts)
    : files_(site.files), executor_(executor), dir_(site.dir),
      is_read_only_(site.is_read_only), keys_(site.keys),
      codec_(site.keys->codec(0, 0, DUNLIN_COMPRESS_NONE)), failed_(std::move(failed)),
      parts_(std::move(parts)) {}

SqliteCatalogue::~SqliteCatalogue() {
  // Rows and statements go before the database, the database before the file system under it.
  parts_.rows.reset();
  parts_.database.reset();
}

result<std::shared_ptr<SqliteCatalogue>> SqliteCatalogue::open(
    const CatalogueSite& site, Executor executor, std::function<void(const Error&)> failed) {
  auto parts = open_catalogue(site);
  if (!parts) return parts.error();
  return std::shared_ptr<SqliteCatalogue>(
      new SqliteCatalogue(site, executor, std::move(failed), std::move(*parts)));
}

// ---- commits ------------------------------------------------------------------------------

result<> SqliteCatalogue::commit(CatalogueBatch batch, CommitDone done) {
  if (is_read_only_) return fail(DUNLIN_E_DENIED, "the store was opened to read only");
  const std::lock_guard lock(queue_mutex_);
  if (is_closed_) return fail(DUNLIN_E_CLOSED, "the store is closed");
  if (!is_working_) {
    auto posted = executor_.post_worker([self = shared_from_this()] { self->work(); });
    if (!posted) return posted;
    is_working_ = true;
  }
  waiting_.push_back({batch.changes(), std::move(done)});
  return {};
}

// On a worker.
void SqliteCatalogue::work() {
  while (true) {
    {
      const std::lock_guard lock(mutex_);
      commit_waiting();
    }
    deliver();
    {
      const std::lock_guard lock(mutex_);
      maintain();
    }
    const std::lock_guard lock(queue_mutex_);
    if (!waiting_.empty() || !completed_.empty()) continue;
    is_working_ = false;
    return;
  }
}

// Completions come one after the other, whoever commits.
void SqliteCatalogue::deliver() {
  std::unique_lock lock(queue_mutex_);
  if (is_delivering_) return;
  is_delivering_ = true;
  while (!completed_.empty()) {
    const auto next = std::move(completed_.front());
    completed_.pop_front();
    lock.unlock();
    if (next.done) next.done(next.outcome);
    lock.lock();
  }
  is_delivering_ = false;
}

// A question was asked and has committed what waited: not on its thread.
void SqliteCatalogue::ask_for_delivery() {
  const std::lock_guard lock(queue_mutex_);
  if (completed_.empty() || is_working_) return;
  is_working_ = static_cast<bool>(
      executor_.post_worker([self = shared_from_this()] { self->work(); }));
}

void SqliteCatalogue::commit_waiting() {
  std::vector<Waiting> group;
  {
    const std::lock_guard lock(queue_mutex_);
    group.swap(waiting_);
  }
  if (group.empty()) return;
  std::vector<Change> all;
  for (auto& one : group) all.insert(all.end(), one.changes.begin(), one.changes.end());
  auto outcome = commit_changes(all);
  std::vector<result<>> outcomes(group.size(), outcome);
  // One that cannot be done must not fail the others.
  if (!outcome && group.size() > 1 && !broken_) {
    for (std::size_t i = 0; i < group.size(); ++i) outcomes[i] = commit_changes(group[i].changes);
  }
  const std::lock_guard lock(queue_mutex_);
  for (std::size_t i = 0; i < group.size(); ++i) {
    completed_.push_back({std::move(group[i].done), std::move(outcomes[i])});
  }
}

result<> SqliteCatalogue::commit_changes(const std::vector<Change>& changes) {
  if (changes.empty()) return broken_ ? result<>(*broken_) : result<>{};
  auto sealed = changes;
  if (auto ok = seal(sealed); !ok) return ok;
  auto outcome = try_commit(sealed);
  if (!outcome && outcome.error().status == DUNLIN_E_NO_SPACE && space_ != nullptr) {
    space_->report_full();
    outcome = try_commit(sealed);
  }
  return outcome;
}

result<> SqliteCatalogue::try_commit(const std::vector<Change>& changes) {
  if (broken_) return *broken_;
  static_cast<void>(parts_.vfs->take_failure());
  const auto is_final = [](const Error& error) {
    return error.status != DUNLIN_E_NO_SPACE && error.status != DUNLIN_E_LIMIT;
  };
  if (auto ok = parts_.journal->append(parts_.commit + 1, changes); !ok) {
    if (is_final(ok.error())) stop_working(ok.error());
    return ok;
  }
  // Both copies are on the disk before anybody is told: what damages one of them costs nothing.
  auto outcome = parts_.journal->sync();
  if (outcome) outcome = transact(changes);
  if (outcome) {
    ++parts_.commit;
    has_fewer_segments_ = has_fewer_segments_ ||
                          std::any_of(changes.begin(), changes.end(), [](const auto& change) {
                            return std::holds_alternative<change::EraseSegment>(change);
                          });
    return {};
  }
  static_cast<void>(parts_.database->run("ROLLBACK"));
  auto withdrawn = parts_.journal->withdraw();
  if (is_final(outcome.error())) {
    stop_working(outcome.error());
  } else if (!withdrawn) {
    stop_working(withdrawn.error());
  }
  return outcome;
}

result<> SqliteCatalogue::transact(const std::vector<Change>& changes) {
  if (auto ok = parts_.database->run("BEGIN IMMEDIATE"); !ok) return ok;
  for (const auto& change : changes) {
    if (auto ok = parts_.rows->apply(change); !ok) return ok;
  }
  if (auto ok = parts_.rows->set_commit(parts_.commit + 1); !ok) return ok;
  return parts_.database->run("COMMIT");
}

void SqliteCatalogue::stop_working(const Error& error) {
  if (broken_) return;
  broken_ = fail(DUNLIN_E_IO, "the catalogue of " + dir_ + " takes no more changes until the store "
                                                           "was opened again: " + error.text,
                 error.os_error);
  if (failed_) failed_(*broken_);
}

// What is done behind the completions. A full disk is no reason to stop: it is tried again.
void SqliteCatalogue::maintain() {
  if (broken_ || !is_open_ || !parts_.journal) return;
  const auto attempt = [this](result<> outcome) {
    if (!outcome && outcome.error().status != DUNLIN_E_NO_SPACE) stop_working(outcome.error());
    return static_cast<bool>(outcome);
  };
  if (has_fewer_segments_ && !attempt(settle_keys())) return;
  const bool has_long_log = parts_.database->log_pages() > log_pages_max;
  if (has_long_log && !attempt(parts_.database->checkpoint())) return;
  if (!parts_.journal->is_long()) return;
  attempt(parts_.journal->rewrite(parts_.label.id, parts_.commit, [this](const auto& put) {
    return parts_.rows->each_row(put);
  }));
}

result<> SqliteCatalogue::commit_now(CatalogueBatch batch) {
  if (is_read_only_) return fail(DUNLIN_E_DENIED, "the store was opened to read only");
  return ask([&]() -> result<> { return commit_changes(batch.changes()); });
}

// ---- questions ----------------------------------------------------------------------------

template <class Ask>
auto SqliteCatalogue::ask(Ask&& body) -> decltype(body()) {
  std::unique_lock lock(mutex_);
  if (!is_open_) return fail(DUNLIN_E_CLOSED, "the store is closed");
  commit_waiting();
  static_cast<void>(parts_.vfs->take_failure());
  auto answer = body();
  lock.unlock();
  ask_for_delivery();
  return answer;
}

LogRow SqliteCatalogue::absolute(LogRow row) const {
  row.directory = layout::in(dir_, layout::logs) + "/" + row.directory;
  return row;
}

result<std::optional<LogRow>> SqliteCatalogue::find_log(std::string_view name) {
  return ask([&]() -> result<std::optional<LogRow>> {
    auto row = parts_.rows->find_log(name);
    if (row && *row) return std::optional<LogRow>(absolute(std::move(**row)));
    return row;
  });
}

result<std::vector<SegmentRow>> SqliteCatalogue::segments(LogId log) {
  return ask([&] { return parts_.rows->segments(log); });
}

result<std::optional<std::string>> SqliteCatalogue::checkpoint(LogId log) {
  return ask([&] { return parts_.rows->checkpoint(log); });
}

result<std::vector<DamageRow>> SqliteCatalogue::damage(LogId log) {
  return ask([&] { return parts_.rows->damage(log); });
}

result<LogId> SqliteCatalogue::next_log() {
  return ask([&]() -> result<LogId> {
    auto row = parts_.rows->store();
    if (!row) return row.error();
    return (*row).next_log;
  });
}

result<> SqliteCatalogue::each_log(std::string_view prefix,
                                   const std::function<bool(const LogRow&)>& visit) {
  std::vector<LogRow> rows;
  auto read = ask([&] {
    return parts_.rows->each_log(prefix, [&](const LogRow& row) {
      rows.push_back(absolute(row));
      return true;
    });
  });
  if (!read) return read;
  for (const auto& row : rows) {
    if (!visit(row)) break;
  }
  return {};
}

result<> SqliteCatalogue::each_meta(
    std::string_view prefix,
    const std::function<bool(const std::string& path, const Bytes& blob)>& visit) {
  std::string from(prefix);
  bool is_behind = false;  // `from` itself was visited
  for (bool has_more = true; has_more;) {
    std::vector<std::pair<std::string, Bytes>> piece;
    std::size_t bytes = 0;
    result<> unsealed;
    has_more = false;
    auto read = ask([&] {
      return parts_.rows->each_meta(prefix, from, [&](std::string_view path, BytesView blob) {
        if (is_behind && path == from) return true;
        if (bytes >= visit_bytes) {
          has_more = true;
          return false;
        }
        auto plain = unseal_meta(path, blob);
        if (!plain) {
          unsealed = plain.error();
          return false;
        }
        bytes += path.size() + blob.size();
        piece.emplace_back(path, std::move(*plain));
        return true;
      });
    });
    if (!read) return read;
    for (const auto& [path, blob] : piece) {
      if (!visit(path, blob)) return {};
    }
    if (!unsealed) return unsealed;
    if (!piece.empty()) from = piece.back().first;
    is_behind = true;
  }
  return {};
}

// ---- encryption ---------------------------------------------------------------------------

// The path is inside what is sealed: content that was moved to another path does not pass.
result<> SqliteCatalogue::seal(std::vector<Change>& changes) const {
  for (auto& change : changes) {
    auto* const put = std::get_if<change::PutMeta>(&change);
    if (put == nullptr) continue;
    Bytes plain;
    Writer writer(plain);
    writer.text(put->item.path);
    writer.raw(bytes_of(put->item.blob));
    Bytes sealed;
    if (auto ok = codec_.encode(plain, 0, sealed); !ok) return ok;
    put->item.blob = text_of(sealed);
  }
  return {};
}

result<Bytes> SqliteCatalogue::unseal_meta(std::string_view path, BytesView sealed) const {
  Bytes plain;
  if (auto ok = codec_.decode(sealed, 0, plain); !ok) {
    return fail(ok.error().status, "metadata " + std::string(path) + ": " + ok.error().text);
  }
  Reader reader(plain);
  if (reader.text() != path || !reader.ok()) {
    return fail(DUNLIN_E_CORRUPT, "metadata " + std::string(path) + " belongs to another path");
  }
  const auto blob = reader.take(reader.left());
  return Bytes(blob.begin(), blob.end());
}

result<> SqliteCatalogue::write_label(const StoreLabel& label) {
  auto ok = files_.replace_file(layout::in(dir_, layout::label),
                                bytes_of(storage_file::write_label(label)));
  if (ok) parts_.label = label;
  return ok;
}

result<> SqliteCatalogue::adopt_keys() {
  if (is_read_only_) return {};
  const auto current = keys_->current_id();
  auto label = parts_.label;
  if (label.key_id != current) {
    label.older_key_id = label.key_id;
    label.key_id = current;
    if (auto ok = write_label(label); !ok) return ok;
  }
  if (label.older_key_id == 0) {
    // What was written before there was a key is not listed as needing one.
    return current != 0 ? seal_again(current) : result<>{};
  }
  if (auto ok = seal_again(current); !ok) return ok;
  return ask([&] { return settle_keys(); });
}

// The key before is forgotten once no segment needs it.
result<> SqliteCatalogue::settle_keys() {
  has_fewer_segments_ = false;
  auto label = parts_.label;
  if (label.older_key_id == 0) return {};
  auto segments = parts_.rows->segments_of_key(label.older_key_id);
  if (!segments) return segments.error();
  if (*segments == 0) {
    label.older_key_id = 0;
    if (auto ok = write_label(label); !ok) return ok;
  }
  if (key_watch_) key_watch_(*segments);
  return {};
}

// Everything in one transaction: metadata is small, and the change of a key is rare.
result<> SqliteCatalogue::seal_again(KeyId current) {
  CatalogueBatch batch;
  result<> unsealed;
  auto read = ask([&] {
    return parts_.rows->each_meta({}, {}, [&](std::string_view path, BytesView blob) {
      auto info = inspect_block(blob);
      if (info && (*info).key_id == current) return true;
      auto plain = unseal_meta(path, blob);
      // What is damaged stays, and is reported by whoever asks for it.
      if (!plain && plain.error().status == DUNLIN_E_CORRUPT) return true;
      if (!plain) {
        unsealed = plain.error();
        return false;
      }
      batch.put_meta({std::string(path), std::string(text_of(*plain))});
      return true;
    });
  });
  if (!read) return read;
  if (!unsealed) return unsealed;
  return batch.empty() ? result<>{} : commit_now(std::move(batch));
}

// ---- the end ------------------------------------------------------------------------------

result<> SqliteCatalogue::close() {
  {
    const std::lock_guard lock(queue_mutex_);
    if (is_closed_) return {};
    is_closed_ = true;
  }
  std::unique_lock lock(mutex_);
  commit_waiting();
  // Should it fail, the next start tries again.
  if (!broken_ && has_fewer_segments_) static_cast<void>(settle_keys());
  is_open_ = false;
  result<> outcome;
  if (!broken_) {
    parts_.rows.reset();
    outcome = parts_.database->close();
    if (parts_.journal && outcome) outcome = parts_.journal->close(parts_.commit);
  }
  parts_.rows.reset();
  parts_.database.reset();
  parts_.journal.reset();
  lock.unlock();
  deliver();
  return outcome;
}

}  // namespace dunlin::storage_file
