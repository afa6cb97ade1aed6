// The literal subjects of one Sublist: an open-addressing table of one word per subject.
//
// The word carries 16 bits of the subject's hash, so that a probe touches a subscription only when
// it is almost surely the wanted one. Readers probe without a lock; a writer fills, blanks and
// replaces words, and grows the table by publishing a new one.

#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

#include "core/base/quiescence.hpp"
#include "core/subject/endpoint.hpp"

namespace dunlin::subject {

class LiteralTable {
 public:
  explicit LiteralTable(Quiescence& quiescence) : quiescence_(quiescence) {}
  ~LiteralTable();  // no reader left
  LiteralTable(const LiteralTable&) = delete;
  LiteralTable& operator=(const LiteralTable&) = delete;

  // The endpoint at `subject`, or ref_empty.  [reader]
  [[nodiscard]] Ref find(std::string_view subject, std::uint64_t hash) const noexcept {
    const Array* const array = array_.load(std::memory_order_acquire);
    if (array == nullptr) return ref_empty;
    const Ref tag = hash & ref_tag;
    for (std::uint64_t i = hash & array->mask;; i = (i + 1) & array->mask) {
      const Ref ref = array->slots()[i].load(std::memory_order_acquire);
      if (ref == ref_empty) return ref_empty;
      if ((ref & ref_tag) == tag && !is_vacant(ref) && subject_of(ref) == subject) return ref;
    }
  }
  void prefetch(std::uint64_t hash) const noexcept {  // [reader]
    if (const Array* const array = array_.load(std::memory_order_acquire))
      __builtin_prefetch(&array->slots()[hash & array->mask]);
  }
  // The second step, once the first one's line has come: what the slot refers to.  [reader]
  void prefetch_endpoint(std::uint64_t hash) const noexcept {
    const Array* const array = array_.load(std::memory_order_acquire);
    if (array == nullptr) return;
    const Ref tag = hash & ref_tag;
    for (std::uint64_t i = hash & array->mask;; i = (i + 1) & array->mask) {
      const Ref ref = array->slots()[i].load(std::memory_order_acquire);
      if (ref == ref_empty) return;
      if ((ref & ref_tag) != tag || is_vacant(ref)) continue;
      __builtin_prefetch(address_of<char>(ref));
      __builtin_prefetch(address_of<char>(ref) + 64);
      return;
    }
  }

  InterestDelta insert(Subscription* subscription, std::uint64_t hash);  // [writer]
  Removal remove(Subscription* subscription, std::uint64_t hash, InterestDelta& delta);
  [[nodiscard]] std::size_t size() const noexcept { return live_; }  // subjects; [writer]

  template <class Visit>
  void for_each(Visit visit) const {  // visit(Ref); [reader]
    const Array* const array = array_.load(std::memory_order_acquire);
    if (array == nullptr) return;
    for (std::uint64_t i = 0; i <= array->mask; ++i)
      if (const Ref ref = array->slots()[i].load(std::memory_order_acquire); !is_vacant(ref))
        visit(ref);
  }

 private:
  struct Array {
    std::uint64_t mask;
    [[nodiscard]] Slot* slots() const noexcept {
      return reinterpret_cast<Slot*>(const_cast<Array*>(this) + 1);
    }
  };

  static Array* make_array(std::uint64_t capacity);
  void rebuild(std::uint64_t capacity);

  Quiescence& quiescence_;
  std::atomic<Array*> array_{nullptr};
  std::size_t live_ = 0;
  std::size_t used_ = 0;  // live and deleted
};

}  // namespace dunlin::subject
