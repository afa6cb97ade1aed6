#include "plugins/storage-file/log/rewrite.hpp"

#include <algorithm>
#include <array>

namespace dunlin::storage_file::engine {
namespace {

constexpr std::size_t write_bytes = 1u << 20;
// How much may wait for the disk, so that no sync of it holds up others for long.
constexpr std::uint64_t sync_bytes = 4u << 20;
constexpr std::uint32_t start_at = segment_header_bytes + mark_bytes;
// The mark of a rewritten file: all of it is durable.
constexpr std::uint32_t all_durable = UINT32_MAX;

// Ascending, without overlaps.
void unite(std::vector<Range>& ranges) {
  std::sort(ranges.begin(), ranges.end(),
            [](const Range& a, const Range& b) { return a.first < b.first; });
  std::size_t n = 0;
  for (const auto& range : ranges) {
    if (n != 0 && range.first <= ranges[n - 1].last + 1) {
      ranges[n - 1].last = std::max(ranges[n - 1].last, range.last);
    } else {
      ranges[n++] = range;
    }
  }
  ranges.resize(n);
}

}  // namespace

Rewriter::Rewriter(const Directory& directory, RewritePlan plan, Observer& observer)
    : directory_(directory), plan_(std::move(plan)), observer_(observer),
      key_(SegmentKey::of(plan_.header.log, plan_.header.number, plan_.header.salt)),
      index_(std::make_unique<SegmentIndex>(plan_.has_subjects)), subjects_(*index_) {}

// ---- reading ----------------------------------------------------------------------------------

// What the first of the sources begins with; should that be unreadable, what is true of any.
Start Rewriter::first_start() const {
  const auto& source = plan_.sources.front();
  Start start;
  start.previous = (place_in_journal(source.segment.number) << generation_bits) - 1;
  start.previous_end = UINT32_MAX;
  auto opened = open_segment_file(directory_, source.segment, DUNLIN_FS_READ);
  if (!opened) return start;
  std::array<std::uint8_t, padded(start_bytes)> bytes{};
  if (const auto got = opened->file->read(start_at, bytes); !got) return start;
  const auto entry = read_entry(bytes, start_at, source.segment.key());
  const auto found = entry ? get_start(*entry) : std::nullopt;
  return found ? *found : start;
}

result<> Rewriter::begin() {
  auto file = directory_.open(fresh_file_name(plan_.header.number),
                              DUNLIN_FS_WRITE | DUNLIN_FS_CREATE);
  if (!file) return file.error();
  file_ = *file;
  if (auto outcome = file_->resize(0); !outcome) return outcome;
  std::vector<std::uint8_t> entry;
  put_mark(entry, all_durable);
  if (auto outcome = put(EntryKind::mark, entry); !outcome) return outcome;
  auto start = first_start();
  start.next_seq = plan_.first_seq;
  start.floor = std::min(plan_.floor, plan_.first_seq);
  put_start(entry, start);
  if (auto outcome = put(EntryKind::start, entry); !outcome) return outcome;
  put_rewritten(entry, {plan_.compression, plan_.clean_to, plan_.end_seq, plan_.dead});
  return put(EntryKind::rewritten, entry);
}

result<> Rewriter::open_source() {
  const auto& source = plan_.sources[source_];
  auto opened = open_segment_file(directory_, source.segment, DUNLIN_FS_READ);
  if (!opened) {
    // Its records are as lost as those that cannot be believed.
    if (opened.error().status != DUNLIN_E_NOT_FOUND) return opened.error();
    has_damage_ = true;
  } else {
    source_file_ = opened->file;
    has_damage_ = !opened->trouble.empty();
  }
  copied_.assign(source.index->size(), false);
  if (!source_file_) return {};
  auto size = source_file_->size();
  if (!size) return size.error();
  const auto end = std::min<std::uint64_t>(source.segment.used, *size);
  has_damage_ = has_damage_ || end < source.segment.used;
  scan_.emplace(*source_file_, source.segment.key(), segment_header_bytes,
                static_cast<std::uint32_t>(end), source.codec.get());
  return {};
}

void Rewriter::close_source() {
  const auto& source = plan_.sources[source_];
  const auto& index = *source.index;
  for (std::uint32_t at = 0; at < index.size(); ++at) {
    const auto seq = index.seq(at);
    if (!is_ours(seq) || copied_[at]) continue;
    const auto& item = index.item(at);
    out_.unreadable.push_back({seq, source.segment.number,
                               item.block == SegmentIndex::none ? item.offset : item.block});
  }
  if (has_damage_) out_.damaged.push_back(source.segment.number);
  has_damage_ = false;
  scan_.reset();
  source_file_.reset();
  ++source_;
}

result<bool> Rewriter::read_some(std::uint64_t bytes) {
  if (!scan_) return false;
  const auto begin = scan_->position();
  for (;;) {
    while (const auto scanned = scan_->next()) {
      if (auto outcome = take(*scanned); !outcome) return outcome.error();
      if (scan_->position() - begin < bytes) continue;
      out_.read_bytes += scan_->position() - begin;
      return true;
    }
    if (scan_->failure()) return *scan_->failure();
    if (scan_->at_end()) break;
    has_damage_ = true;
    const bool goes_on = scan_->resync();
    if (scan_->failure()) return *scan_->failure();
    if (!goes_on) break;
  }
  out_.read_bytes += scan_->position() - begin;
  return false;
}

result<> Rewriter::take(const Scanned& scanned) {
  const auto& entry = scanned.entry;
  std::uint64_t a = 0, b = 0;
  switch (entry.kind) {
    case EntryKind::record:
    case EntryKind::erased: {
      dunlin_record record;
      if (!read_record(entry, record)) return {};
      journal_end_ = record.seq + 1;
      return entry.kind == EntryKind::record ? take_record(scanned, record) : result<>();
    }
    case EntryKind::remove: {
      std::vector<Range> ranges;
      bool is_erase = false;
      if (!get_remove(entry, ranges, is_erase)) return {};
      const auto place = place_in_journal(plan_.sources[source_].segment.number);
      for (const auto& range : ranges) keep_removed(range, place);
      return {};
    }
    case EntryKind::skip:
      if (const auto skip = get_skip(entry)) journal_end_ = skip->first + skip->count;
      return {};
    case EntryKind::rewritten:
      if (const auto what = get_rewritten(entry)) journal_end_ = what->end_seq;
      return {};
    case EntryKind::start:
      if (const auto start = get_start(entry)) {
        journal_end_ = start->next_seq;
        forget_above(start->next_seq - 1);
      }
      return {};
    case EntryKind::purge:
      if (get_numbers(entry, a)) journal_end_ = std::max(journal_end_, a);
      return {};
    case EntryKind::truncate:
      if (get_numbers(entry, a)) {
        journal_end_ = std::min(journal_end_, a + 1);
        forget_above(a);
      }
      return {};
    case EntryKind::reschedule:
      if (get_numbers(entry, a, b)) rescheduled_[a] = b;
      return {};
    case EntryKind::mark:
    case EntryKind::end:
    case EntryKind::block:
    case EntryKind::group:
      return {};
  }
  return {};
}

result<> Rewriter::take_record(const Scanned& scanned, const dunlin_record& record) {
  const auto& index = *plan_.sources[source_].index;
  const auto at = index.find(record.seq);
  if (at == SegmentIndex::none) return {};
  const auto& item = index.item(at);
  // Another record with this sequence was truncated away.
  if (item.offset != scanned.offset || item.block != scanned.block) return {};
  if (!is_ours(record.seq)) return {};
  copied_[at] = true;
  return put_record(record);
}

bool Rewriter::is_ours(std::uint64_t seq) const noexcept {
  return seq >= plan_.first_seq && seq < plan_.sources[source_].end_seq && !is_dead(seq);
}

// What was said of records that were truncated is not true of those that came in their place.
void Rewriter::forget_above(std::uint64_t last) {
  rescheduled_.erase(rescheduled_.upper_bound(last), rescheduled_.end());
}

bool Rewriter::is_dead(std::uint64_t seq) const noexcept {
  const auto behind = std::upper_bound(
      plan_.dead.begin(), plan_.dead.end(), seq,
      [](std::uint64_t wanted, const Range& range) { return wanted < range.first; });
  return behind != plan_.dead.begin() && std::prev(behind)->last >= seq;
}

bool Rewriter::is_older(std::uint64_t seq) const noexcept {
  const auto found = std::upper_bound(
      plan_.older.begin(), plan_.older.end(), seq,
      [](std::uint64_t wanted, const RewritePlan::Older& one) { return wanted < one.end_seq; });
  return found != plan_.older.end() && found->first_seq <= seq;
}

// Of a removal only what concerns older files in which it is not done yet, and what no file
// accounts for, since that was said when the files that did were given back.
void Rewriter::keep_removed(Range range, std::uint64_t place) {
  auto first = std::max(range.first, plan_.floor);
  const auto end = std::min(range.last + 1, plan_.first_seq);
  while (first < end) {
    const auto one = std::upper_bound(
        plan_.older.begin(), plan_.older.end(), first,
        [](std::uint64_t wanted, const RewritePlan::Older& older) {
          return wanted < older.end_seq;
        });
    const bool is_in = one != plan_.older.end() && one->first_seq <= first;
    const auto next = one == plan_.older.end() ? end
                      : is_in                  ? std::min(end, one->end_seq)
                                               : std::min(end, one->first_seq);
    if (!is_in || one->clean_to <= place) removed_.push_back({first, next - 1});
    first = next;
  }
}

// ---- writing ----------------------------------------------------------------------------------

result<> Rewriter::flush() {
  if (buffer_.empty()) return {};
  observer_.wrote(buffer_.size());
  if (auto outcome = file_->write(base_, buffer_); !outcome) return outcome;
  base_ += buffer_.size();
  buffer_.clear();
  if (base_ - synced_ < sync_bytes) return {};
  synced_ = base_;
  return file_->sync();
}

result<> Rewriter::put(EntryKind kind, std::vector<std::uint8_t>& entry) {
  const auto bytes = static_cast<std::uint32_t>(entry.size());
  const auto at = position();
  entry.resize(padded(bytes));
  seal_entry(entry.data(), kind, bytes, at, key_);
  buffer_.insert(buffer_.end(), entry.begin(), entry.end());
  return buffer_.size() < write_bytes ? result<>() : flush();
}

result<> Rewriter::put_record(const dunlin_record& record) {
  const bool is_block = !plan_.codec->is_plain();
  const auto bytes = record_entry_bytes(record);
  if (is_block && !block_.empty() && block_.size() + padded(bytes) > block_bytes) {
    if (auto outcome = close_block(); !outcome) return outcome;
  }
  if (is_block && block_.empty()) block_at_ = position();
  auto& to = is_block ? block_ : buffer_;
  const auto offset = is_block ? static_cast<std::uint32_t>(block_.size()) : position();
  const auto begin = to.size();
  to.resize(begin + padded(bytes));
  write_record(to.data() + begin, record, bytes, offset, key_);
  const Scanned written{{EntryKind::record, bytes, {}}, offset,
                        is_block ? block_at_ : SegmentIndex::none};
  index_->add(record.seq, item_of(written, record),
              plan_.has_subjects ? subjects_.of({record.subject.data, record.subject.size})
                                 : SegmentIndex::none);
  return buffer_.size() < write_bytes ? result<>() : flush();
}

result<> Rewriter::close_block() {
  if (block_.empty()) return {};
  std::vector<std::uint8_t> entry(entry_head_bytes);
  const auto place = block_at_ + entry_head_bytes;
  if (auto outcome = plan_.codec->encode(block_, place, entry); !outcome) return outcome;
  block_.clear();
  return put(EntryKind::block, entry);
}

result<> Rewriter::put_kept() {
  const auto begin = position();
  std::vector<std::uint8_t> entry;
  unite(removed_);
  if (!removed_.empty()) {
    put_remove(entry, removed_, false);
    if (auto outcome = put(EntryKind::remove, entry); !outcome) return outcome;
  }
  for (const auto& [seq, due] : rescheduled_) {
    const bool is_ours = seq >= plan_.first_seq && seq < plan_.end_seq && !is_dead(seq);
    if (!is_ours && !(seq >= plan_.floor && is_older(seq))) continue;
    put_numbers(entry, seq, due);
    if (auto outcome = put(EntryKind::reschedule, entry); !outcome) return outcome;
  }
  // A flush in between moves bytes to the file, and the position not.
  out_.kept_bytes = position() - begin;
  return {};
}

result<> Rewriter::finish() {
  if (auto outcome = close_block(); !outcome) return outcome;
  if (auto outcome = put_kept(); !outcome) return outcome;
  std::vector<std::uint8_t> entry;
  if (journal_end_ > plan_.end_seq) {
    // Truncated later: whoever reads everything again comes to that behind this file.
    put_rewritten(entry, {plan_.compression, plan_.clean_to, journal_end_,
                          {{plan_.end_seq, journal_end_ - 1}}});
    if (auto outcome = put(EntryKind::rewritten, entry); !outcome) return outcome;
  }
  entry.assign(entry_head_bytes, 0);
  if (auto outcome = put(EntryKind::end, entry); !outcome) return outcome;
  if (auto outcome = flush(); !outcome) return outcome;
  out_.used = position();
  out_.records = index_->size();
  auto& header = plan_.header;
  header.capacity = out_.used;
  if (auto outcome = file_->write(0, encode_header(header)); !outcome) return outcome;
  if (auto outcome = file_->sync(); !outcome) return outcome;
  const SegmentRef reference{header.log, header.number, header.salt, out_.used,
                             plan_.has_subjects, true, nullptr};
  if (auto outcome = write_index(directory_, reference, *index_); !outcome) return outcome;
  is_renamed_ = true;
  if (auto outcome = directory_.rename(fresh_file_name(header.number),
                                       segment_file_name(header.number));
      !outcome) {
    return outcome;
  }
  file_.reset();
  return directory_.sync();
}

result<bool> Rewriter::go_on(std::uint64_t bytes) {
  if (!file_) {
    if (auto outcome = begin(); !outcome) return outcome.error();
  }
  while (source_ < plan_.sources.size()) {
    if (copied_.empty() && !scan_) {
      if (auto outcome = open_source(); !outcome) return outcome.error();
    }
    auto has_more = read_some(bytes);
    if (!has_more) return has_more.error();
    if (*has_more) return false;
    close_source();
    copied_.clear();
    if (source_ < plan_.sources.size()) return false;
  }
  if (auto outcome = finish(); !outcome) return outcome.error();
  return true;
}

void Rewriter::abandon() noexcept {
  scan_.reset();
  source_file_.reset();
  file_.reset();
  const auto number = plan_.header.number;
  // What stays is removed at the next start.
  static_cast<void>(directory_.remove(fresh_file_name(number)));
  static_cast<void>(directory_.remove(index_file_name(number)));
  if (is_renamed_) static_cast<void>(directory_.remove(segment_file_name(number)));
}

}  // namespace dunlin::storage_file::engine
