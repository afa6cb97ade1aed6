// Reading the journal behind the checkpoint.

#include <algorithm>
#include <utility>

#include "plugins/storage-file/log/recovery.hpp"

namespace dunlin::storage_file::engine {
namespace {

constexpr std::uint32_t first_mark_at = segment_header_bytes;
constexpr std::uint32_t start_at = segment_header_bytes + mark_bytes;
// How far an unused segment is searched for entries whose beginning was damaged.
constexpr std::uint32_t search_bytes = 1u << 20;

// A file may be larger than any segment.
std::uint32_t scan_end(std::uint64_t file_bytes) noexcept {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(file_bytes, segment_bytes_max));
}

}  // namespace

result<> Recovery::peek(Tail& tail) {
  auto file = directory_.open(segment_file_name(tail.number), DUNLIN_FS_READ);
  if (!file) return file.error();
  tail.file = *file;
  std::array<std::uint8_t, start_at + padded(start_bytes)> bytes{};
  const auto got = tail.file->read(0, bytes);
  if (!got && got.error().status != DUNLIN_E_IO) return got.error();
  if (!got) bytes.fill(0);
  tail.header = decode_header(bytes);
  const bool is_from_here = tail.header && tail.header->log == row_.id &&
                            tail.header->store == store_.store_id;
  if (!is_from_here || tail.header->number != tail.number) {
    const auto row = rows_.find(tail.number);
    if (row == rows_.end()) {
      // A file that was given to another segment, and whose new name the crash took away.
      tail.is_unused = is_from_here;
      tail.header.reset();
      return {};
    }
    report(0, 0, tail.number, 0, "the header of the segment is damaged");
    tail.header = SegmentHeader{row_.id, tail.number, row->second, store_.store_id,
                                scan_end(tail.size)};
  }
  const auto key = SegmentKey::of(row_.id, tail.number, tail.header->salt);
  const std::span<const std::uint8_t> all(bytes);
  if (const auto mark = read_entry(all.subspan(first_mark_at), first_mark_at, key)) {
    tail.first_mark = get_mark(*mark).value_or(0);
  }
  if (const auto start = read_entry(all.subspan(start_at), start_at, key)) {
    tail.start = get_start(*start);
  }
  if (tail.start) return {};
  // Never begun, or begun and damaged?
  const auto end = static_cast<std::uint32_t>(std::min<std::uint64_t>(tail.size, search_bytes));
  SegmentScan scan(*tail.file, key, segment_header_bytes, end, nullptr);
  const bool has_entries = scan.next() || scan.resync();
  if (scan.failure()) return *scan.failure();
  tail.is_unused = !has_entries;
  return {};
}

// Of the files in one place of the journal the last that was made; it was complete when it got its
// name. The others were to be removed.
void Recovery::choose_rewritten() {
  std::vector<Tail> chosen;
  for (auto& tail : tails_) {
    const bool is_same = !chosen.empty() && place_in_journal(chosen.back().number) ==
                                                place_in_journal(tail.number);
    if (!is_same) {
      chosen.push_back(std::move(tail));
      continue;
    }
    if (tail.start || !chosen.back().start) std::swap(chosen.back(), tail);
    out_.unused.emplace_back(tail.number, tail.size);
  }
  tails_ = std::move(chosen);
}

// The segments the journal goes through. Those between a segment and the one it says it follows
// were given up after a crash.
result<> Recovery::find_chain() {
  std::vector<Tail> chain;
  std::set<std::uint64_t> empty;     // places of segments nothing arrived in
  std::uint64_t limit = UINT64_MAX;  // the next stands at or in front of it in the journal
  for (auto it = tails_.rbegin(); it != tails_.rend(); ++it) {
    const auto place = place_in_journal(it->number);
    if (it->is_unused && it->header && it->size >= it->header->capacity) empty.insert(place);
    if (it->is_unused || place > limit) {
      out_.unused.emplace_back(it->number, it->size);
      continue;
    }
    limit = it->start ? place_in_journal(it->start->previous) : place - 1;
    chain.push_back(std::move(*it));
  }
  std::reverse(chain.begin(), chain.end());
  tails_ = std::move(chain);
  return cut_chain(empty);
}

// What was written together may cover several segments, of which a crash can take one whole and
// leave those behind it. When nothing says that it was durable, the log ends in front of it.
result<> Recovery::cut_chain(const std::set<std::uint64_t>& empty) {
  for (std::size_t at = 0; at < tails_.size(); ++at) {
    const auto& start = tails_[at].start;
    if (!start || !empty.contains(place_in_journal(start->previous))) continue;
    auto was_durable = note_ && note_->position.segment > start->previous;
    for (auto later = at; later < tails_.size() && !was_durable; ++later) {
      auto durable = has_durable_mark(tails_[later]);
      if (!durable) return durable.error();
      was_durable = *durable || is_rewritten(tails_[later].number);
    }
    if (was_durable) continue;
    has_remains_ = true;
    for (auto rest = at; rest < tails_.size(); ++rest) {
      out_.unused.emplace_back(tails_[rest].number, tails_[rest].size);
    }
    tails_.resize(at);
    return {};
  }
  return {};
}

// The catalogue hears of a segment when its file has its name, and forgets it before the file goes.
void Recovery::find_gone() {
  for (const auto& [number, salt] : rows_) {
    const bool is_known = out_.state->find_segment(number) != nullptr;
    if (number < position_.segment || is_known || files_.contains(number)) continue;
    report(0, 0, number, 0, "the file is gone, with what was written to it last");
    out_.unused.emplace_back(number, 0);
  }
}

result<> Recovery::read_tail() {
  for (const auto& [number, size] : files_) {
    if (number < position_.segment) continue;
    Tail tail;
    tail.number = number;
    tail.size = size;
    if (auto outcome = peek(tail); !outcome) return outcome;
    tails_.push_back(std::move(tail));
  }
  choose_rewritten();
  if (auto outcome = find_chain(); !outcome) return outcome;
  find_gone();
  if (auto* active = out_.state->active();
      active != nullptr && (tails_.empty() || tails_.front().number != active->number)) {
    LoadedIndex nothing;
    nothing.why = "the file is gone";
    active->index = std::make_shared<SegmentIndex>(row_.has_subjects);
    lose_missing(*active, nothing);
  }
  ahead_ = std::make_unique<ScanAhead>(store_.executor, scan_jobs());
  for (std::size_t place = 0; place < tails_.size() && !is_cut_; ++place) {
    out_.tail.push_back(tails_[place].number);
    auto content = ahead_->take(place);
    const auto outcome = content ? apply_content(place, *content)
                                 : read_segment(tails_[place], place);
    if (!outcome) return outcome;
    if (auto limited = limit_subjects(); !limited) return limited;
    if (!is_cut_) continue;
    for (auto rest = place + 1; rest < tails_.size(); ++rest) {
      out_.unused.emplace_back(tails_[rest].number, tails_[rest].size);
    }
  }
  if (auto outcome = cut_group(); !outcome) return outcome;
  if (has_bad_place_) {
    report(0, 0, position_.segment, bad_place_.begin, "nothing can be read from here on");
  }
  out_.end = position_;
  const auto* active = out_.state->active();
  out_.goes_on = active != nullptr && active->file && active->number == position_.segment &&
                 !has_remains_ && !has_bad_place_ && !is_ended_;
  return {};
}

// Segments that may be read as a whole: those the journal wrote whose end the next one tells.
std::vector<std::optional<ScanJob>> Recovery::scan_jobs() {
  std::vector<std::optional<ScanJob>> jobs(tails_.size());
  const auto* active = out_.state->active();
  for (std::size_t place = 0; place + 1 < tails_.size(); ++place) {
    const auto& tail = tails_[place];
    const auto& next = tails_[place + 1];
    const bool is_whole = tail.header && tail.start && next.start &&
                          !is_rewritten(tail.number) &&
                          next.start->previous == tail.number &&
                          next.start->previous_end <= tail.size &&
                          (active == nullptr || active->number != tail.number);
    if (!is_whole) continue;
    jobs[place].emplace(ScanJob{tail.file,
                                SegmentKey::of(row_.id, tail.number, tail.header->salt),
                                segment_header_bytes, next.start->previous_end,
                                tail.start->next_seq, row_.has_subjects, codec(tail.number)});
  }
  return jobs;
}

result<> Recovery::apply_content(std::size_t place, SegmentContent& content) {
  const auto& tail = tails_[place];
  position_ = {tail.number, segment_header_bytes};
  pending_ = std::make_shared<Segment>();
  auto segment = pending_;
  segment->number = tail.number;
  segment->salt = tail.header->salt;
  segment->capacity = tail.header->capacity;
  segment->file = tail.file;
  if (auto outcome = apply_start(*tail.start); !outcome) return outcome;
  out_.state->add_all(content);
  position_ = {tail.number, content.end};
  segment->used = content.end;
  segment->key_id = content.key_id;
  see_durable(tail.number, content.durable);
  out_.read_bytes += content.read_bytes;
  for (const auto& [kind, body] : content.changes) {
    const Entry entry{kind, static_cast<std::uint32_t>(entry_head_bytes + body.size()), body};
    if (auto outcome = apply({entry, 0, SegmentIndex::none}); !outcome) return outcome;
  }
  return {};
}

result<> Recovery::read_active() {
  auto& segment = *out_.state->active();
  auto reference = ref(segment);
  reference.used = position_.offset;
  auto opened = open_segment_file(directory_, reference, DUNLIN_FS_READ);
  if (!opened) return opened.error();
  reference.file = opened->file;
  const auto block_codec = codec(segment.number);
  auto scanned = scan_index(reference, &block_codec);
  if (!scanned) return scanned.error();
  auto& loaded = *scanned;
  segment.file = loaded.file;
  lose_missing(segment, loaded);
  out_.state->adopt_active(loaded.index);
  return {};
}

result<> Recovery::read_segment(const Tail& tail, std::size_t place) {
  auto* active = out_.state->active();
  if (active != nullptr && active->number == tail.number) {
    if (auto outcome = read_active(); !outcome) return outcome;
    return read_entries(*active, place, position_.offset);
  }
  position_ = {tail.number, segment_header_bytes};
  if (!tail.header) {
    has_bad_place_ = true;
    bad_place_ = {0, 0};
    report(0, 0, tail.number, 0, "its header cannot be read: it was left as it is");
    return {};
  }
  auto segment = std::make_shared<Segment>();
  segment->number = tail.number;
  segment->salt = tail.header->salt;
  segment->capacity = tail.header->capacity;
  segment->used = segment_header_bytes;
  segment->file = tail.file;
  if (!tail.start) {
    // Its beginning is damaged; what follows says itself which sequences it has.
    out_.state->seal_active();
    out_.state->open_segment(segment);
  } else {
    pending_ = segment;
  }
  return read_entries(*segment, place, segment_header_bytes);
}

result<> Recovery::read_entries(Segment& segment, std::size_t place, std::uint32_t begin) {
  const auto& tail = tails_[place];
  auto end = static_cast<std::uint32_t>(std::min<std::uint64_t>(tail.size, segment.capacity));
  bool has_end = false;
  if (place + 1 < tails_.size() && tails_[place + 1].start &&
      tails_[place + 1].start->previous == segment.number) {
    end = std::min(end, std::max(begin, tails_[place + 1].start->previous_end));
    has_end = true;
  }
  const auto block_codec = codec(segment.number);
  SegmentScan scan(*tail.file, segment.key(row_.id), begin, end, &block_codec);
  segment.used = std::max(segment.used, begin);
  for (;;) {
    while (const auto scanned = scan.next()) {
      if (auto outcome = apply(*scanned); !outcome) return outcome;
      if (group_ && out_.state->last_seq() >= group_->last) group_.reset();
      if (scan.key_id() != 0) segment.key_id = scan.key_id();
      segment.used = scan.position();
      position_ = {segment.number, scan.position()};
      is_ended_ = scanned->entry.kind == EntryKind::end;
      if (is_ended_) return {};
    }
    if (scan.failure()) return *scan.failure();
    if (has_end && scan.at_end() && end == tails_[place + 1].start->previous_end) return {};
    // Full to the last byte; what comes next is in another segment, if anywhere.
    if (scan.at_end() && end == segment.capacity) return {};
    auto behind = look_behind(segment, place, scan.position());
    if (!behind) return behind.error();
    if (!behind->was_durable && !scan.is_unreadable()) {
      is_cut_ = true;
      has_remains_ = behind->next.has_value() || place + 1 < tails_.size();
      return {};
    }
    segment.has_damage = true;
    has_bad_place_ = is_group_whole_ = true;
    bad_place_ = {scan.position(), behind->next.value_or(end)};
    segment.used = bad_place_.end;
    position_ = {segment.number, bad_place_.end};
    if (!behind->next || !scan.resync()) return {};
  }
}

result<bool> Recovery::has_durable_mark(const Tail& tail) {
  if (tail.first_mark != 0) return true;
  if (!tail.header) return false;
  SegmentScan scan(*tail.file, SegmentKey::of(row_.id, tail.number, tail.header->salt),
                   segment_header_bytes, scan_end(tail.size), nullptr);
  for (;;) {
    while (const auto scanned = scan.next()) {
      if (get_mark(scanned->entry).value_or(0) != 0) return true;
    }
    if (scan.failure()) return *scan.failure();
    if (!scan.resync()) return false;
  }
}

result<Recovery::Behind> Recovery::look_behind(const Segment& segment, std::size_t place,
                                               std::uint32_t bad) {
  Behind behind;
  const auto& tail = tails_[place];
  auto end = static_cast<std::uint32_t>(std::min<std::uint64_t>(tail.size, segment.capacity));
  if (place + 1 < tails_.size() && tails_[place + 1].start &&
      tails_[place + 1].start->previous == segment.number) {
    end = std::min(end, tails_[place + 1].start->previous_end);
  }
  // A rewritten file is durable before it gets its name. Any file is as long as its header says
  // before: what is shorter was cut off.
  behind.was_durable = is_rewritten(segment.number) ||
                       (note_ && note_->position > Position{segment.number, bad}) ||
                       tail.size < segment.capacity;
  for (auto later = place + 1; later < tails_.size() && !behind.was_durable; ++later) {
    auto durable = has_durable_mark(tails_[later]);
    if (!durable) return durable.error();
    behind.was_durable = *durable;
  }
  // Blocks are not opened here: marks stand outside of them.
  SegmentScan scan(*tail.file, segment.key(row_.id), bad, end, nullptr);
  while (scan.resync()) {
    if (!behind.next) behind.next = scan.position();
    if (behind.was_durable) break;
    while (const auto scanned = scan.next()) {
      if (get_mark(scanned->entry).value_or(0) > bad) behind.was_durable = true;
    }
  }
  if (scan.failure()) return *scan.failure();
  return behind;
}

// ---- applying ---------------------------------------------------------------------------------

// Sequences a rewritten segment has not on purpose, up to `next_seq`.
void Recovery::skip_holes(std::uint64_t next_seq) {
  auto& state = *out_.state;
  while (!holes_.empty()) {
    const auto expected = state.last_seq() + 1;
    const auto hole = holes_.front();
    if (hole.last >= expected && (hole.first > expected || expected >= next_seq)) return;
    if (hole.last >= expected) {
      const auto last = std::min(hole.last, next_seq - 1);
      state.skip(expected, last + 1 - expected, 0);
      if (last < hole.last) return;
    }
    holes_.pop_front();
  }
}

result<> Recovery::fill_hole(std::uint64_t next_seq) {
  for (;;) {
    skip_holes(next_seq);
    const auto expected = out_.state->last_seq() + 1;
    const bool has_more = !holes_.empty() && holes_.front().first > expected &&
                          holes_.front().first < next_seq;
    if (!has_more) return close_hole(next_seq);
    if (auto outcome = close_hole(holes_.front().first); !outcome) return outcome;
  }
}

result<> Recovery::close_hole(std::uint64_t next_seq) {
  const auto expected = out_.state->last_seq() + 1;
  const std::string why = has_bad_place_ ? "entries cannot be read"
                                         : "the entries of these records are missing";
  if (next_seq > expected) {
    out_.state->lose(expected, next_seq - 1);
    report(expected, next_seq - 1, position_.segment,
           has_bad_place_ ? bad_place_.begin : position_.offset, why);
  } else if (has_bad_place_) {
    report(0, 0, position_.segment, bad_place_.begin, "changes other than records are lost");
  }
  const auto hole = has_bad_place_ ? bad_place_.end - bad_place_.begin : 0;
  has_bad_place_ = false;
  if (next_seq >= expected) return {};
  group_.reset();
  // The truncation may have gone with records behind it: what has their sequences now is older.
  const auto floor = out_.state->first_seq();
  const auto suspects = std::min(suspects_in(hole), next_seq > floor ? next_seq - floor : 0);
  if (auto outcome = truncate(next_seq - suspects - 1); !outcome) return outcome;
  if (suspects == 0) return {};
  out_.state->lose(next_seq - suspects, next_seq - 1);
  report(next_seq - suspects, next_seq - 1, position_.segment, bad_place_.begin, why);
  return {};
}

result<> Recovery::begin_group(const Range& group) {
  if (auto outcome = fill_hole(group.first); !outcome) return outcome;
  group_ = group;
  is_group_whole_ = false;
  return {};
}

// Whatever is no part of a group stands behind the last record of it.
result<> Recovery::end_group(EntryKind kind) {
  const bool is_part = kind == EntryKind::record || kind == EntryKind::erased ||
                       kind == EntryKind::skip || kind == EntryKind::mark;
  if (is_part || kind == EntryKind::start) return {};
  const auto group = *std::exchange(group_, std::nullopt);
  return has_bad_place_ ? fill_hole(group.last + 1) : result<>();
}

// The journal ends inside a group. Damage in it says that it was durable, and costs what it hit.
// Else the crash cut it off, and all of it goes; the log goes on in a new segment, whose start
// says the same to whoever reads everything again.
result<> Recovery::cut_group() {
  if (!group_) return {};
  const auto group = *std::exchange(group_, std::nullopt);
  if (is_group_whole_) return fill_hole(group.last + 1);
  has_remains_ = true;
  return close_hole(group.first);
}

result<> Recovery::apply_start(const Start& start) {
  if (!pending_) return {};
  auto segment = std::move(pending_);
  pending_.reset();
  // What was read of it goes when the segment begins with its first sequence.
  group_.reset();
  auto& state = *out_.state;
  const bool is_first = state.view().segments.empty() && state.last_seq() < start.next_seq;
  if (is_first && start.floor > state.last_seq() + 1) state.purge_below(start.floor);
  if (auto outcome = fill_hole(start.next_seq); !outcome) return outcome;
  holes_.clear();
  rewritten_end_ = 0;
  if (auto* active = state.active()) {
    const auto sealed = state.find_segment(active->number);
    state.seal_active();
    hold(sealed);
  }
  if (start.floor > state.first_seq()) {
    if (auto outcome = purge_below(start.floor); !outcome) return outcome;
  }
  state.raise_last_time(start.last_time_ns);
  state.open_segment(std::move(segment));
  return {};
}

result<> Recovery::apply_record(const Scanned& scanned) {
  dunlin_record record;
  if (!read_record(scanned.entry, record)) return {};
  auto& state = *out_.state;
  if (auto outcome = fill_hole(record.seq); !outcome) return outcome;
  if (scanned.entry.kind == EntryKind::erased) {
    state.add_erased(record, item_of(scanned, record));
  } else {
    state.add(record, item_of(scanned, record));
  }
  return {};
}

void Recovery::see_durable(std::uint64_t segment, std::uint32_t offset) {
  if (offset != 0) out_.durable = std::max(out_.durable, {segment, offset});
}

result<> Recovery::apply(const Scanned& scanned) {
  auto& state = *out_.state;
  const auto& entry = scanned.entry;
  out_.read_bytes += entry.bytes;
  see_durable(position_.segment, get_mark(entry).value_or(0));
  if (group_) {
    if (auto outcome = end_group(entry.kind); !outcome) return outcome;
  }
  std::uint64_t a = 0, b = 0;
  switch (entry.kind) {
    case EntryKind::record:
    case EntryKind::erased:
      return apply_record(scanned);
    case EntryKind::start:
      if (const auto start = get_start(entry)) return apply_start(*start);
      return {};
    case EntryKind::skip:
      if (const auto skip = get_skip(entry)) {
        if (auto outcome = fill_hole(skip->first); !outcome) return outcome;
        state.skip(skip->first, skip->count, skip->time_ns);
      }
      return {};
    case EntryKind::remove: {
      std::vector<Range> ranges;
      bool is_erase = false;
      if (!get_remove(entry, ranges, is_erase)) return {};
      for (const auto& range : ranges) {
        if (is_erase) must_rewrite(range);
        if (auto outcome = remove(range); !outcome) return outcome;
      }
      return {};
    }
    case EntryKind::purge:
      return get_numbers(entry, a) ? purge_below(a) : result<>();
    case EntryKind::truncate:
      return get_numbers(entry, a) ? truncate(a) : result<>();
    case EntryKind::reschedule:
      if (get_numbers(entry, a, b)) state.reschedule(a, static_cast<std::int64_t>(b));
      return {};
    case EntryKind::mark:
      // Behind what cannot be read it tells at least how far the log went.
      if (const auto last = get_mark_seq(entry); has_bad_place_ && last > state.last_seq()) {
        return fill_hole(last + 1);
      }
      return {};
    case EntryKind::rewritten:
      return apply_rewritten(entry);
    case EntryKind::group:
      return get_numbers(entry, a, b) && a <= b ? begin_group({a, b}) : result<>();
    case EntryKind::end:
      return rewritten_end_ > state.last_seq() + 1 ? fill_hole(rewritten_end_) : result<>();
    case EntryKind::block:
      return {};
  }
  return {};
}

// Was it overwritten before the crash? A record that was read as erased is no longer live; for one
// the checkpoint knows it cannot be told.
void Recovery::must_rewrite(const Range& range) {
  const auto& view = out_.state->view();
  for (const auto& segment : out_.state->segments()) {
    const auto first = std::max({segment->first_seq, range.first, view.first});
    const auto last = std::min(segment->end_seq - 1, range.last);
    if (first > last || segment->end_seq == 0) continue;
    if (view.gaps->count(first, last) < last + 1 - first) segment->must_rewrite = true;
  }
}

// The second of a segment goes on where the first ended: what it has not at its end comes first.
result<> Recovery::apply_rewritten(const Entry& entry) {
  const auto what = get_rewritten(entry);
  if (!what) return {};
  if (rewritten_end_ > out_.state->last_seq() + 1) {
    if (auto outcome = fill_hole(rewritten_end_); !outcome) return outcome;
  }
  holes_.assign(what->holes.begin(), what->holes.end());
  rewritten_end_ = what->end_seq;
  if (auto* segment = out_.state->active()) {
    segment->compression = what->compression;
    segment->clean_to = what->clean_to;
  }
  return {};
}

}  // namespace dunlin::storage_file::engine
