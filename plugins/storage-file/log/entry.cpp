#include "plugins/storage-file/log/entry.hpp"

#include <algorithm>
#include <cstring>

#include "plugins/storage-file/bytes.hpp"
#include "plugins/storage-file/codec.hpp"
#include "plugins/storage-file/log/crc32c.hpp"

namespace dunlin::storage_file::engine {
namespace {

constexpr std::uint32_t size_mask = entry_bytes_max;
constexpr unsigned kind_shift = 27;
constexpr auto kind_last = static_cast<std::uint32_t>(EntryKind::group);
// Flags of a record.
constexpr std::uint8_t with_header = 1, with_expiry = 2, with_due = 4, with_mark = 8,
                       with_long_seq = 16, flags_all = 31;

// Where a mark would stand in a record's body.
constexpr std::size_t mark_place(std::uint8_t flags) noexcept {
  return record_head_bytes - entry_head_bytes +
         ((flags & with_long_seq) != 0 ? long_seq_bytes : 0);
}

std::uint32_t checksum(const std::uint8_t* entry, std::uint32_t bytes, std::uint32_t offset,
                       SegmentKey key) noexcept {
  return crc32c(key.value ^ (offset * 0x9e3779b1u), entry + 4, bytes - 4);
}

}  // namespace

SegmentKey SegmentKey::of(std::uint64_t log, std::uint64_t number, std::uint64_t salt) noexcept {
  std::uint8_t raw[24];
  store_le(raw, log);
  store_le(raw + 8, number);
  store_le(raw + 16, salt);
  return {crc32c(0, raw, sizeof raw)};
}

std::uint32_t claimed_bytes(std::span<const std::uint8_t> bytes) noexcept {
  if (bytes.size() < entry_head_bytes) return 0;
  const auto word = load_le<std::uint32_t>(bytes.data() + 4);
  const auto kind = word >> kind_shift;
  const auto size = word & size_mask;
  return kind >= 1 && kind <= kind_last && size >= entry_head_bytes ? size : 0;
}

namespace {

bool is_plausible_record(std::span<const std::uint8_t> body, std::uint32_t size) noexcept {
  Reader in(body);
  const auto flags = in.number<std::uint8_t>();
  if (flags > flags_all) return false;
  const bool has_long_seq = (flags & with_long_seq) != 0;
  static_cast<void>(in.take((has_long_seq ? 8 : 5) + 8));
  const auto subject_bytes = in.number<std::uint16_t>();
  const auto options = ((flags & with_mark) != 0 ? carried_mark_bytes : 0) +
                       ((flags & with_header) != 0 ? 4u : 0u) +
                       ((flags & with_expiry) != 0 ? 8u : 0u) +
                       ((flags & with_due) != 0 ? 8u : 0u) + (has_long_seq ? long_seq_bytes : 0u);
  return in.ok() && record_head_bytes + options + subject_bytes <= size;
}

// Behind sequence and time, zeros.
bool is_plausible_erased(std::span<const std::uint8_t> body, std::uint32_t size) noexcept {
  constexpr std::size_t fixed_bytes = 16;
  if (size < entry_head_bytes + fixed_bytes || body.size() < fixed_bytes) return false;
  const auto rest = body.subspan(fixed_bytes);
  return std::all_of(rest.begin(), rest.end(), [](std::uint8_t byte) { return byte == 0; });
}

bool is_plausible(EntryKind kind, std::span<const std::uint8_t> body, std::uint32_t size) noexcept {
  const auto body_bytes = size - entry_head_bytes;
  const auto first = body.empty() ? std::uint8_t{0} : body.front();
  switch (kind) {
    case EntryKind::mark: return size == mark_bytes || size == last_mark_bytes;
    case EntryKind::start: return size == start_bytes;
    case EntryKind::end: return body_bytes == 0;
    case EntryKind::skip: return body_bytes == 24;
    case EntryKind::purge:
    case EntryKind::truncate: return body_bytes == 8;
    case EntryKind::reschedule:
    case EntryKind::group: return body_bytes == 16;
    case EntryKind::remove: return body_bytes >= 2 && first <= 1;
    case EntryKind::rewritten: return body_bytes >= 4 && first <= DUNLIN_COMPRESS_ZSTD;
    case EntryKind::block: {
      auto block = inspect_block(body);
      return block && block->stored_bytes == body_bytes;
    }
    case EntryKind::erased: return is_plausible_erased(body, size);
    case EntryKind::record: return is_plausible_record(body, size);
  }
  return false;
}

}  // namespace

std::uint32_t plausible_bytes(std::span<const std::uint8_t> bytes) noexcept {
  const auto size = claimed_bytes(bytes);
  if (size == 0) return 0;
  const auto kind = static_cast<EntryKind>(load_le<std::uint32_t>(bytes.data() + 4) >> kind_shift);
  const auto there = std::min<std::size_t>(bytes.size(), std::min<std::size_t>(size, probe_bytes));
  return is_plausible(kind, bytes.subspan(entry_head_bytes, there - entry_head_bytes), size) ? size
                                                                                             : 0;
}

std::optional<Entry> read_entry(std::span<const std::uint8_t> bytes, std::uint32_t offset,
                                SegmentKey key) noexcept {
  const auto size = claimed_bytes(bytes);
  if (size == 0 || size > bytes.size()) return std::nullopt;
  if (load_le<std::uint32_t>(bytes.data()) != checksum(bytes.data(), size, offset, key)) {
    return std::nullopt;
  }
  const auto kind = static_cast<EntryKind>(load_le<std::uint32_t>(bytes.data() + 4) >> kind_shift);
  return Entry{kind, size, bytes.subspan(entry_head_bytes, size - entry_head_bytes)};
}

void seal_entry(std::uint8_t* out, EntryKind kind, std::uint32_t bytes, std::uint32_t offset,
                SegmentKey key) noexcept {
  store_le(out + 4, bytes | static_cast<std::uint32_t>(kind) << kind_shift);
  store_le(out, checksum(out, bytes, offset, key));
  for (auto at = bytes; at < padded(bytes); ++at) out[at] = 0;
}

std::uint32_t record_entry_bytes(const dunlin_record& record) noexcept {
  const auto content = record.subject.size + record.header.size + record.payload.size;
  const auto options = (record.header.size != 0 ? 4u : 0u) + (record.expires_ns != 0 ? 8u : 0u) +
                       (record.due_ns != 0 ? 8u : 0u) +
                       (record.seq >= long_seq ? long_seq_bytes : 0u);
  return static_cast<std::uint32_t>(record_head_bytes + content + options);
}

void write_record(std::uint8_t* out, const dunlin_record& record, std::uint32_t bytes,
                  std::uint32_t offset, SegmentKey key, bool carries_mark) noexcept {
  std::uint8_t flags = 0;
  auto* at = out + entry_head_bytes + 1;
  const auto number = [&at](auto value) {
    store_le(at, value);
    at += sizeof value;
  };
  const auto copy = [&at](const void* data, std::size_t size) {
    if (size != 0) std::memcpy(at, data, size);
    at += size;
  };
  number(static_cast<std::uint32_t>(record.seq));
  number(static_cast<std::uint8_t>(record.seq >> 32));
  if (record.seq >= long_seq) {
    flags |= with_long_seq;
    number(static_cast<std::uint8_t>(record.seq >> 40));
    number(static_cast<std::uint16_t>(record.seq >> 48));
  }
  number(record.time_ns);
  number(static_cast<std::uint16_t>(record.subject.size));
  if (carries_mark) {
    flags |= with_mark;
    number(std::uint32_t{0});
  }
  if (record.header.size != 0) {
    flags |= with_header;
    number(static_cast<std::uint32_t>(record.header.size));
  }
  if (record.expires_ns != 0) {
    flags |= with_expiry;
    number(record.expires_ns);
  }
  if (record.due_ns != 0) {
    flags |= with_due;
    number(record.due_ns);
  }
  out[entry_head_bytes] = flags;
  copy(record.subject.data, record.subject.size);
  copy(record.header.data, record.header.size);
  copy(record.payload.data, record.payload.size);
  seal_entry(out, EntryKind::record, bytes, offset, key);
}

void set_carried_mark(std::uint8_t* out, std::uint32_t durable, std::uint32_t bytes,
                      std::uint32_t offset, SegmentKey key) noexcept {
  store_le(out + entry_head_bytes + mark_place(out[entry_head_bytes]), durable);
  seal_entry(out, EntryKind::record, bytes, offset, key);
}

bool read_record(const Entry& entry, dunlin_record& out) noexcept {
  if (entry.kind != EntryKind::record && entry.kind != EntryKind::erased) return false;
  Reader in(entry.body);
  out = {};
  if (entry.kind == EntryKind::erased) {
    out.seq = in.number<std::uint64_t>();
    out.time_ns = in.number<std::int64_t>();
    return in.ok();
  }
  const auto flags = in.number<std::uint8_t>();
  out.seq = in.number<std::uint32_t>();
  out.seq |= std::uint64_t{in.number<std::uint8_t>()} << 32;
  if ((flags & with_long_seq) != 0) {
    out.seq |= std::uint64_t{in.number<std::uint8_t>()} << 40;
    out.seq |= std::uint64_t{in.number<std::uint16_t>()} << 48;
  }
  out.time_ns = in.number<std::int64_t>();
  const auto subject_bytes = in.number<std::uint16_t>();
  if ((flags & with_mark) != 0) static_cast<void>(in.take(carried_mark_bytes));
  std::uint32_t header_bytes = 0;
  if ((flags & with_header) != 0) header_bytes = in.number<std::uint32_t>();
  if ((flags & with_expiry) != 0) out.expires_ns = in.number<std::int64_t>();
  if ((flags & with_due) != 0) out.due_ns = in.number<std::int64_t>();
  const auto subject = in.take(subject_bytes);
  const auto header = in.take(header_bytes);
  const auto payload = in.take(in.left());
  out.subject = {reinterpret_cast<const char*>(subject.data()), subject.size()};
  out.header = {header.data(), header.size()};
  out.payload = {payload.data(), payload.size()};
  return in.ok();
}

void write_erased(std::uint8_t* out, const dunlin_record& record, std::uint32_t bytes,
                  std::uint32_t offset, SegmentKey key) noexcept {
  std::memset(out, 0, bytes);
  store_le(out + 8, record.seq);
  store_le(out + 16, record.time_ns);
  seal_entry(out, EntryKind::erased, bytes, offset, key);
}

// The functions below append head and body; `seal_entry` fills in the head when the place is known.

void put_mark(std::vector<std::uint8_t>& out, std::uint32_t durable) {
  out.resize(entry_head_bytes);
  storage_file::Writer(out).number(durable);
}

void put_last_mark(std::vector<std::uint8_t>& out, std::uint32_t durable, std::uint64_t last_seq) {
  put_mark(out, durable);
  storage_file::Writer(out).number(last_seq);
}

void put_start(std::vector<std::uint8_t>& out, const Start& start) {
  out.resize(entry_head_bytes);
  storage_file::Writer to(out);
  to.number(start.next_seq);
  to.number(start.floor);
  to.number(start.last_time_ns);
  to.number(start.previous);
  to.number(start.previous_end);
}

void put_skip(std::vector<std::uint8_t>& out, const Skip& skip) {
  out.resize(entry_head_bytes);
  storage_file::Writer to(out);
  to.number(skip.first);
  to.number(skip.count);
  to.number(skip.time_ns);
}

static void put_ranges(std::vector<std::uint8_t>& out, std::span<const Range> ranges) {
  put_varint(out, ranges.size());
  std::uint64_t before = 0;
  for (const auto& range : ranges) {
    put_varint(out, range.first - before);
    put_varint(out, range.last - range.first);
    before = range.last;
  }
}

void put_remove(std::vector<std::uint8_t>& out, std::span<const Range> ranges, bool is_erase) {
  out.resize(entry_head_bytes);
  out.push_back(is_erase ? 1 : 0);
  put_ranges(out, ranges);
}

void put_rewritten(std::vector<std::uint8_t>& out, const Rewritten& what) {
  out.resize(entry_head_bytes);
  put_varint(out, what.compression);
  put_varint(out, what.clean_to);
  put_varint(out, what.end_seq);
  put_ranges(out, what.holes);
}

void put_numbers(std::vector<std::uint8_t>& out, std::uint64_t a) {
  out.resize(entry_head_bytes);
  storage_file::Writer(out).number(a);
}

void put_numbers(std::vector<std::uint8_t>& out, std::uint64_t a, std::uint64_t b) {
  put_numbers(out, a);
  storage_file::Writer(out).number(b);
}

std::optional<std::uint32_t> get_mark(const Entry& entry) noexcept {
  std::size_t at = 0;
  if (entry.kind == EntryKind::record && !entry.body.empty()) {
    const auto flags = entry.body[0];
    if ((flags & with_mark) == 0) return std::nullopt;
    at = mark_place(flags);
  } else if (entry.kind != EntryKind::mark) {
    return std::nullopt;
  }
  if (entry.body.size() < at + carried_mark_bytes) return std::nullopt;
  return load_le<std::uint32_t>(entry.body.data() + at);
}

std::uint64_t get_mark_seq(const Entry& entry) noexcept {
  if (entry.kind != EntryKind::mark || entry.body.size() < 12) return 0;
  return load_le<std::uint64_t>(entry.body.data() + 4);
}

std::optional<Start> get_start(const Entry& entry) noexcept {
  if (entry.kind != EntryKind::start) return std::nullopt;
  Reader in(entry.body);
  Start start;
  start.next_seq = in.number<std::uint64_t>();
  start.floor = in.number<std::uint64_t>();
  start.last_time_ns = in.number<std::int64_t>();
  start.previous = in.number<std::uint64_t>();
  start.previous_end = in.number<std::uint32_t>();
  return in.ok() ? std::optional(start) : std::nullopt;
}

std::optional<Skip> get_skip(const Entry& entry) noexcept {
  if (entry.kind != EntryKind::skip) return std::nullopt;
  Reader in(entry.body);
  Skip skip;
  skip.first = in.number<std::uint64_t>();
  skip.count = in.number<std::uint64_t>();
  skip.time_ns = in.number<std::int64_t>();
  return in.ok() ? std::optional(skip) : std::nullopt;
}

static bool get_ranges(std::span<const std::uint8_t> in, std::vector<Range>& ranges) {
  std::uint64_t count = 0, before = 0;
  if (!get_varint(in, count) || count > in.size()) return false;
  ranges.clear();
  ranges.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    std::uint64_t distance = 0, length = 0;
    if (!get_varint(in, distance) || !get_varint(in, length)) return false;
    if (distance > UINT64_MAX - before || length > UINT64_MAX - before - distance) return false;
    ranges.push_back({before + distance, before + distance + length});
    before = ranges.back().last;
  }
  return true;
}

bool get_remove(const Entry& entry, std::vector<Range>& ranges, bool& is_erase) {
  if (entry.kind != EntryKind::remove || entry.body.empty()) return false;
  is_erase = entry.body[0] == 1;
  return get_ranges(entry.body.subspan(1), ranges);
}

std::optional<Rewritten> get_rewritten(const Entry& entry) {
  if (entry.kind != EntryKind::rewritten) return std::nullopt;
  auto in = entry.body;
  Rewritten what;
  std::uint64_t compression = 0;
  if (!get_varint(in, compression) || compression > DUNLIN_COMPRESS_ZSTD ||
      !get_varint(in, what.clean_to) || !get_varint(in, what.end_seq) ||
      !get_ranges(in, what.holes)) {
    return std::nullopt;
  }
  what.compression = static_cast<std::uint32_t>(compression);
  return what;
}

bool get_numbers(const Entry& entry, std::uint64_t& a) noexcept {
  if (entry.body.size() < 8) return false;
  a = load_le<std::uint64_t>(entry.body.data());
  return true;
}

bool get_numbers(const Entry& entry, std::uint64_t& a, std::uint64_t& b) noexcept {
  if (entry.body.size() < 16 || !get_numbers(entry, a)) return false;
  b = load_le<std::uint64_t>(entry.body.data() + 8);
  return true;
}

void put_varint(std::vector<std::uint8_t>& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<std::uint8_t>(value | 0x80));
  out.push_back(static_cast<std::uint8_t>(value));
}

bool get_varint(std::span<const std::uint8_t>& in, std::uint64_t& value) noexcept {
  value = 0;
  for (unsigned shift = 0; shift < 64 && !in.empty(); shift += 7) {
    const auto byte = in.front();
    in = in.subspan(1);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

}  // namespace dunlin::storage_file::engine
