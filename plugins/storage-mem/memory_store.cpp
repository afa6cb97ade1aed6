#include "plugins/storage-mem/memory_store.hpp"

#include <utility>
#include <vector>

namespace dunlin::storage_mem {
namespace {

constexpr StorageTraits traits{
    .kind = "memory",
    .features = DUNLIN_STORE_VOLATILE | DUNLIN_STORE_SUBJECT_INDEX | DUNLIN_STORE_SNAPSHOTS |
                DUNLIN_STORE_DUE_INDEX | DUNLIN_STORE_ERASE | DUNLIN_STORE_ATOMIC_BATCH,
    .record_cost = record_cost,
    .header_cost = header_cost};

bool is_compressed(std::uint32_t compression) noexcept {
  return compression != DUNLIN_COMPRESS_DEFAULT && compression != DUNLIN_COMPRESS_NONE;
}

std::string text(dunlin_str value) { return std::string(detail::view(value)); }

}  // namespace

MemoryStorage::MemoryStorage(Host host)
    : StorageBackend(traits), host_(host), figures_(std::make_shared<Figures>(host)) {}

result<std::unique_ptr<StoreBackend>> MemoryStorage::open(const dunlin_store_options& options) {
  if (options.cipher != DUNLIN_CIPHER_NONE) return unsupported("encryption");
  if (is_compressed(options.compression)) return unsupported("compression");
  return {std::make_unique<MemoryStore>(host_, figures_,
                                        (options.flags & DUNLIN_LOG_READ_ONLY) != 0)};
}

MemoryStore::MemoryStore(Host host, std::shared_ptr<Figures> figures, bool is_read_only)
    : executor_(host.get<Executor>()),
      random_(host.get<Random>()),
      figures_(std::move(figures)),
      is_read_only_(is_read_only) {
  figures_->store_opened();
}

MemoryStore::~MemoryStore() { figures_->store_closed(); }

result<std::unique_ptr<LogBackend>> MemoryStore::open_log(std::string_view name,
                                                          const dunlin_log_options& options) {
  if (is_compressed(options.compression)) return unsupported("compression");
  const std::lock_guard lock(mutex_);
  auto found = logs_.find(name);
  if (found == logs_.end()) {
    if ((options.flags & DUNLIN_LOG_CREATE) == 0) {
      return fail(DUNLIN_E_NOT_FOUND, "there is no log " + std::string(name));
    }
    if (is_read_only_) return fail(DUNLIN_E_DENIED, "the store was opened to be read only");
    std::uint64_t seed = 0;
    random_.fill({reinterpret_cast<std::uint8_t*>(&seed), sizeof seed});
    Log log;
    log.data = std::make_unique<LogData>(
        options.first_seq, (options.flags & DUNLIN_LOG_NO_SUBJECTS) == 0, seed);
    log.tally = std::make_unique<Tally>(figures_);
    log.tally->show(*log.data);
    found = logs_.emplace(std::string(name), std::move(log)).first;
  } else if (found->second.is_open) {
    return fail(DUNLIN_E_EXISTS, "the log " + std::string(name) + " is open");
  }
  auto completions = std::make_shared<Completions>(executor_, options.thread, options.shard);
  const bool is_read_only = is_read_only_ || (options.flags & DUNLIN_LOG_READ_ONLY) != 0;
  std::unique_ptr<LogBackend> made = std::make_unique<MemoryLog>(
      *this, *found->second.data, *found->second.tally, found->first, is_read_only,
      std::move(completions));
  found->second.is_open = true;
  return made;
}

result<> MemoryStore::drop_log(std::string_view name) {
  std::unique_ptr<LogData> dropped;  // released without the lock: it may be large
  const std::lock_guard lock(mutex_);
  const auto found = logs_.find(name);
  if (found == logs_.end()) {
    return fail(DUNLIN_E_NOT_FOUND, "there is no log " + std::string(name));
  }
  if (is_read_only_) return fail(DUNLIN_E_DENIED, "the store was opened to be read only");
  if (found->second.is_open) {
    return fail(DUNLIN_E_EXISTS, "the log " + std::string(name) + " is open: close it first");
  }
  dropped = std::move(found->second.data);
  logs_.erase(found);
  return {};
}

// The visitors may call back, so they see a copy.
result<> MemoryStore::list_logs(std::string_view prefix,
                                bool (*visit)(void* user, dunlin_str name), void* user) {
  std::vector<std::string> names;
  {
    const std::lock_guard lock(mutex_);
    for (auto at = logs_.lower_bound(prefix); at != logs_.end(); ++at) {
      if (!at->first.starts_with(prefix)) break;
      names.push_back(at->first);
    }
  }
  for (const auto& name : names) {
    if (!visit(user, detail::str(name))) break;
  }
  return {};
}

result<> MemoryStore::put_meta(std::span<const dunlin_meta> items, std::uint32_t thread,
                               std::uint32_t shard, Completion& done) {
  if (is_read_only_) return fail(DUNLIN_E_DENIED, "the store was opened to be read only");
  const auto completions = std::make_shared<Completions>(executor_, thread, shard);
  // Made apart, and then moved without failing: all or none. The last word on a path counts.
  std::map<std::string, const dunlin_meta*, std::less<>> wanted;
  for (const auto& item : items) wanted.insert_or_assign(text(item.path), &item);
  std::map<std::string, std::string, std::less<>> fresh;
  for (const auto& [path, item] : wanted) {
    if (item->erase == 0) fresh.emplace(path, detail::view(item->blob));
  }
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [path, item] : wanted) meta_.erase(path);
    meta_.merge(fresh);
  }
  completions->add(std::move(done));
  return {};
}

result<> MemoryStore::list_meta(std::string_view prefix, dunlin_visit_meta visit, void* user) {
  std::vector<std::pair<std::string, std::string>> found;
  {
    const std::lock_guard lock(mutex_);
    for (auto at = meta_.lower_bound(prefix); at != meta_.end(); ++at) {
      if (!at->first.starts_with(prefix)) break;
      found.emplace_back(*at);
    }
  }
  for (const auto& [path, blob] : found) {
    const dunlin_meta item{detail::str(path), detail::bytes(blob), 0, 0};
    if (!visit(user, &item)) break;
  }
  return {};
}

void MemoryStore::release(LogData& data) noexcept {
  const std::lock_guard lock(mutex_);
  for (auto& [name, log] : logs_) {
    if (log.data.get() == &data) log.is_open = false;
  }
}

}  // namespace dunlin::storage_mem
