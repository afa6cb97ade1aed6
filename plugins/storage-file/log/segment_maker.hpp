// SegmentMaker: the files of new segments, made ahead so that no append waits for one: filled with
// zeros or taken from segments that are no longer needed, header written and synced, name synced.
//
// Threads: control or a worker; calls wait for each other.

#pragma once

#include <dunlin/result.hpp>

#include <cstdint>
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
  // Files that are kept for later, at most.
  static constexpr std::size_t spares_max = 4;

  SegmentMaker(StoreContext& store, const LogRow& row, const Directory& directory)
      : store_(store), row_(row), directory_(directory) {}

  // Removes what an interrupted call left, and finds the spare files.
  result<> start();
  [[nodiscard]] result<MadeSegment> make(std::uint64_t number, std::uint32_t capacity);
  // The file of a segment that is no longer part of the log becomes a spare, or goes. Its index
  // goes too.
  result<> retire(std::uint64_t number, std::uint64_t bytes);

 private:
  struct Spare {
    std::string name;
    std::uint64_t bytes = 0;
  };
  result<std::shared_ptr<File>> take_file(const std::string& name, std::uint32_t& capacity);

  StoreContext& store_;
  const LogRow& row_;
  const Directory& directory_;
  std::mutex mutex_;
  std::vector<Spare> spares_;
};

}  // namespace dunlin::storage_file::engine
