#include "core/subject/sublist.hpp"

#include <algorithm>
#include <mutex>

#include "core/base/hash.hpp"
#include "core/subject/endpoint.hpp"
#include "core/subject/literal_table.hpp"
#include "core/subject/subject.hpp"
#include "core/subject/wildcard_trie.hpp"

namespace dunlin::subject {
namespace {

std::uint64_t next_id() noexcept {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

}  // namespace

struct Sublist::Implementation {
  explicit Implementation(Quiescence& quiescence) : literals(quiescence), trie(quiescence) {}

  mutable std::mutex mutex;  // writers
  LiteralTable literals;
  WildcardTrie trie;
  std::vector<InterestObserver*> observers;
  std::uint64_t inserts = 0, removes = 0;
  std::atomic<std::uint64_t> literal_count{0};  // literal subscriptions

  // The endpoint of exactly this subject or pattern.  [writer]
  [[nodiscard]] Ref find(std::string_view subject) const {
    return has_wildcard(subject) ? trie.find(subject)
                                 : literals.find(subject, hash_bytes(subject));
  }
  template <class Visit>
  void for_each_endpoint(Visit visit) const {
    literals.for_each(visit);
    trie.for_each(visit);
  }
};

Sublist::Sublist(Quiescence& quiescence)
    : id_(next_id()), implementation_(std::make_unique<Implementation>(quiescence)) {}

Sublist::~Sublist() = default;

std::size_t Sublist::generation_slot(std::string_view subject) noexcept {
  return hash_bytes(first_token(subject)) % generation_slots;
}

// Comes after the change itself: who sees the new generation sees the change.
void Sublist::bump(std::string_view subject) noexcept {
  const auto first = first_token(subject);
  if (first == "*" || first == ">")
    wildcard_generation_.fetch_add(1, std::memory_order_release);
  else
    generations_[generation_slot(subject)].fetch_add(1, std::memory_order_release);
}

void Sublist::tell(std::string_view subject, std::string_view queue, Kind kind,
                   const InterestDelta& delta) const {
  if (delta.before == delta.after) return;
  if (queue.empty() && delta.before != 0 && delta.after != 0) return;
  const InterestChange change{subject, queue, kind, delta.before, delta.after, delta.all};
  for (auto* const observer : implementation_->observers) observer->interest_changed(change);
}

result<> Sublist::insert(Subscription* subscription) {
  const auto subject = subscription->subject();
  if (!is_storable(subject)) return fail("sublist: invalid subject");
  auto& self = *implementation_;
  const std::lock_guard lock(self.mutex);
  InterestDelta delta;
  if (has_wildcard(subject)) {
    delta = self.trie.insert(subscription);
    wildcards_.fetch_add(1, std::memory_order_relaxed);
    costly_.fetch_add(1, std::memory_order_relaxed);
  } else {
    delta = self.literals.insert(subscription, hash_bytes(subject));
    self.literal_count.fetch_add(1, std::memory_order_relaxed);
  }
  if (delta.large > 0) costly_.fetch_add(1, std::memory_order_relaxed);
  ++self.inserts;
  bump(subject);
  if (!self.observers.empty()) tell(subject, subscription->queue(), subscription->kind(), delta);
  return {};
}

result<> Sublist::remove_locked(Subscription* subscription) {
  const auto subject = subscription->subject();
  auto& self = *implementation_;
  InterestDelta delta;
  const bool wildcard = has_wildcard(subject);
  const auto removal = wildcard ? self.trie.remove(subscription, delta)
                                : self.literals.remove(subscription, hash_bytes(subject), delta);
  if (removal == Removal::absent) return fail("sublist: no matches found");
  if (delta.large < 0) costly_.fetch_sub(1, std::memory_order_relaxed);
  bump(subject);
  // Counted down last: while readers may skip the trie, nothing is left in it.
  if (wildcard) {
    wildcards_.fetch_sub(1, std::memory_order_relaxed);
    costly_.fetch_sub(1, std::memory_order_relaxed);
  } else {
    self.literal_count.fetch_sub(1, std::memory_order_relaxed);
  }
  ++self.removes;
  if (!self.observers.empty()) tell(subject, subscription->queue(), subscription->kind(), delta);
  return {};
}

result<> Sublist::remove(Subscription* subscription) {
  const std::lock_guard lock(implementation_->mutex);
  return remove_locked(subscription);
}

result<> Sublist::remove(const std::vector<Subscription*>& subscriptions) {
  const std::lock_guard lock(implementation_->mutex);
  result<> first;
  for (auto* const subscription : subscriptions) {
    auto removed = remove_locked(subscription);
    if (!removed && first) first = std::move(removed);
  }
  return first;
}

void Sublist::weight_changed(Subscription* subscription, std::int32_t weight_before) {
  const auto subject = subscription->subject();
  auto& self = *implementation_;
  const std::lock_guard lock(self.mutex);
  InterestDelta delta;
  if (!reweigh_at(self.find(subject), subscription, weight_before, delta)) return;
  bump(subject);
  if (!self.observers.empty()) tell(subject, subscription->queue(), subscription->kind(), delta);
}

void Sublist::match(std::string_view subject, std::uint64_t hash, Match& match) const {
  match.clear();
  const auto& self = *implementation_;
  // What subscriptions stand on is valid, so an invalid subject is not found here.
  if (const Ref ref = self.literals.find(subject, hash)) append_endpoint(match, ref);
  if (has_wildcards() && !has_empty_token(subject)) self.trie.collect(subject, &match);
  finish_match(match);
}

void Sublist::prefetch(std::uint64_t hash) const noexcept {
  implementation_->literals.prefetch(hash);
}

void Sublist::prefetch_endpoint(std::uint64_t hash) const noexcept {
  implementation_->literals.prefetch_endpoint(hash);
}

bool Sublist::has_interest(std::string_view subject) const {
  const auto& self = *implementation_;
  if (self.literals.find(subject, hash_bytes(subject)) != ref_empty) return true;
  return has_wildcards() && !has_empty_token(subject) && self.trie.collect(subject, nullptr);
}

void Sublist::reverse_match(std::string_view pattern, std::vector<Subscription*>& out) const {
  const auto& self = *implementation_;
  const std::lock_guard lock(self.mutex);
  const auto keep = [&](Ref ref) {
    if (!collides(subject_of(ref), pattern)) return;
    visit_endpoint(ref, [&](Subscription& subscription) { out.push_back(&subscription); });
  };
  if (has_wildcard(pattern)) {
    self.for_each_endpoint(keep);
    return;
  }
  if (const Ref ref = self.literals.find(pattern, hash_bytes(pattern))) keep(ref);
  self.trie.for_each(keep);
}

void Sublist::for_each(const std::function<void(const Subscription&)>& visit) const {
  const auto& self = *implementation_;
  const std::lock_guard lock(self.mutex);
  self.for_each_endpoint([&](Ref ref) { visit_endpoint(ref, visit); });
}

std::size_t Sublist::size() const noexcept {
  return implementation_->literal_count.load(std::memory_order_relaxed) +
         wildcards_.load(std::memory_order_relaxed);
}

SublistStats Sublist::stats() const noexcept {
  const auto& self = *implementation_;
  const std::lock_guard lock(self.mutex);
  const auto literals = self.literal_count.load(std::memory_order_relaxed);
  const auto wildcards = wildcards_.load(std::memory_order_relaxed);
  return {literals + wildcards, self.inserts, self.removes, literals, wildcards};
}

void Sublist::add_observer(InterestObserver* observer, Replay replay) {
  auto& self = *implementation_;
  const std::lock_guard lock(self.mutex);
  self.observers.push_back(observer);
  if (replay == Replay::no) return;
  self.for_each_endpoint([&](Ref ref) {
    visit_interest(ref, [&](std::string_view queue, const InterestByKind& counts) {
      // Kind by kind, so that an observer that sums up kinds sees each arrive.
      InterestChange change{subject_of(ref), queue, Kind::client, 0, 0, {}};
      for (std::size_t kind = 0; kind < kind_count; ++kind) {
        if (counts[kind] == 0) continue;
        change.kind = static_cast<Kind>(kind);
        change.after = change.all[kind] = counts[kind];
        observer->interest_changed(change);
      }
    });
  });
}

void Sublist::inspect(std::string_view subject, std::string_view queue,
                      const std::function<void(const InterestByKind&)>& visit) const {
  const auto& self = *implementation_;
  const std::lock_guard lock(self.mutex);
  InterestByKind found{};
  if (const Ref ref = self.find(subject); !is_vacant(ref)) {
    visit_interest(ref, [&](std::string_view name, const InterestByKind& counts) {
      if (name == queue) found = counts;
    });
  }
  visit(found);
}

void Sublist::remove_observer(InterestObserver* observer) {
  auto& self = *implementation_;
  const std::lock_guard lock(self.mutex);
  std::erase(self.observers, observer);
}

}  // namespace dunlin::subject
