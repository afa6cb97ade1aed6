#include "core/subject/literal_table.hpp"

#include <cstdlib>

#include "core/base/ensure.hpp"
#include "core/base/hash.hpp"

namespace dunlin::subject {
namespace {

constexpr std::uint64_t capacity_min = 8;
constexpr std::size_t prefetch_distance = 16;

// Full enough to move: probes for absent subjects grow long beyond this.
constexpr bool too_full(std::size_t used, std::uint64_t capacity) {
  return used * 10 > capacity * 7;
}

}  // namespace

LiteralTable::~LiteralTable() {
  for_each([](Ref ref) { destroy_endpoint(ref); });
  std::free(array_.load(std::memory_order_relaxed));
}

LiteralTable::Array* LiteralTable::make_array(std::uint64_t capacity) {
  // Zeroed memory is a table of empty slots; large ones come untouched from the system.
  void* const block = std::calloc(1, sizeof(Array) + capacity * sizeof(Slot));
  ensure(block != nullptr);
  auto* const array = static_cast<Array*>(block);
  array->mask = capacity - 1;
  return array;
}

void LiteralTable::rebuild(std::uint64_t capacity) {
  Array* const old = array_.load(std::memory_order_relaxed);
  Array* const fresh = make_array(capacity);
  const auto place = [&](Ref ref) {
    const auto hash = hash_bytes(subject_of(ref));
    auto i = hash & fresh->mask;
    while (fresh->slots()[i].load(std::memory_order_relaxed) != ref_empty)
      i = (i + 1) & fresh->mask;
    fresh->slots()[i].store(ref, std::memory_order_relaxed);
  };
  // The subjects are all over memory: ask for each some time before it is needed.
  Ref ahead[prefetch_distance] = {};
  std::size_t at = 0;
  for_each([&](Ref ref) {
    __builtin_prefetch(address_of<char>(ref));
    __builtin_prefetch(address_of<char>(ref) + 64);
    Ref& oldest = ahead[at++ % prefetch_distance];
    if (oldest != ref_empty) place(oldest);
    oldest = ref;
  });
  for (const Ref ref : ahead)
    if (ref != ref_empty) place(ref);
  used_ = live_;
  array_.store(fresh, std::memory_order_release);
  if (old != nullptr) quiescence_.retire(old, [](void* block) { std::free(block); });
}

InterestDelta LiteralTable::insert(Subscription* subscription, std::uint64_t hash) {
  Array* array = array_.load(std::memory_order_relaxed);
  if (array == nullptr || too_full(used_ + 1, array->mask + 1)) {
    std::uint64_t capacity = array == nullptr ? capacity_min : array->mask + 1;
    if (array != nullptr && live_ * 20 > capacity * 7) capacity *= 2;
    rebuild(capacity);
    array = array_.load(std::memory_order_relaxed);
  }
  const Ref tag = hash & ref_tag;
  const auto subject = subscription->subject();
  Slot* deleted = nullptr;
  for (std::uint64_t i = hash & array->mask;; i = (i + 1) & array->mask) {
    Slot& slot = array->slots()[i];
    const Ref ref = slot.load(std::memory_order_relaxed);
    if (ref == ref_empty) {
      ++live_;
      if (deleted == nullptr) ++used_;
      return insert_at(deleted != nullptr ? *deleted : slot, tag, subscription, quiescence_);
    }
    if (is_vacant(ref)) {
      if (deleted == nullptr) deleted = &slot;
    } else if ((ref & ref_tag) == tag && subject_of(ref) == subject) {
      return insert_at(slot, tag, subscription, quiescence_);
    }
  }
}

Removal LiteralTable::remove(Subscription* subscription, std::uint64_t hash,
                             InterestDelta& delta) {
  Array* const array = array_.load(std::memory_order_relaxed);
  if (array == nullptr) return Removal::absent;
  const Ref tag = hash & ref_tag;
  const auto subject = subscription->subject();
  for (std::uint64_t i = hash & array->mask;; i = (i + 1) & array->mask) {
    Slot& slot = array->slots()[i];
    const Ref ref = slot.load(std::memory_order_relaxed);
    if (ref == ref_empty) return Removal::absent;
    if (is_vacant(ref) || (ref & ref_tag) != tag || subject_of(ref) != subject) continue;
    const auto removal = remove_at(slot, ref_deleted, subscription, delta, quiescence_);
    if (removal != Removal::emptied) return removal;
    --live_;
    // With nothing behind it the mark is not needed, nor are those right before it.
    const auto next = (i + 1) & array->mask;
    if (array->slots()[next].load(std::memory_order_relaxed) == ref_empty) {
      while (array->slots()[i].load(std::memory_order_relaxed) == ref_deleted) {
        array->slots()[i].store(ref_empty, std::memory_order_release);
        --used_;
        i = (i - 1) & array->mask;
      }
    }
    if (array->mask + 1 > capacity_min && live_ * 16 < array->mask + 1)
      rebuild((array->mask + 1) / 4 < capacity_min ? capacity_min : (array->mask + 1) / 4);
    return removal;
  }
}

}  // namespace dunlin::subject
