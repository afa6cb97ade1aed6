// Indexes of segments from a damaged disk. The input is what stands behind the head; it gets the
// head and the checksum it needs. An index that is believed is whole: each of its items is found
// again by sequence, and it is encoded to one that says the same.

#include <cstdint>
#include <cstring>

#include "core/base/ensure.hpp"
#include "plugins/storage-file/bytes.hpp"
#include "plugins/storage-file/log/crc32c.hpp"
#include "plugins/storage-file/log/index_file.hpp"

namespace {

using namespace dunlin::storage_file;
using namespace dunlin::storage_file::engine;

constexpr IndexOwner owner{1, 2, 3};

std::vector<std::uint8_t> sealed(std::span<const std::uint8_t> body, bool has_subjects) {
  auto out = encode_index(SegmentIndex(has_subjects), owner);
  // Head: magic, owner, whether there are subjects.
  out.resize(8 + 24 + 1);
  out.insert(out.end(), body.begin(), body.end());
  Writer(out).number(crc32c(0, out.data(), out.size()));
  return out;
}

void check_index(const SegmentIndex& index) {
  std::uint64_t before = 0;
  for (std::uint32_t at = 0; at < index.size(); ++at) {
    const auto seq = index.seq(at);
    ensure(at == 0 || seq > before);
    before = seq;
    ensure(index.find(seq) == at);
    ensure(index.lower_bound(seq) == at);
    static_cast<void>(index.content_bytes(at));
    static_cast<void>(index.subject_of(at));
  }
  static_cast<void>(index.at_time(0));
  std::uint64_t linked = 0;
  for (std::uint32_t id = 0; id < index.subjects(); ++id) {
    const auto found = index.find_subject(index.name(id));
    ensure(found != SegmentIndex::none && index.name(found) == index.name(id));
    linked += index.subject(id).count;
  }
  ensure(linked <= index.size());
  for (const char* filter : {"a", "*", "a.>", "a.*"}) {
    for (const auto item : index.matches({filter})) ensure(item < index.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> input(data, size);
  static_cast<void>(decode_index(input, owner));
  if (size == 0) return 0;
  auto bytes = sealed(input.subspan(1), (data[0] & 1) != 0);
  auto index = decode_index(bytes, owner);
  if (index) {
    check_index(**index);
    const auto encoded = encode_index(**index, owner);
    auto again = decode_index(encoded, owner);
    ensure(static_cast<bool>(again));
    ensure((*again)->size() == (*index)->size());
    ensure(encode_index(**again, owner) == encoded);
  }
  ensure(!decode_index(bytes, {1, 2, 4}));
  auto& byte = bytes[data[0] % bytes.size()];
  byte = static_cast<std::uint8_t>(byte ^ 1);
  ensure(!decode_index(bytes, owner));
  return 0;
}
