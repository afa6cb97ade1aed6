#include "sdk/testkit/sim/world.hpp"

#include <dlfcn.h>
#include <dunlin/ext/log.h>
#include <dunlin/ext/random.h>
#include <dunlin/ext/registry.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace dunlin::testkit {

World& World::of(const dunlin_host* host) { return *static_cast<const Host*>(host)->world; }

// The tables that are not files or configuration. A friend of World, as its members are the host.
struct WorldTables {
  static uint64_t monotonic_ns(const dunlin_host* host) {
    return World::of(host).scheduler.monotonic_ns();
  }
  static int64_t wall_ns(const dunlin_host* host) { return World::of(host).scheduler.wall_ns(); }
  static dunlin_status timer_start(const dunlin_host* host, const dunlin_timer_options* options,
                                   dunlin_task fire, void* user, dunlin_timer* out) {
    *out = World::of(host).scheduler.start_timer(*options, fire, user);
    return DUNLIN_OK;
  }
  static void timer_cancel(const dunlin_host* host, dunlin_timer timer) {
    World::of(host).scheduler.cancel_timer(timer, nullptr, nullptr);
  }
  static void timer_cancel_async(const dunlin_host* host, dunlin_timer timer, dunlin_task done,
                                 void* user) {
    World::of(host).scheduler.cancel_timer(timer, done, user);
  }

  static dunlin_status post_control(const dunlin_host* host, dunlin_task task, void* user) {
    World::of(host).scheduler.post(DUNLIN_THREAD_CONTROL, task, user);
    return DUNLIN_OK;
  }
  static dunlin_status post_shard(const dunlin_host* host, uint32_t shard, dunlin_task task,
                                  void* user) {
    if (shard != 0) return DUNLIN_E_INVALID;
    World::of(host).scheduler.post(DUNLIN_THREAD_SHARD, task, user);
    return DUNLIN_OK;
  }
  static dunlin_status post_worker(const dunlin_host* host, dunlin_task task, void* user) {
    World::of(host).scheduler.post(DUNLIN_THREAD_WORKER, task, user);
    return DUNLIN_OK;
  }
  static uint32_t thread(const dunlin_host* host) { return World::of(host).scheduler.thread(); }
  static uint32_t shard_index(const dunlin_host* host) {
    return thread(host) == DUNLIN_THREAD_SHARD ? 0 : DUNLIN_SHARD_NONE;
  }
  static uint32_t shard_count(const dunlin_host*) { return 1; }

  static void bytes(const dunlin_host* host, uint8_t* out, size_t n) {
    World& world = World::of(host);
    const std::lock_guard lock(world.mutex_);
    for (size_t i = 0; i < n; ++i) out[i] = static_cast<uint8_t>(world.random.next());
  }
  static uint64_t below(const dunlin_host* host, uint64_t bound) {
    World& world = World::of(host);
    const std::lock_guard lock(world.mutex_);
    return bound == 0 ? world.random.next() : world.random.below(bound);
  }

  static bool enabled(const dunlin_host*, uint32_t level) {
    return (level & ~DUNLIN_LOG_BARE) != DUNLIN_LOG_TRACE;
  }
  static void write(const dunlin_host* host, uint32_t level, dunlin_account*, dunlin_conn*,
                    const dunlin_log_field*, size_t, dunlin_str text) {
    World& world = World::of(host);
    const std::lock_guard lock(world.mutex_);
    if ((level & ~DUNLIN_LOG_BARE) <= DUNLIN_LOG_WARNING) ++world.warnings;
    world.log_lines.emplace_back(cat(level & 0xff, " ", std::string_view(text.data, text.size)));
    if (world.log_lines.size() > 50) world.log_lines.pop_front();
    if (world.options.verbose) std::fprintf(stderr, "  log %s\n", world.log_lines.back().c_str());
  }

  static dunlin_status cell(const dunlin_host* host, const dunlin_metric_options*,
                            dunlin_cell** out) {
    World& world = World::of(host);
    const std::lock_guard lock(world.mutex_);
    world.cells_.emplace_back();
    *out = world.cells_.back().data();
    return DUNLIN_OK;
  }
  static dunlin_status histogram(const dunlin_host* host, const dunlin_metric_options* options,
                                 const double*, size_t, dunlin_histogram** out) {
    dunlin_cell* place = nullptr;
    const auto status = cell(host, options, &place);
    *out = reinterpret_cast<dunlin_histogram*>(place);
    return status;
  }
  static void observe(const dunlin_host*, dunlin_histogram*, double) {}
  static dunlin_status collector(const dunlin_host*,
                                 void (*)(void*, dunlin_metric_visit, void*), void*) {
    return DUNLIN_OK;
  }
  static void each_metric(const dunlin_host*, dunlin_metric_visit, void*) {}

  static void set_health(const dunlin_host* host, dunlin_str, uint32_t state, dunlin_str) {
    World& world = World::of(host);
    const std::lock_guard lock(world.mutex_);
    world.health = std::max(world.health, state);
  }
  static uint32_t overall(const dunlin_host* host) { return World::of(host).health; }
  static void each_health(const dunlin_host*, bool (*)(void*, const dunlin_health_item*), void*) {}

  static dunlin_status offer(const dunlin_host* host, const char* capability, const void* table,
                             void* self) {
    World::of(host).offer(capability, table, self);
    return DUNLIN_OK;
  }
  static dunlin_status find(const dunlin_host*, const char*, dunlin_offer*) {
    return DUNLIN_E_NOT_FOUND;
  }
  static dunlin_status each_offer(const dunlin_host*, const char*,
                                  bool (*)(void*, const dunlin_offer*), void*) {
    return DUNLIN_OK;
  }

  static const void* extension(const dunlin_host* host, const char* id);
};

namespace {

const dunlin_clock clock_table = {sizeof(dunlin_clock),      0,
                                  WorldTables::monotonic_ns, WorldTables::wall_ns,
                                  WorldTables::timer_start,  WorldTables::timer_cancel,
                                  WorldTables::timer_cancel_async};
const dunlin_executor executor_table = {
    sizeof(dunlin_executor),  0,
    WorldTables::post_control, WorldTables::post_shard, WorldTables::post_worker,
    WorldTables::thread,       WorldTables::shard_index, WorldTables::shard_count};
const dunlin_random random_table = {sizeof(dunlin_random), 0, WorldTables::bytes,
                                    WorldTables::below};
const dunlin_log log_table = {sizeof(dunlin_log), 0, WorldTables::enabled, WorldTables::write};
const dunlin_metrics metrics_table = {
    sizeof(dunlin_metrics), 0,       WorldTables::cell,      WorldTables::cell,
    WorldTables::histogram, WorldTables::observe, WorldTables::collector,
    WorldTables::each_metric};
const dunlin_health health_table = {sizeof(dunlin_health), 0, WorldTables::set_health,
                                    WorldTables::overall, WorldTables::each_health};
const dunlin_registry registry_table = {sizeof(dunlin_registry), 0, WorldTables::offer,
                                        WorldTables::find, WorldTables::each_offer};

std::string text_of(const dunlin_error& err) { return err.text; }

dunlin_error fresh() {
  dunlin_error err{};
  err.struct_size = sizeof err;
  return err;
}

}  // namespace

const void* WorldTables::extension(const dunlin_host* host, const char* id) {
  const std::string_view wanted = id;
  const bool real_files = !World::of(host).options.real_dir.empty();
  const std::pair<const char*, const void*> tables[] = {
      {DUNLIN_EXT_FS, real_files ? &real_fs : &simulated_fs},
      {DUNLIN_EXT_CLOCK, &clock_table},
      {DUNLIN_EXT_EXECUTOR, &executor_table},
      {DUNLIN_EXT_RANDOM, &random_table},
      {DUNLIN_EXT_LOG, &log_table},
      {DUNLIN_EXT_CONFIG, &config_table},
      {DUNLIN_EXT_METRICS, &metrics_table},
      {DUNLIN_EXT_HEALTH, &health_table},
      {DUNLIN_EXT_REGISTRY, &registry_table}};
  for (const auto& [name, table] : tables) {
    if (wanted == name) return table;
  }
  return nullptr;
}

World::World(const WorldOptions& chosen, Disk start)
    : scheduler(chosen.seed, chosen.real_threads), disk(std::move(start)),
      random(chosen.seed ^ 0x5eed), options(chosen) {
  host_.struct_size = sizeof(dunlin_host);
  host_.abi_version = DUNLIN_ABI_VERSION;
  host_.product = "dunlin-storage-testkit";
  host_.build_id = DUNLIN_BUILD_ID;
  host_.extension = WorldTables::extension;
  host_.world = this;
  section_ = make_section(options.settings);
  load();
  auto err = fresh();
  const auto step = [&](dunlin_status status, const char* what) {
    expect(status == DUNLIN_OK, "lifecycle", what, " failed: ", status_name(status), " ",
           text_of(err));
  };
  step(entry_->create(&host_, &plugin_, &err), "create");
  try {
    step(plugin_->configure(plugin_->self, section_->raw(), &err), "configure");
    step(plugin_->start(plugin_->self, &err), "start");
    started_ = true;
    expect(storage_self_ != nullptr || storage_.open != nullptr, "lifecycle",
           "the plugin offered nothing under storage/1:... when it started");
  } catch (...) {
    if (started_) plugin_->stop(plugin_->self);
    plugin_->destroy(plugin_->self);
    throw;
  }
}

World::~World() {
  plugin_->drain(plugin_->self, scheduler.monotonic_ns());
  plugin_->stop(plugin_->self);
  scheduler.drain();
  plugin_->destroy(plugin_->self);
}

void World::load() {
  // An instance is created from the same file again and again; it stays loaded.
  void* library = ::dlopen(options.plugin.c_str(), RTLD_NOW | RTLD_LOCAL);
  expect(library != nullptr, "lifecycle", "cannot load: ", library == nullptr ? ::dlerror() : "");
  const auto entry =
      reinterpret_cast<dunlin_entry_fn>(::dlsym(library, DUNLIN_ENTRY_SYMBOL));
  expect(entry != nullptr, "lifecycle", "exports no ", DUNLIN_ENTRY_SYMBOL);
  entry_ = entry();
  expect(entry_ != nullptr && entry_->struct_size >= sizeof(dunlin_entry), "lifecycle",
         "the descriptor is missing or too short");
  expect(DUNLIN_ABI_MAJOR_OF(entry_->abi_version_needed) == DUNLIN_ABI_MAJOR, "lifecycle",
         "needs another major version of the ABI");
}

void World::offer(const char* capability, const void* table, void* self) {
  constexpr std::string_view prefix = "storage/1:";
  if (!std::string_view(capability).starts_with(prefix) || !capability_.empty()) return;
  capability_ = capability;
  std::uint32_t size = 0;
  std::memcpy(&size, table, sizeof size);
  std::memcpy(&storage_, table, std::min<std::size_t>(size, sizeof storage_));
  storage_self_ = self;
}

}  // namespace dunlin::testkit
