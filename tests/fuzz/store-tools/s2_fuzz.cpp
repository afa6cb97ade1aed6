// Compressed data of strangers: whatever it is, it is refused or becomes no more than was allowed.
// The first byte chooses between a whole stream and one block.

#include "core/base/ensure.hpp"
#include "plugins/store-tools/go/s2.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dunlin::store_tools;
  constexpr std::size_t bytes_max = 1 << 16;
  if (size == 0) return 0;
  const BytesView input(data + 1, size - 1);
  if (data[0] == 0) {
    auto out = read_s2_stream(input, bytes_max);
    ensure(!out || (*out).size() <= bytes_max);
    return 0;
  }
  std::vector<std::uint8_t> out;
  const std::size_t wanted = std::size_t{data[0]} * 16;
  const bool good = read_s2_block(input, wanted, out);
  ensure(out.size() <= wanted);
  ensure(!good || out.size() == wanted);
  return 0;
}
