// The byte order of names that somebody else keeps: a binary radix tree with one node of twelve
// bytes for each name but the first, so neither insert nor erase ever moves or sorts the others.
//
// `Names` gives the text of an id: `std::string_view operator()(std::uint32_t id) const`. The tree
// asks it during every call and keeps nothing. Cost: one step for each bit that tells the name from
// its neighbours. Owned and used by one thread at a time.

#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "plugins/storage-common/pages.hpp"

namespace dunlin::storage {

// A bit of a name. Each byte has nine: whether it is there, then its eight bits from the highest;
// so a name comes before the longer ones that begin with it.
class BitPosition {
 public:
  static constexpr std::uint32_t none = 0xffffffff;

  // The first bit in which the two differ, or `none`.
  static std::uint32_t of_difference(std::string_view a, std::string_view b) noexcept {
    const auto shorter = a.size() < b.size() ? a.size() : b.size();
    std::size_t at = 0;
    while (at < shorter && a[at] == b[at]) ++at;
    const auto byte = static_cast<std::uint32_t>(at) << 4;
    if (at < shorter) {
      const auto difference = static_cast<std::uint8_t>(a[at] ^ b[at]);
      return byte + 1 + static_cast<std::uint32_t>(std::countl_zero(difference));
    }
    return a.size() == b.size() ? none : byte;
  }
  static std::uint32_t value(std::string_view name, std::uint32_t position) noexcept {
    const std::size_t at = position >> 4;
    if (at >= name.size()) return 0;
    const auto bit = position & 15;
    return bit == 0 ? 1 : (static_cast<std::uint8_t>(name[at]) >> (8 - bit)) & 1;
  }
};

template <class Names>
class OrderedNames {
 public:
  using Id = std::uint32_t;
  static constexpr Id none = 0x7fffffff;  // ids are below

  explicit OrderedNames(Names names) : names_(names) {}

  // `name` is not there yet.
  void insert(Id id, std::string_view name) {
    if (root_ == none_link) {
      root_ = leaf(id);
      return;
    }
    const auto position = BitPosition::of_difference(names_(nearest(name)), name);
    const auto node = allocate();
    auto* link = &root_;
    while (!is_leaf(*link) && nodes_[*link].position < position) link = &follow(*link, name);
    const auto side = BitPosition::value(name, position);
    nodes_[node].position = position;
    nodes_[node].child[side] = leaf(id);
    nodes_[node].child[1 - side] = *link;
    *link = node;
  }

  // `name` is there.
  void erase(std::string_view name) noexcept {
    auto* link = &root_;
    std::uint32_t* above = nullptr;
    while (!is_leaf(*link)) {
      above = link;
      link = &follow(*link, name);
    }
    if (above == nullptr) {
      root_ = none_link;
      return;
    }
    const auto node = *above;
    const auto sibling = nodes_[node].child[link == &nodes_[node].child[0] ? 1 : 0];
    *above = sibling;
    nodes_[node].child[0] = free_;
    free_ = node;
  }

  void clear() noexcept {
    nodes_.clear();
    root_ = none_link;
    free_ = none_link;
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return nodes_.memory_bytes(); }

  // Walks upwards from the first name that is not below a key. Changes of the tree end its use.
  class Cursor {
   public:
    explicit Cursor(const OrderedNames& tree) : tree_(tree) { path_.reserve(64); }

    // `none` when every name is below `key`.
    Id seek(std::string_view key) {
      path_.clear();
      if (tree_.root_ == none_link) return none;
      const auto position = BitPosition::of_difference(tree_.names_(tree_.nearest(key)), key);
      auto link = tree_.root_;
      while (!is_leaf(link) && tree_.nodes_[link].position < position) {
        link = descend(link, BitPosition::value(key, tree_.nodes_[link].position));
      }
      if (position == BitPosition::none) return id_of(link);
      return BitPosition::value(key, position) == 0 ? lowest(link) : next();
    }
    Id next() {
      if (path_.empty()) return none;
      const auto link = path_.back();
      path_.pop_back();
      return lowest(link);
    }

   private:
    std::uint32_t descend(std::uint32_t link, std::uint32_t side) {
      const auto& node = tree_.nodes_[link];
      if (side == 0) path_.push_back(node.child[1]);
      return node.child[side];
    }
    Id lowest(std::uint32_t link) {
      while (!is_leaf(link)) link = descend(link, 0);
      return id_of(link);
    }

    const OrderedNames& tree_;
    std::vector<std::uint32_t> path_;  // the subtrees above, nearest last
  };

 private:
  struct Node {
    std::uint32_t child[2];
    std::uint32_t position;
  };
  static constexpr std::uint32_t leaf_mark = 0x80000000, none_link = 0xffffffff;

  static std::uint32_t leaf(Id id) noexcept { return id | leaf_mark; }
  static bool is_leaf(std::uint32_t link) noexcept { return (link & leaf_mark) != 0; }
  static Id id_of(std::uint32_t link) noexcept { return link & ~leaf_mark; }

  std::uint32_t& follow(std::uint32_t link, std::string_view name) noexcept {
    auto& node = nodes_[link];
    return node.child[BitPosition::value(name, node.position)];
  }
  // The name that agrees with `name` the longest is below the same nodes as this one.
  [[nodiscard]] Id nearest(std::string_view name) const noexcept {
    auto link = root_;
    while (!is_leaf(link)) {
      const auto& node = nodes_[link];
      link = node.child[BitPosition::value(name, node.position)];
    }
    return id_of(link);
  }
  std::uint32_t allocate() {
    if (free_ == none_link) return static_cast<std::uint32_t>(nodes_.extend(1));
    const auto node = free_;
    free_ = nodes_[node].child[0];
    return node;
  }

  Names names_;
  Pages<Node, 1024> nodes_;
  std::uint32_t root_ = none_link, free_ = none_link;
};

}  // namespace dunlin::storage
