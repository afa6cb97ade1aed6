#include "store.hpp"

#include "layout.hpp"
#include "names.hpp"

namespace dunlin::storage_file {
namespace {

// Completes on the thread the caller asked for. When the host takes no more tasks it completes
// here: late is better than never.
void complete(const Executor& executor, std::uint32_t thread, std::uint32_t shard,
              const std::shared_ptr<Completion>& done, const result<>& outcome) {
  const auto finish = [done, outcome] {
    if (outcome) {
      done->succeed();
    } else {
      done->fail(outcome.error());
    }
  };
  result<> posted = fail(DUNLIN_E_INVALID, "this is the thread already");
  if (thread == DUNLIN_THREAD_CONTROL) posted = executor.post_control(finish);
  if (thread == DUNLIN_THREAD_SHARD) posted = executor.post_shard(shard, finish);
  if (!posted) finish();
}

}  // namespace

// ---- opening ------------------------------------------------------------------------------

FileStore::FileStore(Host host, std::shared_ptr<Reporter> reporter, const StorePlan& plan,
                     OpenEngine engine)
    : host_(host), reporter_(std::move(reporter)), plan_(plan), engine_(std::move(engine)),
      files_(host.raw(), static_cast<const dunlin_fs*>(
                             host.raw()->extension(host.raw(), DUNLIN_EXT_FS))) {}

result<std::unique_ptr<StoreBackend>> FileStore::open(Host host,
                                                      std::shared_ptr<Reporter> reporter,
                                                      const StorePlan& plan, OpenEngine engine) {
  std::unique_ptr<FileStore> store(
      new FileStore(host, std::move(reporter), plan, std::move(engine)));
  if (auto ok = store->start(); !ok) return ok.error();
  return std::unique_ptr<StoreBackend>(std::move(store));
}

result<> FileStore::take_lock() {
  const auto path = layout::in(plan_.dir, layout::lock);
  if (plan_.may_create && !plan_.is_read_only) {
    if (auto ok = files_.make_dirs(plan_.dir); !ok) return ok;
  } else {
    // Asking must not leave a lock file where there is no store.
    bool is_store = false;
    for (const auto* const name : {layout::label, layout::database, layout::journal}) {
      auto is_there = files_.exists(layout::in(plan_.dir, name));
      if (!is_there) return is_there.error();
      is_store |= *is_there;
    }
    if (!is_store) return fail(DUNLIN_E_NOT_FOUND, "there is no store in " + plan_.dir);
  }
  auto error = detail::fresh_error();
  const auto status = files_.raw()->lock(host_.raw(), detail::str(path), &lock_, &error);
  if (status == DUNLIN_OK) return {};
  lock_ = nullptr;
  // Where nothing can be written nobody can change anything either.
  if (status == DUNLIN_E_DENIED && plan_.is_read_only) return {};
  if (status == DUNLIN_E_AGAIN) {
    return fail(status, "the store in " + plan_.dir + " is in use by another process or plugin");
  }
  return fail(status, "cannot lock " + path + ": " + error.text, error.os_error);
}

result<> FileStore::start() {
  if (plan_.dir.empty() || plan_.dir.front() != '/') {
    return fail(DUNLIN_E_INVALID, "the directory of a store is an absolute path; this one is \"" +
                                      plan_.dir + "\"");
  }
  while (plan_.dir.size() > 1 && plan_.dir.back() == '/') plan_.dir.pop_back();
  const auto random = host_.get<Random>();
  auto keys = KeyRing::make(plan_.cipher, plan_.key.reveal(), plan_.previous_key.reveal(),
                            [random](std::span<std::uint8_t> out) { random.fill(out); });
  if (!keys) return keys.error();
  keys_ = std::move(*keys);
  if (auto ok = take_lock(); !ok) return ok;

  const CatalogueSite site{files_, host_.get<Clock>(), random, plan_.dir, plan_.is_read_only,
                           plan_.may_create, &keys_};
  auto catalogue = SqliteCatalogue::open(
      site, host_.get<Executor>(), [reporter = reporter_, dir = plan_.dir](const Error& error) {
        reporter->catalogue(dir, error.text);
      });
  if (!catalogue) return catalogue.error();
  catalogue_ = *catalogue;
  reporter_->store_opened();
  is_reported_ = true;
  catalogue_->set_key_watch([reporter = reporter_, dir = plan_.dir](std::uint64_t segments) {
    reporter->needs_previous_key(dir, segments);
  });
  if (auto ok = catalogue_->adopt_keys(); !ok) return ok;
  report_findings(catalogue_->findings());
  if (!catalogue_->loss().empty()) reporter_->catalogue(plan_.dir, catalogue_->loss());

  directories_ = std::make_unique<LogDirectories>(files_, layout::in(plan_.dir, layout::logs),
                                                  *catalogue_);
  if (!plan_.is_read_only) {
    auto findings = directories_->reconcile();
    if (!findings) return findings.error();
    report_findings(*findings);
  }
  return start_space();
}

result<> FileStore::start_space() {
  observer_ = reporter_->observer(plan_.dir);
  DiskSpaceOptions options;
  options.dir = plan_.dir;
  options.reserve_bytes = plan_.reserve_bytes;
  options.keep_free_bytes = plan_.keep_free_bytes;
  options.seen = [reporter = reporter_, dir = plan_.dir](std::uint64_t available, bool is_full) {
    reporter->space(dir, available, is_full);
  };
  space_ = std::make_shared<DiskSpace>(files_, host_.get<Clock>(), host_.get<Executor>(),
                                       std::move(options));
  if (!plan_.is_read_only) {
    if (auto ok = space_->start(); !ok) return ok;
    catalogue_->set_space(space_.get());
  }
  context_.host = host_.raw();
  context_.fs = files_.raw();
  context_.clock = host_.get<Clock>();
  context_.executor = host_.get<Executor>();
  context_.random = host_.get<Random>();
  context_.dir = plan_.dir;
  context_.store_id = catalogue_->label().id;
  context_.is_read_only = plan_.is_read_only;
  context_.settings = plan_.engine;
  context_.catalogue = catalogue_.get();
  context_.keys = &keys_;
  context_.space = space_.get();
  context_.observer = observer_.get();
  context_.blocks = std::make_shared<BlockCache>(plan_.engine.read_cache_bytes);
  context_.pace = std::make_shared<Pace>(plan_.engine.background_rate);
  return {};
}

void FileStore::report_findings(const std::vector<Finding>& findings) {
  for (const auto& finding : findings) {
    reporter_->log().line(finding.is_damage ? DUNLIN_LOG_WARNING : DUNLIN_LOG_INFO, "{}: {}",
                          plan_.dir, finding.text);
  }
}

FileStore::~FileStore() {
  if (space_) space_->stop();
  if (catalogue_) {
    catalogue_->set_space(nullptr);
    if (auto ok = catalogue_->close(); !ok) {
      reporter_->log().error("{}: {}", plan_.dir, ok.error());
    }
  }
  if (is_reported_) reporter_->store_closed(plan_.dir);
  if (lock_ != nullptr) files_.raw()->unlock(host_.raw(), lock_);
}

// ---- logs ---------------------------------------------------------------------------------

result<LogRow> FileStore::row_for(std::string_view name, const dunlin_log_options& options) {
  auto found = catalogue_->find_log(name);
  if (!found) return found.error();
  if (*found) return **found;
  if ((options.flags & DUNLIN_LOG_CREATE) == 0) {
    return fail(DUNLIN_E_NOT_FOUND, "there is no log " + std::string(name));
  }
  if (plan_.is_read_only || (options.flags & DUNLIN_LOG_READ_ONLY) != 0) {
    return fail(DUNLIN_E_DENIED, "a log is not made when the store or the log is read only");
  }
  const auto first = options.first_seq != 0 ? options.first_seq : 1;
  return directories_->make(name, first, (options.flags & DUNLIN_LOG_NO_SUBJECTS) == 0);
}

result<std::unique_ptr<LogBackend>> FileStore::open_log(std::string_view name,
                                                        const dunlin_log_options& options) {
  if (auto ok = check_name(name); !ok) return ok.error();
  const std::lock_guard lock(mutex_);
  {
    const std::lock_guard names(open_->mutex);
    if (open_->names.contains(name)) {
      return fail(DUNLIN_E_EXISTS, "the log " + std::string(name) + " is open");
    }
  }
  OpenLog open;
  open.options = options;
  if (plan_.is_read_only) open.options.flags |= DUNLIN_LOG_READ_ONLY;
  if (open.options.sync == DUNLIN_SYNC_DEFAULT) open.options.sync = plan_.engine.sync;
  if (open.options.compression == DUNLIN_COMPRESS_DEFAULT) {
    open.options.compression = plan_.engine.compression;
  }
  if (open.options.sync > DUNLIN_SYNC_NONE || open.options.compression > DUNLIN_COMPRESS_ZSTD) {
    return fail(DUNLIN_E_INVALID, "the sync mode or compression of a log is unknown");
  }
  auto row = row_for(name, options);
  if (!row) return row.error();
  open.row = std::move(*row);
  open.closed = [open_names = open_, reporter = reporter_, key = std::string(name)] {
    reporter->log_opened(-1);
    const std::lock_guard names(open_names->mutex);
    open_names->names.erase(key);
  };
  auto log = engine_(context_, std::move(open));
  if (!log) return log;
  reporter_->log_opened(1);
  const std::lock_guard names(open_->mutex);
  open_->names.emplace(name);
  return log;
}

result<> FileStore::drop_log(std::string_view name) {
  if (plan_.is_read_only) return fail(DUNLIN_E_DENIED, "the store was opened to read only");
  const std::lock_guard lock(mutex_);
  {
    const std::lock_guard names(open_->mutex);
    if (open_->names.contains(name)) {
      return fail(DUNLIN_E_EXISTS, "the log " + std::string(name) + " is open: close it first");
    }
  }
  auto found = catalogue_->find_log(name);
  if (!found) return found.error();
  if (!*found) return fail(DUNLIN_E_NOT_FOUND, "there is no log " + std::string(name));
  return directories_->drop(**found);
}

result<> FileStore::list_logs(std::string_view prefix, bool (*visit)(void* user, dunlin_str name),
                              void* user) {
  return catalogue_->each_log(
      prefix, [&](const LogRow& row) { return visit(user, detail::str(row.name)); });
}

// ---- metadata -----------------------------------------------------------------------------

result<> FileStore::put_meta(std::span<const dunlin_meta> items, std::uint32_t thread,
                             std::uint32_t shard, Completion& done) {
  if (thread > DUNLIN_THREAD_WORKER) return fail(DUNLIN_E_INVALID, "there is no such thread");
  CatalogueBatch batch;
  for (const auto& item : items) {
    const auto path = detail::view(item.path);
    if (auto ok = check_name(path); !ok) return ok;
    if (item.erase != 0) {
      batch.erase_meta(std::string(path));
    } else {
      batch.put_meta({std::string(path), std::string(detail::view(item.blob))});
    }
  }
  // A refusal leaves the completion to the caller.
  const auto held = std::make_shared<Completion>(std::move(done));
  auto finish = [executor = context_.executor, thread, shard, held](const result<>& outcome) {
    complete(executor, thread, shard, held, outcome);
  };
  auto accepted = catalogue_->commit(std::move(batch), std::move(finish));
  if (!accepted) done = std::move(*held);
  return accepted;
}

result<> FileStore::list_meta(std::string_view prefix, dunlin_visit_meta visit, void* user) {
  auto read = catalogue_->each_meta(prefix, [&](const std::string& path, const Bytes& blob) {
    dunlin_meta item{};
    item.path = detail::str(path);
    item.blob = {blob.data(), blob.size()};
    return visit(user, &item);
  });
  if (!read || catalogue_->loss().empty()) return read;
  return fail(DUNLIN_E_CORRUPT, catalogue_->loss() + ". Remove " +
                                    layout::in(plan_.dir, layout::loss) +
                                    " to go on with what is left");
}

}  // namespace dunlin::storage_file
