#include "core/client/subscription_table.hpp"

#include "core/base/hash.hpp"

namespace dunlin::client {

std::size_t SubscriptionTable::home_of(std::string_view sid) const noexcept {
  return hash_bytes(sid) & (slots_.size() - 1);
}

Subscription* SubscriptionTable::find(std::string_view sid) const noexcept {
  if (size_ == 0) return nullptr;
  for (std::size_t at = home_of(sid); slots_[at] != nullptr; at = (at + 1) & (slots_.size() - 1))
    if (slots_[at]->sid() == sid) return slots_[at];
  return nullptr;
}

void SubscriptionTable::insert(Subscription* subscription) {
  if ((size_ + 1) * 4 > slots_.size() * 3) resize(slots_.empty() ? 4 : slots_.size() * 2);
  std::size_t at = home_of(subscription->sid());
  while (slots_[at] != nullptr) at = (at + 1) & (slots_.size() - 1);
  slots_[at] = subscription;
  ++size_;
}

// Backward shift: closes the gap so that no later entry of the run becomes unreachable.
bool SubscriptionTable::erase(const Subscription* subscription) noexcept {
  if (size_ == 0) return false;
  const std::size_t mask = slots_.size() - 1;
  std::size_t gap = home_of(subscription->sid());
  while (slots_[gap] != nullptr && slots_[gap] != subscription) gap = (gap + 1) & mask;
  if (slots_[gap] == nullptr) return false;
  for (std::size_t at = (gap + 1) & mask; slots_[at] != nullptr; at = (at + 1) & mask) {
    const std::size_t home = home_of(slots_[at]->sid());
    if (((at - home) & mask) < ((at - gap) & mask)) continue;
    slots_[gap] = slots_[at];
    gap = at;
  }
  slots_[gap] = nullptr;
  --size_;
  if (size_ == 0) slots_ = {};
  return true;
}

std::vector<Subscription*> SubscriptionTable::take_all() {
  std::vector<Subscription*> all;
  all.reserve(size_);
  for_each([&all](Subscription& subscription) { all.push_back(&subscription); });
  slots_ = {};
  size_ = 0;
  return all;
}

void SubscriptionTable::resize(std::size_t capacity) {
  std::vector<Subscription*> old(capacity, nullptr);
  old.swap(slots_);
  for (Subscription* const subscription : old) {
    if (subscription == nullptr) continue;
    std::size_t at = home_of(subscription->sid());
    while (slots_[at] != nullptr) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = subscription;
  }
}

}  // namespace dunlin::client
