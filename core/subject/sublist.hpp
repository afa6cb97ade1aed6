// The Sublist: which subscriptions want a subject. One per account.
//
// Writers (SUB, UNSUB) hold a mutex inside. Readers take no lock and no reference: they must be
// readers of the Quiescence given at construction, and keep what match() gave only until the end of
// their turn. Literal subjects stand in one open-addressing table keyed by the hash of the whole
// subject; wildcard subjects in a trie whose edges live in one flat table (performance.md §5).
//
// Matching rules are the reference's (core.md §6): `*` is one whole token, `>` one or more, both
// wildcards only as whole tokens; a subject with an empty token matches nothing; wildcards in the
// published subject are plain text.
//
// Generations: a reader may keep a Match for as long as generation(subject) has not changed since
// before it was computed. Generations are kept per hash of the first token, plus one for patterns
// whose first token is a wildcard, so that a SUB elsewhere does not empty every cache.

#pragma once

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

// Sees interest appear and vanish: 0->1 and 1->0 subscriptions with one (subject, queue), and
// changes of a queue group's summed weight. Called under the Sublist's writer lock, on the thread
// that subscribes; must not call back into the Sublist.
class InterestObserver {
 public:
  virtual void interest_changed(std::string_view subject, std::string_view queue, Kind kind,
                                std::int32_t weight_before, std::int32_t weight_after) = 0;

 protected:
  ~InterestObserver() = default;
};

struct SublistStats {
  std::uint64_t subscriptions, inserts, removes, literals, wildcards;
};

class Sublist {
 public:
  explicit Sublist(Quiescence& quiescence);
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
  // Starts loading what match() of this hash will touch.  [reader]
  void prefetch(std::uint64_t hash) const noexcept;
  [[nodiscard]] bool has_interest(std::string_view subject) const;  // [reader]
  // Without a wildcard subscription a literal match is one probe, and caching it gains nothing.
  [[nodiscard]] bool has_wildcards() const noexcept;  // [any thread]
  // A number that changes whenever the matches of subjects with this first token may have
  // changed.  [any thread]
  [[nodiscard]] std::uint64_t generation(std::string_view subject) const noexcept;

  // Stored subscriptions whose subject could be matched by `pattern` (leaf permission pruning);
  // takes the writer lock.  [any thread]
  void reverse_match(std::string_view pattern, std::vector<Subscription*>& out) const;
  // Every subscription, under the writer lock.  [any thread]
  void for_each(const std::function<void(const Subscription&)>& visit) const;
  [[nodiscard]] std::size_t size() const noexcept;  // [any thread]
  [[nodiscard]] SublistStats stats() const noexcept;

  // Registers an observer and calls it first for all present interest; both under the lock, so no
  // change is missed or told twice. An observer lives until remove_observer returns.  [any thread]
  void add_observer(InterestObserver* observer);
  void remove_observer(InterestObserver* observer);

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace dunlin::subject
