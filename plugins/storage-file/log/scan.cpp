#include "plugins/storage-file/log/scan.hpp"

#include <algorithm>
#include <array>

#include "plugins/storage-file/bytes.hpp"

namespace dunlin::storage_file::engine {

std::span<const std::uint8_t> SegmentScan::view(std::uint32_t offset, std::size_t n) {
  const auto wanted = std::min<std::uint64_t>(n, end_ > offset ? end_ - offset : 0);
  const bool is_there = offset >= window_begin_ &&
                        offset + wanted <= window_begin_ + window_.size();
  if (!is_there) {
    const auto bytes = std::min<std::uint64_t>(std::max<std::uint64_t>(wanted, window_bytes),
                                               end_ - offset);
    if (const auto got = load_window(offset, bytes); !got) {
      failure_ = got.error();
      window_.clear();
      return {};
    }
  }
  return std::span(window_).subspan(offset - window_begin_);
}

// When the disk cannot read all of it, piece by piece: those it cannot read are zeros.
result<> SegmentScan::load_window(std::uint64_t offset, std::uint64_t bytes) {
  window_.resize(bytes);
  window_begin_ = offset;
  const auto got = file_.read(offset, window_);
  if (got) return {};
  if (got.error().status != DUNLIN_E_IO) return got.error();
  for (std::uint64_t at = 0; at < bytes;) {
    const auto piece_end = ((offset + at) / piece_bytes + 1) * piece_bytes;
    const auto end = std::min(bytes, piece_end - offset);
    const auto piece = std::span(window_).subspan(at, end - at);
    if (const auto read = file_.read(offset + at, piece); !read) {
      if (read.error().status != DUNLIN_E_IO) return read.error();
      std::fill(piece.begin(), piece.end(), std::uint8_t{0});
      const auto number = (offset + at) / piece_bytes;
      if (unreadable_.empty() || unreadable_.back() < number) unreadable_.push_back(number);
    }
    at = end;
  }
  return {};
}

bool SegmentScan::is_unreadable() const noexcept {
  const auto first = position_ / piece_bytes;
  const auto found = std::lower_bound(unreadable_.begin(), unreadable_.end(), first);
  return found != unreadable_.end() && *found <= first + 1;
}

bool SegmentScan::open_block(const Entry& entry, std::uint32_t offset) {
  if (codec_ == nullptr) return false;
  plain_.clear();
  if (const auto opened = codec_->decode(entry.body, offset + entry_head_bytes, plain_); !opened) {
    if (opened.error().status == DUNLIN_E_DENIED) failure_ = opened.error();
    return false;
  }
  if (auto info = inspect_block(entry.body)) key_id_ = info->key_id;
  is_in_block_ = true;
  plain_at_ = 0;
  block_ = offset;
  behind_block_ = offset + padded(entry.bytes);
  return true;
}

std::optional<Scanned> SegmentScan::next_in_block() {
  const auto rest = std::span<const std::uint8_t>(plain_).subspan(plain_at_);
  const auto entry = read_entry(rest, plain_at_, key_);
  if (!entry) {
    // What is authentic was written whole; only its end is the end.
    is_in_block_ = false;
    position_ = behind_block_;
    return std::nullopt;
  }
  const Scanned scanned{*entry, plain_at_, block_};
  plain_at_ += padded(entry->bytes);
  if (plain_at_ >= plain_.size()) {
    is_in_block_ = false;
    position_ = behind_block_;
  }
  return scanned;
}

std::optional<Scanned> SegmentScan::next() {
  for (;;) {
    if (is_in_block_) {
      if (const auto inner = next_in_block()) return inner;
      continue;
    }
    if (at_end()) return std::nullopt;
    auto bytes = view(position_, entry_head_bytes);
    const auto claimed = claimed_bytes(bytes);
    if (claimed == 0 || claimed > end_ - position_) return std::nullopt;
    bytes = view(position_, claimed);
    const auto entry = read_entry(bytes, position_, key_);
    if (!entry) return std::nullopt;
    if (entry->kind == EntryKind::block) {
      if (!open_block(*entry, position_)) return std::nullopt;
      continue;
    }
    const Scanned scanned{*entry, position_, SegmentIndex::none};
    position_ += padded(entry->bytes);
    return scanned;
  }
}

// Is there something like an entry behind that one, or nothing?
bool SegmentScan::has_successor(std::uint32_t claimed) {
  const auto behind = std::uint64_t{position_} + padded(claimed);
  if (behind + entry_head_bytes > end_) return true;
  std::array<std::uint8_t, probe_bytes> bytes{};
  const auto there = std::span(bytes).first(std::min<std::uint64_t>(bytes.size(), end_ - behind));
  if (const auto got = file_.read(behind, there); !got) return false;
  return plausible_bytes(there) != 0 ||
         std::all_of(there.begin(), there.end(), [](std::uint8_t byte) { return byte == 0; });
}

// What stands there may be anything, and chosen by whoever wrote messages into a file that is used
// again. To sum up all that looks like the beginning of a large entry would take minutes, and would
// let a client choose how long.
bool SegmentScan::may_be_summed(std::uint32_t claimed) {
  if (claimed > small_claim) {
    if (large_claims_ + claimed > large_claims_max) return false;
    if (large_claims_ + claimed > any_claims_max && !has_successor(claimed)) return false;
    large_claims_ += claimed;
  }
  summed_bytes_ += claimed;
  return true;
}

bool SegmentScan::resync() {
  constexpr std::uint32_t step = 4;
  while (position_ < end_ && end_ - position_ >= step + entry_head_bytes) {
    position_ += step;
    const auto bytes = view(position_, probe_bytes);
    if (failure_) return false;
    const auto claimed = plausible_bytes(bytes);
    if (claimed == 0 || claimed > end_ - position_ || !may_be_summed(claimed)) continue;
    if (read_entry(view(position_, claimed), position_, key_)) return true;
    if (failure_) return false;
  }
  position_ = end_;
  return false;
}

SegmentIndex::Item item_of(const Scanned& scanned, const dunlin_record& record) {
  SegmentIndex::Item item;
  item.offset = scanned.offset;
  item.block = scanned.block;
  item.entry_bytes = scanned.entry.bytes & entry_bytes_max;
  item.has_header = record.header.size != 0;
  item.has_expiry = record.expires_ns != 0;
  item.has_due = record.due_ns != 0;
  const bool is_record = scanned.entry.kind == EntryKind::record;
  item.has_long_seq = is_record && record.seq >= long_seq;
  item.carries_mark = is_record && get_mark(scanned.entry).has_value();
  item.time_ns = record.time_ns;
  return item;
}

}  // namespace dunlin::storage_file::engine
