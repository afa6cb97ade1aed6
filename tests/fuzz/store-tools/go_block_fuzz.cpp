// Message blocks of strangers. Hashes are put right first, or no changed input would get past them.

#include <algorithm>
#include <vector>

#include "core/base/ensure.hpp"
#include "plugins/store-tools/go/block.hpp"
#include "plugins/store-tools/go/lifetime.hpp"

namespace {

using namespace dunlin::store_tools;

constexpr std::size_t head_bytes = 22, hash_bytes = 8;

void put_hashes_right(std::vector<std::uint8_t>& block, const HighwayHash::Key& key) {
  for (std::size_t at = 0; at + head_bytes + hash_bytes <= block.size();) {
    auto* const record = block.data() + at;
    const auto head = load_le<std::uint32_t>(record);
    const std::size_t size = head & 0x7fffffffU;
    const std::size_t subject = load_le<std::uint16_t>(record + 20);
    const std::size_t body = head_bytes + subject + ((head >> 31) != 0 ? 4 : 0);
    if (size > block.size() - at || body + hash_bytes > size) return;
    HighwayHash hash(key);
    hash.update({record + 4, 16});
    hash.update({record + head_bytes, subject});
    hash.update({record + body, size - hash_bytes - body});
    const auto value = hash.finish();
    for (std::size_t i = 0; i < hash_bytes; ++i)
      record[size - hash_bytes + i] = static_cast<std::uint8_t>(value >> (8 * i));
    at += size;
  }
}

void walk(const std::vector<std::uint8_t>& block, const HighwayHash::Key& key) {
  GoBlockReader reader(block, key);
  GoRecord record;
  GoDamage damage;
  std::size_t seen = 0;
  for (;;) {
    const auto step = reader.next(record, damage);
    if (step == GoBlockReader::Step::end) break;
    if (step == GoBlockReader::Step::damage) {
      ensure(damage.size > 0 && damage.offset + damage.size <= block.size());
      seen += damage.size;
      continue;
    }
    const auto bytes = record.subject.size() + record.header.size() + record.payload.size();
    ensure(bytes + head_bytes + hash_bytes <= block.size());
    seen += bytes + head_bytes + hash_bytes + (record.header.empty() ? 0 : 4);
    ensure(lifetime_ns(header_value(record.header, "Nats-TTL")) >= 0);
  }
  ensure(seen <= block.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto key = block_key("PLAIN", 1);
  auto plain = plain_block({data, data + size}, 1 << 16);
  if (!plain) return 0;
  walk(*plain, key);
  put_hashes_right(*plain, key);
  walk(*plain, key);
  return 0;
}
