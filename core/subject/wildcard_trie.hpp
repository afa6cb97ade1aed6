// The wildcard subjects of one Sublist: a trie over tokens whose literal edges live in one table.
//
// An edge is found by hash(node, token) in a flat table, so a step costs one probe whatever the
// node's number of children, and a node is small. The trie is lazy: a pattern hangs at the first
// edge it shares with no other ("dev.*.s1.id7.temp" may hang at the edge "id7"), and moves down
// when another pattern needs that path. Hence most patterns need no node of their own, and
// `prefix.*` patterns such as inboxes are found with one probe below `prefix`'s parent.
//
// Every pattern met on the way is compared with the subject in full before it counts, so equal
// hashes cannot misdeliver. Readers take no lock; see endpoint.hpp.

#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string_view>

#include "core/base/quiescence.hpp"
#include "core/subject/endpoint.hpp"

namespace dunlin::subject {

class WildcardTrie {
 public:
  explicit WildcardTrie(Quiescence& quiescence);
  ~WildcardTrie();  // no reader left
  WildcardTrie(const WildcardTrie&) = delete;
  WildcardTrie& operator=(const WildcardTrie&) = delete;

  // Appends every endpoint whose pattern matches `subject`, which has no empty token. Without a
  // `match` it stops at the first. True when there is any.  [reader]
  bool collect(std::string_view subject, Match* match) const;

  InterestDelta insert(Subscription* subscription);                      // [writer]
  Removal remove(Subscription* subscription, InterestDelta& delta);      // [writer]
  [[nodiscard]] Ref find(std::string_view pattern) const;                // the endpoint; [writer]
  void for_each(const std::function<void(Ref)>& visit) const;            // [writer]
  [[nodiscard]] std::size_t node_count() const noexcept { return nodes_; }  // [writer]
  [[nodiscard]] std::size_t edge_count() const noexcept { return live_; }   // [writer]

 private:
  struct Node;
  struct Edge {
    std::atomic<std::uint64_t> hash;
    Slot ref;
  };
  struct Array {
    std::uint64_t mask;
    std::uint64_t unused;
    [[nodiscard]] Edge* edges() const noexcept {
      return reinterpret_cast<Edge*>(const_cast<Array*>(this) + 1);
    }
  };
  // Where a pattern stands, for the writer.
  struct Place {
    Slot* slot = nullptr;
    Node* node = nullptr;
    Edge* edge = nullptr;  // set when the slot is an edge's
  };

  static Array* make_array(std::uint64_t capacity);
  void reserve_edge();
  void rebuild(std::uint64_t capacity);
  Edge* find_edge(const Node* node, std::string_view token, std::string_view prefix) const;
  Edge& add_edge(Node* node, std::string_view token);
  void remove_edge(Node* node, Edge* edge);
  Node* make_node(Node* parent, std::string_view token);
  Node* split(Slot& slot, Node* parent, std::string_view token, std::size_t prefix_size);
  Place locate(std::string_view pattern) const;
  void prune(Node* node);
  void visit_node(const Node* node, const std::function<void(Ref)>& visit) const;
  void free_node(Node* node);
  const Node* walk_edge(const Node* node, std::string_view token, std::string_view subject,
                        Match* match, bool& found) const;

  Quiescence& quiescence_;
  std::atomic<Array*> array_{nullptr};
  Node* root_;
  std::size_t live_ = 0;   // edges
  std::size_t used_ = 0;   // edges, live and deleted
  std::size_t nodes_ = 0;  // without the root
};

}  // namespace dunlin::subject
