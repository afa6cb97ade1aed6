// A host for one plugin: every table the kit offers, over a simulated machine or the real one.
//
// The world owns the loaded instance. `world.plugin()` is the life cycle; the disk may be taken
// out, cut and put into the next world. One thread uses a world, except for what the executor's
// workers call in real mode.

#pragma once

#include <dunlin/ext/fs.h>
#include <dunlin/ext/health.h>
#include <dunlin/ext/metrics.h>
#include <dunlin/ext/storage.h>

#include <atomic>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "sdk/testkit/sim/config.hpp"
#include "sdk/testkit/sim/disk.hpp"
#include "sdk/testkit/sim/scheduler.hpp"

namespace dunlin::testkit {

// What happens to the calls of dunlin.fs/1 from call `at` on (1 is the first)
// that it can happen to.
struct Fault {
  enum Kind { none, no_space, io_error, short_write, slow, sync_error };
  Kind kind = none;
  std::uint64_t at = 0;
  std::uint64_t count = 1;  // how many calls; UINT64_MAX: until it is taken away
  std::uint64_t struck = 0;
};
const char* fault_name(Fault::Kind kind);

struct WorldOptions {
  std::string plugin;                 // the shared object
  std::vector<std::string> settings;  // key=value
  std::uint64_t seed = 1;
  bool real_threads = false;
  std::string real_dir;  // files of the system below it instead of the simulated disk
  bool verbose = false;
};

class World {
 public:
  // Loads, creates, configures and starts. Throws Failure when the plugin refuses.
  World(const WorldOptions& options, Disk disk);
  // Stops and destroys.
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  [[nodiscard]] const dunlin_storage& storage() const { return storage_; }
  [[nodiscard]] void* storage_self() const { return storage_self_; }
  [[nodiscard]] const dunlin_entry& entry() const { return *entry_; }
  [[nodiscard]] const std::string& capability() const { return capability_; }

  Scheduler scheduler;
  Disk disk;
  Rng random;
  Fault fault;
  std::atomic<std::uint64_t> fs_calls{0};
  // Paths a lock is held on, and handles that are open.
  std::set<std::string> locks;
  std::atomic<std::int64_t> open_files{0};
  // The worst the plugin said of its health, and its last lines of log.
  std::uint32_t health = DUNLIN_HEALTH_OK;
  std::uint64_t warnings = 0;  // lines of log, errors among them
  std::deque<std::string> log_lines;
  const WorldOptions options;

  static World& of(const dunlin_host* host);
  // What the fault does to this call: DUNLIN_OK for nothing.
  dunlin_status strike(bool writes, bool syncs);

 private:
  struct Host : dunlin_host {
    World* world;
  };
  friend struct WorldTables;
  void load();
  void offer(const char* capability, const void* table, void* self);

  Host host_{};
  std::unique_ptr<ConfigNode> section_;
  const dunlin_entry* entry_ = nullptr;
  const dunlin_plugin* plugin_ = nullptr;
  bool started_ = false;
  std::string capability_;
  dunlin_storage storage_{};
  void* storage_self_ = nullptr;
  std::mutex mutex_;  // log lines and cells, from workers in real mode
  std::deque<std::array<dunlin_cell, 2>> cells_;  // one shard, and every other thread
};

extern const dunlin_fs simulated_fs;
extern const dunlin_fs real_fs;

}  // namespace dunlin::testkit
