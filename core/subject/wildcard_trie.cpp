#include "core/subject/wildcard_trie.hpp"

#include <boost/container/small_vector.hpp>
#include <cstdlib>
#include <cstring>
#include <new>

#include "core/base/ensure.hpp"
#include "core/base/hash.hpp"
#include "core/subject/subject.hpp"

namespace dunlin::subject {

// A path that several patterns share. Its text follows it in memory.
struct WildcardTrie::Node {
  Node* parent;
  Slot star{ref_empty};  // the child for `*`
  Slot full{ref_empty};  // the pattern "<path>.>"
  Slot here{ref_empty};  // the pattern "<path>"
  std::atomic<std::uint32_t> edges{0};
  std::uint32_t token_size;

  Node(Node* above, std::string_view token) noexcept
      : parent(above), token_size(static_cast<std::uint32_t>(token.size())) {
    if (!token.empty()) std::memcpy(reinterpret_cast<char*>(this + 1), token.data(), token.size());
  }
  [[nodiscard]] std::string_view token() const noexcept {
    return {reinterpret_cast<const char*>(this + 1), token_size};
  }
  [[nodiscard]] bool is_empty() const noexcept {
    return star.load(std::memory_order_relaxed) == ref_empty &&
           full.load(std::memory_order_relaxed) == ref_empty &&
           here.load(std::memory_order_relaxed) == ref_empty &&
           edges.load(std::memory_order_relaxed) == 0;
  }
};

namespace {

constexpr std::uint64_t capacity_min = 8;

constexpr bool too_full(std::size_t used, std::uint64_t capacity) {
  return used * 10 > capacity * 7;
}

bool is_node(Ref ref) noexcept { return (ref & ref_kind) == ref_is_node; }

std::uint64_t edge_hash(const void* node, std::string_view token) noexcept {
  return hash_bytes(token, reinterpret_cast<std::uint64_t>(node));
}

// The pattern goes on as `prefix`: its text starts so and a token ends there.
bool starts_with_path(std::string_view pattern, std::string_view prefix) noexcept {
  return pattern.starts_with(prefix) &&
         (pattern.size() == prefix.size() || pattern[prefix.size()] == '.');
}

// Counts an endpoint found on the way if its pattern truly matches.
bool take(Ref ref, std::string_view subject, Match* match) {
  if (!matches_tokens(subject_of(ref), subject)) return false;
  if (match != nullptr) append_endpoint(*match, ref);
  return true;
}

}  // namespace

WildcardTrie::WildcardTrie(Quiescence& quiescence)
    : quiescence_(quiescence), root_(make_node(nullptr, {})) {
  nodes_ = 0;
}

WildcardTrie::~WildcardTrie() {
  if (const Array* const array = array_.load(std::memory_order_relaxed)) {
    for (std::uint64_t i = 0; i <= array->mask; ++i) {
      const Ref ref = array->edges()[i].ref.load(std::memory_order_relaxed);
      if (is_vacant(ref)) continue;
      if (is_node(ref))
        free_node(address_of<Node>(ref));
      else
        destroy_endpoint(ref);
    }
  }
  free_node(root_);
  std::free(array_.load(std::memory_order_relaxed));
}

// Frees a node with the chain of `*` nodes below it; what hangs at edges is the caller's.
void WildcardTrie::free_node(Node* node) {
  while (node != nullptr) {
    destroy_endpoint(node->full.load(std::memory_order_relaxed));
    destroy_endpoint(node->here.load(std::memory_order_relaxed));
    const Ref star = node->star.load(std::memory_order_relaxed);
    if (!is_node(star)) destroy_endpoint(star);
    std::free(node);
    node = is_node(star) ? address_of<Node>(star) : nullptr;
  }
}

WildcardTrie::Node* WildcardTrie::make_node(Node* parent, std::string_view token) {
  void* const block = std::malloc(sizeof(Node) + token.size());
  ensure(block != nullptr);
  ++nodes_;
  return new (block) Node(parent, token);
}

// --- Edges ---

WildcardTrie::Array* WildcardTrie::make_array(std::uint64_t capacity) {
  void* const block = std::calloc(1, sizeof(Array) + capacity * sizeof(Edge));
  ensure(block != nullptr);
  auto* const array = static_cast<Array*>(block);
  array->mask = capacity - 1;
  return array;
}

void WildcardTrie::rebuild(std::uint64_t capacity) {
  Array* const old = array_.load(std::memory_order_relaxed);
  Array* const fresh = make_array(capacity);
  for (std::uint64_t i = 0; old != nullptr && i <= old->mask; ++i) {
    const Ref ref = old->edges()[i].ref.load(std::memory_order_relaxed);
    if (is_vacant(ref)) continue;
    const auto hash = old->edges()[i].hash.load(std::memory_order_relaxed);
    auto at = hash & fresh->mask;
    while (fresh->edges()[at].ref.load(std::memory_order_relaxed) != ref_empty)
      at = (at + 1) & fresh->mask;
    fresh->edges()[at].hash.store(hash, std::memory_order_relaxed);
    fresh->edges()[at].ref.store(ref, std::memory_order_relaxed);
  }
  used_ = live_;
  array_.store(fresh, std::memory_order_release);
  if (old != nullptr) quiescence_.retire(old, [](void* block) { std::free(block); });
}

// Room for one more edge, so that edges found afterwards stay where they are.
void WildcardTrie::reserve_edge() {
  const Array* const array = array_.load(std::memory_order_relaxed);
  if (array != nullptr && !too_full(used_ + 1, array->mask + 1)) return;
  std::uint64_t capacity = array == nullptr ? capacity_min : array->mask + 1;
  if (array != nullptr && live_ * 20 > capacity * 7) capacity *= 2;
  rebuild(capacity);
}

// The edge from `node` by `token`; `prefix` is the path's text including the token.
WildcardTrie::Edge* WildcardTrie::find_edge(const Node* node, std::string_view token,
                                            std::string_view prefix) const {
  const Array* const array = array_.load(std::memory_order_relaxed);
  if (array == nullptr) return nullptr;
  const auto hash = edge_hash(node, token);
  for (std::uint64_t i = hash & array->mask;; i = (i + 1) & array->mask) {
    Edge& edge = array->edges()[i];
    const Ref ref = edge.ref.load(std::memory_order_relaxed);
    if (ref == ref_empty) return nullptr;
    if (is_vacant(ref) || edge.hash.load(std::memory_order_relaxed) != hash) continue;
    if (is_node(ref)) {
      const Node* const child = address_of<Node>(ref);
      if (child->parent == node && child->token() == token) return &edge;
    } else if (starts_with_path(subject_of(ref), prefix)) {
      return &edge;
    }
  }
}

// An edge that is not there yet, still vacant; reserve_edge() came before.
WildcardTrie::Edge& WildcardTrie::add_edge(Node* node, std::string_view token) {
  const Array* const array = array_.load(std::memory_order_relaxed);
  const auto hash = edge_hash(node, token);
  std::uint64_t i = hash & array->mask;
  while (!is_vacant(array->edges()[i].ref.load(std::memory_order_relaxed)))
    i = (i + 1) & array->mask;
  Edge& edge = array->edges()[i];
  if (edge.ref.load(std::memory_order_relaxed) == ref_empty) ++used_;
  ++live_;
  edge.hash.store(hash, std::memory_order_relaxed);
  node->edges.fetch_add(1, std::memory_order_relaxed);
  return edge;
}

void WildcardTrie::remove_edge(Node* node, Edge* edge) {
  const Array* const array = array_.load(std::memory_order_relaxed);
  edge->ref.store(ref_deleted, std::memory_order_release);
  node->edges.fetch_sub(1, std::memory_order_relaxed);
  --live_;
  auto i = static_cast<std::uint64_t>(edge - array->edges());
  if (array->edges()[(i + 1) & array->mask].ref.load(std::memory_order_relaxed) == ref_empty) {
    while (array->edges()[i].ref.load(std::memory_order_relaxed) == ref_deleted) {
      array->edges()[i].ref.store(ref_empty, std::memory_order_release);
      --used_;
      i = (i - 1) & array->mask;
    }
  }
}

// --- Matching ---

// Follows the edge by `token`: takes the pattern that hangs there, or returns the node.
const WildcardTrie::Node* WildcardTrie::walk_edge(const Node* node, std::string_view token,
                                                  std::string_view subject, Match* match,
                                                  bool& found) const {
  // Loaded anew at each step: a node may be newer than the table this thread saw before.
  const Array* const array = array_.load(std::memory_order_acquire);
  const auto hash = edge_hash(node, token);
  for (std::uint64_t i = hash & array->mask;; i = (i + 1) & array->mask) {
    const Edge& edge = array->edges()[i];
    const Ref ref = edge.ref.load(std::memory_order_acquire);
    if (ref == ref_empty) return nullptr;
    if (edge.hash.load(std::memory_order_relaxed) != hash || is_vacant(ref)) continue;
    if (is_node(ref)) {
      const Node* const child = address_of<Node>(ref);
      if (child->parent == node && child->token() == token) return child;
    } else if (take(ref, subject, match)) {
      found = true;
      return nullptr;
    }
  }
}

bool WildcardTrie::collect(std::string_view subject, Match* match) const {
  struct Branch {
    const Node* node;
    std::size_t offset;
  };
  boost::container::small_vector<Branch, 16> branches;
  bool found = false;
  const Node* node = root_;
  std::size_t offset = 0;
  for (;;) {
    const Ref full = node->full.load(std::memory_order_acquire);
    if (full != ref_empty && take(full, subject, match)) found = true;
    auto end = subject.find('.', offset);
    const bool last = end == std::string_view::npos;
    if (last) end = subject.size();

    const Ref star = node->star.load(std::memory_order_acquire);
    const Node* by_star = nullptr;
    if (is_node(star))
      by_star = address_of<Node>(star);
    else if (star != ref_empty && take(star, subject, match))
      found = true;
    const Node* by_token = nullptr;
    if (node->edges.load(std::memory_order_relaxed) != 0)
      by_token = walk_edge(node, subject.substr(offset, end - offset), subject, match, found);
    if (found && match == nullptr) return true;

    if (last) {
      for (const Node* const child : {by_star, by_token}) {
        if (child == nullptr) continue;
        const Ref here = child->here.load(std::memory_order_acquire);
        if (here != ref_empty && take(here, subject, match)) found = true;
      }
      node = nullptr;
    } else {
      node = by_token != nullptr ? by_token : by_star;
      if (by_token != nullptr && by_star != nullptr) branches.push_back({by_star, end + 1});
      offset = end + 1;
    }
    if (node != nullptr) continue;
    if (branches.empty()) return found;
    node = branches.back().node;
    offset = branches.back().offset;
    branches.pop_back();
  }
}

// --- Changing ---

// Makes a node of a path at which one pattern hangs, and moves that pattern below it.
WildcardTrie::Node* WildcardTrie::split(Slot& slot, Node* parent, std::string_view token,
                                        std::size_t prefix_size) {
  const Ref ref = slot.load(std::memory_order_relaxed);
  const auto pattern = subject_of(ref);
  Node* const node = make_node(parent, token);
  if (pattern.size() == prefix_size) {
    node->here.store(ref, std::memory_order_relaxed);
  } else {
    const auto rest = pattern.substr(prefix_size + 1);
    const auto next = first_token(rest);
    if (rest == ">")
      node->full.store(ref, std::memory_order_relaxed);
    else if (next == "*")
      node->star.store(ref, std::memory_order_relaxed);
    else
      add_edge(node, next).ref.store(ref, std::memory_order_release);
  }
  slot.store(make_ref(node, ref_is_node), std::memory_order_release);
  return node;
}

InterestDelta WildcardTrie::insert(Subscription* subscription) {
  const auto pattern = subscription->subject();
  Node* node = root_;
  for (std::size_t offset = 0;;) {
    auto end = pattern.find('.', offset);
    const bool last = end == std::string_view::npos;
    if (last) end = pattern.size();
    const auto token = pattern.substr(offset, end - offset);
    if (last && token == ">") return insert_at(node->full, 0, subscription, quiescence_);

    reserve_edge();
    const auto prefix = pattern.substr(0, end);
    Slot* slot = &node->star;
    if (token != "*") {
      Edge* const edge = find_edge(node, token, prefix);
      slot = edge != nullptr ? &edge->ref : &add_edge(node, token).ref;
    }
    const Ref ref = slot->load(std::memory_order_relaxed);
    if (is_vacant(ref)) return insert_at(*slot, 0, subscription, quiescence_);
    if (is_node(ref))
      node = address_of<Node>(ref);
    else if (subject_of(ref) == pattern)
      return insert_at(*slot, 0, subscription, quiescence_);
    else
      node = split(*slot, node, token, end);
    if (last) return insert_at(node->here, 0, subscription, quiescence_);
    offset = end + 1;
  }
}

WildcardTrie::Place WildcardTrie::locate(std::string_view pattern) const {
  Node* node = root_;
  for (std::size_t offset = 0;;) {
    auto end = pattern.find('.', offset);
    const bool last = end == std::string_view::npos;
    if (last) end = pattern.size();
    const auto token = pattern.substr(offset, end - offset);
    if (last && token == ">") return {&node->full, node, nullptr};
    Slot* slot = &node->star;
    Edge* edge = nullptr;
    if (token != "*") {
      edge = find_edge(node, token, pattern.substr(0, end));
      if (edge == nullptr) return {};
      slot = &edge->ref;
    }
    const Ref ref = slot->load(std::memory_order_relaxed);
    if (is_vacant(ref)) return {};
    if (!is_node(ref)) return subject_of(ref) == pattern ? Place{slot, node, edge} : Place{};
    node = address_of<Node>(ref);
    if (last) return {&node->here, node, nullptr};
    offset = end + 1;
  }
}

Ref WildcardTrie::find(std::string_view pattern) const {
  const Place place = locate(pattern);
  return place.slot == nullptr ? ref_empty : place.slot->load(std::memory_order_relaxed);
}

Removal WildcardTrie::remove(Subscription* subscription, InterestDelta& delta) {
  const Place place = locate(subscription->subject());
  if (place.slot == nullptr) return Removal::absent;
  const Ref vacated = place.edge != nullptr ? ref_deleted : ref_empty;
  const auto removal = remove_at(*place.slot, vacated, subscription, delta, quiescence_);
  if (removal == Removal::emptied) {
    if (place.edge != nullptr) remove_edge(place.node, place.edge);
    prune(place.node);
  }
  return removal;
}

// Takes out the node and the nodes above it that serve no pattern any more.
void WildcardTrie::prune(Node* node) {
  while (node != root_ && node->is_empty()) {
    Node* const parent = node->parent;
    if (node->token() == "*") {
      parent->star.store(ref_empty, std::memory_order_release);
    } else {
      // A node is recognised by its parent and token, so the path's text is not needed.
      remove_edge(parent, find_edge(parent, node->token(), {}));
    }
    --nodes_;
    quiescence_.retire(node, [](void* block) { std::free(block); });
    node = parent;
  }
  const Array* const array = array_.load(std::memory_order_relaxed);
  if (array != nullptr && array->mask + 1 > capacity_min && live_ * 16 < array->mask + 1)
    rebuild((array->mask + 1) / 4 < capacity_min ? capacity_min : (array->mask + 1) / 4);
}

void WildcardTrie::visit_node(const Node* node, const std::function<void(Ref)>& visit) const {
  while (node != nullptr) {
    const Ref star = node->star.load(std::memory_order_acquire);
    for (const Ref ref : {node->full.load(std::memory_order_acquire),
                          node->here.load(std::memory_order_acquire),
                          is_node(star) ? ref_empty : star})
      if (!is_vacant(ref)) visit(ref);
    node = is_node(star) ? address_of<Node>(star) : nullptr;
  }
}

void WildcardTrie::for_each(const std::function<void(Ref)>& visit) const {
  visit_node(root_, visit);
  const Array* const array = array_.load(std::memory_order_acquire);
  if (array == nullptr) return;
  for (std::uint64_t i = 0; i <= array->mask; ++i) {
    const Ref ref = array->edges()[i].ref.load(std::memory_order_acquire);
    if (is_vacant(ref)) continue;
    if (is_node(ref))
      visit_node(address_of<Node>(ref), visit);
    else
      visit(ref);
  }
}

}  // namespace dunlin::subject
