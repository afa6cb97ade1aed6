// The index of a sealed segment as a file: written once, when the segment is sealed, checksummed as
// a whole, and made again from the segment when it is lost. Five to twelve bytes a record.
//
// Pure functions, any thread.

#pragma once

#include <dunlin/result.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "plugins/storage-file/log/segment_index.hpp"

namespace dunlin::storage_file::engine {

// Which segment an index belongs to.
struct IndexOwner {
  std::uint64_t log = 0, number = 0, salt = 0;
  bool operator==(const IndexOwner&) const = default;
};

[[nodiscard]] std::vector<std::uint8_t> encode_index(const SegmentIndex& index,
                                                     const IndexOwner& owner);
// Subjects of a decoded index are sorted. DUNLIN_E_CORRUPT for anything else than an intact index
// of `owner`.
[[nodiscard]] result<std::shared_ptr<SegmentIndex>> decode_index(
    std::span<const std::uint8_t> bytes, const IndexOwner& owner);

}  // namespace dunlin::storage_file::engine
