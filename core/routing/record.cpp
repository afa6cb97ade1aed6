// Records: how a delivery crosses from one shard to another.
//
//   Header | Subscription*[subscriptions] | queue names, each "<u32 size><bytes>" (links only) |
//   subject | leaf cluster | tail
//
// The message's bytes stand once per receiving shard, whatever the number of its subscribers. The
// pointers are the receiver's own objects: it frees them only after it has taken its mail.

#include <cstring>
#include <utility>

#include "core/base/hash.hpp"
#include "core/routing/router.hpp"

namespace dunlin::routing {

namespace {

constexpr net::Nanoseconds stall_longest = 10 * net::milliseconds;

}  // namespace

struct ShardRouter::Record {
  // Deliveries, to subscriptions or to a link; and notes about a publisher, to its shard: stop
  // reading from it, go on, its message reached nobody.
  enum class What : std::uint8_t { deliver, link, hold_back, let_go, nobody };
  std::uint64_t origin;
  Endpoint* link;
  Account* account;             // of a message to a link or a queue member
  std::uint32_t size;           // the whole record, a multiple of 8
  std::uint32_t subscriptions;  // or, for links, queue names
  std::uint32_t queue_bytes;
  std::uint32_t subject_size;
  std::uint32_t leaf_cluster_size;
  std::uint32_t reply_size;
  std::uint32_t tail_size;
  std::uint32_t payload_offset;
  std::uint32_t header_size;
  std::uint32_t content_size;
  std::uint16_t origin_shard;
  What what;
  Kind origin_kind;
  bool echo;
  bool is_spoke;
  bool is_sole;  // the message went nowhere else

  // What every record of a message says; `bytes` is its whole size.
  static Record of(const Message& message, const Origin& origin, std::size_t bytes);
};

namespace {

constexpr std::size_t round_up(std::size_t size) { return (size + 7) & ~std::size_t{7}; }

}  // namespace

ShardRouter::Record ShardRouter::Record::of(const Message& message, const Origin& origin,
                                            std::size_t bytes) {
  Record record{};
  record.origin = origin.connection;
  record.size = static_cast<std::uint32_t>(round_up(bytes));
  record.subject_size = static_cast<std::uint32_t>(message.subject.size());
  record.reply_size = static_cast<std::uint32_t>(message.reply.size());
  record.tail_size = static_cast<std::uint32_t>(message.tail.size());
  record.payload_offset = message.payload_offset;
  record.header_size = message.header_size;
  record.content_size = message.size;
  record.origin_shard = origin.shard;
  record.origin_kind = origin.kind;
  record.echo = origin.echo;
  return record;
}

void ShardRouter::send_away(std::uint16_t shard, Subscription* const* subscriptions,
                            std::size_t count, const Message& message, const Origin& origin,
                            Away away) {
  const std::size_t size = sizeof(Record) + count * sizeof(Subscription*) +
                           message.subject.size() + message.tail.size();
  char* const at = shard_.reserve_record(shard, size);
  Record record = Record::of(message, origin, size);
  record.account = away.account_of_group;
  record.subscriptions = static_cast<std::uint32_t>(count);
  record.what = Record::What::deliver;
  record.is_sole = away.is_sole;
  std::memcpy(at, &record, sizeof record);
  char* write = at + sizeof record;
  std::memcpy(write, subscriptions, count * sizeof(Subscription*));
  write += count * sizeof(Subscription*);
  std::memcpy(write, message.subject.data(), message.subject.size());
  write += message.subject.size();
  std::memcpy(write, message.tail.data(), message.tail.size());
}

void ShardRouter::send_to_link(Account& account, const LinkTarget& target, const Message& message,
                               const Origin& origin) {
  std::size_t queue_bytes = 0;
  for (const std::string_view queue : target.queues) queue_bytes += 4 + queue.size();
  const std::size_t size = sizeof(Record) + queue_bytes + message.subject.size() +
                           origin.leaf_cluster.size() + message.tail.size();
  char* const at = shard_.reserve_record(target.link->shard().index(), size);
  Record record = Record::of(message, origin, size);
  record.link = target.link;
  record.account = &account;
  record.subscriptions = static_cast<std::uint32_t>(target.queues.size());
  record.queue_bytes = static_cast<std::uint32_t>(queue_bytes);
  record.leaf_cluster_size = static_cast<std::uint32_t>(origin.leaf_cluster.size());
  record.what = Record::What::link;
  record.is_spoke = origin.is_spoke;
  std::memcpy(at, &record, sizeof record);
  char* write = at + sizeof record;
  const auto put = [&write](std::string_view bytes) {
    std::memcpy(write, bytes.data(), bytes.size());
    write += bytes.size();
  };
  for (const std::string_view queue : target.queues) {
    const auto queue_size = static_cast<std::uint32_t>(queue.size());
    put({reinterpret_cast<const char*>(&queue_size), sizeof queue_size});
    put(queue);
  }
  put(message.subject);
  put(origin.leaf_cluster);
  put(message.tail);
}

// Stops reading from the publisher for a moment, or asks its shard to, once for as long.
void ShardRouter::hold_back(Endpoint& client, std::uint64_t publisher, std::uint16_t shard) {
  const net::Nanoseconds until = shard_.now() + stall_longest;
  if (shard == shard_.index()) {
    net::Connection* const source = shard_.find(publisher);
    if (source == nullptr || source->is_paused()) return;
    stats_.stalled_producers.add(1);
    client.stalls.add(1);
    client.hold_back(publisher, shard, until);
    source->pause(until);
    return;
  }
  if (!client.hold_back(publisher, shard, until)) return;
  client.stalls.add(1);
  Record record{};
  record.origin = publisher;
  record.size = static_cast<std::uint32_t>(round_up(sizeof(Record)));
  record.what = Record::What::hold_back;
  std::memcpy(shard_.reserve_record(shard, sizeof(Record)), &record, sizeof record);
}

void ShardRouter::let_go(net::Shard& from, std::uint64_t publisher, std::uint16_t shard) {
  if (shard == from.index()) {
    if (net::Connection* const source = from.find(publisher)) source->resume();
    return;
  }
  Record record{};
  record.origin = publisher;
  record.size = static_cast<std::uint32_t>(round_up(sizeof(Record)));
  record.what = Record::What::let_go;
  std::memcpy(from.reserve_record(shard, sizeof(Record)), &record, sizeof record);
}

void ShardRouter::report_nobody(const Message& message, const Origin& origin) {
  const std::size_t size = sizeof(Record) + message.subject.size() + message.reply.size();
  char* const at = shard_.reserve_record(origin.shard, size);
  Record record{};
  record.origin = origin.connection;
  record.size = static_cast<std::uint32_t>(round_up(size));
  record.subject_size = static_cast<std::uint32_t>(message.subject.size());
  record.reply_size = static_cast<std::uint32_t>(message.reply.size());
  record.what = Record::What::nobody;
  std::memcpy(at, &record, sizeof record);
  std::memcpy(at + sizeof record, message.subject.data(), message.subject.size());
  std::memcpy(at + sizeof record + message.subject.size(), message.reply.data(),
              message.reply.size());
}

// About a publisher of this shard.
void ShardRouter::take_note(const Record& record, const char* text) {
  net::Connection* const source = shard_.find(record.origin);
  if (source == nullptr || source->is_closed()) return;
  if (record.what == Record::What::nobody) {
    Message message;
    message.subject = {text, record.subject_size};
    message.reply = {text + record.subject_size, record.reply_size};
    static_cast<Endpoint*>(source)->no_responders(message);
  } else if (record.what == Record::What::let_go) {
    source->resume();
  } else if (!source->is_paused()) {
    stats_.stalled_producers.add(1);
    source->pause(shard_.now() + stall_longest);
  }
}

void ShardRouter::take_deliveries(const Record& record, const char* subscriptions,
                                  const Message& message, const Origin& origin) {
  bool delivered = false;
  Subscription* subscription = nullptr;
  for (std::uint32_t i = 0; i < record.subscriptions; ++i) {
    std::memcpy(&subscription, subscriptions + i * sizeof subscription, sizeof subscription);
    delivered |= deliver(subscription, message, origin);
  }
  if (__builtin_expect(delivered, 1)) return;
  // The member left while the message was on its way. One that is there and does not take it has
  // had its turn, as it would have had on the publisher's shard.
  if (record.account != nullptr && subscription->is_closed())
    delivered = pass_on(*record.account, subscription->queue(), message, origin, record.is_sole);
  if (!delivered && record.is_sole && !message.reply.empty() && origin.kind == Kind::client)
    report_nobody(message, origin);
}

// Another member of the group gets the message.
bool ShardRouter::pass_on(Account& account, std::string_view queue, const Message& message,
                          const Origin& origin, bool is_sole) {
  ++depth_;
  const std::size_t outer_first = std::exchange(links_first_, links_used_);
  const subject::Match& found =
      match_anew(account, message.subject, hash_bytes(message.subject));
  bool delivered = false;
  for (const auto& group : found.groups)
    if (group.queue == queue)
      delivered |= deliver_group(account, found, group, message, origin, is_sole);
  if (links_used_ != links_first_) delivered |= flush_links(account, message, origin, links_first_);
  links_first_ = outer_first;
  --depth_;
  return delivered;
}

void ShardRouter::on_records(const net::Batch& batch) {
  for (std::size_t at = 0; at < batch.size;) {
    Record record;
    const char* read = batch.data + at;
    std::memcpy(&record, read, sizeof record);
    read += sizeof record;
    at += record.size;
    if (record.what >= Record::What::hold_back) {
      take_note(record, read);
      continue;
    }
    const char* const targets = read;
    const bool to_link = record.what == Record::What::link;
    read += to_link ? record.queue_bytes : record.subscriptions * sizeof(Subscription*);
    Message message;
    message.subject = {read, record.subject_size};
    read += record.subject_size;
    Origin origin;
    origin.leaf_cluster = {read, record.leaf_cluster_size};
    read += record.leaf_cluster_size;
    message.tail = {read, record.tail_size};
    message.reply = message.tail.substr(0, record.reply_size);
    message.payload_offset = record.payload_offset;
    message.header_size = record.header_size;
    message.size = record.content_size;
    origin.connection = record.origin;
    origin.shard = record.origin_shard;
    origin.kind = record.origin_kind;
    origin.echo = record.echo;
    origin.is_spoke = record.is_spoke;
    if (to_link) {
      std::vector<std::string_view> queues;
      for (const char* name = targets; queues.size() < record.subscriptions;) {
        std::uint32_t size;
        std::memcpy(&size, name, sizeof size);
        queues.emplace_back(name + sizeof size, size);
        name += sizeof size + size;
      }
      if (!record.link->is_closed())
        record.link->deliver_to_link(*record.account, message, origin, queues);
      continue;
    }
    take_deliveries(record, targets, message, origin);
  }
}

}  // namespace dunlin::routing
