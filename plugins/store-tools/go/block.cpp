#include "plugins/store-tools/go/block.hpp"

#include <sodium.h>

#include <algorithm>
#include <string>

#include "plugins/store-tools/go/s2.hpp"

namespace dunlin::store_tools {
namespace {

constexpr std::size_t head_bytes = 4 + 8 + 8 + 2;
constexpr std::size_t hash_bytes = 8;
constexpr std::size_t record_bytes_max = 32 << 20;
constexpr std::size_t searched_bytes_max = 64 << 20;
constexpr std::uint32_t headers_bit = std::uint32_t{1} << 31;
constexpr std::uint64_t erased_bit = std::uint64_t{1} << 63;
constexpr std::uint64_t tombstone_bit = std::uint64_t{1} << 62;
constexpr std::uint8_t compressed_s2[] = {'c', 'm', 'p', 1};

std::string_view text(BytesView bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
BytesView view(std::string_view bytes) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}

}  // namespace

HighwayHash::Key hash_key(std::string_view name) {
  HighwayHash::Key key{};
  crypto_hash_sha256(key.data(), view(name).data(), name.size());
  return key;
}

HighwayHash::Key block_key(std::string_view stream, std::uint32_t block) {
  return hash_key(std::string(stream) + "-" + std::to_string(block));
}

result<std::vector<std::uint8_t>> plain_block(std::vector<std::uint8_t> file,
                                              std::size_t bytes_max) {
  if (file.size() < sizeof compressed_s2 + 1 + hash_bytes ||
      !std::equal(std::begin(compressed_s2), std::end(compressed_s2), file.begin()))
    return file;
  Reader head(BytesView(file).subspan(sizeof compressed_s2));
  const auto size = head.unsigned_number();
  if (head.failed() || size > bytes_max || head.rest().size() < hash_bytes)
    return fail(DUNLIN_E_CORRUPT, "the head of the compressed block is damaged");
  const auto body = head.rest().first(head.rest().size() - hash_bytes);
  auto plain = read_s2_stream(body, size);
  if (!plain) return plain.error();
  if ((*plain).size() + hash_bytes != size)
    return fail(DUNLIN_E_CORRUPT, "the compressed block is shorter than it says");
  (*plain).insert((*plain).end(), file.end() - hash_bytes, file.end());
  return plain;
}

std::size_t GoBlockReader::record_at(std::size_t offset, GoRecord& record,
                                     const char*& why) const {
  const auto rest = block_.subspan(offset);
  why = "a record is cut off";
  if (rest.size() < head_bytes + hash_bytes) return 0;
  const auto head = load_le<std::uint32_t>(rest.data());
  const bool has_headers = (head & headers_bit) != 0;
  const std::size_t size = head & ~headers_bit;
  const std::size_t subject = load_le<std::uint16_t>(rest.data() + 20);
  const std::size_t before_body = head_bytes + subject + (has_headers ? 4 : 0);
  if (size > rest.size()) return 0;
  why = "a record's length makes no sense";
  if (size > record_bytes_max || before_body + hash_bytes > size) return 0;
  const auto body = rest.subspan(before_body, size - hash_bytes - before_body);
  const std::size_t headers =
      has_headers ? load_le<std::uint32_t>(rest.data() + head_bytes + subject) : 0;
  if (headers > body.size()) return 0;
  why = "a record's checksum does not match";
  HighwayHash hash(key_);
  hash.update(rest.subspan(4, 16));
  hash.update(rest.subspan(head_bytes, subject));
  hash.update(body);
  if (hash.finish() != load_le<std::uint64_t>(rest.data() + size - hash_bytes)) return 0;

  const auto seq = load_le<std::uint64_t>(rest.data() + 4);
  record.kind = (seq & tombstone_bit) != 0 ? GoRecordKind::tombstone
                : (seq & erased_bit) != 0  ? GoRecordKind::erased
                                           : GoRecordKind::message;
  record.seq = seq & ~(erased_bit | tombstone_bit);
  record.time_ns = load_le<std::int64_t>(rest.data() + 12);
  record.subject = text(rest.subspan(head_bytes, subject));
  record.header = text(body.first(headers));
  record.payload = text(body.subspan(headers));
  // Records of sequence 0 hold nothing: an earlier way of erasing.
  if (record.kind == GoRecordKind::message && record.seq == 0) record.kind = GoRecordKind::erased;
  return size;
}

// The damaged record's own length is tried first: mostly it is the content that is damaged. Hashes
// of 64 bits are not met by accident, so whatever matches is a record.
std::size_t GoBlockReader::next_good(std::size_t offset) const {
  GoRecord record;
  const char* why = nullptr;
  const auto rest = block_.subspan(offset);
  if (rest.size() >= 4) {
    const std::size_t size = load_le<std::uint32_t>(rest.data()) & ~headers_bit;
    if (size > 0 && size < rest.size() && record_at(offset + size, record, why) != 0)
      return offset + size;
    if (size == rest.size()) return block_.size();
  }
  std::size_t budget = searched_bytes_max;
  for (std::size_t at = offset + 1; at + head_bytes + hash_bytes <= block_.size(); ++at) {
    // Lengths that fit are rare, unless somebody made them fit.
    const std::size_t size = load_le<std::uint32_t>(block_.data() + at) & ~headers_bit;
    if (size < head_bytes + hash_bytes || size > block_.size() - at) continue;
    if (record_at(at, record, why) != 0) return at;
    if (size > budget) break;
    budget -= size;
  }
  return block_.size();
}

GoBlockReader::Step GoBlockReader::next(GoRecord& record, GoDamage& damage) {
  if (offset_ >= block_.size()) return Step::end;
  const char* why = nullptr;
  if (const auto size = record_at(offset_, record, why); size != 0) {
    offset_ += size;
    return Step::record;
  }
  const auto good = next_good(offset_);
  damage = {offset_, good - offset_, why, good == block_.size()};
  offset_ = good;
  return Step::damage;
}

}  // namespace dunlin::store_tools
