// Reading records from segments: those that lie close to each other with one read, every one of
// them checked.
//
// Threads: control or a worker.

#pragma once

#include <dunlin/result.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "plugins/storage-file/block_cache.hpp"
#include "plugins/storage-file/codec.hpp"
#include "plugins/storage-file/log/entry.hpp"
#include "plugins/storage-file/log/file.hpp"
#include "plugins/storage-file/log/segment_index.hpp"
#include "plugins/storage-file/observer.hpp"

namespace dunlin::storage_file::engine {

struct Fetch {
  // What to read.
  std::uint64_t seq = 0;
  std::shared_ptr<File> file;
  std::shared_ptr<const BlockCodec> codec;
  BlockCache::Key block;  // of a record in a block
  SegmentKey key{};
  SegmentIndex::Item item;
  // What came of it: the entry, or why there is none.
  Entry entry;
  std::string why;
  bool is_disk_error = false;  // it may be readable another time
  BlockCache::Block content;  // the block the entry lies in
};

// `buffers` keeps the bytes of entries outside of blocks. Fails only when the disk does; a record
// that cannot be believed is told in its `why`.
[[nodiscard]] result<> fetch_records(std::span<Fetch* const> wanted,
                                     std::vector<std::vector<std::uint8_t>>& buffers,
                                     BlockCache& cache, Observer& observer);

// The entry of a record that is known to be good, as it lies in memory.
[[nodiscard]] Entry trusted_entry(std::span<const std::uint8_t> bytes) noexcept;

}  // namespace dunlin::storage_file::engine
