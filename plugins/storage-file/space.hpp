// Space: what a store does about a disk that fills up.
//
// A reserve file keeps some megabytes for metadata and removals. Appends stop while less than
// `keep_free` bytes are left on the disk, before anything breaks; when metadata finds the disk full
// all the same, the reserve is given up, and taken back once there is room. Resumption is by
// itself: watchers are told.
//
// Threads: any, except where a function says otherwise.

#pragma once

#include <cstdint>
#include <functional>

namespace dunlin::storage_file {

class Space {
 public:
  virtual ~Space() = default;

  // Appends are to be refused with DUNLIN_E_NO_SPACE. One relaxed load: ask as often as you like.
  [[nodiscard]] virtual bool is_full() const noexcept = 0;
  // A write failed with DUNLIN_E_NO_SPACE. Turns `is_full` on and gives the reserve up.
  // [control, worker]
  virtual void report_full() = 0;

  // `changed(is_full)` on a worker, at every change. Returns an id for `unwatch`, after which
  // `changed` is not running and will not run. [control, worker; not from `changed`]
  virtual std::uint64_t watch(std::function<void(bool is_full)> changed) = 0;
  virtual void unwatch(std::uint64_t id) = 0;

 protected:
  Space() = default;
  Space(const Space&) = delete;
  Space& operator=(const Space&) = delete;
};

}  // namespace dunlin::storage_file
