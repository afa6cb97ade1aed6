#include "core/server/link_connection.hpp"

#include <fmt/format.h>

#include <utility>

#include "core/plugin/shard_budget.hpp"
#include "core/server/interest_observers.hpp"
#include "core/server/protocol_connection.hpp"

namespace dunlin::server {

namespace {

void destroy_subscription(void* subscription) {
  subject::Subscription::destroy(static_cast<subject::Subscription*>(subscription));
}

}  // namespace

LinkConnection::LinkConnection(ProtocolConnection& connection, Wish wish,
                               routing::ShardRouter& router, BatchMaker& batches,
                               InterestObservers& observers)
    : connection_(connection),
      wish_(std::move(wish)),
      router_(router),
      batches_(batches),
      observers_(observers) {}

LinkConnection::~LinkConnection() { delete batch_; }

// The leafnode cluster that interest or a message comes from: what the other side says, or, on a
// leafnode connection, the other side itself.
std::string_view LinkConnection::origin_of(std::string_view given) const noexcept {
  if (given.empty() && connection_.kind() == routing::Kind::leaf) return wish_.cluster;
  return given;
}

// ---- the other server's interest ---------------------------------------------------------------

dunlin_status LinkConnection::subscribe(std::span<const dunlin_remote_sub> subs,
                                        std::size_t& done) {
  for (; done < subs.size(); ++done) {
    if (ended_ || !connection_.is_usable()) return DUNLIN_E_CLOSED;
    const dunlin_status status = subscribe_one(subs[done]);
    if (status != DUNLIN_OK) return status;
  }
  return DUNLIN_OK;
}

dunlin_status LinkConnection::subscribe_one(const dunlin_remote_sub& sub) {
  routing::Account& account = *account_of(sub.account);
  const bool is_leaf = connection_.kind() == routing::Kind::leaf;
  if (is_leaf && &account != connection_.account()) return DUNLIN_E_DENIED;
  const auto set = subscriptions_.find(&account);
  Subscription* present = nullptr;
  if (set != subscriptions_.end()) {
    const auto found =
        set->second.find(Key{view(sub.subject), view(sub.queue), view(sub.origin)});
    if (found != set->second.end()) present = *found;
  }
  if (sub.weight <= 0) {
    if (present != nullptr) remove(account, present);
    return DUNLIN_OK;
  }
  if (present == nullptr) {
    if (is_leaf && !connection_.may_subscribe(view(sub.subject), view(sub.queue)))
      return DUNLIN_E_DENIED;
    return insert(account, sub);
  }
  if (present->is_queue() && present->queue_weight() != sub.weight)
    reweigh(account, present, sub.weight);
  return DUNLIN_OK;
}

dunlin_status LinkConnection::insert(routing::Account& account, const dunlin_remote_sub& sub) {
  Subscription::Parts parts;
  parts.subject = view(sub.subject);
  parts.queue = view(sub.queue);
  parts.sid = view(sub.origin);
  parts.owner = static_cast<routing::Endpoint*>(&connection_);
  parts.shard = connection_.shard().index();
  parts.kind = connection_.kind();
  parts.queue_weight = parts.queue.empty() ? 1 : sub.weight;
  Subscription* const subscription = Subscription::create(parts);
  if (!account.sublist().insert(subscription)) {
    Subscription::destroy(subscription);
    return DUNLIN_E_INVALID;
  }
  subscriptions_[&account].insert(subscription);
  ++count_;
  observers_.link_interest(account, *subscription, origin_of(parts.sid), subscription->weight());
  return DUNLIN_OK;
}

void LinkConnection::remove(routing::Account& account, Subscription* subscription) {
  subscriptions_[&account].erase(subscription);
  --count_;
  subscription->close();
  (void)account.sublist().remove(subscription);
  observers_.link_interest(account, *subscription, origin_of(subscription->sid()),
                           -subscription->weight());
  connection_.shard().retire(subscription, destroy_subscription);
}

void LinkConnection::reweigh(routing::Account& account, Subscription* subscription,
                             std::int32_t weight) {
  const std::int32_t before = subscription->weight();
  subscription->set_queue_weight(weight);
  account.sublist().weight_changed(subscription, before);
  observers_.link_interest(account, *subscription, origin_of(subscription->sid()),
                           subscription->weight() - before);
}

void LinkConnection::end() {
  if (std::exchange(ended_, true)) return;
  for (auto& [account, set] : subscriptions_) {
    const std::vector<Subscription*> all(set.begin(), set.end());
    for (Subscription* const one : all) one->close();
    (void)account->sublist().remove(all);
    for (Subscription* const one : all) {
      observers_.link_interest(*account, *one, origin_of(one->sid()), -one->weight());
      connection_.shard().retire(one, destroy_subscription);
    }
  }
  subscriptions_.clear();
  count_ = 0;
  flush(false);
}

// ---- from the other server ---------------------------------------------------------------------

dunlin_status LinkConnection::publish(std::span<const dunlin_routed_msg> messages,
                                      std::size_t& done) {
  // A delivery may publish by this link again: it then takes a string of its own.
  std::string tail = std::move(spare_tail_);
  dunlin_status status = DUNLIN_OK;
  for (; done < messages.size() && status == DUNLIN_OK; ++done) {
    status = ended_ || !connection_.is_usable() ? DUNLIN_E_CLOSED
                                                : publish_one(messages[done], tail);
    if (status != DUNLIN_OK) break;
  }
  spare_tail_ = std::move(tail);
  return status;
}

dunlin_status LinkConnection::publish_one(const dunlin_routed_msg& routed, std::string& tail) {
  routing::Account& account = *account_of(routed.account);
  const routing::Kind kind = connection_.kind();
  const std::string_view subject = view(routed.msg.subject);
  if (kind == routing::Kind::leaf &&
      (&account != connection_.account() || !connection_.may_publish(subject)))
    return DUNLIN_E_DENIED;
  const std::string_view reply = view(routed.msg.reply), header = view(routed.msg.header),
                         payload = view(routed.msg.payload);
  const std::size_t size = header.size() + payload.size();
  if (size > UINT32_MAX / 2) return DUNLIN_E_LIMIT;
  tail.clear();
  const auto out = std::back_inserter(tail);
  if (!reply.empty()) fmt::format_to(out, "{} ", reply);
  if (!header.empty()) fmt::format_to(out, "{} ", header.size());
  fmt::format_to(out, "{}\r\n", size);
  routing::Message message;
  message.subject = subject;
  message.reply = reply;
  message.payload_offset = static_cast<std::uint32_t>(tail.size());
  message.header_size = static_cast<std::uint32_t>(header.size());
  message.size = static_cast<std::uint32_t>(size);
  tail.append(header).append(payload).append("\r\n");
  message.tail = tail;
  // The reply is also the beginning of the tail, which is what crosses to other shards.
  message.reply = std::string_view(tail).substr(0, reply.size());

  routing::Origin origin;
  origin.connection = connection_.id();
  origin.shard = connection_.shard().index();
  origin.kind = kind;
  origin.echo = false;
  origin.is_spoke = wish_.is_spoke;
  origin.leaf_cluster = origin_of(view(routed.origin));
  std::vector<std::string_view> queues;
  for (std::uint32_t i = 0; i < routed.queue_count; ++i) queues.push_back(view(routed.queues[i]));
  origin.queues = queues.data();
  origin.queue_count = queues.size();
  origin.restricts_queues = (routed.flags & DUNLIN_ROUTED_QUEUES) != 0;
  origin.forwards = (routed.flags & DUNLIN_ROUTED_FORWARD) != 0;

  connection_.count_in(1, size);
  router_.stats().in_messages.add(1);
  router_.stats().in_bytes.add(size);
  routing::TrafficCounters& traffic = account.traffic().at(origin.shard);
  traffic.in_messages.add(1);
  traffic.in_bytes.add(size);
  (void)router_.route(account, message, hash_bytes(subject), origin);
  return DUNLIN_OK;
}

// ---- to the other server -----------------------------------------------------------------------

void LinkConnection::take(routing::Account& account, const routing::Message& message,
                          const routing::Origin& origin,
                          const std::vector<std::string_view>& queues) {
  if (ended_) return;
  if (batch_ == nullptr) batch_ = batches_.take();
  if (taken_.empty()) router_.note_link(connection_);
  batches_.add(*batch_, message, origin.connection);
  dunlin_msg& added = batch_->messages.back();
  if (!wish_.takes_headers) added.header = {};
  taken_.push_back({&account, origin.kind, static_cast<std::uint32_t>(texts_.size()),
                    static_cast<std::uint32_t>(queues.size())});
  const auto keep = [this](std::string_view text) {
    texts_.push_back(static_cast<std::uint32_t>(text.size()));
    text_.append(text);
  };
  keep(origin.leaf_cluster);
  for (const std::string_view queue : queues) keep(queue);
  connection_.count_out(1, added.header.size + added.payload.size, &account);
}

void LinkConnection::flush(bool is_called) {
  if (taken_.empty()) return;
  // The plugin may cause further deliveries while it writes these: they go with the next flush.
  MessageBatch* const batch = std::exchange(batch_, nullptr);
  const std::vector<Taken> taken = std::exchange(taken_, {});
  const std::vector<std::uint32_t> sizes = std::exchange(texts_, {});
  const std::string text = std::exchange(text_, {});
  if (is_called && !ended_) {
    std::vector<dunlin_str> texts;
    texts.reserve(sizes.size());
    std::size_t at = 0;
    for (const std::uint32_t size : sizes) {
      texts.push_back({text.data() + at, size});
      at += size;
    }
    std::vector<dunlin_link_delivery> deliveries;
    deliveries.reserve(taken.size());
    for (std::size_t i = 0; i < taken.size(); ++i) {
      const Taken& one = taken[i];
      const dunlin_str* const first = texts.data() + one.first_text;
      deliveries.push_back({handle_of(one.account), batch->messages[i],
                            one.queue_count == 0 ? nullptr : first + 1, one.queue_count,
                            static_cast<std::uint32_t>(one.origin_kind), *first});
    }
    const plugin::ShardCall call(connection_.settings().owner, "deliver");
    wish_.deliver(wish_.user, handle(), deliveries.data(), deliveries.size());
  }
  batches_.give_back(batch);
}

}  // namespace dunlin::server
