#include "core/routing/router.hpp"

#include <fmt/format.h>

#include <cstring>
#include <utility>

#include "core/base/ensure.hpp"
#include "core/base/hash.hpp"
#include "core/base/short_bytes.hpp"

namespace dunlin::routing {

namespace {

// Payloads from here on are handed to the kernel in place; smaller ones are cheaper to copy.
constexpr std::size_t gather_bytes = 64 * 1024;
// The longest "MSG <subject> <sid> " that is written out once for a run of messages.
constexpr std::size_t run_prefix_max = 256;

}  // namespace

ShardRouter::ShardRouter(net::Shard& shard, const DeliverySettings& settings,
                         std::size_t cache_entries)
    : shard_(shard),
      settings_(settings),
      cache_(cache_entries),
      random_state_((hash_seed ^ (0x9e3779b97f4a7c15ull * (shard.index() + 1u))) | 1u) {
  shard_.set_record_handler(this);
}

ShardRouter::~ShardRouter() { shard_.set_record_handler(nullptr); }

// xorshift64*: cheap, and good enough to spread a queue group.
std::uint32_t ShardRouter::random() noexcept {
  random_state_ ^= random_state_ >> 12;
  random_state_ ^= random_state_ << 25;
  random_state_ ^= random_state_ >> 27;
  return static_cast<std::uint32_t>((random_state_ * 0x2545f4914f6cdd1dull) >> 32);
}

[[gnu::always_inline]] inline const subject::Match& ShardRouter::match(Account& account,
                                                                       std::string_view subject,
                                                                       std::uint64_t hash) {
  if (__builtin_expect(depth_ == 1 && hash == last_.hash && &account == last_.account, 1) &&
      same_bytes(subject, last_.subject) &&
      last_.generation == account.sublist().generation_at(last_.slot))
    return *last_.match;
  return match_anew(account, subject, hash);
}

// A callback that publishes must not overwrite the match its caller is still walking.
const subject::Match& ShardRouter::match_anew(Account& account, std::string_view subject,
                                              std::uint64_t hash) {
  if (depth_ == 1) {
    const subject::Sublist& sublist = account.sublist();
    last_.account = &account;
    last_.hash = hash;
    last_.subject = subject;
    last_.slot = subject::Sublist::generation_slot(subject);
    last_.generation = sublist.generation_at(last_.slot);
    last_.match = &cache_.lookup(sublist, subject, hash);
    return *last_.match;
  }
  while (nested_.size() < depth_ - 1) nested_.push_back(std::make_unique<subject::Match>());
  subject::Match& own = *nested_[depth_ - 2];
  account.sublist().match(subject, hash, own);
  return own;
}

bool ShardRouter::route(Account& account, const Message& message, std::uint64_t hash,
                        const Origin& origin) {
  ++depth_;
  const std::size_t outer_first = std::exchange(links_first_, links_used_);
  const subject::Match& found = match(account, message.subject, hash);
  bool delivered = deliver_plain(found, message, origin);
  for (const auto& group : found.groups) {
    if (origin.restricts_queues) {
      bool wanted = false;
      for (std::size_t i = 0; i < origin.queue_count; ++i)
        wanted |= origin.queues[i] == group.queue;
      if (!wanted) continue;
    }
    delivered |= deliver_group(account, found, group, message, origin,
                               found.plain.empty() && found.groups.size() == 1);
  }
  if (links_used_ != links_first_) delivered |= flush_links(account, message, origin, links_first_);
  links_first_ = outer_first;
  --depth_;
  return delivered;
}

std::size_t ShardRouter::route_run(Account& account, const protocol::Publish* frames,
                                   std::size_t count, const Origin& origin) {
  if (depth_ != 0) return 0;
  ++depth_;
  const subject::Match& found = match(account, frames[0].subject, frames[0].hash);
  --depth_;
  if (found.plain.size() != 1 || !found.groups.empty()) return 0;
  Subscription& subscription = *found.plain[0];
  if (subscription.kind() != Kind::client || subscription.shard() != shard_.index() ||
      subscription.is_closed() || subscription.max.get() != 0)
    return 0;
  auto& client = *static_cast<Endpoint*>(subscription.owner());
  if (client.is_closed() || client.filters_deliveries() || client.tracks_replies() ||
      client.traces_deliveries() || (!origin.echo && client.id() == origin.connection))
    return 0;
  const std::string_view subject = frames[0].subject;
  const std::string_view sid = subscription.rendered_sid();
  const std::size_t prefix_size = 6 + subject.size() + sid.size();
  if (prefix_size > run_prefix_max) return 0;
  char prefix[run_prefix_max];
  std::memcpy(prefix, "HMSG ", 5);
  copy_short(prefix + 5, subject);
  prefix[5 + subject.size()] = ' ';
  copy_short(prefix + 6 + subject.size(), sid);
  return deliver_run(subscription, client, {prefix, prefix_size}, frames, count, origin);
}

// Ends early where the way of a single message has more to decide.
std::size_t ShardRouter::deliver_run(Subscription& subscription, Endpoint& client,
                                     std::string_view prefix, const protocol::Publish* frames,
                                     std::size_t count, const Origin& origin) {
  std::size_t done = 0;
  std::uint64_t bytes = 0;
  auto& output = client.output();
  while (done < count && client.pending() <= stall_bytes) {
    const protocol::Publish& frame = frames[done];
    if (frame.size >= gather_bytes || (frame.header_size != 0 && !client.wants_headers())) break;
    const std::string_view head = prefix.substr(frame.header_size != 0 ? 0 : 1);
    char* const at = output.reserve(shard_.buffers(), head.size() + frame.tail_size);
    copy_short(at, head);
    copy_short(at + head.size(), {frame.tail, frame.tail_size});
    output.commit(head.size() + frame.tail_size);
    bytes += frame.size;
    ++done;
    if (!client.appended()) break;
  }
  if (done == 0) return 0;
  subscription.delivered.add(done);
  client.out_messages.add(done);
  client.out_bytes.add(bytes);
  count_delivery(client, done, bytes);
  if (!client.is_closed() && client.pending() > stall_bytes) press(client, origin);
  return done;
}

[[gnu::always_inline]] inline bool ShardRouter::deliver_plain(const subject::Match& match,
                                                              const Message& message,
                                                              const Origin& origin) {
  bool delivered = false;
  Subscription* const* const all = match.plain.data();
  const std::size_t count = match.plain.size();
  const std::uint16_t here = shard_.index();
  for (std::size_t i = 0; i < count;) {
    Subscription* const subscription = all[i];
    const bool is_near = subscription->kind() == Kind::client && subscription->shard() == here;
    if (__builtin_expect(is_near, 1)) {
      delivered |= deliver_to_client(subscription, *static_cast<Endpoint*>(subscription->owner()),
                                     message, origin);
      ++i;
      continue;
    }
    if (!is_local(subscription->kind())) {
      auto* const link = static_cast<Endpoint*>(subscription->owner());
      if (may_cross(origin, message.subject, *link) && link_takes(*link, *subscription, message))
        add_link(*subscription);
      ++i;
      continue;
    }
    const std::uint16_t home = subscription->shard();
    if (home == here || home == InternalSubscriber::any_shard) {
      delivered |= deliver(subscription, message, origin);
      ++i;
      continue;
    }
    // `plain` is sorted by shard: one record carries the message to all of them.
    std::size_t end = i + 1;
    while (end < count && all[end]->shard() == home && is_local(all[end]->kind())) ++end;
    send_away(home, all + i, end - i, message, origin,
              {.is_sole = i == 0 && end == count && match.groups.empty()});
    delivered = true;
    i = end;
  }
  return delivered;
}

// One member gets it: a random start, then around until one takes it. Local members are served at
// once, those behind links as their place says; a remote member stands in the group as often as the
// members it speaks for, which makes the choice proportional.
bool ShardRouter::deliver_group(Account& account, const subject::Match& match,
                                const subject::Match::Group& group, const Message& message,
                                const Origin& origin, bool is_sole) {
  const std::uint32_t count = group.end - group.begin;
  const std::uint32_t start =
      static_cast<std::uint32_t>((static_cast<std::uint64_t>(random()) * count) >> 32);
  const Subscription* best = nullptr;
  GroupPlace best_place = GroupPlace::never;
  for (std::uint32_t i = 0; i < count && best_place != GroupPlace::at_once; ++i) {
    const std::uint32_t place = start + i < count ? start + i : start + i - count;
    Subscription* const member = match.members[group.begin + place];
    if (is_local(member->kind())) {
      if (offer(account, member, message, origin, is_sole)) return true;
      continue;
    }
    const auto& link = *static_cast<const Endpoint*>(member->owner());
    const GroupPlace here = place_in_group(origin, link, member->sid());
    if (here == GroupPlace::never || !link_takes(link, *member, message)) continue;
    if (best == nullptr || is_better(here, link, best_place, *best, origin)) {
      best = member;
      best_place = here;
    }
  }
  if (best == nullptr) return false;
  add_link(*best);
  return true;
}

// Is a member of `here` on `link` to be preferred to the best one so far?
bool ShardRouter::is_better(GroupPlace here, const Endpoint& link, GroupPlace best_place,
                            const Subscription& best, const Origin& origin) noexcept {
  if (here == GroupPlace::at_once) return true;
  if (here == GroupPlace::gateway)
    return best_place == GroupPlace::gateway &&
           link.link_distance() < static_cast<const Endpoint*>(best.owner())->link_distance();
  if (best_place == GroupPlace::gateway) return true;
  // The others: the first one met. From a route local members come first wherever the walk began,
  // so there the choice among leafnodes is a coin's.
  if (origin.kind != Kind::router || here != GroupPlace::leaf) return false;
  return best_place == GroupPlace::route || (random() & 1u) != 0;
}

// A queue member: delivers here, or hands it to the member's shard when nothing known here speaks
// against it.
bool ShardRouter::offer(Account& account, Subscription* member, const Message& message,
                        const Origin& origin, bool is_sole) {
  const std::uint16_t home = member->shard();
  if (home == shard_.index() || home == InternalSubscriber::any_shard)
    return deliver(member, message, origin);
  if (member->is_closed()) return false;
  if (member->kind() == Kind::client) {
    const auto* const client = static_cast<const Endpoint*>(member->owner());
    if (client->filters_deliveries() && client->denies_member(message.subject, member->queue()))
      return false;
  }
  send_away(home, &member, 1, message, origin,
            {.account_of_group = &account, .is_sole = is_sole});
  return true;
}

bool ShardRouter::deliver(Subscription* subscription, const Message& message,
                          const Origin& origin) {
  if (__builtin_expect(subscription->kind() == Kind::client, 1))
    return deliver_to_client(subscription, *static_cast<Endpoint*>(subscription->owner()), message,
                             origin);
  if (subscription->is_closed()) return false;
  static_cast<InternalSubscriber*>(subscription->owner())
      ->on_message(message, *subscription, origin);
  return true;
}

[[gnu::always_inline]] inline bool ShardRouter::deliver_to_client(Subscription* subscription,
                                                                  Endpoint& client,
                                                                  const Message& message,
                                                                  const Origin& origin) {
  if (subscription->is_closed() || client.is_closed()) return false;
  if (!origin.echo && client.id() == origin.connection) return false;
  if (client.filters_deliveries() &&
      client.denies_delivery(message.subject, subscription->queue()))
    return false;
  subscription->delivered.add(1);
  bool last = false;
  if (const std::uint64_t max = subscription->max.get(); max != 0) {
    const std::uint64_t delivered = subscription->delivered.get();
    if (delivered > max) {
      client.auto_unsubscribe(subscription);
      return false;
    }
    last = delivered == max;
  }
  const std::size_t pending = client.pending();
  if (__builtin_expect(pending > stall_bytes, 0) &&
      !settings_.stalls_fast_producers.load(std::memory_order_relaxed) &&
      pending > client.limits().pending_max / 4 * 3)
    return false;
  std::size_t size = message.size;
  if (message.header_size != 0 && !client.wants_headers()) {
    size -= message.header_size;
    write_without_header(client, *subscription, message);
  } else if (message.size >= gather_bytes && client.may_gather()) {
    gather_frame(client, *subscription, message);
  } else {
    write_frame(client, *subscription, message);
  }
  client.out_messages.add(1);
  client.out_bytes.add(size);
  count_delivery(client, 1, size);
  if (__builtin_expect(client.traces_deliveries(), 0))
    client.trace_delivery(message, *subscription);
  if (client.tracks_replies() && !message.reply.empty()) client.reply_delivered(message.reply);
  if (last) client.auto_unsubscribe(subscription);
  if (client.appended() && __builtin_expect(client.pending() > stall_bytes, 0))
    press(client, origin);
  return true;
}

inline void ShardRouter::count_delivery(const Endpoint& client, std::uint64_t messages,
                                        std::uint64_t bytes) {
  if (__builtin_expect(delivered_.account != client.account(), 0)) {
    count_deliveries();
    delivered_.account = client.account();
  }
  delivered_.messages += messages;
  delivered_.bytes += bytes;
}

void ShardRouter::count_deliveries() {
  if (delivered_.messages == 0) return;
  TrafficCounters& traffic = delivered_.account->traffic().at(shard_.index());
  traffic.out_messages.add(delivered_.messages);
  traffic.out_bytes.add(delivered_.bytes);
  stats_.out_messages.add(delivered_.messages);
  stats_.out_bytes.add(delivered_.bytes);
  delivered_.messages = delivered_.bytes = 0;
}

[[gnu::always_inline]] inline void ShardRouter::write_frame(Endpoint& client,
                                                            const Subscription& subscription,
                                                            const Message& message) {
  const std::string_view sid = subscription.rendered_sid();
  const std::size_t subject_size = message.subject.size();
  const bool has_header = message.header_size != 0;
  const std::size_t size = (has_header ? 5u : 4u) + subject_size + 1 + sid.size() +
                           message.tail.size();
  char* at = client.output().reserve(shard_.buffers(), size + 1);  // "MSG  " is a byte too long
  std::memcpy(at, has_header ? "HMSG " : "MSG  ", 5);
  at += has_header ? 5 : 4;
  copy_short(at, message.subject);
  at += subject_size;
  *at++ = ' ';
  copy_short(at, sid);
  at += sid.size();
  copy_short(at, message.tail);
  client.output().commit(size);
}

void ShardRouter::write_without_header(Endpoint& client, const Subscription& subscription,
                                       const Message& message) {
  const std::string_view payload = message.payload();
  fmt::basic_memory_buffer<char, 256> head;
  fmt::format_to(fmt::appender(head), "MSG {} {}{}{}{}\r\n", message.subject,
                 subscription.rendered_sid(), message.reply, message.reply.empty() ? "" : " ",
                 payload.size());
  auto& output = client.output();
  output.append(shard_.buffers(), {head.data(), head.size()});
  output.append(shard_.buffers(), payload);
  output.append(shard_.buffers(), "\r\n");
}

void ShardRouter::gather_frame(Endpoint& client, const Subscription& subscription,
                               const Message& message) {
  fmt::basic_memory_buffer<char, 512> head;
  fmt::format_to(fmt::appender(head), "{} {} {}", message.header_size != 0 ? "HMSG" : "MSG",
                 message.subject, subscription.rendered_sid());
  shard_.hand_over();
  client.gather({head.data(), head.size()}, message.tail);
}

// Reply subjects are as good as unique: they are not what the cache is for.
const Subscription* ShardRouter::plain_subscription(const Account& account,
                                                    std::string_view subject,
                                                    const Endpoint& owner) {
  account.sublist().match(subject, hash_bytes(subject), replies_);
  for (const Subscription* const one : replies_.plain)
    if (one->kind() == owner.kind() && one->owner() == &owner && !one->is_closed()) return one;
  return nullptr;
}

// ---- back-pressure -----------------------------------------------------------------------------

void ShardRouter::press(Endpoint& client, const Origin& origin) {
  if (client.pending() > client.limits().pending_max) {
    client.close(net::ClosedReason::slow_consumer_pending_bytes);
    return;
  }
  if (origin.kind != Kind::client || origin.connection == client.id() ||
      !settings_.stalls_fast_producers.load(std::memory_order_relaxed))
    return;
  hold_back(client, origin.connection, origin.shard);
}

// ---- links -------------------------------------------------------------------------------------

// Asked on the publisher's shard, before the link is chosen: a refusal must not cost the message.
bool ShardRouter::link_takes(const Endpoint& link, const Subscription& subscription,
                             const Message& message) noexcept {
  if (subscription.is_closed()) return false;
  return !link.filters_deliveries() || !link.denies_member(message.subject, subscription.queue());
}

void ShardRouter::add_link(const Subscription& subscription) {
  auto* const link = static_cast<Endpoint*>(subscription.owner());
  std::size_t i = links_first_;
  while (i < links_used_ && links_[i].link != link) ++i;
  if (i == links_used_) {
    if (links_used_ == links_.size()) links_.emplace_back();
    links_[i].link = link;
    links_[i].queues.clear();
    ++links_used_;
  }
  if (subscription.is_queue()) links_[i].queues.push_back(subscription.queue());
}

bool ShardRouter::flush_links(Account& account, const Message& message, const Origin& origin,
                              std::size_t first) {
  const std::size_t count = std::exchange(links_used_, first);
  for (std::size_t i = first; i < count; ++i) {
    const LinkTarget& target = links_[i];
    if (target.link->shard().index() != shard_.index())
      send_to_link(account, target, message, origin);
    else if (!target.link->is_closed())
      target.link->deliver_to_link(account, message, origin, target.queues);
  }
  return true;
}

void ShardRouter::on_turn_end() {
  count_deliveries();
  if (turn_listener_ != nullptr) turn_listener_->on_turn_end();
  // Writing frames can end a connection, which can make others take deliveries.
  for (std::size_t i = 0; i < noted_links_.size(); ++i) noted_links_[i]->flush_link();
  noted_links_.clear();
}

}  // namespace dunlin::routing
