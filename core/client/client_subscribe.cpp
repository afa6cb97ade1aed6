// A client's subscriptions: SUB, UNSUB, what permissions and limits say, the withdrawal.

#include <fmt/format.h>

#include <algorithm>

#include "core/base/log.hpp"
#include "core/base/ensure.hpp"
#include "core/client/client.hpp"
#include "core/protocol/go_quote.hpp"

namespace dunlin::client {

namespace {

// The queue group of the server's own services.
constexpr std::string_view system_queue = "_sys_";

void destroy_subscription(void* subscription) {
  subject::Subscription::destroy(static_cast<subject::Subscription*>(subscription));
}

}  // namespace

bool Client::may_subscribe(std::string_view subject, std::string_view queue,
                           std::string_view sid) {
  const bool allowed =
      (!permissions_.is_restricted() || permissions_.check_subscribe(subject, queue)) &&
      queue != system_queue &&
      !(settings_->reserved != nullptr && settings_->reserved->contains(subject));
  if (!allowed) {
    const std::string quoted = protocol::go_quote(subject);
    if (queue.empty()) {
      send_error("Permissions Violation for Subscription to " + quoted);
      log_error("{} - Subscription Violation - Subject {}, SID {}", label(), quoted, sid);
    } else {
      send_error(fmt::format("Permissions Violation for Subscription to {} using queue {}", quoted,
                             protocol::go_quote(queue)));
      log_error("{} - Subscription Violation - Subject {}, Queue: {}, SID {}", label(), quoted,
                protocol::go_quote(queue), sid);
    }
    return false;
  }
  refresh_filter();
  const std::size_t tokens_max = settings_->max_subscription_tokens;
  if (tokens_max != 0 &&
      static_cast<std::size_t>(std::count(subject.begin(), subject.end(), '.')) + 1 > tokens_max) {
    const std::string quoted = protocol::go_quote(subject);
    send_error("Permissions Violation for Subscription to " + quoted + ", too many tokens");
    log_error("{} - Subscription Violation Too Many Tokens - Subject {}, SID {}", label(), quoted,
              sid);
    return false;
  }
  return true;
}

// A subscription may be wider than what is denied: deliveries are filtered from then on.
void Client::refresh_filter() {
  if (!permissions_.filters_delivery() || filters_deliveries()) return;
  filter_.store(permissions_.permissions(), std::memory_order_release);
  filters_deliveries_.store(true, std::memory_order_relaxed);
}

bool Client::subscribe(std::string_view subject, std::string_view queue, std::string_view sid) {
  if (traces_)
    trace_in("SUB", fmt::format("{} {}{}{}", subject, queue, queue.empty() ? "" : " ", sid));
  if (!may_subscribe(subject, queue, sid)) return !is_closed();
  const std::size_t most = settings_->max_subscriptions;
  if (most != 0 && subscriptions_.size() >= most) {
    log_error("{} - maximum subscriptions exceeded", label());
    send_error("maximum subscriptions exceeded");
    return !is_closed();
  }
  if (subscriptions_.find(sid) == nullptr) {
    Subscription::Parts parts;
    parts.subject = subject;
    parts.queue = queue;
    parts.sid = sid;
    parts.owner = static_cast<routing::Endpoint*>(this);
    parts.shard = shard().index();
    parts.kind = routing::Kind::client;
    Subscription* const subscription = Subscription::create(parts);
    if (!account()->sublist().insert(subscription)) {
      Subscription::destroy(subscription);
      send_error("Invalid Subject");
      return !is_closed();
    }
    subscriptions_.insert(subscription);
  }
  if (verbose_) {
    if (traces_) trace_out("OK", {});
    send("+OK\r\n");
  }
  return !is_closed();
}

bool Client::unsubscribe(std::string_view sid, std::uint64_t max) {
  if (traces_)
    trace_in("UNSUB", max == 0 ? std::string(sid) : fmt::format("{} {}", sid, max));
  if (Subscription* const subscription = subscriptions_.find(sid)) {
    if (max != 0 && max > subscription->delivered.get())
      subscription->max.set(max);
    else
      drop(subscription);
  }
  if (verbose_) {
    if (traces_) trace_out("OK", {});
    send("+OK\r\n");
  }
  return !is_closed();
}

void Client::auto_unsubscribe(Subscription* subscription) {
  log_debug("{} - Auto-unsubscribe limit of {} reached for sid '{}'", label(),
            subscription->max.get(), subscription->sid());
  drop(subscription);
}

// Unlinks it now; freed when no shard can still hold it in a match or a record.
void Client::drop(Subscription* subscription) {
  if (!subscriptions_.erase(subscription)) return;
  subscription->close();
  (void)account()->sublist().remove(subscription);
  shard().retire(subscription, destroy_subscription);
}

void Client::drop_all() {
  if (subscriptions_.size() == 0) return;
  const std::vector<Subscription*> all = subscriptions_.take_all();
  for (Subscription* const subscription : all) subscription->close();
  (void)account()->sublist().remove(all);
  for (Subscription* const subscription : all) shard().retire(subscription, destroy_subscription);
}

bool Client::denies_delivery(std::string_view subject, std::string_view queue) {
  return permissions_.delivery_denied(subject, queue);
}

bool Client::denies_member(std::string_view subject, std::string_view queue) const {
  const auth::Permissions* const filter = filter_.load(std::memory_order_acquire);
  return filter != nullptr && filter->delivery_denied(subject, queue);
}

void Client::reply_delivered(std::string_view reply) {
  permissions_.delivered(reply, static_cast<std::int64_t>(shard().now()));
}

void Client::deliver_to_link(routing::Account&, const routing::Message&, const routing::Origin&,
                             const std::vector<std::string_view>&) {
  ensure(!"a client is no link");
}

}  // namespace dunlin::client
