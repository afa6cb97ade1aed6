// CRC-32C (Castagnoli): the checksum of everything the engine writes.
//
// The processor's instruction where it has one (asked once), a table otherwise; both give the same
// value. Any thread, never fails.

#pragma once

#include <cstddef>
#include <cstdint>

namespace dunlin::storage_file::engine {

// Goes on from `crc`; 0 begins.
[[nodiscard]] std::uint32_t crc32c(std::uint32_t crc, const void* data, std::size_t size) noexcept;
// By table, whatever the processor has: the reference the tests compare with.
[[nodiscard]] std::uint32_t crc32c_table(std::uint32_t crc, const void* data,
                                         std::size_t size) noexcept;

}  // namespace dunlin::storage_file::engine
