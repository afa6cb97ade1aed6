// The seam between the store and the log engine: what an engine is given, and what it is asked for.
//
// The store calls `open_log` on control or a worker; it may block. Everything in a StoreContext
// outlives every log opened with it.

#pragma once

#include <dunlin/clock.hpp>
#include <dunlin/executor.hpp>
#include <dunlin/ext/fs.h>
#include <dunlin/storage_backend.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "block_cache.hpp"
#include "catalogue.hpp"
#include "codec.hpp"
#include "observer.hpp"
#include "pace.hpp"
#include "space.hpp"

namespace dunlin::storage_file {

// What the operator configured, and the store's own choices where the caller made none.
struct EngineSettings {
  std::uint32_t sync = DUNLIN_SYNC_ALWAYS;
  std::uint64_t sync_interval_ns = 0;  // for DUNLIN_SYNC_INTERVAL
  std::uint32_t compression = DUNLIN_COMPRESS_NONE;
  std::uint64_t segment_bytes = 0;
  std::uint32_t spare_segments = 4;       // files of one log that are kept to be used again
  std::uint64_t background_rate = 0;      // bytes a second, read and written; 0: none of it
  std::uint64_t write_buffer_bytes = 0;   // of one log: accepted, not yet handed to the disk
  std::uint64_t index_cache_bytes = 0;    // of all logs of a store: indexes of segments in memory
  std::uint64_t read_cache_bytes = 0;     // of the store: blocks read lately
  std::uint64_t subject_memory_bytes = 64u << 20;  // of all logs of a store together
};

// Memory that the logs of a store share: each counts its own, on its own thread.
struct SharedMemory {
  std::atomic<std::uint64_t> used{0}, logs{0};

  // What a log that has `own` of it may have: what the others leave, or an equal part at least.
  [[nodiscard]] std::uint64_t share(std::uint64_t limit, std::uint64_t own) const noexcept {
    const auto now = used.load();
    const auto part = limit / std::max<std::uint64_t>(logs.load(), 1);
    return now < limit ? std::max(part, own + limit - now) : part;
  }
  // A log has `now` of it, and had `before`.
  void count(std::uint64_t& before, std::uint64_t now) noexcept {
    used += now - before;
    before = now;
  }
};

struct StoreContext {
  const dunlin_host* host = nullptr;
  const dunlin_fs* fs = nullptr;
  Clock clock;
  Executor executor;
  Random random;
  std::string dir;  // of the store, absolute
  std::array<std::uint8_t, 16> store_id{};
  bool is_read_only = false;
  EngineSettings settings;
  std::shared_ptr<SharedMemory> subject_memory = std::make_shared<SharedMemory>();
  std::shared_ptr<SharedMemory> index_memory = std::make_shared<SharedMemory>();
  Catalogue* catalogue = nullptr;
  const KeyRing* keys = nullptr;
  Space* space = nullptr;
  Observer* observer = nullptr;
  std::shared_ptr<Pace> pace;
  std::shared_ptr<BlockCache> blocks;
};

struct OpenLog {
  LogRow row;
  dunlin_log_options options{};  // defaults filled in from the settings: none of them is 0
  std::function<void()> closed;  // to be called once, when nothing of the log is left but the
                                 // completion of `close`, just before that: any thread
};

// Implemented by the engine in log/.
[[nodiscard]] result<std::unique_ptr<LogBackend>> open_log(StoreContext& store, OpenLog open);

}  // namespace dunlin::storage_file
