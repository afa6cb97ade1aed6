#include "core/server/interest_observers.hpp"

#include <algorithm>
#include <atomic>
#include <future>
#include <utility>

#include "core/base/hash.hpp"
#include "core/plugin/shard_budget.hpp"
#include "core/routing/delivery_rules.hpp"
#include "core/server/handles.hpp"
#include "core/subject/sublist.hpp"

namespace dunlin::server {

namespace {

struct Change {
  routing::Account* account;
  std::string subject, queue, origin;
  routing::Kind kind;
  std::int32_t before, after;
};

constexpr std::uint32_t local_kinds =
    DUNLIN_INTEREST_OF(DUNLIN_KIND_CLIENT) | DUNLIN_INTEREST_OF(DUNLIN_KIND_JETSTREAM) |
    DUNLIN_INTEREST_OF(DUNLIN_KIND_ACCOUNT);

}  // namespace

class InterestObservers::Observer : public std::enable_shared_from_this<Observer> {
 public:
  Observer(plugin::Executor& executor, plugin::Owner owner_id, dunlin_observer observer_id,
           const dunlin_interest_options& options)
      : owner(owner_id),
        id(observer_id),
        executor_(executor),
        kinds_(options.kinds == 0 ? local_kinds : options.kinds),
        only_(account_of(options.account)),
        shard_(options.shard),
        on_change_(options.on_change),
        user_(options.user) {}

  const plugin::Owner owner;
  const dunlin_observer id;

  [[nodiscard]] bool wants(routing::Kind kind) const noexcept {
    return (kinds_ & DUNLIN_INTEREST_OF(static_cast<std::uint32_t>(kind))) != 0;
  }
  [[nodiscard]] bool wants(const routing::Account& account) const noexcept {
    return only_ == nullptr || only_ == &account;
  }
  [[nodiscard]] std::uint32_t shard() const noexcept { return shard_; }

  // An account's Sublist, told apart from others'.
  struct Feed final : subject::InterestObserver {
    Feed(Observer& observer, routing::Account& account) : to(observer), from(account) {}
    void interest_changed(const subject::InterestChange& change) override {
      if (routing::is_link(change.kind) || !to.wants(change.kind)) return;
      to.tell({&from, std::string(change.subject), std::string(change.queue), {}, change.kind,
               change.before, change.after});
    }
    Observer& to;
    routing::Account& from;
  };
  std::vector<std::unique_ptr<Feed>> feeds;

  void tell(Change change) {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(change));
    if (std::exchange(is_scheduled_, true)) return;
    executor_.post_shard(shard_, [self = shared_from_this()] { self->run(); });
  }
  // Nothing is told once it returned and its shard has finished its turn.
  void silence() noexcept { is_silent_.store(true, std::memory_order_release); }

 private:
  void run() {
    std::vector<Change> changes;
    {
      const std::lock_guard lock(mutex_);
      changes.swap(waiting_);
      is_scheduled_ = false;
    }
    if (is_silent_.load(std::memory_order_acquire) || changes.empty()) return;
    std::vector<dunlin_interest_change> told;
    told.reserve(changes.size());
    for (const Change& change : changes)
      told.push_back({handle_of(change.account), str(change.subject), str(change.queue),
                      str(change.origin), static_cast<std::uint32_t>(change.kind), change.before,
                      change.after, 0});
    const plugin::ShardCall call(owner, "on_change");
    on_change_(user_, told.data(), told.size());
  }

  plugin::Executor& executor_;
  const std::uint32_t kinds_;
  routing::Account* const only_;
  const std::uint32_t shard_;
  void (*const on_change_)(void* user, const dunlin_interest_change* changes, std::size_t n);
  void* const user_;
  std::atomic<bool> is_silent_{false};

  std::mutex mutex_;  // guards what follows
  std::vector<Change> waiting_;
  bool is_scheduled_ = false;
};

std::size_t InterestObservers::LinkKeyHash::operator()(const LinkKey& key) const noexcept {
  return hash_bytes(key.subject) ^ (hash_bytes(key.queue) * 3) ^ (hash_bytes(key.origin) * 5) ^
         static_cast<std::size_t>(key.kind);
}

InterestObservers::InterestObservers(plugin::Executor& executor, ClientDirectory& clients)
    : executor_(executor), clients_(clients) {
  clients_.on_account_added([this](routing::Account& account) { account_created(account); });
}

InterestObservers::~InterestObservers() {
  for (const auto& observer : observers_)
    for (const auto& feed : observer->feeds) feed->from.sublist().remove_observer(feed.get());
}

dunlin_observer InterestObservers::observe(plugin::Owner owner,
                                           const dunlin_interest_options& options) {
  std::shared_ptr<Observer> observer;
  {
    const std::lock_guard lock(mutex_);
    observer = std::make_shared<Observer>(executor_, owner, ++last_id_, options);
    observers_.push_back(observer);
  }
  clients_.for_each_account([&](routing::Account& account) {
    const std::lock_guard lock(mutex_);
    feed(*observer, account);
  });
  return observer->id;
}

void InterestObservers::account_created(routing::Account& account) {
  const std::lock_guard lock(mutex_);
  for (const auto& observer : observers_) feed(*observer, account);
}

// Once per observer and account, whichever of the two came first.  [under mutex_]
void InterestObservers::feed(Observer& observer, routing::Account& account) {
  if (!observer.wants(account)) return;
  for (const auto& feed : observer.feeds)
    if (&feed->from == &account) return;
  observer.feeds.push_back(std::make_unique<Observer::Feed>(observer, account));
  account.sublist().add_observer(observer.feeds.back().get());
  const std::lock_guard lock(interest_mutex_);
  if (observer.feeds.size() == 1) link_listeners_.push_back(&observer);
  const auto counts = link_interest_.find(&account);
  if (counts == link_interest_.end()) return;
  for (const auto& [key, count] : counts->second)
    if (observer.wants(key.kind))
      observer.tell({&account, key.subject, key.queue, key.origin, key.kind, 0, count});
}

void InterestObservers::link_interest(routing::Account& account,
                                      const subject::Subscription& subscription,
                                      std::string_view origin, std::int32_t delta) {
  if (delta == 0) return;
  const std::lock_guard lock(interest_mutex_);
  LinkCounts& counts = link_interest_[&account];
  const auto entry =
      counts.try_emplace(LinkKey{std::string(subscription.subject()),
                                 std::string(subscription.queue()), std::string(origin),
                                 subscription.kind()},
                         0).first;
  const std::int32_t before = entry->second;
  const std::int32_t after = entry->second += delta;
  // Of plain interest only the first and the last matter.
  if (subscription.is_queue() || before == 0 || after == 0) {
    const LinkKey& key = entry->first;
    for (Observer* const observer : link_listeners_)
      if (observer->wants(key.kind) && observer->wants(account))
        observer->tell({&account, key.subject, key.queue, key.origin, key.kind, before, after});
  }
  if (after == 0) counts.erase(entry);
}

void InterestObservers::unobserve(plugin::Owner owner, dunlin_observer id) {
  std::shared_ptr<Observer> observer;
  {
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(observers_.begin(), observers_.end(), [&](const auto& one) {
      return one->id == id && one->owner == owner;
    });
    if (found == observers_.end()) return;
    observer = std::move(*found);
    observers_.erase(found);
  }
  end(std::move(observer));
}

void InterestObservers::plugin_stopped(plugin::Owner owner) {
  std::vector<std::shared_ptr<Observer>> left;
  {
    const std::lock_guard lock(mutex_);
    const auto first =
        std::stable_partition(observers_.begin(), observers_.end(),
                              [owner](const auto& one) { return one->owner != owner; });
    left.assign(std::make_move_iterator(first), std::make_move_iterator(observers_.end()));
    observers_.erase(first, observers_.end());
  }
  for (auto& observer : left) end(std::move(observer));
}

void InterestObservers::end(std::shared_ptr<Observer> observer) {
  observer->silence();
  for (const auto& feed : observer->feeds) feed->from.sublist().remove_observer(feed.get());
  {
    const std::lock_guard lock(interest_mutex_);
    std::erase(link_listeners_, observer.get());
  }
  // A callback may be running: its shard has finished it when it takes this.
  auto over = std::make_shared<std::promise<void>>();
  auto waiting = over->get_future();
  if (executor_.post_shard(observer->shard(), [over] { over->set_value(); })) waiting.wait();
}

}  // namespace dunlin::server
