// The subscriptions of one connection by their sid: open addressing over pointers, nothing stored
// twice (the sid stands in the Subscription).  [the connection's shard]

#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "core/subject/subscription.hpp"

namespace dunlin::client {

using subject::Subscription;

class SubscriptionTable {
 public:
  [[nodiscard]] Subscription* find(std::string_view sid) const noexcept;
  // The sid must not be there yet.
  void insert(Subscription* subscription);
  // Forgets it; false when it is not there.
  bool erase(const Subscription* subscription) noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  // Hands out everything and forgets it.
  [[nodiscard]] std::vector<Subscription*> take_all();
  template <class Visit>
  void for_each(Visit visit) const {
    for (Subscription* const subscription : slots_)
      if (subscription != nullptr) visit(*subscription);
  }

 private:
  [[nodiscard]] std::size_t home_of(std::string_view sid) const noexcept;
  void resize(std::size_t capacity);

  std::vector<Subscription*> slots_;  // a power of two, at most three quarters full
  std::size_t size_ = 0;
};

}  // namespace dunlin::client
