#include "core/subject/endpoint.hpp"

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <new>

#include "core/base/ensure.hpp"

namespace dunlin::subject {
namespace {

constexpr std::uint32_t index_from = 64;    // items from which searching a list is too slow
constexpr std::uint32_t names_from = 16;    // the same for group names
constexpr std::uint32_t large_from = 64;    // members from which a match is worth keeping
constexpr std::size_t insertion_sort_max = 24;

Subscription* as_entry(std::uint64_t item) noexcept {
  return reinterpret_cast<Subscription*>(item);
}
std::uint64_t item_of(const Subscription* entry) noexcept {
  return reinterpret_cast<std::uint64_t>(entry);
}
std::uint64_t shard_of(const Subscription* entry) noexcept { return item_of(entry) >> 48; }

void append_member(Match& match, std::uint64_t item) {
  Subscription* const subscription = subscription_of(item);
  if ((item & item_weighted) == 0) {
    match.members.push_back(subscription);
    return;
  }
  const auto weight = static_cast<std::size_t>(subscription->weight());
  match.members.insert(match.members.end(), weight, subscription);
}

std::uint32_t position(const Match& match) noexcept {
  return static_cast<std::uint32_t>(match.members.size());
}

}  // namespace

// --- ItemList ---

struct ItemList::Index {
  boost::unordered_flat_map<std::uint64_t, std::uint32_t> positions;
};

ItemList::ItemList() = default;
ItemList::~ItemList() { std::free(array_.load(std::memory_order_relaxed)); }

void ItemList::add(std::uint64_t item, Quiescence& quiescence) {
  Array* array = array_.load(std::memory_order_relaxed);
  if (array == nullptr || array->size.load(std::memory_order_relaxed) == array->capacity) {
    const std::uint32_t grown = live_ + live_ / 2 + 2;
    rebuild(grown, quiescence);
    array = array_.load(std::memory_order_relaxed);
  }
  const auto at = array->size.load(std::memory_order_relaxed);
  array->items()[at].store(item, std::memory_order_release);
  array->size.store(at + 1, std::memory_order_release);
  ++live_;
  if (index_)
    index_->positions.emplace(item, at);
  else if (live_ >= index_from)
    index_all();
}

bool ItemList::remove(std::uint64_t item, Quiescence& quiescence) {
  Array* const array = array_.load(std::memory_order_relaxed);
  if (array == nullptr) return false;
  const auto size = array->size.load(std::memory_order_relaxed);
  std::uint32_t at = 0;
  if (index_) {
    const auto found = index_->positions.find(item);
    if (found == index_->positions.end()) return false;
    at = found->second;
    index_->positions.erase(found);
  } else {
    while (at < size && array->items()[at].load(std::memory_order_relaxed) != item) ++at;
    if (at == size) return false;
  }
  array->items()[at].store(0, std::memory_order_release);
  --live_;
  // Half of it holes: squeeze them out, for the readers' sake.
  if (size - live_ > 8 && live_ < size / 2) rebuild(live_ + live_ / 4, quiescence);
  return true;
}

void ItemList::rebuild(std::uint32_t capacity, Quiescence& quiescence) {
  Array* const old = array_.load(std::memory_order_relaxed);
  Array* fresh = nullptr;
  if (capacity != 0) {
    void* const block = std::malloc(sizeof(Array) + capacity * sizeof(std::uint64_t));
    ensure(block != nullptr);
    fresh = new (block) Array{capacity, 0};
    std::uint32_t filled = 0;
    for_each([&](std::uint64_t item) { new (&fresh->items()[filled++]) std::atomic{item}; });
    for (std::uint32_t i = filled; i < capacity; ++i)
      new (&fresh->items()[i]) std::atomic<std::uint64_t>{0};
    fresh->size.store(filled, std::memory_order_relaxed);
  }
  array_.store(fresh, std::memory_order_release);
  if (old != nullptr) quiescence.retire(old, [](void* block) { std::free(block); });
  if (live_ < index_from / 2)
    index_.reset();
  else if (index_)
    index_all();
}

void ItemList::index_all() {
  if (!index_) index_ = std::make_unique<Index>();
  index_->positions.clear();
  const Array* const array = array_.load(std::memory_order_relaxed);
  for (std::uint32_t i = 0; i < array->size.load(std::memory_order_relaxed); ++i)
    if (const auto item = array->items()[i].load(std::memory_order_relaxed))
      index_->positions.emplace(item, i);
}

// --- Subscribers ---

struct Subscribers::Names {
  boost::unordered_flat_map<std::string_view, QueueGroup*> groups;
};

Subscribers::Subscribers(std::string_view subject) : subject_(subject) {}

Subscribers::~Subscribers() {
  groups_.for_each([](std::uint64_t item) { delete address_of<QueueGroup>(item); });
}

QueueGroup* Subscribers::find_group(std::string_view queue) const {
  if (names_) {
    const auto found = names_->groups.find(queue);
    return found == names_->groups.end() ? nullptr : found->second;
  }
  QueueGroup* found = nullptr;
  groups_.for_each([&](std::uint64_t item) {
    if (auto* const group = address_of<QueueGroup>(item); group->name == queue) found = group;
  });
  return found;
}

QueueGroup& Subscribers::group_for(std::string_view queue, Quiescence& quiescence) {
  if (QueueGroup* const group = find_group(queue)) return *group;
  auto* const group = new QueueGroup(queue);
  groups_.add(make_ref(group, 0), quiescence);
  if (!names_ && groups_.size() >= names_from) {
    names_ = std::make_unique<Names>();
    groups_.for_each([&](std::uint64_t item) {
      auto* const each = address_of<QueueGroup>(item);
      names_->groups.emplace(each->name, each);
    });
  } else if (names_) {
    names_->groups.emplace(group->name, group);
  }
  return *group;
}

void Subscribers::drop_group(QueueGroup* group, Quiescence& quiescence) {
  if (names_) names_->groups.erase(group->name);
  groups_.remove(make_ref(group, 0), quiescence);
  if (groups_.size() < names_from / 2) names_.reset();
  quiescence.retire(group);
}

InterestDelta Subscribers::add(Subscription* subscription, Quiescence& quiescence) {
  const auto kind = static_cast<std::size_t>(subscription->kind());
  InterestDelta delta;
  if (subscription->is_queue()) {
    QueueGroup& group = group_for(subscription->queue(), quiescence);
    group.members.add(make_item(subscription), quiescence);
    delta.before = group.weights[kind];
    delta.after = group.weights[kind] += subscription->weight();
    delta.all = group.weights;
  } else {
    plain_.add(make_item(subscription), quiescence);
    delta.before = plain_counts_[kind]++;
    delta.after = plain_counts_[kind];
    delta.all = plain_counts_;
  }
  if (++size_ == large_from) delta.large = 1;
  return delta;
}

bool Subscribers::remove(Subscription* subscription, InterestDelta& delta,
                         Quiescence& quiescence) {
  const auto kind = static_cast<std::size_t>(subscription->kind());
  if (subscription->is_queue()) {
    QueueGroup* const group = find_group(subscription->queue());
    if (group == nullptr || !group->members.remove(make_item(subscription), quiescence))
      return false;
    delta.before = group->weights[kind];
    delta.after = group->weights[kind] -= subscription->weight();
    delta.all = group->weights;
    if (group->members.size() == 0) drop_group(group, quiescence);
  } else {
    if (!plain_.remove(make_item(subscription), quiescence)) return false;
    delta.before = plain_counts_[kind]--;
    delta.after = plain_counts_[kind];
    delta.all = plain_counts_;
  }
  if (size_-- == large_from) delta.large = -1;
  return true;
}

bool Subscribers::reweigh(Subscription* subscription, std::int32_t before,
                          InterestDelta& delta) {
  QueueGroup* const group = find_group(subscription->queue());
  if (group == nullptr) return false;
  auto& sum = group->weights[static_cast<std::size_t>(subscription->kind())];
  delta.before = sum;
  delta.after = sum += subscription->weight() - before;
  delta.all = group->weights;
  return true;
}

Subscription* Subscribers::any() const {
  Subscription* found = nullptr;
  for_each([&](Subscription& subscription) { found = &subscription; });
  return found;
}

void Subscribers::append_to(Match& match) const {
  plain_.for_each([&](std::uint64_t item) { match.plain.push_back(as_entry(item)); });
  groups_.for_each([&](std::uint64_t item) {
    const auto begin = position(match);
    address_of<QueueGroup>(item)->members.for_each(
        [&](std::uint64_t member) { append_member(match, member); });
    const auto end = position(match);
    if (begin != end) match.groups.push_back({match.members[begin]->queue(), begin, end});
  });
}

// --- Slots ---

InterestDelta insert_at(Slot& slot, Ref tag, Subscription* subscription, Quiescence& quiescence) {
  const Ref ref = slot.load(std::memory_order_relaxed);
  if (is_vacant(ref)) {
    slot.store(make_ref(subscription, ref_is_subscription, tag), std::memory_order_release);
    InterestDelta delta;
    delta.after = subscription->is_queue() ? subscription->weight() : 1;
    delta.all[static_cast<std::size_t>(subscription->kind())] = delta.after;
    return delta;
  }
  if ((ref & ref_kind) == ref_is_subscribers)
    return address_of<Subscribers>(ref)->add(subscription, quiescence);
  auto* const subscribers = new Subscribers(subscription->subject());
  subscribers->add(address_of<Subscription>(ref), quiescence);
  const auto delta = subscribers->add(subscription, quiescence);
  slot.store(make_ref(subscribers, ref_is_subscribers, tag), std::memory_order_release);
  return delta;
}

Removal remove_at(Slot& slot, Ref vacated, Subscription* subscription, InterestDelta& delta,
                  Quiescence& quiescence) {
  const Ref ref = slot.load(std::memory_order_relaxed);
  if (is_vacant(ref)) return Removal::absent;
  if ((ref & ref_kind) == ref_is_subscription) {
    if (address_of<Subscription>(ref) != subscription) return Removal::absent;
    slot.store(vacated, std::memory_order_release);
    delta.before = subscription->is_queue() ? subscription->weight() : 1;
    return Removal::emptied;
  }
  auto* const subscribers = address_of<Subscribers>(ref);
  if (!subscribers->remove(subscription, delta, quiescence)) return Removal::absent;
  if (subscribers->size() > 1) return Removal::kept;
  slot.store(make_ref(subscribers->any(), ref_is_subscription, ref & ref_tag),
             std::memory_order_release);
  quiescence.retire(subscribers);
  return Removal::kept;
}

bool reweigh_at(Ref ref, Subscription* subscription, std::int32_t before, InterestDelta& delta) {
  if (is_vacant(ref)) return false;
  if ((ref & ref_kind) == ref_is_subscribers)
    return address_of<Subscribers>(ref)->reweigh(subscription, before, delta);
  if (address_of<Subscription>(ref) != subscription) return false;
  delta.before = before;
  delta.after = subscription->weight();
  delta.all[static_cast<std::size_t>(subscription->kind())] = delta.after;
  return true;
}

void destroy_endpoint(Ref ref) noexcept {
  if (!is_vacant(ref) && (ref & ref_kind) == ref_is_subscribers)
    delete address_of<Subscribers>(ref);
}

// --- Building a match ---

void append_subscription(Match& match, Subscription* subscription) {
  if (!subscription->is_queue()) {
    match.plain.push_back(as_entry(make_item(subscription)));
    return;
  }
  const auto begin = position(match);
  append_member(match, make_item(subscription));
  const auto end = position(match);
  if (begin != end) match.groups.push_back({subscription->queue(), begin, end});
}

namespace {

// Stable by shard. `scratch` is empty and stays so; only its memory is used.
void sort_by_shard(std::vector<Subscription*>& plain, std::vector<Subscription*>& scratch) {
  const auto less = [](const Subscription* a, const Subscription* b) {
    return shard_of(a) < shard_of(b);
  };
  if (std::is_sorted(plain.begin(), plain.end(), less)) return;
  if (plain.size() <= insertion_sort_max) {
    for (std::size_t i = 1; i < plain.size(); ++i)
      for (std::size_t j = i; j > 0 && less(plain[j], plain[j - 1]); --j)
        std::swap(plain[j], plain[j - 1]);
    return;
  }
  const auto [low, high] = std::minmax_element(plain.begin(), plain.end(), less);
  const auto first = shard_of(*low), shards = shard_of(*high) - first + 1;
  if (shards > Quiescence::readers_max) {
    std::stable_sort(plain.begin(), plain.end(), less);
    return;
  }
  std::array<std::uint32_t, Quiescence::readers_max + 1> starts{};
  for (const auto* const entry : plain) ++starts[shard_of(entry) - first + 1];
  for (std::size_t i = 1; i < starts.size(); ++i) starts[i] += starts[i - 1];
  scratch.resize(plain.size());
  for (auto* const entry : plain) scratch[starts[shard_of(entry) - first]++] = entry;
  plain.swap(scratch);
  scratch.clear();
}

bool has_repeated_name(const std::vector<Match::Group>& groups) {
  if (groups.size() < 2) return false;
  if (groups.size() <= 8) {
    for (std::size_t i = 1; i < groups.size(); ++i)
      for (std::size_t j = 0; j < i; ++j)
        if (groups[i].queue == groups[j].queue) return true;
    return false;
  }
  std::vector<std::string_view> names;
  names.reserve(groups.size());
  for (const auto& group : groups) names.push_back(group.queue);
  std::sort(names.begin(), names.end());
  return std::adjacent_find(names.begin(), names.end()) != names.end();
}

// Members of one name on several patterns become one range.
void merge_groups(Match& match) {
  auto parts = match.groups;
  std::stable_sort(parts.begin(), parts.end(), [](const auto& a, const auto& b) {
    return a.queue < b.queue;
  });
  std::vector<Subscription*> members;
  members.reserve(match.members.size());
  match.groups.clear();
  for (const auto& part : parts) {
    const auto begin = static_cast<std::uint32_t>(members.size());
    members.insert(members.end(), match.members.begin() + part.begin,
                   match.members.begin() + part.end);
    const auto end = static_cast<std::uint32_t>(members.size());
    if (!match.groups.empty() && match.groups.back().queue == part.queue)
      match.groups.back().end = end;
    else
      match.groups.push_back({part.queue, begin, end});
  }
  match.members = std::move(members);
}

}  // namespace

void finish_match(Match& match) {
  if (match.plain.size() > 1) {
    // Only large fan-outs over several shards use it.
    static thread_local std::vector<Subscription*> scratch;
    sort_by_shard(match.plain, scratch);
  }
  for (auto& entry : match.plain) entry = subscription_of(item_of(entry));
  if (has_repeated_name(match.groups)) merge_groups(match);
}

}  // namespace dunlin::subject
