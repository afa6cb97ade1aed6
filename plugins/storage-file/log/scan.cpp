#include "plugins/storage-file/log/scan.hpp"

#include <algorithm>

#include "plugins/storage-file/bytes.hpp"

namespace dunlin::storage_file::engine {

std::span<const std::uint8_t> SegmentScan::view(std::uint32_t offset, std::size_t n) {
  const auto wanted = std::min<std::uint64_t>(n, end_ > offset ? end_ - offset : 0);
  const bool is_there = offset >= window_begin_ &&
                        offset + wanted <= window_begin_ + window_.size();
  if (!is_there) {
    const auto bytes = std::min<std::uint64_t>(std::max<std::uint64_t>(wanted, window_bytes),
                                               end_ - offset);
    window_.resize(bytes);
    window_begin_ = offset;
    const auto got = file_.read(offset, window_);
    if (!got) {
      failure_ = got.error();
      window_.clear();
      return {};
    }
  }
  return std::span(window_).subspan(offset - window_begin_);
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

bool SegmentScan::resync() {
  for (position_ += 4; position_ + entry_head_bytes <= end_; position_ += 4) {
    const auto bytes = view(position_, entry_head_bytes);
    if (failure_) return false;
    const auto claimed = claimed_bytes(bytes);
    if (claimed == 0 || claimed > end_ - position_) continue;
    if (read_entry(view(position_, claimed), position_, key_)) return true;
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
