// A hash table from 32-bit hashes to 32-bit ids that grows one bucket at a time (linear hashing):
// no insert ever moves more than the ids of one bucket.
//
// A bucket is a cache line of seven pairs; a full one continues in an overflow bucket. The caller
// keeps what the ids stand for and decides which of the ids with an equal hash is meant. Owned and
// used by one thread at a time. Out of memory throws std::bad_alloc and changes nothing.

#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "plugins/storage-common/pages.hpp"

namespace dunlin::storage {

class IdHash {
 public:
  static constexpr std::uint32_t none = 0xffffffff;

  // The first id under `hash` that `is_it(id)` accepts, or `none`.
  template <class IsIt>
  [[nodiscard]] std::uint32_t find(std::uint32_t hash, IsIt&& is_it) const {
    if (buckets_.size() == 0) return none;
    for (const auto* bucket = &buckets_[home(hash)];; bucket = &overflow_[bucket->next]) {
      for (std::uint32_t i = 0; i < bucket->used; ++i) {
        if (bucket->hash[i] == hash && is_it(bucket->id[i])) return bucket->id[i];
      }
      if (bucket->next == none) return none;
    }
  }

  void insert(std::uint32_t hash, std::uint32_t id) {
    if (buckets_.size() == 0) buckets_.push_back({});
    if (size_ + 1 > buckets_.size() * load_target) split();
    put(buckets_[home(hash)], hash, id);
    ++size_;
  }

  // The pair is there.
  void erase(std::uint32_t hash, std::uint32_t id) noexcept {
    auto& first = buckets_[home(hash)];
    auto* holder = &first;
    std::uint32_t slot = 0;
    for (; !find_slot(*holder, id, slot); holder = &overflow_[holder->next]) {
    }
    auto* link = &first.next;
    auto* last = &first;
    while (last->next != none) {
      link = &last->next;
      last = &overflow_[last->next];
    }
    --last->used;
    holder->hash[slot] = last->hash[last->used];
    holder->id[slot] = last->id[last->used];
    if (last->used == 0 && last != &first) release(*link);
    --size_;
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  void clear() noexcept {
    buckets_.clear();
    overflow_.clear();
    free_ = none;
    size_ = 0;
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return buckets_.memory_bytes() + overflow_.memory_bytes();
  }

 private:
  static constexpr std::uint32_t slots = 7;
  // Five of seven: the buckets that are next to be split are about full then.
  static constexpr std::size_t load_target = 5;

  struct Bucket {
    std::uint32_t hash[slots] = {};
    std::uint32_t id[slots] = {};
    std::uint32_t used = 0;
    std::uint32_t next = none;  // into overflow_
  };
  static_assert(sizeof(Bucket) == 64);

  [[nodiscard]] std::size_t home(std::uint32_t hash) const noexcept {
    const auto range = std::bit_ceil(buckets_.size());
    const auto at = hash & (range - 1);
    return at < buckets_.size() ? at : at - range / 2;
  }
  static bool find_slot(const Bucket& bucket, std::uint32_t id, std::uint32_t& slot) noexcept {
    for (slot = 0; slot < bucket.used; ++slot) {
      if (bucket.id[slot] == id) return true;
    }
    return false;
  }

  void put(Bucket& first, std::uint32_t hash, std::uint32_t id) {
    auto* bucket = &first;
    while (bucket->used == slots) {
      if (bucket->next != none) {
        bucket = &overflow_[bucket->next];
        continue;
      }
      // Taking an overflow bucket may move the small first page that `bucket` lies in.
      const auto is_first = bucket == &first;
      const auto place = is_first ? none : place_of(first);
      const auto fresh = take();
      bucket = is_first ? &first : &overflow_[place];
      bucket->next = fresh;
      bucket = &overflow_[fresh];
    }
    bucket->hash[bucket->used] = hash;
    bucket->id[bucket->used] = id;
    ++bucket->used;
  }
  // Where the last bucket of a chain that is longer than one lies.
  [[nodiscard]] std::uint32_t place_of(const Bucket& first) const noexcept {
    auto place = first.next;
    while (overflow_[place].next != none) place = overflow_[place].next;
    return place;
  }

  // Spreads the ids of one bucket over itself and a new one at the end.
  void split() {
    const auto fresh = buckets_.size();
    const auto range = std::bit_ceil(fresh + 1);
    buckets_.push_back({});
    const auto old_place = fresh - range / 2;
    Bucket old = buckets_[old_place];
    buckets_[old_place] = {};
    for (;;) {
      for (std::uint32_t i = 0; i < old.used; ++i) {
        const bool moves = (old.hash[i] & (range - 1)) == fresh;
        put(buckets_[moves ? fresh : old_place], old.hash[i], old.id[i]);
      }
      if (old.next == none) return;
      auto next = old.next;
      old = overflow_[next];
      release(next);
    }
  }

  std::uint32_t take() {
    if (free_ == none) return static_cast<std::uint32_t>(overflow_.extend(1));
    const auto place = free_;
    free_ = overflow_[place].next;
    overflow_[place] = {};
    return place;
  }
  void release(std::uint32_t& link) noexcept {
    const auto place = link;
    link = none;
    overflow_[place].next = free_;
    free_ = place;
  }

  Pages<Bucket, 256> buckets_, overflow_;
  std::uint32_t free_ = none;
  std::size_t size_ = 0;
};

}  // namespace dunlin::storage
