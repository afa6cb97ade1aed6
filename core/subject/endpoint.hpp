// What stands at one exact subject of a Sublist: one subscription, or many.
//
// A slot of the literal table or of the wildcard trie is one atomic word. Nearly all subjects have
// one subscription, so the word then is the subscription itself; with more it is a Subscribers.
// Writers hold the Sublist's lock; readers read without one and are Quiescence readers: whatever
// a writer takes out is retired, never freed at once, and never changed under a reader's eyes
// except by appending or by blanking one item.

#pragma once

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/quiescence.hpp"
#include "core/subject/sublist.hpp"

namespace dunlin::subject {

// A reference: address in the low 48 bits, what it is in the lowest three, and 16 bits on top that
// belong to the table (a part of the hash, so that most misses need not touch the address).
using Ref = std::uint64_t;
using Slot = std::atomic<Ref>;

inline constexpr Ref ref_empty = 0;
inline constexpr Ref ref_deleted = 4;  // was taken; probing goes on behind it
inline constexpr Ref ref_address = 0x0000'ffff'ffff'fff8;
inline constexpr Ref ref_tag = 0xffff'0000'0000'0000;
inline constexpr Ref ref_kind = 3;
inline constexpr Ref ref_is_subscription = 0;
inline constexpr Ref ref_is_subscribers = 1;
inline constexpr Ref ref_is_node = 2;

inline bool is_vacant(Ref ref) noexcept { return (ref & ref_address) == 0; }

template <class T>
T* address_of(Ref ref) noexcept {
  return reinterpret_cast<T*>(ref & ref_address);
}
inline Ref make_ref(const void* address, Ref kind, Ref tag = 0) noexcept {
  return reinterpret_cast<Ref>(address) | kind | tag;
}

// A list of 64-bit items that readers walk while a writer appends and removes. Removed items
// become 0 and are squeezed out later into a new array, so that n changes cost O(n) altogether.
class ItemList {
 public:
  ItemList();
  ~ItemList();  // no reader left
  ItemList(const ItemList&) = delete;
  ItemList& operator=(const ItemList&) = delete;

  void add(std::uint64_t item, Quiescence& quiescence);           // [writer]
  bool remove(std::uint64_t item, Quiescence& quiescence);        // [writer]
  [[nodiscard]] std::uint32_t size() const noexcept { return live_; }  // [writer]

  template <class Visit>
  void for_each(Visit visit) const {  // [reader]
    const Array* const array = array_.load(std::memory_order_acquire);
    if (array == nullptr) return;
    const auto size = array->size.load(std::memory_order_acquire);
    for (std::uint32_t i = 0; i < size; ++i)
      if (const auto item = array->items()[i].load(std::memory_order_acquire)) visit(item);
  }

 private:
  struct Array {
    std::uint32_t capacity;
    std::atomic<std::uint32_t> size;
    [[nodiscard]] std::atomic<std::uint64_t>* items() const noexcept {
      return reinterpret_cast<std::atomic<std::uint64_t>*>(const_cast<Array*>(this) + 1);
    }
  };
  struct Index;  // item -> position; only lists too long to search have one

  void rebuild(std::uint32_t capacity, Quiescence& quiescence);
  void index_all();

  std::atomic<Array*> array_{nullptr};
  std::uint32_t live_ = 0;
  std::unique_ptr<Index> index_;
};

// An item of a member list: the subscription, its shard on top (sorting then touches no
// subscription), and whether it stands for several members.
inline constexpr std::uint64_t item_weighted = std::uint64_t{1} << 63;
inline std::uint64_t make_item(const Subscription* subscription) noexcept {
  const bool weighted = subscription->is_queue() && (subscription->kind() == Kind::router ||
                                                     subscription->kind() == Kind::leaf);
  return reinterpret_cast<std::uint64_t>(subscription) |
         static_cast<std::uint64_t>(subscription->shard()) << 48 | (weighted ? item_weighted : 0);
}
inline Subscription* subscription_of(std::uint64_t item) noexcept {
  return address_of<Subscription>(item);
}

struct QueueGroup {
  explicit QueueGroup(std::string_view queue) : name(queue) {}
  const std::string name;
  ItemList members;
  InterestByKind weights{};  // [writer]
};

// What one insert or remove did to the interest in its (subject, queue).
struct InterestDelta {
  std::int32_t before = 0, after = 0;
  InterestByKind all{};
  int large = 0;  // +1 when the subject became a large fan-out, -1 when it ceased to be one
};

// Everyone at one subject, when that is more than one.
class Subscribers {
 public:
  explicit Subscribers(std::string_view subject);
  ~Subscribers();
  Subscribers(const Subscribers&) = delete;
  Subscribers& operator=(const Subscribers&) = delete;

  [[nodiscard]] std::string_view subject() const noexcept { return subject_; }
  InterestDelta add(Subscription* subscription, Quiescence& quiescence);  // [writer]
  // [writer]
  bool remove(Subscription* subscription, InterestDelta& delta, Quiescence& quiescence);
  // A member's weight changed; false when it is not here.  [writer]
  bool reweigh(Subscription* subscription, std::int32_t before, InterestDelta& delta);
  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }  // [writer]
  [[nodiscard]] Subscription* any() const;                             // [reader]
  void append_to(Match& match) const;                                  // [reader]

  template <class Visit>
  void for_each(Visit visit) const {  // [reader]
    plain_.for_each([&](std::uint64_t item) { visit(*subscription_of(item)); });
    groups_.for_each([&](std::uint64_t group) {
      address_of<QueueGroup>(group)->members.for_each(
          [&](std::uint64_t item) { visit(*subscription_of(item)); });
    });
  }
  // Interest per (queue, kind): visit(queue, counts per kind).  [writer]
  template <class Visit>
  void for_each_interest(Visit visit) const {
    if (plain_.size() != 0) visit(std::string_view{}, plain_counts_);
    groups_.for_each([&](std::uint64_t item) {
      const auto* const group = address_of<QueueGroup>(item);
      visit(std::string_view(group->name), group->weights);
    });
  }

 private:
  struct Names;  // name -> group; only when there are too many groups to search

  QueueGroup* find_group(std::string_view queue) const;
  QueueGroup& group_for(std::string_view queue, Quiescence& quiescence);
  void drop_group(QueueGroup* group, Quiescence& quiescence);

  const std::string subject_;
  ItemList plain_;
  ItemList groups_;
  std::unique_ptr<Names> names_;
  InterestByKind plain_counts_{};
  std::uint32_t size_ = 0;
};

// --- Operations on a reference to a Subscription or a Subscribers ---

inline std::string_view subject_of(Ref ref) noexcept {
  return (ref & ref_kind) == ref_is_subscribers ? address_of<Subscribers>(ref)->subject()
                                                : address_of<Subscription>(ref)->subject();
}
// Adds to the slot, which is vacant or holds the same subject; `tag` goes into a new ref.  [writer]
InterestDelta insert_at(Slot& slot, Ref tag, Subscription* subscription, Quiescence& quiescence);
enum class Removal { absent, kept, emptied };
// Takes out of the slot; one that loses its last subscription becomes `vacated`.  [writer]
Removal remove_at(Slot& slot, Ref vacated, Subscription* subscription, InterestDelta& delta,
                  Quiescence& quiescence);
bool reweigh_at(Ref ref, Subscription* subscription, std::int32_t before, InterestDelta& delta);
void destroy_endpoint(Ref ref) noexcept;  // frees a Subscribers, leaves subscriptions alone

void append_subscription(Match& match, Subscription* subscription);  // [reader]
inline void append_endpoint(Match& match, Ref ref) {                  // [reader]
  if ((ref & ref_kind) == ref_is_subscribers)
    address_of<Subscribers>(ref)->append_to(match);
  else
    append_subscription(match, address_of<Subscription>(ref));
}
// Strips the items' tags, sorts by shard, merges groups of one name. Ends every match.  [reader]
void finish_match(Match& match);

template <class Visit>
void visit_endpoint(Ref ref, Visit visit) {
  if ((ref & ref_kind) == ref_is_subscribers)
    address_of<Subscribers>(ref)->for_each(visit);
  else
    visit(*address_of<Subscription>(ref));
}

// visit(queue, counts per kind) for each queue there, empty for plain subscriptions.  [writer]
template <class Visit>
void visit_interest(Ref ref, Visit visit) {
  if ((ref & ref_kind) == ref_is_subscribers) {
    address_of<Subscribers>(ref)->for_each_interest(visit);
    return;
  }
  const auto* const subscription = address_of<Subscription>(ref);
  InterestByKind counts{};
  counts[static_cast<std::size_t>(subscription->kind())] =
      subscription->is_queue() ? subscription->weight() : 1;
  visit(subscription->queue(), counts);
}

}  // namespace dunlin::subject
