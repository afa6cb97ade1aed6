// BlockCache: the content of compressed and encrypted blocks read lately, all logs of a store
// together, so that records beside each other cost one decompression.
//
// Blocks of sealed segments never change, and numbers of segments are not used again: what is here
// is right as long as it stays. Any thread.

#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace dunlin::storage_file {

class BlockCache {
 public:
  struct Key {
    std::uint64_t log = 0, segment = 0, salt = 0;
    std::uint32_t block = 0;
    auto operator<=>(const Key&) const = default;
  };
  using Block = std::shared_ptr<const std::vector<std::uint8_t>>;

  explicit BlockCache(std::uint64_t bytes_max) noexcept : bytes_max_(bytes_max) {}

  // Nothing when it is not here.
  [[nodiscard]] Block find(const Key& key) {
    const std::lock_guard lock(mutex_);
    const auto found = blocks_.find(key);
    if (found == blocks_.end()) return nullptr;
    order_.splice(order_.begin(), order_, found->second);
    return found->second->second;
  }

  void put(const Key& key, Block block) {
    const std::lock_guard lock(mutex_);
    if (block->size() > bytes_max_ / 4 || blocks_.contains(key)) return;
    bytes_ += block->size();
    order_.emplace_front(key, std::move(block));
    blocks_[key] = order_.begin();
    while (bytes_ > bytes_max_) {
      bytes_ -= order_.back().second->size();
      blocks_.erase(order_.back().first);
      order_.pop_back();
    }
  }

  [[nodiscard]] std::uint64_t bytes() const {
    const std::lock_guard lock(mutex_);
    return bytes_;
  }

 private:
  using Order = std::list<std::pair<Key, Block>>;  // used last in front

  const std::uint64_t bytes_max_;
  mutable std::mutex mutex_;
  Order order_;
  std::map<Key, Order::iterator> blocks_;
  std::uint64_t bytes_ = 0;
};

}  // namespace dunlin::storage_file
