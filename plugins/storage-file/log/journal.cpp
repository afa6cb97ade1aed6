#include "plugins/storage-file/log/journal.hpp"

#include <algorithm>
#include <cstring>

namespace dunlin::storage_file::engine {

void Journal::begin(const Segment& segment, std::uint32_t offset,
                    std::shared_ptr<const BlockCodec> codec) {
  segment_ = segment.number;
  key_ = segment.key(log_);
  capacity_ = segment.capacity;
  end_ = offset;
  file_ = segment.file;
  codec_ = codec && !codec->is_plain() ? std::move(codec) : nullptr;
  if (!chunks_.empty()) chunks_.back()->is_closed = true;
}

std::uint32_t Journal::block_overhead() const noexcept {
  return entry_head_bytes + static_cast<std::uint32_t>(codec_->bound(0));
}

Position Journal::end() const noexcept {
  if (!chunks_.empty() && chunks_.back()->segment == segment_ && !chunks_.back()->is_closed) {
    const auto& chunk = *chunks_.back();
    if (!chunk.is_block) return {segment_, chunk.begin + chunk.used};
    return {segment_, padded(chunk.begin + block_overhead() + chunk.used)};
  }
  return {segment_, end_};
}

bool Journal::fits(std::uint32_t bytes, std::uint32_t blocks) const noexcept {
  // A block may have to be closed and another begun, with a mark in front.
  const std::uint64_t framing = mark_bytes + entry_head_bytes +
                                (codec_ ? std::uint64_t{blocks} * (block_overhead() + 4) : 0);
  return end().offset + framing + padded(bytes) <= capacity_;
}

std::uint64_t Journal::capacity_for(std::uint32_t bytes, std::uint32_t blocks) const noexcept {
  const std::uint64_t framing = 2u * mark_bytes + padded(start_bytes) + entry_head_bytes +
                                (codec_ ? (blocks + 1ull) * (block_overhead() + 4) : 0);
  return segment_header_bytes + framing + padded(bytes);
}

void Journal::close_block() {
  if (chunks_.empty()) return;
  auto& chunk = *chunks_.back();
  if (chunk.is_closed || chunk.segment != segment_) return;
  end_ = end().offset;
  chunk.is_closed = true;
}

// What is handed out is always written before it is read: no need to clear it.
std::unique_ptr<std::uint8_t[]> Journal::memory(std::uint32_t bytes) {
  if (bytes == limits_.chunk_bytes && spare_) return std::move(spare_);
  return std::unique_ptr<std::uint8_t[]>(new std::uint8_t[bytes]);
}

Chunk& Journal::chunk_for(std::uint32_t bytes, bool is_block) {
  if (!chunks_.empty()) {
    auto& chunk = *chunks_.back();
    const bool is_usable = !chunk.is_closed && chunk.segment == segment_ &&
                           chunk.is_block == is_block && chunk.used + bytes <= chunk.capacity;
    if (is_usable) return chunk;
  }
  close_block();
  auto chunk = std::make_shared<Chunk>();
  chunk->segment = segment_;
  chunk->begin = end_;
  chunk->is_block = is_block;
  chunk->capacity = std::max(bytes, is_block ? std::min(block_bytes_max, next_chunk_bytes_)
                                             : next_chunk_bytes_);
  if (codec_ && !is_block) chunk->capacity = std::max(bytes, 256u);
  next_chunk_bytes_ = std::min(next_chunk_bytes_ * 2, limits_.chunk_bytes);
  chunk->bytes = memory(chunk->capacity);
  held_ += chunk->capacity;
  chunks_.push_back(std::move(chunk));
  return *chunks_.back();
}

Journal::Slot Journal::reserve_in(std::uint32_t bytes, bool is_block) {
  const auto size = padded(bytes);
  auto& chunk = chunk_for(size, is_block);
  if (open_.empty() || open_.back().chunk.get() != &chunk) {
    open_.push_back({file_, chunks_.back(), chunk.used, 0, capacity_, key_, codec_});
  }
  const Slot slot{chunk.bytes.get() + chunk.used, is_block ? chunk.used : chunk.begin + chunk.used,
                  is_block ? chunk.begin : SegmentIndex::none, key_};
  chunk.used += size;
  waiting_ += size;
  open_bytes_ += size;
  return slot;
}

bool Journal::has_mark() const noexcept {
  return !marks_.empty() && marks_.back().segment == segment_;
}

void Journal::open_batch() {
  if (has_mark()) return;
  const auto slot = reserve_in(mark_bytes, false);
  marks_.push_back({slot.bytes, segment_, slot.offset, slot.key, 0});
}

bool Journal::wants_carrier(std::uint32_t bytes) const noexcept {
  return !has_mark() && codec_ == nullptr && bytes <= carrier_bytes_max;
}

Journal::Slot Journal::reserve(std::uint32_t bytes, bool carries_mark) {
  if (!carries_mark) open_batch();
  const auto slot = reserve_in(bytes, codec_ != nullptr);
  if (carries_mark) marks_.push_back({slot.bytes, segment_, slot.offset, slot.key, bytes});
  return slot;
}

void Journal::put(EntryKind kind, std::vector<std::uint8_t>& entry) {
  open_batch();
  const auto bytes = static_cast<std::uint32_t>(entry.size());
  const bool is_framing = kind == EntryKind::start || kind == EntryKind::end;
  const auto slot = reserve_in(bytes, codec_ != nullptr && !is_framing);
  std::memcpy(slot.bytes, entry.data(), entry.size());
  seal_entry(slot.bytes, kind, bytes, slot.offset, slot.key);
}

std::uint32_t Journal::end_segment() {
  std::vector<std::uint8_t> entry(entry_head_bytes);
  put(EntryKind::end, entry);
  const auto at = end().offset;
  close_block();
  return at;
}

Batch Journal::take(Position durable, std::uint64_t last_seq) {
  Batch batch;
  if (codec_) close_block();
  for (const auto& mark : marks_) {
    const auto offset = durable.segment == mark.segment ? durable.offset : 0;
    if (mark.carrier_bytes != 0) {
      set_carried_mark(mark.bytes, offset, mark.carrier_bytes, mark.offset, mark.key);
      continue;
    }
    std::vector<std::uint8_t> entry;
    put_mark(entry, offset);
    std::memcpy(mark.bytes, entry.data(), entry.size());
    seal_entry(mark.bytes, EntryKind::mark, mark_bytes, mark.offset, mark.key);
  }
  marks_.clear();
  batch.pieces = std::move(open_);
  open_.clear();
  open_bytes_ = 0;
  for (auto& piece : batch.pieces) {
    piece.to = piece.chunk->used;
    piece.chunk->taken = piece.to;
    batch.bytes += piece.to - piece.from;
  }
  batch.end = end();
  batch.last_seq = last_seq;
  return batch;
}

void Journal::flushed(const Batch& batch) {
  for (const auto& piece : batch.pieces) piece.chunk->flushed = piece.to;
  waiting_ -= batch.bytes;
  trim();
}

void Journal::trim() {
  while (chunks_.size() > 1 && held_ > limits_.hot_bytes) {
    const auto& oldest = *chunks_.front();
    if (!oldest.is_closed || oldest.flushed != oldest.used) break;
    held_ -= oldest.capacity;
    // Nobody but a batch that is on its way holds one, and this one has arrived.
    if (oldest.capacity == limits_.chunk_bytes && chunks_.front().use_count() == 1) {
      spare_ = std::move(chunks_.front()->bytes);
    }
    chunks_.pop_front();
  }
}

std::span<const std::uint8_t> Journal::find(std::uint64_t segment,
                                            std::uint32_t offset) const noexcept {
  const auto behind = std::upper_bound(
      chunks_.begin(), chunks_.end(), Position{segment, offset},
      [](const Position& wanted, const std::shared_ptr<Chunk>& chunk) {
        return wanted < Position{chunk->segment, chunk->begin};
      });
  if (behind == chunks_.begin()) return {};
  const auto& chunk = **std::prev(behind);
  if (chunk.segment != segment) return {};
  if (chunk.is_block) {
    if (chunk.begin != offset) return {};
    return {chunk.bytes.get(), chunk.used};
  }
  if (offset - chunk.begin >= chunk.used) return {};
  return {chunk.bytes.get() + (offset - chunk.begin), chunk.used - (offset - chunk.begin)};
}

Position Journal::hot_begin() const noexcept {
  if (chunks_.empty()) return {segment_, end_};
  return {chunks_.front()->segment, chunks_.front()->begin};
}

}  // namespace dunlin::storage_file::engine
