#include "plugins/storage-mem/segment.hpp"

#include <algorithm>
#include <cstring>
#include <new>

namespace dunlin::storage_mem {
namespace {

constexpr std::uint32_t has_expiry = 1, has_due = 2;

std::size_t padded(std::size_t bytes) noexcept { return (bytes + 7) & ~std::size_t{7}; }

std::size_t moments_bytes(std::uint32_t moments) noexcept {
  return sizeof(std::int64_t) * ((moments & has_expiry) + ((moments & has_due) >> 1));
}

std::size_t size_of(const Head& head) noexcept {
  return padded(sizeof head + moments_bytes(head.moments) + head.header_bytes +
                head.payload_bytes);
}

std::int64_t moment_at(const Head* head, std::size_t place) noexcept {
  std::int64_t value = 0;
  std::memcpy(&value, reinterpret_cast<const std::uint8_t*>(head + 1) + place * sizeof value,
              sizeof value);
  return value;
}

std::uint8_t* put(std::uint8_t* out, const void* bytes, std::size_t size) noexcept {
  if (size != 0) std::memcpy(out, bytes, size);
  return out + size;
}

}  // namespace

// ---- Contents -------------------------------------------------------------------------------

bool Contents::resize(std::size_t capacity) noexcept {
  auto* const moved = static_cast<std::uint8_t*>(std::realloc(block_.get(), capacity));
  if (moved == nullptr) return false;
  static_cast<void>(block_.release());
  block_.reset(moved);
  capacity_ = capacity;
  return true;
}

void Contents::reserve(std::size_t bytes, bool exact) {
  const auto needed = used_ + bytes;
  if (needed <= capacity_) return;
  constexpr std::size_t smallest = 512;
  const auto wanted = exact ? needed : std::max({needed, capacity_ * 2, smallest});
  if (!resize(wanted)) throw std::bad_alloc();
}

std::uint32_t Contents::take(std::size_t bytes) noexcept {
  const auto offset = used_;
  used_ += bytes;
  return static_cast<std::uint32_t>(offset);
}

void Contents::shrink(std::size_t bearable) noexcept {
  if (used_ != 0 && capacity_ - used_ > bearable) resize(used_);
}

// ---- Stored ---------------------------------------------------------------------------------

std::int64_t Stored::expires_ns() const noexcept {
  return (head->moments & has_expiry) != 0 ? moment_at(head, 0) : 0;
}

std::int64_t Stored::due_ns() const noexcept {
  return (head->moments & has_due) != 0 ? moment_at(head, head->moments & has_expiry) : 0;
}

const std::uint8_t* Stored::content() const noexcept {
  return reinterpret_cast<const std::uint8_t*>(head + 1) + moments_bytes(head->moments);
}

void Erased::blank() noexcept {
  const Stored stored{0, reinterpret_cast<const Head*>(contents_->at(offset_))};
  const auto in_head = stored.content() - reinterpret_cast<const std::uint8_t*>(stored.head);
  std::memset(contents_->at(offset_) + in_head, 0, stored.content_bytes());
}

// ---- Segment --------------------------------------------------------------------------------

std::size_t Segment::size_of(const dunlin_record& record) noexcept {
  const std::size_t moments = (record.expires_ns != 0 ? 1 : 0) + (record.due_ns != 0 ? 1 : 0);
  return padded(sizeof(Head) + moments * sizeof(std::int64_t) + record.header.size +
                record.payload.size);
}

bool Segment::takes(std::uint64_t seq, std::size_t bytes) const noexcept {
  // Also keeps sequences that were skipped by the billion out of the deltas.
  constexpr std::uint64_t span_max = std::uint64_t{1} << 31;
  if (seq - base_ >= span_max || index_.size() >= records_max) return false;
  return contents_->used() == 0 || contents_->used() + bytes <= bytes_max;
}

void Segment::reserve(std::size_t bytes) {
  if (index_.size() == index_.capacity()) {
    index_.reserve(std::max<std::size_t>(4, std::min(index_.size() * 2, records_max)));
  }
  const auto used = contents_->used();
  if (used + bytes <= contents_->capacity()) return;
  if (used + bytes >= bytes_max / 2) {
    contents_->reserve(std::max(bytes, bytes_max - std::min(used, bytes_max)), true);
  } else {
    contents_->reserve(bytes, false);
  }
}

void Segment::reserve_like(const Segment& full) {
  index_.reserve(std::min(full.index_.size() + 1, records_max));
  contents_->reserve(bytes_max, true);
}

void Segment::append(const dunlin_record& record, std::uint32_t subject) noexcept {
  const auto bytes = size_of(record);
  const auto offset = contents_->take(bytes);
  auto* out = contents_->at(offset);
  Head head{record.time_ns, subject, static_cast<std::uint32_t>(record.header.size),
            static_cast<std::uint32_t>(record.payload.size), 0};
  if (record.expires_ns != 0) head.moments |= has_expiry;
  if (record.due_ns != 0) head.moments |= has_due;
  out = put(out, &head, sizeof head);
  if (record.expires_ns != 0) out = put(out, &record.expires_ns, sizeof record.expires_ns);
  if (record.due_ns != 0) out = put(out, &record.due_ns, sizeof record.due_ns);
  out = put(out, record.header.data, record.header.size);
  put(out, record.payload.data, record.payload.size);
  index_.push_back({static_cast<std::uint32_t>(record.seq - base_), offset});
  live_bytes_ += bytes;
}

void Segment::seal() {
  constexpr std::size_t bearable_per_record = 6;
  contents_->shrink(index_.size() * bearable_per_record);
  if (index_.capacity() - index_.size() > index_.size() / 16) index_.shrink_to_fit();
}

std::size_t Segment::place_of(std::uint64_t seq) const noexcept {
  if (size() == 0 || seq <= first()) return 0;
  if (seq > last()) return size();
  // Most segments have no gap: then the place is known.
  if (last() - first() + 1 == size()) return seq - first();
  const auto delta = static_cast<std::uint32_t>(seq - base_);
  const auto begin = index_.begin() + static_cast<std::ptrdiff_t>(head_);
  const auto at = std::lower_bound(begin, index_.end(), delta, [](const Place& place,
                                                                  std::uint32_t wanted) {
    return place.delta < wanted;
  });
  return static_cast<std::size_t>(at - begin);
}

std::size_t Segment::run_at(std::size_t place) const noexcept {
  // Sequence minus place never falls, and grows at each gap.
  const auto origin = seq(place) - place;
  std::size_t low = place + 1, high = size();
  while (low < high) {
    const auto middle = low + (high - low) / 2;
    if (seq(middle) - middle == origin) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low - place;
}

std::size_t Segment::size_at(std::size_t place) const noexcept {
  return storage_mem::size_of(*record(place).head);
}

void Segment::remove(std::size_t place) noexcept {
  live_bytes_ -= size_at(place);
  if (place == 0) {
    ++head_;
    settle_front();
  } else {
    index_.erase(index_.begin() + static_cast<std::ptrdiff_t>(head_ + place));
  }
}

void Segment::remove_front(std::size_t count) noexcept {
  for (std::size_t place = 0; place < count; ++place) live_bytes_ -= size_at(place);
  head_ += count;
  settle_front();
}

void Segment::settle_front() noexcept {
  if (head_ * 2 <= index_.size()) return;
  index_.erase(index_.begin(), index_.begin() + static_cast<std::ptrdiff_t>(head_));
  head_ = 0;
}

void Segment::remove_back(std::size_t count) noexcept {
  for (auto place = size() - count; place < size(); ++place) live_bytes_ -= size_at(place);
  index_.resize(index_.size() - count);
}

std::shared_ptr<Segment> Segment::copy() const { return std::make_shared<Segment>(*this); }

void Segment::absorb(const Segment& from) {
  index_.reserve(index_.size() + from.size());
  contents_->reserve(from.live_bytes_, true);
  for (std::size_t place = 0; place < from.size(); ++place) {
    const auto stored = from.record(place);
    const auto bytes = from.size_at(place);
    const auto offset = contents_->take(bytes);
    std::memcpy(contents_->at(offset), stored.head, bytes);
    index_.push_back({static_cast<std::uint32_t>(stored.seq - base_), offset});
    live_bytes_ += bytes;
  }
}

std::shared_ptr<Segment> Segment::compacted() const {
  auto made = std::make_shared<Segment>(size() > 0 ? first() : base_);
  made->absorb(*this);
  return made;
}

std::size_t Segment::memory_bytes() const noexcept {
  constexpr std::size_t blocks = 4 * 16;  // what malloc keeps beside the four blocks
  return sizeof *this + sizeof(Contents) + blocks + index_.capacity() * sizeof(Place) +
         contents_->capacity();
}

}  // namespace dunlin::storage_mem
