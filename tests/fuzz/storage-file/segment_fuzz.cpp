// What a directory of a log holds beside entries: headers of segments, names of files, and what the
// catalogue keeps of a checkpoint.

#include <algorithm>
#include <cstdint>

#include "core/base/ensure.hpp"
#include "plugins/storage-file/bytes.hpp"
#include "plugins/storage-file/log/checkpoint.hpp"
#include "plugins/storage-file/log/crc32c.hpp"
#include "plugins/storage-file/log/segment.hpp"

namespace {

using namespace dunlin::storage_file;
using namespace dunlin::storage_file::engine;

void check_header(std::span<const std::uint8_t> input) {
  static_cast<void>(decode_header(input));
  std::array<std::uint8_t, segment_header_bytes> sealed{};
  std::copy_n(input.begin(), std::min(input.size(), sealed.size()), sealed.begin());
  store_le(&sealed[60], crc32c(0, sealed.data(), 60));
  const auto header = decode_header(sealed);
  if (!header) return;
  auto again = encode_header(*header);
  // A decoder of this version does not look at how long the header says it is.
  std::copy_n(&sealed[12], 4, &again[12]);
  store_le(&again[60], crc32c(0, again.data(), 60));
  ensure(again == sealed);
  sealed[input[0] % sealed.size()] ^= 1;
  ensure(!decode_header(sealed));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> input(data, size);
  if (size > 0) check_header(input);
  const auto text = text_of(input);
  if (const auto number = segment_number(text)) ensure(segment_file_name(*number) == text);
  if (const auto note = decode_note(text)) {
    const auto again = decode_note(encode_note(*note));
    ensure(again.has_value() && encode_note(*again) == encode_note(*note));
  }
  return 0;
}
