// FileStore: one open store: a directory, its catalogue, its logs.
//
//     open: lock -> keys -> catalogue (recovered if need be) -> directories -> space
//     open_log: row of the catalogue -> open_log() of the engine (engine.hpp)
//
// Threads as dunlin/ext/storage.h says: control or a worker, `put_meta` from anywhere. A store
// outlives its logs; its owner closes it last.

#pragma once

#include <dunlin/storage_backend.hpp>

#include <memory>
#include <mutex>
#include <set>

#include "disk_space.hpp"
#include "log_directories.hpp"
#include "reporter.hpp"
#include "settings.hpp"

namespace dunlin::storage_file {

// The engine's open_log, or what a test puts in its place.
using OpenEngine = std::function<result<std::unique_ptr<LogBackend>>(StoreContext&, OpenLog)>;

// How a store is to be opened, the configuration and the opener's wishes taken together.
struct StorePlan {
  std::string dir;
  bool may_create = false;
  bool is_read_only = false;
  EngineSettings engine;
  std::uint32_t cipher = DUNLIN_CIPHER_NONE;
  Secret key, previous_key;
  std::uint64_t reserve_bytes = 0, keep_free_bytes = 0;
};

class FileStore final : public StoreBackend {
 public:
  static result<std::unique_ptr<StoreBackend>> open(Host host, std::shared_ptr<Reporter> reporter,
                                                    const StorePlan& plan, OpenEngine engine);
  ~FileStore() override;

  result<std::unique_ptr<LogBackend>> open_log(std::string_view name,
                                               const dunlin_log_options& options) override;
  result<> drop_log(std::string_view name) override;
  result<> list_logs(std::string_view prefix, bool (*visit)(void* user, dunlin_str name),
                     void* user) override;
  result<> put_meta(std::span<const dunlin_meta> items, std::uint32_t thread, std::uint32_t shard,
                    Completion& done) override;
  result<> list_meta(std::string_view prefix, dunlin_visit_meta visit, void* user) override;

 private:
  // Names of open logs; outlives the store, since the last log may tell it after the store went.
  struct OpenNames {
    std::mutex mutex;
    std::set<std::string, std::less<>> names;
  };

  FileStore(Host host, std::shared_ptr<Reporter> reporter, const StorePlan& plan,
            OpenEngine engine);
  result<> start();
  result<> take_lock();
  result<> start_space();
  void report_findings(const std::vector<Finding>& findings);
  result<LogRow> row_for(std::string_view name, const dunlin_log_options& options);

  Host host_;
  std::shared_ptr<Reporter> reporter_;
  StorePlan plan_;
  OpenEngine engine_;
  Files files_;
  KeyRing keys_;
  dunlin_file_lock* lock_ = nullptr;
  std::shared_ptr<SqliteCatalogue> catalogue_;
  std::shared_ptr<DiskSpace> space_;
  std::unique_ptr<Observer> observer_;
  std::unique_ptr<LogDirectories> directories_;
  StoreContext context_;
  bool is_reported_ = false;

  std::mutex mutex_;  // making and dropping logs
  std::shared_ptr<OpenNames> open_ = std::make_shared<OpenNames>();
};

}  // namespace dunlin::storage_file
