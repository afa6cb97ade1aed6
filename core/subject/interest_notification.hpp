// Tells who asked whether a literal subject, or one queue group on it, has subscribers.
//
// The listener hears the present state at registration, then each first and last subscription.
// Only subscriptions on exactly that subject count: one with a wildcard that would match does not.
//
// Listeners are called on whichever thread subscribes, under the Sublist's lock: they must be
// quick, hand over to their own thread, and call back neither the Sublist nor this object.
// Outlives no Sublist: destroy it first.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.hpp"
#include "core/subject/sublist.hpp"

namespace dunlin::subject {

class InterestNotification final : private InterestObserver {
 public:
  using Listener = std::function<void(bool interested)>;

  explicit InterestNotification(Sublist& sublist);
  ~InterestNotification();
  InterestNotification(const InterestNotification&) = delete;
  InterestNotification& operator=(const InterestNotification&) = delete;

  // `id` tells one listener from another; a second registration of the same id on the same
  // (subject, queue) fails with `sublist: notification already registered`, a subject with a
  // wildcard with `sublist: invalid subject`.  [any thread]
  result<> add(std::string_view subject, std::string_view queue, std::uint64_t id,
               Listener listener);
  // False when it is not registered. The listener is not called after this returns.  [any thread]
  bool remove(std::string_view subject, std::string_view queue, std::uint64_t id);

 private:
  struct Watched {
    bool interested = false;
    std::vector<std::pair<std::uint64_t, Listener>> listeners;
  };
  using Key = std::pair<std::string, std::string>;  // subject, queue
  using KeyView = std::pair<std::string_view, std::string_view>;
  struct Less {
    using is_transparent = void;
    bool operator()(const KeyView& a, const KeyView& b) const noexcept { return a < b; }
  };

  void interest_changed(const InterestChange& change) override;

  Sublist& sublist_;
  std::mutex mutex_;  // taken under the Sublist's lock, never around it
  std::map<Key, Watched, Less> watched_;
};

}  // namespace dunlin::subject
