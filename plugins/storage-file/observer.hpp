// Observer: what the engine tells the operator through: counts for metrics, sentences for the log
// and for health. The store implements it over the host; tests count.
//
// Threads: any. Never blocks, never fails.

#pragma once

#include <cstdint>
#include <string_view>

namespace dunlin::storage_file {

class Observer {
 public:
  virtual ~Observer() = default;

  virtual void wrote(std::uint64_t bytes) noexcept = 0;
  virtual void synced(std::uint64_t duration_ns) noexcept = 0;
  virtual void read(std::uint64_t bytes) noexcept = 0;
  // Segments of so many bytes were rewritten into one.
  virtual void rewrote(std::uint64_t from_bytes, std::uint64_t to_bytes) noexcept = 0;
  // `first`..`last` of the log named `log` are unreadable (0, 0: an index, nothing is lost);
  // `text` names file, place and what was done about it.
  virtual void damaged(std::string_view log, std::uint64_t first, std::uint64_t last,
                       std::string_view text) noexcept = 0;
  // A sync of this log failed.
  virtual void poisoned(std::string_view log, std::string_view text) noexcept = 0;
  // The log was closed, or opened again without damage: its health is no longer reported.
  virtual void recovered(std::string_view log) noexcept = 0;

 protected:
  Observer() = default;
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;
};

}  // namespace dunlin::storage_file
