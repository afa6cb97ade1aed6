#include "plugins/storage-mem/records.hpp"

#include <algorithm>
#include <new>

namespace dunlin::storage_mem {
namespace {

// A segment with less than this is put together with a neighbour, when both make no full one.
constexpr std::size_t few_records = Segment::records_max / 8, joined_records = 512;
constexpr std::size_t few_bytes = Segment::bytes_max / 8, joined_bytes = Segment::bytes_max / 2;
constexpr std::size_t wasted_bytes_max = 4096;

}  // namespace

void Records::reserve(const dunlin_record& record) {
  const auto bytes = Segment::size_of(record);
  if (!slots_.empty()) {
    const auto last = slots_.size() - 1;
    if (slots_[last].segment->takes(record.seq, bytes)) {
      change(last, [&](Segment& segment) { segment.reserve(bytes); });
      return;
    }
  }
  auto fresh = std::make_shared<Segment>(record.seq);
  if (!slots_.empty() && bytes <= Segment::bytes_max / 8) {
    fresh->reserve_like(*slots_.back().segment);
  }
  fresh->reserve(bytes);
  slots_.push_back({record.seq, std::move(fresh)});
  memory_bytes_ += slots_.back().segment->memory_bytes();
  if (slots_.size() == 1) return;
  const auto sealed = slots_.size() - 2;
  if (slots_[sealed].segment->size() == 0) {
    drop(sealed);
    return;
  }
  change(sealed, [](Segment& segment) { segment.seal(); });
  tidy(sealed);
}

void Records::append(const dunlin_record& record, std::uint32_t subject) noexcept {
  slots_.back().segment->append(record, subject);
  ++size_;
}

// ---- finding --------------------------------------------------------------------------------

std::size_t Records::slot_of(std::uint64_t seq) const noexcept {
  const auto behind = std::upper_bound(
      slots_.begin(), slots_.end(), seq,
      [](std::uint64_t wanted, const Slot& slot) { return wanted < slot.base; });
  return behind == slots_.begin() ? 0 : static_cast<std::size_t>(behind - slots_.begin()) - 1;
}

std::optional<Records::Position> Records::begin_of(std::size_t slot) const noexcept {
  if (slot >= slots_.size() || slots_[slot].segment->size() == 0) return std::nullopt;
  return Position{slot, 0};
}

std::optional<Records::Position> Records::end_of(std::size_t slot) const noexcept {
  if (slot >= slots_.size()) return std::nullopt;
  const auto size = slots_[slot].segment->size();
  if (size != 0) return Position{slot, size - 1};
  return slot == 0 ? std::nullopt : end_of(slot - 1);
}

std::optional<Records::Position> Records::at_or_above(std::uint64_t seq) const noexcept {
  if (slots_.empty()) return std::nullopt;
  const auto slot = slot_of(seq);
  const auto place = slots_[slot].segment->place_of(seq);
  if (place < slots_[slot].segment->size()) return Position{slot, place};
  return begin_of(slot + 1);
}

std::optional<Records::Position> Records::at_or_below(std::uint64_t seq) const noexcept {
  if (slots_.empty()) return std::nullopt;
  const auto slot = slot_of(seq);
  const auto& segment = *slots_[slot].segment;
  auto place = segment.place_of(seq);
  if (place < segment.size() && segment.seq(place) == seq) return Position{slot, place};
  if (place > 0) return Position{slot, place - 1};
  return slot == 0 ? std::nullopt : end_of(slot - 1);
}

std::optional<Records::Position> Records::next(Position position) const noexcept {
  if (position.place + 1 < slots_[position.segment].segment->size()) {
    return Position{position.segment, position.place + 1};
  }
  return begin_of(position.segment + 1);
}

std::optional<Records::Position> Records::previous(Position position) const noexcept {
  if (position.place > 0) return Position{position.segment, position.place - 1};
  return position.segment == 0 ? std::nullopt : end_of(position.segment - 1);
}

std::optional<Records::Position> Records::find(std::uint64_t seq) const noexcept {
  const auto position = at_or_above(seq);
  return position && at(*position).seq == seq ? position : std::nullopt;
}

std::optional<Records::Position> Records::at_time(std::int64_t time_ns) const noexcept {
  // Times never fall, so the segment is the first whose last record is late enough.
  std::size_t low = 0, high = slots_.size();
  while (low < high) {
    const auto middle = low + (high - low) / 2;
    const auto& segment = *slots_[middle].segment;
    if (segment.size() != 0 && segment.record(segment.size() - 1).head->time_ns < time_ns) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (!begin_of(low)) return std::nullopt;
  const auto& segment = *slots_[low].segment;
  std::size_t first = 0, end = segment.size();
  while (first < end) {
    const auto middle = first + (end - first) / 2;
    if (segment.record(middle).head->time_ns < time_ns) {
      first = middle + 1;
    } else {
      end = middle;
    }
  }
  return Position{low, first};
}

std::uint64_t Records::count_from(std::uint64_t seq) const noexcept {
  if (slots_.empty()) return 0;
  const auto slot = slot_of(seq);
  std::uint64_t found = slots_[slot].segment->size() - slots_[slot].segment->place_of(seq);
  for (auto behind = slot + 1; behind < slots_.size(); ++behind) {
    found += slots_[behind].segment->size();
  }
  return found;
}

std::uint64_t Records::nth(std::uint64_t in_front) const noexcept {
  std::size_t slot = 0;
  while (in_front >= slots_[slot].segment->size()) in_front -= slots_[slot++].segment->size();
  return slots_[slot].segment->seq(in_front);
}

// ---- removing -------------------------------------------------------------------------------

Segment& Records::own(std::size_t slot) {
  auto& shared = slots_[slot].segment;
  if (shared.use_count() > 1) shared = shared->copy();
  return *shared;
}

void Records::drop(std::size_t slot) noexcept {
  memory_bytes_ -= slots_[slot].segment->memory_bytes();
  slots_.erase(slots_.begin() + static_cast<std::ptrdiff_t>(slot));
}

std::optional<Erased> Records::remove(Position position, bool erase) {
  const auto [slot, place] = position;
  std::optional<Erased> seen;
  if (auto& segment = own(slot); erase) {
    const bool is_seen = segment.shares_contents();
    seen = segment.erased(place);
    if (!is_seen) {
      seen->blank();
      seen.reset();
    }
  }
  change(slot, [place = place](Segment& changed) { changed.remove(place); });
  --size_;
  if (!is_open(slot)) tidy(slot);
  return seen;
}

void Records::tidy(std::size_t slot) noexcept {
  if (slots_[slot].segment->size() == 0) {
    drop(slot);
    return;
  }
  // Without memory it stays wasteful until a later removal.
  try {
    compact(slot);
  } catch (const std::bad_alloc&) {
    return;
  }
}

void Records::compact(std::size_t slot) {
  auto& segment = slots_[slot].segment;
  if (segment.use_count() > 1 || segment->shares_contents()) return;
  if (segment->size() <= few_records && segment->bytes_live() <= few_bytes) {
    if (join(slot) || (slot > 0 && join(slot - 1))) return;
  }
  const auto wasted = segment->bytes_used() - segment->bytes_live();
  if (wasted <= wasted_bytes_max || wasted <= segment->bytes_live()) return;
  auto moved = segment->compacted();
  memory_bytes_ -= segment->memory_bytes();
  segment = std::move(moved);
  memory_bytes_ += segment->memory_bytes();
}

// Puts a sealed segment and the next one, which is sealed too, together.
bool Records::join(std::size_t lower) {
  if (lower + 2 >= slots_.size()) return false;
  const auto& first = slots_[lower].segment;
  const auto& second = slots_[lower + 1].segment;
  const auto is_shared = [](const std::shared_ptr<Segment>& segment) {
    return segment.use_count() > 1 || segment->shares_contents();
  };
  if (is_shared(first) || is_shared(second) ||
      first->size() + second->size() > joined_records ||
      first->bytes_live() + second->bytes_live() > joined_bytes ||
      second->last() - first->first() >= std::uint64_t{1} << 31) {
    return false;
  }
  auto joined = first->compacted();
  joined->absorb(*second);
  drop(lower + 1);
  memory_bytes_ -= slots_[lower].segment->memory_bytes();
  slots_[lower].segment = std::move(joined);
  memory_bytes_ += slots_[lower].segment->memory_bytes();
  return true;
}

void Records::clear() noexcept {
  Slots().swap(slots_);
  size_ = 0;
  memory_bytes_ = 0;
}

}  // namespace dunlin::storage_mem
