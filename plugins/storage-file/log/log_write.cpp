// Accepting changes: room, encoding, segments.

#include <algorithm>

#include "plugins/storage-file/log/log.hpp"
#include "plugins/storage-file/log/scan.hpp"

namespace dunlin::storage_file::engine {
namespace {

// What a segment without a successor keeps for removals.
constexpr std::uint32_t reserve_bytes_max = 64u << 10;
// Waiting bytes that are written without anybody asking.
constexpr std::uint64_t write_bytes = 512u << 10;
constexpr std::uint32_t first_segment_bytes = 256u << 10;
constexpr std::uint64_t segment_bytes_min = 32u << 10;
constexpr std::uint64_t retry_ns = 1'000'000'000;
constexpr std::string_view no_room =
    "the disk is nearly full (less than keep_free is left): records are refused, removals are not, "
    "until there is room";
// So often the disk may fail to give a segment that is waited for.
constexpr int failures_max = 3;
// A segment that is full sooner is one of many.
constexpr std::uint64_t fast_ns = 5'000'000'000;

}  // namespace

result<> Log::may_change() const {
  if (is_read_only_) return fail(DUNLIN_E_DENIED, row_.name + " was opened to read only");
  if (poison_) return *poison_;
  if (closing_) return fail(DUNLIN_E_CLOSED, row_.name + " is closed");
  return {};
}

result<> Log::check(const dunlin_record& record, const dunlin_record* before) const {
  const auto last = before != nullptr ? before->seq : state_->last_seq();
  if (record.seq != last + 1) {
    return fail(DUNLIN_E_INVALID, "sequence " + std::to_string(record.seq) + " does not follow " +
                                      std::to_string(last));
  }
  if (record.time_ns < (before != nullptr ? before->time_ns : state_->last_time_ns())) {
    return fail(DUNLIN_E_INVALID, "the record is older than the one in front of it");
  }
  const auto content = record.subject.size + record.header.size + record.payload.size;
  if (content > DUNLIN_RECORD_MAX) return fail(DUNLIN_E_INVALID, "the record is too large");
  if (record.subject.size > storage::SubjectTable::subject_bytes_max) {
    return fail(DUNLIN_E_INVALID, "the subject is too long");
  }
  const bool is_gap = (record.flags & DUNLIN_RECORD_GAP) != 0;
  if (is_gap ? content != 0 : state_->has_subjects() == (record.subject.size == 0)) {
    return fail(DUNLIN_E_INVALID, "the record has a subject and should not, or none and should");
  }
  return {};
}

// Room for an entry of that size in the segment that is written to, or in the next one.
result<> Log::room_for(std::uint32_t bytes, bool is_record, std::uint32_t blocks) {
  if (is_record) {
    if (is_full_ || store_.space->is_full()) {
      return fail(DUNLIN_E_NO_SPACE, std::string(no_room));
    }
    if (journal_.is_full()) {
      wants_room_ = true;
      flush();
      return fail(DUNLIN_E_AGAIN, "the write buffer is full");
    }
  }
  if (auto* active = state_->active()) {
    auto needed = bytes;
    if (is_record && !next_) needed += std::min(active->capacity / 8, reserve_bytes_max);
    // Without a successor the reserve stays; what is no record may have it.
    if (journal_.fits(needed, blocks)) return {};
  }
  const auto capacity = journal_.capacity_for(bytes, blocks);
  if (next_ && next_->capacity >= capacity) {
    begin_segment(std::move(*std::exchange(next_, std::nullopt)), false);
    prepare();
    return {};
  }
  // With the reserve: a large record must not leave a segment that takes nothing more.
  const auto wanted = capacity + std::min<std::uint64_t>(capacity / 8, reserve_bytes_max);
  wanted_capacity_ = std::max(wanted_capacity_, static_cast<std::uint32_t>(wanted));
  if (next_) {
    // Made for ordinary records, and too small for this one: it stays behind unused.
    unused_.emplace_back(next_->number, next_->capacity);
    next_.reset();
  }
  prepare();
  wants_room_ = true;
  return fail(DUNLIN_E_AGAIN, "the next segment is not ready");
}

std::uint32_t Log::segment_bytes_limit() const {
  return static_cast<std::uint32_t>(
      std::clamp<std::uint64_t>(store_.settings.segment_bytes, segment_bytes_min, 1u << 30));
}

// A log begins small, and its segments grow to what is configured.
std::uint32_t Log::next_capacity() const {
  // On a full disk it is for removals, for which a small one may still be had.
  if (is_full_) return std::max<std::uint32_t>(segment_bytes_min, wanted_capacity_);
  const auto limit = segment_bytes_limit();
  const auto ordinary = std::min(std::max(last_capacity_, first_segment_bytes / 4), limit / 4) * 4;
  return std::max(ordinary, wanted_capacity_);
}

void Log::begin_segment(MadeSegment made, bool is_first) {
  Start start;
  auto segment = std::make_shared<Segment>();
  segment->number = made.number;
  segment->salt = made.salt;
  segment->capacity = made.capacity;
  segment->used = segment_header_bytes;
  segment->file = std::move(made.file);
  if (state_->active() != nullptr) {
    const auto before = state_->view().segments.back();
    before->used = journal_.end_segment();
    previous_ = {before->number, before->used};
    state_->seal_active();
    if (before->live != 0) unindexed_.push_back(before);
  }
  start.previous = previous_.segment;
  start.previous_end = previous_.offset;
  start.next_seq = state_->last_seq() + 1;
  start.floor = state_->first_seq();
  start.last_time_ns = state_->last_time_ns();
  const auto block_codec = codec(segment->number);
  segment->key_id = block_codec->key_id();
  last_capacity_ = segment->capacity;
  const auto now = store_.clock.monotonic_ns();
  grows_fast_ = begun_ns_ != 0 && now - begun_ns_ < fast_ns &&
                last_capacity_ >= store_.settings.segment_bytes;
  begun_ns_ = now;
  journal_.begin(*segment, segment_header_bytes, block_codec);
  if (is_first) durable_ = {segment->number, segment_header_bytes};
  state_->open_segment(std::move(segment));
  std::vector<std::uint8_t> entry;
  put_start(entry, start);
  journal_.put(EntryKind::start, entry);
  wanted_capacity_ = 0;
}

void Log::write(const dunlin_record& record, std::uint32_t bytes, dunlin_span* span) {
  const bool carries_mark = journal_.wants_carrier(bytes);
  if (carries_mark) bytes += carried_mark_bytes;
  const auto slot = journal_.reserve(bytes, carries_mark);
  write_record(slot.bytes, record, bytes, slot.offset, slot.key, carries_mark);
  const Scanned written{{EntryKind::record, bytes, {}}, slot.offset, slot.block};
  auto item = item_of(written, record);
  item.carries_mark = carries_mark;
  const auto id = state_->add(record, item);
  if (span == nullptr) return;
  const auto& subjects = state_->subjects();
  *span = id != Subjects::none && subjects.is_exact(id) ? subjects.span(id).span()
                                                        : dunlin_span{};
}

// All of the group is good and stands in one segment, behind an entry that says which sequences it
// has; its records are then written without anything that may refuse.
result<> Log::begin_group(std::span<const dunlin_record> records) {
  std::uint64_t content = 0;
  for (const auto& record : records) content += record_entry_bytes(record) + skip_bytes;
  if (content > entry_bytes_max) {
    return fail(DUNLIN_E_INVALID, "the group is too large: it has more than 128 MiB");
  }
  std::uint32_t bytes = group_bytes;
  const dunlin_record* before = nullptr;
  for (const auto& record : records) {
    if (auto outcome = check(record, before); !outcome) return outcome;
    before = &record;
    const bool is_gap = (record.flags & DUNLIN_RECORD_GAP) != 0;
    bytes += padded(is_gap ? skip_bytes : record_entry_bytes(record));
  }
  // What a block and a mark of the last entry may need is not used up by those before.
  bytes += mark_bytes;
  if (auto outcome = room_for(bytes, true, Journal::blocks_for(bytes)); !outcome) return outcome;
  std::vector<std::uint8_t> entry;
  put_numbers(entry, records.front().seq, records.back().seq);
  journal_.put(EntryKind::group, entry);
  return {};
}

result<> Log::append(std::span<const dunlin_record> records, std::uint32_t flags,
                     std::size_t& accepted, std::span<dunlin_span> spans) {
  accepted = 0;
  if (auto outcome = may_change(); !outcome) return outcome;
  const bool is_group = (flags & DUNLIN_APPEND_ATOMIC) != 0 && records.size() > 1;
  if (is_group) {
    if (auto outcome = begin_group(records); !outcome) return outcome;
  }
  for (const auto& record : records) {
    if (auto outcome = check(record); !outcome) return outcome;
    if ((record.flags & DUNLIN_RECORD_GAP) != 0) {
      if (auto outcome = skip(record.seq, 1, record.time_ns); !outcome) return outcome;
      if (!spans.empty()) spans[accepted] = {};
    } else {
      const auto bytes = record_entry_bytes(record);
      if (!is_group) {
        if (auto outcome = room_for(bytes, true); !outcome) return outcome;
      }
      write(record, bytes, spans.empty() ? nullptr : &spans[accepted]);
    }
    ++accepted;
  }
  auto* active = state_->active();
  if (active != nullptr && !next_ && journal_.end().offset > active->capacity / 4) prepare();
  if (journal_.open_bytes() >= write_bytes) flush();
  settle_subjects();
  return {};
}

result<> Log::put(EntryKind kind, std::vector<std::uint8_t>& entry) {
  if (auto outcome = room_for(static_cast<std::uint32_t>(entry.size()), false); !outcome) {
    return outcome;
  }
  journal_.put(kind, entry);
  return {};
}

// A change that does not wait by itself.
result<> Log::put_now(EntryKind kind, std::vector<std::uint8_t>& entry) {
  auto outcome = put(kind, entry);
  const bool is_refused = !outcome && outcome.error().status == DUNLIN_E_AGAIN && is_full_;
  if (is_refused) return fail(DUNLIN_E_NO_SPACE, "the disk is full: there is no next segment");
  return outcome;
}

result<> Log::skip(std::uint64_t first, std::uint64_t count, std::int64_t time_ns) {
  if (auto outcome = may_change(); !outcome) return outcome;
  if (first != state_->last_seq() + 1 || count == 0 || first + count < first) {
    return fail(DUNLIN_E_INVALID, "the sequences do not follow the last");
  }
  if (time_ns != 0 && time_ns < state_->last_time_ns()) {
    return fail(DUNLIN_E_INVALID, "the time lies before the last");
  }
  std::vector<std::uint8_t> entry;
  put_skip(entry, {first, count, time_ns});
  if (auto outcome = put_now(EntryKind::skip, entry); !outcome) return outcome;
  state_->skip(first, count, time_ns);
  return {};
}

result<> Log::reschedule(std::uint64_t seq, std::int64_t due_ns) {
  if (auto outcome = may_change(); !outcome) return outcome;
  if (!state_->view().is_live(seq)) return fail(DUNLIN_E_NOT_FOUND, "there is no such record");
  std::vector<std::uint8_t> entry;
  put_numbers(entry, seq, static_cast<std::uint64_t>(due_ns));
  if (auto outcome = put_now(EntryKind::reschedule, entry); !outcome) return outcome;
  state_->reschedule(seq, due_ns);
  return {};
}

// ---- the next segment -------------------------------------------------------------------------

void Log::prepare() {
  if (is_preparing_ || next_ || is_read_only_ || poison_ || closing_) return;
  is_preparing_ = true;
  ++jobs_;
  const auto number = std::exchange(next_number_, number_behind(next_number_));
  maker_.make_ahead(number, next_capacity(), [this](result<MadeSegment> made) {
    if (!made && made.error().status == DUNLIN_E_NO_SPACE) store_.space->report_full();
    auto held = std::make_shared<result<MadeSegment>>(std::move(made));
    post_raw([this, held] {
      --jobs_;
      prepared(std::move(*held));
      go_on_closing();
    });
  });
}

// A log that fills its segments fast finds some more made already, should the disk be slow for a
// moment.
void Log::stock() {
  if (!grows_fast_ || is_stocking_ || is_full_ || poison_ || closing_) return;
  const auto capacity = next_capacity();
  if (!maker_.wants_stock(capacity)) return;
  is_stocking_ = true;
  ++jobs_;
  const auto number = std::exchange(next_number_, number_behind(next_number_));
  maker_.stock(number, capacity, [this](const result<>& outcome) {
    post_raw([this, is_good = static_cast<bool>(outcome)] {
      --jobs_;
      is_stocking_ = false;
      // Without them the log goes on as well.
      if (is_good) stock();
      go_on_closing();
    });
  });
}

void Log::prepared(result<MadeSegment> made) {
  is_preparing_ = false;
  if (!made) {
    const bool is_no_space = made.error().status == DUNLIN_E_NO_SPACE;
    // A removal may need less than the record that asked for so much.
    if (is_no_space) wanted_capacity_ = 0;
    if (is_no_space && !is_full_) {
      is_full_ = true;
      emit(DUNLIN_LOG_FULL, 0, 0, made.error().text);
    }
    // It may work again later: nothing was damaged by trying. But who waits is told at last.
    if (!is_no_space && ++failed_makes_ >= failures_max && wants_room_) {
      poison(made.error());
      return;
    }
    auto timer = store_.clock.timer(options_.thread, retry_ns, 0, [this] { prepare(); },
                                    options_.shard);
    if (timer && !closing_) retry_ = std::move(*timer);
    return;
  }
  failed_makes_ = 0;
  next_ = std::move(*made);
  CatalogueBatch batch;
  SegmentRow row;
  row.number = next_->number;
  row.file = segment_file_name(next_->number);
  row.epoch = next_->salt;
  row.key_id = store_.keys->current_id();
  row.first_seq = state_->last_seq() + 1;
  batch.put_segment(row_.id, std::move(row));
  // Should this be lost, the file is found by its name.
  static_cast<void>(store_.catalogue->commit(std::move(batch), [](const result<>&) {}));
  if (is_full_ && !store_.space->is_full()) {
    is_full_ = false;
    emit(DUNLIN_LOG_RESUMED, 0, 0, {});
  }
  tell_room();
  stock();
  press_erasures();
}

void Log::tell_room() {
  if (!wants_room_ || journal_.is_full() || is_preparing_) return;
  wants_room_ = false;
  for (const auto& question : std::exchange(waiting_for_room_, {})) {
    post([this, question] { go_on(question); });
  }
  emit(DUNLIN_LOG_ROOM, 0, 0, {});
}

void Log::space_changed(bool is_full) {
  if (is_finishing_ || is_full == is_full_) return;
  is_full_ = is_full;
  emit(is_full ? DUNLIN_LOG_FULL : DUNLIN_LOG_RESUMED, 0, 0,
       is_full ? no_room : std::string_view());
  if (is_full) return;
  prepare();
  try_stalled();
}

}  // namespace dunlin::storage_file::engine
