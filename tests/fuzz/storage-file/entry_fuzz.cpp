// Entries of a damaged segment: what is none is refused, a believed one keeps inside its bytes, and
// one with a changed bit or at another place is no longer believed. Most inputs get the checksum
// they would need, so that what stands behind it is reached.

#include <cstdint>
#include <cstring>

#include "core/base/ensure.hpp"
#include "plugins/storage-file/bytes.hpp"
#include "plugins/storage-file/log/entry.hpp"

namespace {

using namespace dunlin::storage_file;
using namespace dunlin::storage_file::engine;

constexpr SegmentKey key{0x5eed};

bool same(dunlin_bytes a, dunlin_bytes b) {
  return a.size == b.size && (a.size == 0 || std::memcmp(a.data, b.data, a.size) == 0);
}

// A record that is read and written again is read as the same.
void check_record(const Entry& entry, std::uint32_t offset) {
  dunlin_record record{};
  if (!read_record(entry, record)) return;
  ensure(record.subject.size + record.header.size + record.payload.size <= entry.body.size());
  if (entry.kind == EntryKind::erased) return;
  const auto bytes = record_entry_bytes(record);
  std::vector<std::uint8_t> again(padded(bytes));
  write_record(again.data(), record, bytes, offset, key);
  const auto entry_again = read_entry(again, offset, key);
  ensure(entry_again.has_value());
  dunlin_record out{};
  ensure(read_record(*entry_again, out));
  ensure(out.seq == record.seq && out.time_ns == record.time_ns);
  ensure(out.expires_ns == record.expires_ns && out.due_ns == record.due_ns);
  ensure(same(out.header, record.header) && same(out.payload, record.payload));
  ensure(text_of({reinterpret_cast<const std::uint8_t*>(out.subject.data), out.subject.size}) ==
         text_of({reinterpret_cast<const std::uint8_t*>(record.subject.data),
                  record.subject.size}));
}

void check_remove(const Entry& entry) {
  std::vector<Range> ranges;
  bool is_erase = false;
  if (!get_remove(entry, ranges, is_erase)) return;
  std::uint64_t before = 0;
  for (const auto& range : ranges) {
    ensure(range.first >= before && range.last >= range.first);
    before = range.last;
  }
  std::vector<std::uint8_t> again;
  put_remove(again, ranges, is_erase);
  const Entry copy{EntryKind::remove, static_cast<std::uint32_t>(again.size()),
                   std::span(again).subspan(entry_head_bytes)};
  std::vector<Range> ranges_again;
  bool is_erase_again = false;
  ensure(get_remove(copy, ranges_again, is_erase_again));
  ensure(ranges_again == ranges && is_erase_again == is_erase);
}

void check_rewritten(const Entry& entry) {
  const auto what = get_rewritten(entry);
  if (!what) return;
  std::uint64_t before = 0;
  for (const auto& hole : what->holes) {
    ensure(hole.first >= before && hole.last >= hole.first);
    before = hole.last;
  }
  std::vector<std::uint8_t> again;
  put_rewritten(again, *what);
  const Entry copy{EntryKind::rewritten, static_cast<std::uint32_t>(again.size()),
                   std::span(again).subspan(entry_head_bytes)};
  const auto read = get_rewritten(copy);
  ensure(read.has_value() && read->compression == what->compression &&
         read->clean_to == what->clean_to && read->end_seq == what->end_seq &&
         read->holes == what->holes);
}

void check_body(const Entry& entry, std::uint32_t offset) {
  check_record(entry, offset);
  check_remove(entry);
  check_rewritten(entry);
  std::uint64_t a = 0, b = 0;
  static_cast<void>(get_mark(entry));
  static_cast<void>(get_mark_seq(entry));
  static_cast<void>(get_start(entry));
  static_cast<void>(get_skip(entry));
  static_cast<void>(get_numbers(entry, a));
  static_cast<void>(get_numbers(entry, a, b));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> input(data, size);
  if (const auto entry = read_entry(input, 0, key)) check_body(*entry, 0);
  if (size < 2) return 0;
  // Kind and offset from the input, the rest is the body.
  const auto kind = static_cast<EntryKind>(1 + data[0] % 12);
  const std::uint32_t offset = data[1] * 4u;
  const auto bytes = static_cast<std::uint32_t>(entry_head_bytes + size - 2);
  std::vector<std::uint8_t> sealed(padded(bytes));
  std::memcpy(sealed.data() + entry_head_bytes, data + 2, size - 2);
  seal_entry(sealed.data(), kind, bytes, offset, key);
  const auto entry = read_entry(sealed, offset, key);
  ensure(entry.has_value() && entry->kind == kind && entry->bytes == bytes);
  ensure(claimed_bytes(sealed) == bytes);
  check_body(*entry, offset);
  ensure(!read_entry(sealed, offset + 4, key));
  ensure(!read_entry(std::span(sealed).first(bytes - 1), offset, key));
  auto& byte = sealed[data[1] % bytes];
  byte = static_cast<std::uint8_t>(byte ^ (1u << data[0] % 8));
  ensure(!read_entry(sealed, offset, key));
  return 0;
}
