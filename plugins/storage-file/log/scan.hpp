// SegmentScan: the entries of a segment from a place on, one after the other, those inside blocks
// included. Where an entry cannot be believed it stops, and `resync` looks for the next that can.
//
// Threads: control or a worker, it reads the file. Entries are valid until the next call.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "plugins/storage-file/codec.hpp"
#include "plugins/storage-file/log/entry.hpp"
#include "plugins/storage-file/log/file.hpp"
#include "plugins/storage-file/log/segment_index.hpp"

namespace dunlin::storage_file::engine {

struct Scanned {
  Entry entry;
  std::uint32_t offset = 0;  // in the segment, or in the block
  std::uint32_t block = SegmentIndex::none;  // where the block's entry stands
};

class SegmentScan {
 public:
  // Reads up to `end`. `codec` opens blocks; without one they are not believed.
  SegmentScan(const File& file, SegmentKey key, std::uint32_t begin, std::uint32_t end,
              const BlockCodec* codec)
      : file_(file), key_(key), codec_(codec), position_(begin), end_(end) {}

  // Nothing: what is at `position` cannot be believed, or the end was reached, or reading failed.
  [[nodiscard]] std::optional<Scanned> next();
  // Where the next entry would begin; inside a block where the block begins.
  [[nodiscard]] std::uint32_t position() const noexcept { return position_; }
  [[nodiscard]] bool at_end() const noexcept { return position_ >= end_; }
  // Moves to the next place behind `position` where an entry can be believed; false when there is
  // none up to the end.
  bool resync();
  // What `resync` summed up so far.
  [[nodiscard]] std::uint64_t summed_bytes() const noexcept { return summed_bytes_; }
  // Of the last block that was opened; 0 for none.
  [[nodiscard]] KeyId key_id() const noexcept { return key_id_; }
  // Could the disk not read what stands at `position`? Unlike bytes that cannot be believed, that
  // is never what a crash cut off.
  [[nodiscard]] bool is_unreadable() const noexcept;
  // Why a read failed, when one did. A place the disk cannot read is no failure but a bad place.
  [[nodiscard]] const std::optional<Error>& failure() const noexcept { return failure_; }

 private:
  static constexpr std::size_t window_bytes = 1u << 20;
  static constexpr std::uint64_t piece_bytes = 4096;
  // How much is summed up for claims above `small_claim` before they have to be more plausible, and
  // before they are passed over.
  static constexpr std::uint32_t small_claim = 4u << 10;
  static constexpr std::uint64_t any_claims_max = 32u << 20, large_claims_max = 256u << 20;

  // At least `n` bytes from `offset` on, fewer only at the end.
  std::span<const std::uint8_t> view(std::uint32_t offset, std::size_t n);
  result<> load_window(std::uint64_t offset, std::uint64_t bytes);
  [[nodiscard]] std::optional<Scanned> next_in_block();
  [[nodiscard]] bool may_be_summed(std::uint32_t claimed);
  [[nodiscard]] bool has_successor(std::uint32_t claimed);
  bool open_block(const Entry& entry, std::uint32_t offset);

  const File& file_;
  SegmentKey key_;
  const BlockCodec* codec_;
  std::uint32_t position_, end_;
  std::vector<std::uint8_t> window_;
  std::uint64_t window_begin_ = 0;
  std::vector<std::uint8_t> plain_;  // of the block that is being read
  std::uint32_t plain_at_ = 0, block_ = 0, behind_block_ = 0;
  bool is_in_block_ = false;
  KeyId key_id_ = 0;
  std::uint64_t summed_bytes_ = 0, large_claims_ = 0;
  std::optional<Error> failure_;
  std::vector<std::uint64_t> unreadable_;  // pieces, ascending
};

// The index item of a record's entry.
[[nodiscard]] SegmentIndex::Item item_of(const Scanned& scanned, const dunlin_record& record);

}  // namespace dunlin::storage_file::engine
