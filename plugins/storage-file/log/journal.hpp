// Journal: the bytes on their way to the segments. Entries are encoded straight into chunks that
// mirror a stretch of the segment; a batch is what was added since the batch before, and goes to
// the disk with one write and one sync. Chunks stay in memory for a while after that, so that those
// who read what was just written need no disk.
//
// Each batch begins with a mark that says what was durable when it was handed over: a bad entry in
// front of a place that a later mark calls durable is damage, one behind all such places is what
// the crash cut off. A small record that comes first carries the mark in itself.
//
// With a key, entries are gathered in blocks, each of which stands in the segment as one encrypted
// entry of known size; places inside it are counted in its plain content.
//
// No input or output. Owned and used by the log's thread; a worker writes the bytes of a batch
// while the thread adds others behind them, and never the same ones.

#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "plugins/storage-file/codec.hpp"
#include "plugins/storage-file/log/entry.hpp"
#include "plugins/storage-file/log/file.hpp"
#include "plugins/storage-file/log/segment.hpp"

namespace dunlin::storage_file::engine {

struct Chunk {
  std::uint64_t segment = 0;
  std::uint32_t begin = 0;     // in the segment
  std::uint32_t capacity = 0;
  std::uint32_t used = 0;
  std::uint32_t taken = 0;     // up to here it belongs to batches
  std::uint32_t flushed = 0;   // up to here it is written
  bool is_block = false;
  bool is_closed = false;
  std::unique_ptr<std::uint8_t[]> bytes;
};

struct Batch {
  struct Piece {
    std::shared_ptr<File> file;
    std::shared_ptr<Chunk> chunk;
    std::uint32_t from = 0, to = 0;
    std::uint32_t capacity = 0;  // of the segment
    SegmentKey key{};
    std::shared_ptr<const BlockCodec> codec;  // of blocks
  };
  std::vector<Piece> pieces;
  Position end;
  std::uint64_t last_seq = 0;
  std::uint64_t bytes = 0;
};

class Journal {
 public:
  struct Limits {
    std::uint64_t buffer_bytes = 8u << 20;  // accepted and not yet written
    std::uint64_t hot_bytes = 8u << 20;     // kept after they were written
    std::uint32_t chunk_bytes = 1u << 20;
  };
  struct Slot {
    std::uint8_t* bytes = nullptr;
    std::uint32_t offset = 0;  // in the segment, or in the block
    std::uint32_t block = SegmentIndex::none;  // offset of the block's entry
    SegmentKey key{};
  };

  Journal(std::uint64_t log, const Limits& limits) : log_(log), limits_(limits) {}

  // Goes on in `segment` behind `offset`; with a codec that encrypts, in blocks.
  void begin(const Segment& segment, std::uint32_t offset,
             std::shared_ptr<const BlockCodec> codec);
  // Closes the segment with an entry that says so; answers where its entries end.
  std::uint32_t end_segment();

  // Is there room in the segment for an entry of that size, and for what has to follow? For several
  // entries, so many bytes together, with the number of blocks they may need (`blocks_for`).
  [[nodiscard]] bool fits(std::uint32_t bytes, std::uint32_t blocks = 1) const noexcept;
  // What an empty segment needs for it.
  [[nodiscard]] std::uint64_t capacity_for(std::uint32_t bytes,
                                           std::uint32_t blocks = 1) const noexcept;
  // Of two blocks in a row at least one is half full.
  [[nodiscard]] static std::uint32_t blocks_for(std::uint32_t bytes) noexcept {
    return bytes / (first_chunk_bytes / 2) + 2;
  }
  [[nodiscard]] bool is_full() const noexcept { return waiting_ >= limits_.buffer_bytes; }
  // Would a record of that size begin the next batch, and carry its mark?
  [[nodiscard]] bool wants_carrier(std::uint32_t bytes) const noexcept;
  // Room for an entry that fits; of a record that carries a mark, with it.
  Slot reserve(std::uint32_t bytes, bool carries_mark = false);
  // An entry of another kind than a record; head and body as the put_ functions make them.
  void put(EntryKind kind, std::vector<std::uint8_t>& entry);

  // Is there something for the next batch?
  [[nodiscard]] bool has_open() const noexcept { return !open_.empty(); }
  [[nodiscard]] std::uint64_t open_bytes() const noexcept { return open_bytes_; }
  // What was added since the last batch. `durable` is what is durable now.
  Batch take(Position durable, std::uint64_t last_seq);
  void flushed(const Batch& batch);
  [[nodiscard]] Position end() const noexcept;

  // The entry at that place, while it is in memory: everything up to the end of its chunk.
  [[nodiscard]] std::span<const std::uint8_t> find(std::uint64_t segment,
                                                   std::uint32_t offset) const noexcept;
  // Everything from here on is in memory.
  [[nodiscard]] Position hot_begin() const noexcept;
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return held_ + (spare_ ? limits_.chunk_bytes : 0);
  }
  [[nodiscard]] bool is_block_mode() const noexcept { return codec_ != nullptr; }

 private:
  static constexpr std::uint32_t first_chunk_bytes = 16u << 10;
  static constexpr std::uint32_t block_bytes_max = 64u << 10;
  // The checksum of a carrier is computed again when the mark is known.
  static constexpr std::uint32_t carrier_bytes_max = 4u << 10;

  [[nodiscard]] std::uint32_t block_overhead() const noexcept;
  Chunk& chunk_for(std::uint32_t bytes, bool is_block);
  std::unique_ptr<std::uint8_t[]> memory(std::uint32_t bytes);
  Slot reserve_in(std::uint32_t bytes, bool is_block);
  void close_block();
  [[nodiscard]] bool has_mark() const noexcept;
  void open_batch();
  void trim();

  std::uint64_t log_;
  Limits limits_;
  std::uint64_t segment_ = 0;
  SegmentKey key_{};
  std::uint32_t capacity_ = 0, end_ = 0;  // end: where the next chunk begins
  std::shared_ptr<File> file_;
  std::shared_ptr<const BlockCodec> codec_;  // nothing: entries stand as they are
  std::deque<std::shared_ptr<Chunk>> chunks_;
  std::vector<Batch::Piece> open_;  // of the batch being gathered; `to` comes with `take`
  struct Mark {
    std::uint8_t* bytes;
    std::uint64_t segment;
    std::uint32_t offset;
    SegmentKey key;
    std::uint32_t carrier_bytes;  // of the record that carries it; 0: it is an entry of its own
  };
  std::vector<Mark> marks_;
  std::uint64_t waiting_ = 0;     // accepted and not yet written
  std::uint64_t open_bytes_ = 0;  // of it, for the next batch
  std::uint64_t held_ = 0;
  std::uint32_t next_chunk_bytes_ = first_chunk_bytes;
  std::unique_ptr<std::uint8_t[]> spare_;  // of limits_.chunk_bytes, used again
};

}  // namespace dunlin::storage_file::engine
