// A run of records in two blocks of memory: an ascending index of sequences, and their contents one
// behind the other.
//
// A segment may be shared with snapshots: whoever removes something from a shared one takes a copy
// first, of the index alone; contents are only ever added, so both can use the same. Used by the
// thread of its log. Out of memory throws std::bad_alloc and changes nothing.

#pragma once

#include <dunlin/ext/storage.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

namespace dunlin::storage_mem {

// The contents: one block that grows by doubling until it is sealed.
class Contents {
 public:
  Contents() = default;
  Contents(const Contents&) = delete;
  Contents& operator=(const Contents&) = delete;

  // Room for `bytes` more, or for much more, unless `exact`.
  void reserve(std::size_t bytes, bool exact);
  // The place of the next `bytes`, which are reserved.
  std::uint32_t take(std::size_t bytes) noexcept;
  // Gives back what is not used when that is more than bearable.
  void shrink(std::size_t bearable) noexcept;

  [[nodiscard]] std::uint8_t* at(std::uint32_t offset) noexcept { return block_.get() + offset; }
  [[nodiscard]] const std::uint8_t* at(std::uint32_t offset) const noexcept {
    return block_.get() + offset;
  }
  [[nodiscard]] std::size_t used() const noexcept { return used_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

 private:
  struct Free {
    void operator()(std::uint8_t* block) const noexcept { std::free(block); }
  };
  bool resize(std::size_t capacity) noexcept;

  std::unique_ptr<std::uint8_t[], Free> block_;
  std::size_t used_ = 0, capacity_ = 0;
};

// In front of each record's header and payload; the two moments follow it when they are there.
struct Head {
  std::int64_t time_ns;
  std::uint32_t subject;  // its id in the log's table
  std::uint32_t header_bytes, payload_bytes;
  std::uint32_t moments;  // has_expiry, has_due
};
static_assert(sizeof(Head) == 24);

// A record where it lies.
struct Stored {
  std::uint64_t seq;
  const Head* head;

  [[nodiscard]] std::int64_t expires_ns() const noexcept;
  [[nodiscard]] std::int64_t due_ns() const noexcept;
  // Header and payload, one behind the other.
  [[nodiscard]] const std::uint8_t* content() const noexcept;
  [[nodiscard]] std::size_t content_bytes() const noexcept {
    return std::size_t{head->header_bytes} + head->payload_bytes;
  }
};

// The content of a record that is to be overwritten once nobody reads it any more.
class Erased {
 public:
  Erased(std::shared_ptr<Contents> contents, std::uint32_t offset) noexcept
      : contents_(std::move(contents)), offset_(offset) {}
  // Header and payload become zeros.
  void blank() noexcept;

 private:
  std::shared_ptr<Contents> contents_;
  std::uint32_t offset_;
};

class Segment {
 public:
  static constexpr std::size_t records_max = 2048;
  // With what malloc adds, blocks of full segments are of one size, and fit where others were.
  static constexpr std::size_t bytes_max = 64 * 1024 - 16;

  explicit Segment(std::uint64_t base) : base_(base), contents_(std::make_shared<Contents>()) {}

  // What a record takes in the contents.
  static std::size_t size_of(const dunlin_record& record) noexcept;

  // Whether one more record of that size belongs here.
  [[nodiscard]] bool takes(std::uint64_t seq, std::size_t bytes) const noexcept;
  // Makes sure that the next `append` of that size cannot fail.
  void reserve(std::size_t bytes);
  // Room for as much as another segment has, for one that will be filled.
  void reserve_like(const Segment& full);
  void append(const dunlin_record& record, std::uint32_t subject) noexcept;
  // Nothing will be appended any more: what is not used is given back.
  void seal();

  // Records by place, 0 to size() - 1, ascending; places change with every removal.
  [[nodiscard]] std::size_t size() const noexcept { return index_.size() - head_; }
  [[nodiscard]] std::uint64_t seq(std::size_t place) const noexcept {
    return base_ + index_[head_ + place].delta;
  }
  [[nodiscard]] Stored record(std::size_t place) const noexcept {
    const auto offset = index_[head_ + place].offset;
    return {seq(place), reinterpret_cast<const Head*>(contents_->at(offset))};
  }
  [[nodiscard]] std::uint64_t first() const noexcept { return seq(0); }
  [[nodiscard]] std::uint64_t last() const noexcept { return seq(size() - 1); }
  // The place of the first record at or above `seq`; size() when there is none.
  [[nodiscard]] std::size_t place_of(std::uint64_t seq) const noexcept;
  // Behind how many records from `place` on is the next gap: they are consecutive.
  [[nodiscard]] std::size_t run_at(std::size_t place) const noexcept;

  // The segment is not shared.
  void remove(std::size_t place) noexcept;
  void remove_front(std::size_t count) noexcept;
  void remove_back(std::size_t count) noexcept;
  [[nodiscard]] Erased erased(std::size_t place) const noexcept {
    return {contents_, index_[head_ + place].offset};
  }

  // A copy of the index that uses the same contents.
  [[nodiscard]] std::shared_ptr<Segment> copy() const;
  [[nodiscard]] bool shares_contents() const noexcept { return contents_.use_count() > 1; }
  // What can be moved together takes `bytes_live()`; what is wasted, the rest.
  [[nodiscard]] std::size_t bytes_live() const noexcept { return live_bytes_; }
  [[nodiscard]] std::size_t bytes_used() const noexcept { return contents_->used(); }
  // Appends all records of `from`, which lie behind these. Both are small.
  void absorb(const Segment& from);
  // Moves what is live to a block of its own.
  [[nodiscard]] std::shared_ptr<Segment> compacted() const;
  [[nodiscard]] std::size_t memory_bytes() const noexcept;

 private:
  struct Place {
    std::uint32_t delta, offset;
  };
  [[nodiscard]] std::size_t size_at(std::size_t place) const noexcept;
  void settle_front() noexcept;

  std::uint64_t base_;
  std::vector<Place> index_;
  std::size_t head_ = 0;  // places in front that are removed
  std::size_t live_bytes_ = 0;
  std::shared_ptr<Contents> contents_;
};

}  // namespace dunlin::storage_mem
