#include "storage.hpp"

namespace dunlin::storage_file {
namespace {

// What nats-server's file store adds to the bytes of a record, and to one with a header.
constexpr std::uint32_t record_cost = 30, header_cost = 4;
constexpr std::uint32_t features = DUNLIN_STORE_SUBJECT_INDEX | DUNLIN_STORE_SNAPSHOTS |
                                   DUNLIN_STORE_DUE_INDEX | DUNLIN_STORE_COMPRESSION |
                                   DUNLIN_STORE_ENCRYPTION | DUNLIN_STORE_ERASE |
                                   DUNLIN_STORE_ATOMIC_BATCH;

}  // namespace

FileStorage::FileStorage(Host host, std::shared_ptr<Reporter> reporter, Settings settings)
    : StorageBackend({"file", features, record_cost, header_cost}), host_(host),
      reporter_(std::move(reporter)), settings_(std::move(settings)) {}

result<std::unique_ptr<StoreBackend>> FileStorage::open(const dunlin_store_options& options) {
  StorePlan plan;
  plan.dir = options.dir.size > 0 ? std::string(detail::view(options.dir)) : settings_.dir;
  plan.is_read_only = (options.flags & DUNLIN_LOG_READ_ONLY) != 0;
  plan.may_create = (options.flags & DUNLIN_LOG_CREATE) != 0 && !plan.is_read_only;
  plan.engine = settings_.engine;
  plan.reserve_bytes = settings_.reserve_bytes;
  plan.keep_free_bytes = settings_.keep_free_bytes;
  if (options.sync > DUNLIN_SYNC_NONE || options.compression > DUNLIN_COMPRESS_ZSTD) {
    return fail(DUNLIN_E_INVALID, "the sync mode or compression of a store is unknown");
  }
  if (options.sync != DUNLIN_SYNC_DEFAULT) plan.engine.sync = options.sync;
  if (options.compression != DUNLIN_COMPRESS_DEFAULT) plan.engine.compression = options.compression;
  if (options.sync_interval_ns != 0) plan.engine.sync_interval_ns = options.sync_interval_ns;
  const bool brings_keys = options.cipher != DUNLIN_CIPHER_NONE || options.key.reveal.size > 0;
  plan.cipher = brings_keys ? options.cipher : settings_.cipher;
  const auto secret = [](const dunlin_secret& from) {
    return Secret({from.reveal.data, from.reveal.size});
  };
  plan.key = brings_keys ? secret(options.key) : settings_.key;
  plan.previous_key =
      options.previous_key.reveal.size > 0 ? secret(options.previous_key) : settings_.previous_key;
  return FileStore::open(host_, reporter_, plan, storage_file::open_log);
}

}  // namespace dunlin::storage_file
