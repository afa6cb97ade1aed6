// Reading S2, the compression of nats-server's message blocks: Snappy's framing and block format
// with the extensions of S2 (larger blocks, repeated offsets). There is no C library that reads
// them.
//
// Every chunk's CRC-32C is checked. Input is untrusted: output never grows beyond the limit given,
// and nothing is read or copied from outside of what is there.

#pragma once

#include <dunlin/result.hpp>

#include <vector>

#include "plugins/store-tools/go/little_endian.hpp"

namespace dunlin::store_tools {

// A whole framed stream. DUNLIN_E_CORRUPT when it is damaged or longer than `bytes_max`.
[[nodiscard]] result<std::vector<std::uint8_t>> read_s2_stream(BytesView stream,
                                                               std::size_t bytes_max);

// One block, without its length in front; appends exactly `size` bytes, or answers false.
[[nodiscard]] bool read_s2_block(BytesView block, std::size_t size,
                                 std::vector<std::uint8_t>& out);

}  // namespace dunlin::store_tools
