// The router service's subscriptions and requests: their start, their end, and what has to be over
// before an end can be told.

#include <future>

#include "core/auth/reserved_subjects.hpp"
#include "core/server/plugin_request.hpp"
#include "core/server/plugin_shard_side.hpp"
#include "core/server/router_service.hpp"

namespace dunlin::server {

// ---- SubscriptionHost --------------------------------------------------------------------------

BatchMaker& RouterService::batches() { return side().batches; }

void RouterService::note_open(PluginSubscription& subscription) {
  side().open.push_back(subscription.shared_from_this());
}

void RouterService::post_run(bool on_worker, std::function<void()> task) {
  if (on_worker)
    executor_.post_worker(std::move(task));
  else
    net::Shard::current()->post(std::move(task));
}

// It stays known until the plugin ends it: only then is it sure that no callback is running.
void RouterService::exhausted(PluginSubscription& subscription) { subscription.unlink(); }

std::size_t RouterService::pending_max() const { return clients_.policy().limits.pending_max; }

// ---- subscriptions -----------------------------------------------------------------------------

dunlin_status RouterService::subscribe(plugin::Owner owner, dunlin_account* account,
                                       dunlin_conn* on_behalf_of,
                                       const dunlin_sub_options& options, dunlin_on_msgs on_msgs,
                                       void* user, dunlin_sub_id& out) {
  PluginSubscription::Wish wish;
  wish.owner = owner;
  wish.account = account_of(account);
  wish.connection = connection_of(on_behalf_of);
  wish.home = options.home_shard;
  wish.on_worker = (options.flags & DUNLIN_SUB_ON_WORKER) != 0;
  wish.messages_max = options.messages_max;
  wish.on_msgs = on_msgs;
  wish.user = user;
  if (wish.connection != nullptr) {
    if (const auto status = may_subscribe(*wish.connection, options); status != DUNLIN_OK)
      return status;
    wish.home = wish.connection->endpoint().shard().index();
  }
  {
    const std::lock_guard lock(mutex_);
    wish.id = ++last_id_;
  }
  const auto subscription = std::make_shared<PluginSubscription>(*this, wish, sides_.size());
  subject::Subscription::Parts parts;
  parts.subject = view(options.subject);
  parts.queue = view(options.queue);
  parts.sid = view(options.sid);
  parts.owner = static_cast<routing::InternalSubscriber*>(subscription.get());
  parts.shard = wish.home == plugin::Executor::no_shard
                    ? routing::InternalSubscriber::any_shard
                    : static_cast<std::uint16_t>(wish.home);
  parts.kind = (options.flags & DUNLIN_SUB_NO_LINKS) != 0 ? unannounced_kind : plugin_kind;
  subscription->entry = subject::Subscription::create(parts);
  // Known before it can be delivered to: a callback may end its own subscription.
  {
    const std::lock_guard lock(mutex_);
    subscriptions_.emplace(wish.id, subscription);
  }
  out = wish.id;
  if (!wish.account->sublist().insert(subscription->entry)) {
    forget(wish.id);
    subscription->free_entry();
    out = 0;
    return DUNLIN_E_INVALID;
  }
  if (wish.connection != nullptr) side().of_connection[wish.connection].push_back(subscription);
  return DUNLIN_OK;
}

dunlin_status RouterService::may_subscribe(ActingConnection& connection,
                                           const dunlin_sub_options& options) {
  const routing::Endpoint& endpoint = connection.endpoint();
  if (&endpoint.shard() != net::Shard::current()) return DUNLIN_E_WRONG_THREAD;
  if (endpoint.is_closed()) return DUNLIN_E_CLOSED;
  const auto& settings = clients_.settings();
  if (settings.reserved != nullptr && settings.reserved->contains(view(options.subject)))
    return DUNLIN_E_DENIED;
  if (!connection.may_subscribe(view(options.subject), view(options.queue)))
    return DUNLIN_E_DENIED;
  const auto held = side().of_connection.find(&connection);
  if (settings.max_subscriptions != 0 && held != side().of_connection.end() &&
      held->second.size() >= settings.max_subscriptions)
    return DUNLIN_E_LIMIT;
  return DUNLIN_OK;
}

RouterService::Subscription RouterService::find(plugin::Owner owner, dunlin_sub_id id) {
  const std::lock_guard lock(mutex_);
  const auto found = subscriptions_.find(id);
  if (found == subscriptions_.end() || found->second->wish().owner != owner) return nullptr;
  return found->second;
}

void RouterService::forget(dunlin_sub_id id) {
  const std::lock_guard lock(mutex_);
  subscriptions_.erase(id);
}

bool RouterService::end(const Subscription& subscription, bool in_place,
                        std::function<void()> last) {
  subscription->unlink();
  const auto finish = [this, subscription, in_place, last = std::move(last)] {
    const auto& wish = subscription->wish();
    subscription->flush_open();
    subscription->free_entry();
    auto& lists = side().of_connection;
    if (const auto list = lists.find(wish.connection); list != lists.end()) {
      std::erase(list->second, subscription);
      if (list->second.empty()) lists.erase(list);
    }
    subscription->put_end(
        [this, id = wish.id, last] {
          forget(id);
          if (last) last();
        },
        in_place);
  };
  return executor_.fence(subscription->wish().home, [subscription] { subscription->flush_open(); },
                         finish);
}

void RouterService::end_and_wait(const std::vector<Subscription>& subscriptions) {
  std::vector<std::future<void>> ends;
  for (const Subscription& subscription : subscriptions) {
    subscription->silence();
    const auto over = std::make_shared<std::promise<void>>();
    auto future = over->get_future();
    if (end(subscription, true, [over] { over->set_value(); })) ends.push_back(std::move(future));
  }
  for (auto& future : ends) future.wait();
}

void RouterService::unsubscribe(plugin::Owner owner, dunlin_sub_id sub) {
  if (const Subscription subscription = find(owner, sub)) end_and_wait({subscription});
}

void RouterService::unsubscribe_async(plugin::Owner owner, dunlin_sub_id sub, dunlin_task done,
                                      void* user) {
  const auto last = [done, user] {
    if (done != nullptr) done(user);
  };
  if (const Subscription subscription = find(owner, sub)) {
    subscription->silence();
    if (end(subscription, false, last)) return;
  } else if (executor_.post_control(last)) {
    return;
  }
  // No thread is left that could be delivering.
  last();
}

void RouterService::connection_closed(ActingConnection& connection) {
  auto& lists = side().of_connection;
  const auto list = lists.find(&connection);
  if (list == lists.end()) return;
  const std::vector<Subscription> subscriptions = std::move(list->second);
  lists.erase(list);
  for (const Subscription& subscription : subscriptions) {
    subscription->silence();
    (void)end(subscription, false, nullptr);
  }
}

std::vector<observe::SubscriptionSnapshot> RouterService::subscriptions_of(
    ActingConnection& connection) {
  std::vector<observe::SubscriptionSnapshot> shown;
  const auto list = side().of_connection.find(&connection);
  if (list == side().of_connection.end()) return shown;
  for (const Subscription& subscription : list->second) {
    const subject::Subscription& entry = *subscription->entry;
    shown.push_back({std::string(entry.subject()), std::string(entry.queue()),
                     std::string(entry.sid()), subscription->delivered(),
                     subscription->wish().messages_max});
  }
  return shown;
}

// ---- requests ----------------------------------------------------------------------------------

dunlin_status RouterService::request(plugin::Owner owner, dunlin_account* account,
                                     const dunlin_msg& message, std::uint64_t timeout_ns,
                                     dunlin_on_reply on_reply, void* user,
                                     dunlin_request_id& out) {
  if (executor_.is_closed()) return DUNLIN_E_CLOSED;
  PluginRequest::Wish wish;
  wish.owner = owner;
  wish.account = account_of(account);
  wish.on_reply = on_reply;
  wish.user = user;
  std::shared_ptr<PluginRequest> request;
  {
    const std::lock_guard lock(mutex_);
    wish.id = ++last_id_;
    request = std::make_shared<PluginRequest>(control_, quiescence_, wish,
                                              [this, id = wish.id] { forget_request(id); });
    requests_.emplace(wish.id, request);
  }
  if (!request->open(timeout_ns)) {
    forget_request(wish.id);
    return DUNLIN_E_INVALID;
  }
  out = wish.id;
  dunlin_msg sent = message;
  sent.reply = str(request->inbox());
  if (net::Shard* const shard = net::Shard::current()) {
    if (!route(*wish.account, sent, origin_of(owner, shard->index(), sent), false))
      request->settle(DUNLIN_E_NO_RESPONDERS);
    return DUNLIN_OK;
  }
  return post_batch(owner, *wish.account, {&sent, 1}, [request](bool delivered) {
    if (!delivered) request->settle(DUNLIN_E_NO_RESPONDERS);
  });
}

void RouterService::forget_request(dunlin_request_id id) {
  const std::lock_guard lock(mutex_);
  requests_.erase(id);
}

void RouterService::request_cancel(plugin::Owner owner, dunlin_request_id id) {
  std::shared_ptr<PluginRequest> request;
  {
    const std::lock_guard lock(mutex_);
    const auto found = requests_.find(id);
    if (found == requests_.end() || found->second->wish().owner != owner) return;
    request = found->second;
  }
  request->settle(DUNLIN_E_CANCELLED);
}

// ---- the end of a plugin -----------------------------------------------------------------------

void RouterService::plugin_stopped(plugin::Owner owner) {
  std::vector<Subscription> subscriptions;
  std::vector<std::shared_ptr<PluginRequest>> requests;
  std::vector<std::string> prefixes;
  bool reserved = false;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, subscription] : subscriptions_)
      if (subscription->wish().owner == owner) subscriptions.push_back(subscription);
    for (const auto& [id, request] : requests_)
      if (request->wish().owner == owner) requests.push_back(request);
    reserved = std::erase_if(prefixes_, [owner](const auto& one) {
                 return one.second == owner;
               }) != 0;
    for (const auto& [prefix, holder] : prefixes_) prefixes.push_back(prefix);
  }
  for (const auto& request : requests) {
    request->silence();
    request->settle(DUNLIN_E_CANCELLED);
  }
  end_and_wait(subscriptions);
  if (reserved) clients_.reserve_subjects(std::move(prefixes));
}

}  // namespace dunlin::server
