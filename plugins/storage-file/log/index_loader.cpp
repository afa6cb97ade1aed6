#include "plugins/storage-file/log/index_loader.hpp"

#include <algorithm>
#include <functional>
#include <string_view>
#include <utility>

#include "plugins/storage-file/log/index_file.hpp"
#include "plugins/storage-file/log/scan.hpp"

namespace dunlin::storage_file::engine {
namespace {

result<std::shared_ptr<SegmentIndex>> read_index_file(const Directory& directory,
                                                      const SegmentRef& segment) {
  auto file = directory.open(index_file_name(segment.number), DUNLIN_FS_READ);
  if (!file) return file.error();
  auto size = (*file)->size();
  if (!size) return size.error();
  constexpr std::uint64_t index_bytes_max = 1ull << 30;
  if (*size > index_bytes_max) return fail(DUNLIN_E_CORRUPT, "the index is too large");
  std::vector<std::uint8_t> bytes(*size);
  if (auto got = (*file)->read(0, bytes); !got) return got.error();
  return decode_index(bytes, {segment.log, segment.number, segment.salt});
}

// `hole`: bytes in front of the entry that cannot be believed; they are looked at once.
void index_entry(const Scanned& scanned, std::uint64_t& hole, SegmentIndex& index,
                 SubjectNumbers& subjects) {
  dunlin_record record;
  if (read_record(scanned.entry, record)) {
    const auto end = index.size() == 0 ? 0 : index.seq(index.size() - 1) + 1;
    const auto suspects = std::min(suspects_in(std::exchange(hole, 0)), record.seq - 1);
    if (record.seq < end) index.truncate(record.seq - suspects - 1);
    const bool has_subject = index.has_subjects() && scanned.entry.kind == EntryKind::record;
    index.add(record.seq, item_of(scanned, record),
              has_subject ? subjects.of({record.subject.data, record.subject.size})
                          : SegmentIndex::none);
    return;
  }
  std::uint64_t last = 0;
  if (scanned.entry.kind == EntryKind::truncate && get_numbers(scanned.entry, last) &&
      index.size() != 0) {
    index.truncate(last);
  }
}

}  // namespace

std::uint32_t SubjectNumbers::of(std::string_view name) {
  if (2 * (index_.subjects() + 1) > slots_.size()) grow();
  auto& slot = slot_of(name);
  if (slot == SegmentIndex::none) slot = index_.add_subject(name, SegmentIndex::none);
  return slot;
}

std::uint32_t& SubjectNumbers::slot_of(std::string_view name) {
  const auto mask = slots_.size() - 1;
  auto at = std::hash<std::string_view>()(name) & mask;
  while (slots_[at] != SegmentIndex::none && index_.name(slots_[at]) != name) at = (at + 1) & mask;
  return slots_[at];
}

void SubjectNumbers::grow() {
  slots_.assign(std::max<std::size_t>(slots_.size() * 2, 64), SegmentIndex::none);
  for (std::uint32_t id = 0; id < index_.subjects(); ++id) slot_of(index_.name(id)) = id;
}

result<OpenedSegment> open_segment_file(const Directory& directory, const SegmentRef& segment,
                                        std::uint32_t flags) {
  auto file = directory.open(segment_file_name(segment.number), flags);
  if (!file) return file.error();
  OpenedSegment opened{*file, {}};
  std::array<std::uint8_t, segment_header_bytes> bytes{};
  const auto got = opened.file->read(0, bytes);
  if (!got && got.error().status != DUNLIN_E_IO) return got.error();
  const auto header = got ? decode_header(bytes) : std::nullopt;
  if (!header) {
    opened.trouble = "the header of the segment is damaged";
  } else if (header->log != segment.log || header->number != segment.number ||
             header->salt != segment.salt) {
    opened.trouble = "the file is not the segment it should be";
  }
  return opened;
}

result<LoadedIndex> scan_index(const SegmentRef& segment, const BlockCodec* codec) {
  LoadedIndex loaded;
  loaded.is_rebuilt = true;
  loaded.file = segment.file;
  loaded.index = std::make_shared<SegmentIndex>(segment.has_subjects);
  SubjectNumbers subjects(*loaded.index);
  auto size = segment.file->size();
  if (!size) return size.error();
  const auto end = static_cast<std::uint32_t>(std::min<std::uint64_t>(segment.used, *size));
  SegmentScan scan(*segment.file, segment.key(), segment_header_bytes, end, codec);
  for (std::uint64_t hole = 0;;) {
    while (const auto scanned = scan.next()) index_entry(*scanned, hole, *loaded.index, subjects);
    if (scan.failure()) return *scan.failure();
    if (scan.at_end()) break;
    BadPlace bad{scan.position(), end};
    const bool goes_on = scan.resync();
    if (scan.failure()) return *scan.failure();
    bad.end = scan.position();
    hole = bad.end - bad.begin;
    loaded.bad.push_back(bad);
    if (!goes_on) break;
  }
  if (end < segment.used) loaded.bad.push_back({end, segment.used});
  return loaded;
}

result<LoadedIndex> load_index(const Directory& directory, SegmentRef segment,
                               const BlockCodec* codec) {
  std::string why = "it was never written";
  if (!segment.file) {
    auto opened = open_segment_file(directory, segment, DUNLIN_FS_READ);
    if (!opened) return opened.error();
    segment.file = opened->file;
    if (!opened->trouble.empty()) {
      segment.has_index_file = false;
      why = opened->trouble;
    }
  }
  if (segment.has_index_file) {
    auto index = read_index_file(directory, segment);
    if (index) return LoadedIndex{*index, segment.file, false, {}, {}};
    why = index.error().text;
  }
  auto loaded = scan_index(segment, codec);
  if (loaded) loaded->why = std::move(why);
  return loaded;
}

result<> write_index(const Directory& directory, const SegmentRef& segment,
                     const SegmentIndex& index) {
  const auto bytes = encode_index(index, {segment.log, segment.number, segment.salt});
  auto file = directory.open(index_file_name(segment.number), DUNLIN_FS_WRITE | DUNLIN_FS_CREATE);
  if (!file) return file.error();
  if (auto outcome = (*file)->write(0, bytes); !outcome) return outcome;
  if (auto outcome = (*file)->resize(bytes.size()); !outcome) return outcome;
  return (*file)->sync();
}

}  // namespace dunlin::storage_file::engine
