// Compressor: one block at a time with zstd or S2 (DUNLIN_COMPRESS_...).
//
// S2 is written as Snappy's block format, which every S2 reader understands. Contexts of zstd are
// pooled, since making one costs more than compressing a block. Any thread.

#pragma once

#include <cstdint>
#include <memory>

#include "bytes.hpp"

namespace dunlin::storage_file {

class Compressor {
 public:
  Compressor();
  ~Compressor();

  // Bytes written to `out`, which has room for `plain.size()`; 0 when it does not get smaller.
  [[nodiscard]] std::size_t compress(std::uint32_t how, BytesView plain, std::uint8_t* out);
  // True when `packed` is exactly `n` bytes of content, which then are in `out`.
  [[nodiscard]] bool decompress(std::uint32_t how, BytesView packed, std::uint8_t* out,
                                std::size_t n);

 private:
  struct Pool;
  std::unique_ptr<Pool> pool_;
};

}  // namespace dunlin::storage_file
