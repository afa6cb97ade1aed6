// SegmentMaker: the files of new segments, made ahead so that no append waits for one: filled with
// zeros or taken from segments that are no longer needed, header written and synced, name synced.
//
// Writing where something was written already changes nothing but content, so that a sync needs no
// commit of the file system's journal; that is why files are filled, and used again rather than
// removed. What a used one still holds is never taken for entries of its new segment (entry.hpp).
//
// Filling goes in slices, each a task of its own with a sync of its own: neither the disk nor the
// workers are kept from what others wait for.
//
// Threads: `start`, `make` and `retire` are for control or a worker; the rest is for any. What is
// asked for with a `done` goes on by itself, calls it once, on a worker, and must have done so
// before this ends.

#pragma once

#include <dunlin/result.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "plugins/storage-file/engine.hpp"
#include "plugins/storage-file/log/segment.hpp"

namespace dunlin::storage_file::engine {

struct MadeSegment {
  std::uint64_t number = 0, salt = 0;
  std::uint32_t capacity = 0;
  std::shared_ptr<File> file;
};

class SegmentMaker {
 public:
  // Without `fills` new files are only made as long as they should be: where nobody waits for a
  // sync, filling them is lost work.
  SegmentMaker(StoreContext& store, const LogRow& row, const Directory& directory, bool fills)
      : store_(store), row_(row), directory_(directory), fills_(fills) {}

  // Removes what an interrupted call left, and finds the spare files.
  result<> start();
  // At once.
  [[nodiscard]] result<MadeSegment> make(std::uint64_t number, std::uint32_t capacity);
  // The capacity may come out larger than what was asked for.
  void make_ahead(std::uint64_t number, std::uint32_t capacity,
                  std::function<void(result<MadeSegment>)> done);
  // Fills one file more for later; `number` is for its name, and is used for nothing else.
  void stock(std::uint64_t number, std::uint32_t capacity, std::function<void(result<>)> done);
  [[nodiscard]] bool wants_stock(std::uint32_t capacity);
  // The file of a segment that is no longer part of the log becomes a spare, or goes; of 0 bytes,
  // it goes. Its index goes too.
  result<> retire(std::uint64_t number, std::uint64_t bytes);
  // What is being filled is given up.
  void stop() noexcept { is_stopped_ = true; }

 private:
  struct Spare {
    std::string name;
    std::uint64_t bytes = 0;
  };
  struct Fill;
  using FillPtr = std::shared_ptr<Fill>;

  [[nodiscard]] result<bool> take_spare(Fill& fill);
  result<> fill_slice(Fill& fill);
  void go_on(const FillPtr& fill);
  static FillPtr new_fill(std::uint64_t number, std::uint32_t capacity);
  void post(const FillPtr& fill);
  [[nodiscard]] result<MadeSegment> finish(const Fill& fill);
  result<> keep(const std::string& name, const std::string& spare, std::uint64_t bytes);

  StoreContext& store_;
  const LogRow& row_;
  const Directory& directory_;
  const bool fills_;
  std::atomic<bool> is_stopped_{false};
  std::mutex mutex_;
  std::vector<Spare> spares_;
};

}  // namespace dunlin::storage_file::engine
