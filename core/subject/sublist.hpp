// The Sublist: which subscriptions want a subject. One per account.
//
// Writers (SUB, UNSUB) hold a mutex inside. Readers take no lock and no reference: they must be
// readers of the Quiescence given at construction, and keep what match() gave only until the end of
// their turn. Literal subjects stand in one open-addressing table keyed by the hash of the whole
// subject; wildcard subjects in a trie whose edges live in one flat table.
//
// Matching rules are nats-server's: `*` is one whole token, `>` one or more, both wildcards only
// as whole tokens; a subject with an empty token matches nothing; wildcards in the published
// subject are plain text.
//
// Generations: a reader may keep a Match for as long as generation(subject) has not changed since
// before it was computed. Generations are kept per hash of the first token, plus one for patterns
// whose first token is a wildcard, so that a SUB elsewhere does not empty every cache.

#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "core/base/quiescence.hpp"
#include "core/base/result.hpp"
#include "core/subject/subscription.hpp"

namespace dunlin::subject {

// The subscriptions a subject matches. Reused between matches, so that matching allocates nothing
// once warm. `plain` is sorted by shard (stable within one); a queue group lists each local member
// once and each remote member `queue_weight` times; groups with one name are one group.
struct Match {
  struct Group {
    std::string_view queue;  // points into a member
    std::uint32_t begin, end;  // range in `members`
  };
  std::vector<Subscription*> plain;
  std::vector<Group> groups;
  std::vector<Subscription*> members;

  [[nodiscard]] bool empty() const noexcept { return plain.empty() && groups.empty(); }
  void clear() noexcept {
    plain.clear();
    groups.clear();
    members.clear();
  }
};

// How many plain subscriptions, or how much summed queue weight, each kind of owner has.
using InterestByKind = std::array<std::int32_t, kind_count>;

// One change of interest in one (subject, queue); `queue` is empty for plain subscriptions.
// `before` and `after` count the kind that changed, `all` every kind after the change, so that an
// observer of several kinds (a route wants all but `router`) can see their sum appear and vanish.
struct InterestChange {
  std::string_view subject, queue;
  Kind kind;
  std::int32_t before, after;
  InterestByKind all;

  // The sum over the kinds that `wanted` accepts, after and before the change.
  template <class Wanted>
  [[nodiscard]] std::int32_t sum_after(Wanted wanted) const {
    std::int32_t sum = 0;
    for (std::size_t i = 0; i < all.size(); ++i)
      if (wanted(static_cast<Kind>(i))) sum += all[i];
    return sum;
  }
  template <class Wanted>
  [[nodiscard]] std::int32_t sum_before(Wanted wanted) const {
    return sum_after(wanted) - (wanted(kind) ? after - before : 0);
  }
};

// Sees interest appear and vanish: for plain subscriptions each 0->1 and 1->0 of one (subject,
// kind); for queue groups each change of one (subject, queue, kind)'s summed weight, where a local
// member weighs 1. Called under the Sublist's writer lock, on the thread that subscribes; must not
// call back into the Sublist.
class InterestObserver {
 public:
  virtual void interest_changed(const InterestChange& change) = 0;

 protected:
  ~InterestObserver() = default;
};

struct SublistStats {
  std::uint64_t subscriptions, inserts, removes, literals, wildcards;
};

struct InterestDelta;

class Sublist {
 public:
  // `quiescence` outlives the Sublist.
  explicit Sublist(Quiescence& quiescence);
  // No reader may be in a match; the linked subscriptions stay their owners' to free.
  ~Sublist();
  Sublist(const Sublist&) = delete;
  Sublist& operator=(const Sublist&) = delete;

  // Links a subscription; it stays the caller's to free (after remove and a grace period).
  // Fails on an invalid subject with the reference's `sublist: invalid subject`.  [any thread]
  result<> insert(Subscription* subscription);
  // Unlinks exactly this instance; fails with `sublist: no matches found`.  [any thread]
  result<> remove(Subscription* subscription);
  // One lock for all; absent ones do not stop the rest, the first error is reported.  [any thread]
  result<> remove(const std::vector<Subscription*>& subscriptions);
  // The owner changed `queue_weight` of a remote queue subscription: bumps generations, tells
  // observers.  [any thread]
  void weight_changed(Subscription* subscription, std::int32_t weight_before);

  // `hash` is hash_bytes(subject). Fills `match` (cleared first).  [reader]
  void match(std::string_view subject, std::uint64_t hash, Match& match) const;
  // Starts loading what match() of this hash will touch. In two steps with other work between
  // them, for a batch: first every frame's slot, then what the slots refer to.  [reader]
  void prefetch(std::uint64_t hash) const noexcept;
  void prefetch_endpoint(std::uint64_t hash) const noexcept;
  [[nodiscard]] bool has_interest(std::string_view subject) const;  // [reader]
  // Without wildcards and large fan-outs a match is one probe, and caching it gains
  // nothing.  [any thread]
  [[nodiscard]] bool worth_caching() const noexcept {
    return costly_.load(std::memory_order_relaxed) != 0;
  }
  [[nodiscard]] bool has_wildcards() const noexcept {  // [any thread]
    return wildcards_.load(std::memory_order_relaxed) != 0;
  }
  // Never given to another Sublist of this process.  [any thread]
  [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
  // A number that changes whenever the matches of subjects with this first token may have
  // changed.  [any thread]
  [[nodiscard]] std::uint64_t generation(std::string_view subject) const noexcept {
    return generation_at(generation_slot(subject));
  }
  // The same in two steps, for who keeps the slot.  [any thread]
  [[nodiscard]] static std::size_t generation_slot(std::string_view subject) noexcept;
  [[nodiscard]] std::uint64_t generation_at(std::size_t slot) const noexcept {
    return wildcard_generation_.load(std::memory_order_acquire) +
           generations_[slot].load(std::memory_order_acquire);
  }

  // Stored subscriptions whose subject could be matched by `pattern` (leaf permission pruning);
  // takes the writer lock.  [any thread]
  void reverse_match(std::string_view pattern, std::vector<Subscription*>& out) const;
  // Every subscription, under the writer lock.  [any thread]
  void for_each(const std::function<void(const Subscription&)>& visit) const;
  [[nodiscard]] std::size_t size() const noexcept;  // [any thread]
  [[nodiscard]] SublistStats stats() const noexcept;

  // Registers an observer and calls it first for all present interest; both under the lock, so no
  // change is missed or told twice. An observer lives until remove_observer returns.  [any thread]
  enum class Replay : bool { no, yes };
  void add_observer(InterestObserver* observer, Replay replay = Replay::yes);
  void remove_observer(InterestObserver* observer);
  // Shows the interest in exactly this subject (or pattern) and queue, under the lock: what is
  // done in `visit` is ordered with what observers are told.  [any thread]
  void inspect(std::string_view subject, std::string_view queue,
               const std::function<void(const InterestByKind&)>& visit) const;

 private:
  static constexpr std::size_t generation_slots = 64;
  struct Implementation;

  void bump(std::string_view subject) noexcept;
  result<> remove_locked(Subscription* subscription);
  void tell(std::string_view subject, std::string_view queue, Kind kind,
            const InterestDelta& delta) const;

  // Written on SUB and UNSUB only; both halves only grow, so their sum names a state.
  std::atomic<std::uint64_t> wildcard_generation_{0};
  std::array<std::atomic<std::uint64_t>, generation_slots> generations_{};
  const std::uint64_t id_;
  std::atomic<std::uint64_t> wildcards_{0};  // wildcard subscriptions
  std::atomic<std::uint64_t> costly_{0};     // those, and subjects with a large fan-out
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace dunlin::subject
