#include "core/subject/interest_notification.hpp"

#include <algorithm>

#include "core/subject/subject.hpp"

namespace dunlin::subject {
namespace {

constexpr auto any_kind = [](Kind) { return true; };

}  // namespace

InterestNotification::InterestNotification(Sublist& sublist) : sublist_(sublist) {
  sublist_.add_observer(this, Sublist::Replay::no);
}

InterestNotification::~InterestNotification() { sublist_.remove_observer(this); }

result<> InterestNotification::add(std::string_view subject, std::string_view queue,
                                   std::uint64_t id, Listener listener) {
  if (has_wildcard(subject)) return fail("sublist: invalid subject");
  result<> added;
  sublist_.inspect(subject, queue, [&](const InterestByKind& counts) {
    const std::lock_guard lock(mutex_);
    auto& watched = watched_[{std::string(subject), std::string(queue)}];
    for (const auto& [known, unused] : watched.listeners) {
      if (known != id) continue;
      added = fail("sublist: notification already registered");
      return;
    }
    watched.interested =
        std::any_of(counts.begin(), counts.end(), [](auto count) { return count > 0; });
    watched.listeners.emplace_back(id, std::move(listener));
    watched.listeners.back().second(watched.interested);
  });
  return added;
}

bool InterestNotification::remove(std::string_view subject, std::string_view queue,
                                  std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  const auto found = watched_.find(KeyView(subject, queue));
  if (found == watched_.end()) return false;
  const auto removed = std::erase_if(found->second.listeners,
                                     [&](const auto& entry) { return entry.first == id; });
  if (found->second.listeners.empty()) watched_.erase(found);
  return removed != 0;
}

void InterestNotification::interest_changed(const InterestChange& change) {
  const std::lock_guard lock(mutex_);
  const auto found = watched_.find(KeyView(change.subject, change.queue));
  if (found == watched_.end()) return;
  auto& watched = found->second;
  const bool interested = change.sum_after(any_kind) > 0;
  if (interested == watched.interested) return;
  watched.interested = interested;
  for (const auto& [id, listener] : watched.listeners) listener(interested);
}

}  // namespace dunlin::subject
