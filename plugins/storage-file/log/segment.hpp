// Segment: what a log knows of one of its files without looking into it, and the file's header.
//
//     0   8  magic "DLNSEG02"
//     8   4  version, 12  4  bytes of the header
//     16  8  log, 24  8  number, 32  8  salt, 40  16  store
//     56  4  capacity, 60  4  CRC-32C of the bytes before
//
// Entries follow (entry.hpp). Numbers ascend in the order of the journal and are never used twice
// in a log; the salt is random, and tells the segment from an older copy of itself.
//
// The high bits of a number are the segment's place in the journal. The low ones are 0 for what the
// journal wrote; a file that was rewritten (rewrite.hpp) stands in the same place with the next
// number, so that both may be there at once, and the higher is the one that counts.

#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "plugins/storage-file/log/entry.hpp"
#include "plugins/storage-file/log/file.hpp"
#include "plugins/storage-file/log/segment_index.hpp"

namespace dunlin::storage_file::engine {

inline constexpr std::uint32_t segment_header_bytes = 64;
// No header has a larger capacity: places in a segment, and a little behind, fit into 32 bits.
inline constexpr std::uint32_t segment_bytes_max = 1u << 31;
using StoreId = std::array<std::uint8_t, 16>;

struct SegmentHeader {
  std::uint64_t log = 0, number = 0, salt = 0;
  StoreId store{};
  std::uint32_t capacity = 0;
};
[[nodiscard]] std::array<std::uint8_t, segment_header_bytes> encode_header(
    const SegmentHeader& header) noexcept;
[[nodiscard]] std::optional<SegmentHeader> decode_header(
    std::span<const std::uint8_t> bytes) noexcept;

inline constexpr unsigned generation_bits = 16;
inline constexpr std::uint64_t generation_mask = (1u << generation_bits) - 1;
inline constexpr std::uint64_t first_segment_number = 1u << generation_bits;
// Its place in the journal.
[[nodiscard]] constexpr std::uint64_t place_in_journal(std::uint64_t number) noexcept {
  return number >> generation_bits;
}
[[nodiscard]] constexpr bool is_rewritten(std::uint64_t number) noexcept {
  return (number & generation_mask) != 0;
}
// The number of the segment the journal writes next.
[[nodiscard]] constexpr std::uint64_t number_behind(std::uint64_t number) noexcept {
  return (place_in_journal(number) + 1) << generation_bits;
}

// File names: 16 hexadecimal digits of the number and what it is.
[[nodiscard]] std::string segment_file_name(std::uint64_t number);
[[nodiscard]] std::string index_file_name(std::uint64_t number);
// While the file is made, and when it waits for another use.
[[nodiscard]] std::string fresh_file_name(std::uint64_t number);
[[nodiscard]] std::string spare_file_name(std::uint64_t number);
inline constexpr std::string_view fresh_suffix = ".new", spare_suffix = ".old";
[[nodiscard]] std::optional<std::uint64_t> segment_number(std::string_view file_name);
// Of any name of 16 digits and that suffix.
[[nodiscard]] std::optional<std::uint64_t> file_number(std::string_view file_name,
                                                       std::string_view suffix);

// A place in the journal.
struct Position {
  std::uint64_t segment = 0;
  std::uint32_t offset = 0;
  auto operator<=>(const Position&) const = default;
};

struct Segment {
  std::uint64_t number = 0, salt = 0;
  std::uint32_t used = 0;      // where its entries end
  std::uint32_t capacity = 0;  // of the file
  // The sequences it accounts for, end excluded; what it holds at or above the end was truncated.
  std::uint64_t first_seq = 1, end_seq = 1;
  std::int64_t first_time_ns = 0, last_time_ns = 0;
  std::uint64_t records = 0;     // it was written with
  std::uint64_t live = 0;        // readable ones
  std::uint64_t live_bytes = 0;  // as accounted
  std::uint64_t first_live = 0;  // while `live` is not 0
  std::int64_t first_live_time_ns = 0;
  bool is_sealed = false;
  bool has_damage = false;   // some of it cannot be read: it is kept as it is
  bool has_index_file = false;
  bool is_recorded = false;  // as sealed, in the catalogue
  bool must_rewrite = false; // it holds something that was to be erased
  std::uint32_t key_id = 0;
  // Of one that was rewritten: how, up to which place in the journal removals are done in it, and
  // its bytes that belong to no record.
  std::uint32_t compression = 0;
  std::uint64_t clean_to = 0;
  std::uint32_t kept_bytes = 0;
  std::uint64_t changes = 0;  // of what is live in it, since it was opened

  std::shared_ptr<SegmentIndex> index;  // nothing while it is not in memory
  std::shared_ptr<File> file;           // nothing while it is not open

  [[nodiscard]] SegmentKey key(std::uint64_t log) const noexcept {
    return SegmentKey::of(log, number, salt);
  }
};

}  // namespace dunlin::storage_file::engine
