// The message blocks of nats-server's file store ("msgs/N.blk"): records one behind the other,
// little endian,
//
//   u32 length of all, highest bit: it has headers | u64 sequence | i64 time | u16 length of the
//   subject | subject | [u32 length of the headers | headers] | payload | u64 HighwayHash
//
// A sealed block may be compressed ("cmp", S2, size, then the last hash as it is). Two high bits of
// a sequence mark what is no message: an erased one, and the note that one was deleted.
//
// Pure; input is untrusted.

#pragma once

#include <dunlin/result.hpp>

#include <string_view>
#include <vector>

#include "plugins/store-tools/go/highway_hash.hpp"
#include "plugins/store-tools/go/little_endian.hpp"

namespace dunlin::store_tools {

// SHA-256 of a text: how nats-server makes the keys of its hashes out of names.
[[nodiscard]] HighwayHash::Key hash_key(std::string_view name);
// What a block of a stream is hashed with.
[[nodiscard]] HighwayHash::Key block_key(std::string_view stream, std::uint32_t block);

enum class GoRecordKind { message, erased, tombstone };

// Points into the block.
struct GoRecord {
  GoRecordKind kind = GoRecordKind::message;
  std::uint64_t seq = 0;
  std::int64_t time_ns = 0;
  std::string_view subject, header, payload;
};

// A stretch of a block that is no record.
struct GoDamage {
  std::size_t offset = 0, size = 0;
  const char* what = "";
  bool is_torn_end = false;  // nothing readable stands behind it
};

// The content of a block's file, taken out of its compression. `bytes_max` bounds what is taken.
[[nodiscard]] result<std::vector<std::uint8_t>> plain_block(std::vector<std::uint8_t> file,
                                                            std::size_t bytes_max);

// Walks over a plain block. Behind a record whose hash does not match it goes on where the next
// good one stands.
class GoBlockReader {
 public:
  GoBlockReader(BytesView block, const HighwayHash::Key& key) : block_(block), key_(key) {}

  enum class Step { record, damage, end };
  // Fills one of the two.
  [[nodiscard]] Step next(GoRecord& record, GoDamage& damage);

 private:
  // The length of the record at `offset`; 0 when there is none, and why.
  [[nodiscard]] std::size_t record_at(std::size_t offset, GoRecord& record,
                                      const char*& why) const;
  [[nodiscard]] std::size_t next_good(std::size_t offset) const;

  BytesView block_;
  HighwayHash::Key key_;
  std::size_t offset_ = 0;
};

}  // namespace dunlin::store_tools
