// Entries: what a segment is made of. Every change of a log is one entry in its journal, records
// and removals alike, so the state after a crash is that of a prefix of the changes.
//
//     0  4  CRC-32C of what follows, seeded with the segment's key and the entry's place
//     4  4  bytes of the entry without padding (low 27 bits), kind (high 5 bits)
//     8  .. the kind's own; little endian. Entries begin at multiples of four.
//
// The key comes from the random salt in a segment's header and is part of every checksum, as is
// the place: the bytes a recycled file still holds are never taken for entries of the new segment,
// nor is an entry that was copied to another place.
//
// A record costs 24 bytes and its padding, 4 more with a header, 8 with an expiry or a due time, 3
// with a sequence above 2^40:
//
//     8  1  flags
//     9  5  sequence; 8 bytes of a high one
//        8  time
//        2  bytes of the subject
//     .. 4  what was durable, when it begins a batch in place of a mark
//        4  bytes of the header, 8  expiry, 8  due time, as the flags say
//           subject, header, payload
//
// Pure functions, any thread; what is read is checked before it is believed.

#pragma once

#include <dunlin/ext/storage.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace dunlin::storage_file::engine {

enum class EntryKind : std::uint8_t {
  mark = 1,        // begins a batch: what was durable when it was written
  start = 2,       // begins each segment: where the log stood
  end = 3,         // the journal goes on in the next segment
  record = 4,
  skip = 5,        // sequences without a record
  remove = 6,
  purge = 7,       // everything below
  truncate = 8,    // everything above
  reschedule = 9,
  block = 10,      // entries, encoded together by the codec
  erased = 11,     // a record whose content was overwritten
  rewritten = 12,  // a file that replaces others: which sequences it has not, on purpose
  group = 13,      // the sequences behind it were appended together: all of them count, or none
};

inline constexpr std::uint32_t entry_head_bytes = 8;
inline constexpr std::uint32_t record_head_bytes = 24;
inline constexpr std::uint32_t mark_bytes = 12;
inline constexpr std::uint32_t last_mark_bytes = 20;  // of one that knows the last sequence
inline constexpr std::uint32_t start_bytes = entry_head_bytes + 36;
inline constexpr std::uint32_t skip_bytes = entry_head_bytes + 24;
inline constexpr std::uint32_t group_bytes = entry_head_bytes + 16;  // the first, the last
inline constexpr std::uint32_t entry_bytes_max = (1u << 27) - 1;

[[nodiscard]] constexpr std::uint32_t padded(std::uint32_t bytes) noexcept {
  return (bytes + 3) & ~3u;
}

// What seeds the checksums of one segment.
struct SegmentKey {
  std::uint32_t value = 0;
  [[nodiscard]] static SegmentKey of(std::uint64_t log, std::uint64_t number,
                                     std::uint64_t salt) noexcept;
};

struct Entry {
  EntryKind kind{};
  std::uint32_t bytes = 0;             // without padding
  std::span<const std::uint8_t> body;  // behind the head
};

// The entry at the front of `bytes`, which stand at `offset`; nothing when there is none that can
// be believed.
[[nodiscard]] std::optional<Entry> read_entry(std::span<const std::uint8_t> bytes,
                                              std::uint32_t offset, SegmentKey key) noexcept;
// What the head at the front claims its entry needs; 0 when it is no head.
[[nodiscard]] std::uint32_t claimed_bytes(std::span<const std::uint8_t> bytes) noexcept;
// The same for bytes that may be anything, such as the content of a file that is used again: 0 when
// what its kind says of the body contradicts the first `probe_bytes`. Sums up nothing.
inline constexpr std::size_t probe_bytes = 36;
[[nodiscard]] std::uint32_t plausible_bytes(std::span<const std::uint8_t> bytes) noexcept;

// Writes head and checksum of an entry whose body is already in `out`, and zeroes the padding.
void seal_entry(std::uint8_t* out, EntryKind kind, std::uint32_t bytes, std::uint32_t offset,
                SegmentKey key) noexcept;

// ---- records ----------------------------------------------------------------------------------

inline constexpr std::uint32_t carried_mark_bytes = 4;
inline constexpr std::uint64_t long_seq = std::uint64_t{1} << 40;  // from here on
inline constexpr std::uint32_t long_seq_bytes = 3;                 // more

// Without a mark.
[[nodiscard]] std::uint32_t record_entry_bytes(const dunlin_record& record) noexcept;
// `out` has room for the padded size. One that carries a mark calls nothing durable yet.
void write_record(std::uint8_t* out, const dunlin_record& record, std::uint32_t bytes,
                  std::uint32_t offset, SegmentKey key, bool carries_mark = false) noexcept;
// Fills in the mark of a record that carries one.
void set_carried_mark(std::uint8_t* out, std::uint32_t durable, std::uint32_t bytes,
                      std::uint32_t offset, SegmentKey key) noexcept;
// Fills `out` with views into the body; false when the body is none.
[[nodiscard]] bool read_record(const Entry& entry, dunlin_record& out) noexcept;
// The same size, sequence and time, without content.
void write_erased(std::uint8_t* out, const dunlin_record& record, std::uint32_t bytes,
                  std::uint32_t offset, SegmentKey key) noexcept;

// How many records a stretch of a segment may have held behind a truncation that went with it:
// those in front of the next record are not to be believed.
[[nodiscard]] constexpr std::uint64_t suspects_in(std::uint64_t bytes) noexcept {
  constexpr std::uint64_t truncation_bytes = entry_head_bytes + 8;
  return bytes > truncation_bytes ? (bytes - truncation_bytes) / record_head_bytes : 0;
}

// ---- the other kinds --------------------------------------------------------------------------

struct Start {
  std::uint64_t next_seq = 1;     // what is at or above in older segments was truncated
  std::uint64_t floor = 1;        // what is below is gone
  std::int64_t last_time_ns = 0;
  std::uint64_t previous = 0;     // number of the segment in front; 0 for none
  std::uint32_t previous_end = 0; // where its entries end
};
struct Skip {
  std::uint64_t first = 0, count = 0;
  std::int64_t time_ns = 0;
};
struct Range {
  std::uint64_t first = 0, last = 0;
  bool operator==(const Range&) const = default;
};

struct Rewritten {
  std::uint32_t compression = 0;   // DUNLIN_COMPRESS_...
  std::uint64_t clean_to = 0;      // removals up to this place in the journal are done in it
  std::uint64_t end_seq = 0;       // it accounts for everything below
  std::vector<Range> holes;        // without a record
};

void put_mark(std::vector<std::uint8_t>& out, std::uint32_t durable);
void put_last_mark(std::vector<std::uint8_t>& out, std::uint32_t durable, std::uint64_t last_seq);
void put_start(std::vector<std::uint8_t>& out, const Start& start);
void put_skip(std::vector<std::uint8_t>& out, const Skip& skip);
void put_rewritten(std::vector<std::uint8_t>& out, const Rewritten& what);
void put_remove(std::vector<std::uint8_t>& out, std::span<const Range> ranges, bool is_erase);
void put_numbers(std::vector<std::uint8_t>& out, std::uint64_t a);
void put_numbers(std::vector<std::uint8_t>& out, std::uint64_t a, std::uint64_t b);

// Of a mark, or of a record that carries one.
[[nodiscard]] std::optional<std::uint32_t> get_mark(const Entry& entry) noexcept;
// 0 when it does not say.
[[nodiscard]] std::uint64_t get_mark_seq(const Entry& entry) noexcept;
[[nodiscard]] std::optional<Start> get_start(const Entry& entry) noexcept;
[[nodiscard]] std::optional<Skip> get_skip(const Entry& entry) noexcept;
[[nodiscard]] std::optional<Rewritten> get_rewritten(const Entry& entry);
[[nodiscard]] bool get_remove(const Entry& entry, std::vector<Range>& ranges, bool& is_erase);
[[nodiscard]] bool get_numbers(const Entry& entry, std::uint64_t& a) noexcept;
[[nodiscard]] bool get_numbers(const Entry& entry, std::uint64_t& a, std::uint64_t& b) noexcept;

// Unsigned numbers of one to ten bytes, seven bits each.
void put_varint(std::vector<std::uint8_t>& out, std::uint64_t value);
[[nodiscard]] bool get_varint(std::span<const std::uint8_t>& in, std::uint64_t& value) noexcept;

}  // namespace dunlin::storage_file::engine
