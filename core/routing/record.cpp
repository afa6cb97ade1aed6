// Records: how a delivery crosses from one shard to another.
//
//   Header | Subscription*[subscriptions] | queue names, each "<u32 size><bytes>" (links only) |
//   subject | leaf cluster | tail
//
// The message's bytes stand once per receiving shard, whatever the number of its subscribers. The
// pointers are the receiver's own objects: it frees them only after it has taken its mail.

#include <cstring>

#include "core/routing/router.hpp"

namespace dunlin::routing {

namespace {

constexpr net::Nanoseconds stall_longest = 10 * net::milliseconds;

}  // namespace

struct ShardRouter::Record {
  enum class What : std::uint8_t { deliver, link, hold_back };
  std::uint64_t origin;
  Endpoint* link;
  Account* account;             // of a message to a link
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
                            std::size_t count, const Message& message, const Origin& origin) {
  const std::size_t size = sizeof(Record) + count * sizeof(Subscription*) +
                           message.subject.size() + message.tail.size();
  char* const at = shard_.reserve_record(shard, size);
  Record record = Record::of(message, origin, size);
  record.subscriptions = static_cast<std::uint32_t>(count);
  record.what = Record::What::deliver;
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

// Asks the publisher's shard to stop reading from it for a moment.
void ShardRouter::hold_back(Endpoint& client, std::uint64_t publisher, std::uint16_t shard) {
  if (shard == shard_.index()) {
    net::Connection* const source = shard_.find(publisher);
    if (source == nullptr || source->is_paused()) return;
    stats_.stalled_producers.add(1);
    client.stalls.add(1);
    client.hold_back(publisher);
    source->pause(shard_.now() + stall_longest);
    return;
  }
  client.stalls.add(1);
  Record record{};
  record.origin = publisher;
  record.size = static_cast<std::uint32_t>(round_up(sizeof(Record)));
  record.what = Record::What::hold_back;
  std::memcpy(shard_.reserve_record(shard, sizeof(Record)), &record, sizeof record);
}

void ShardRouter::on_records(const net::Batch& batch) {
  for (std::size_t at = 0; at < batch.size;) {
    Record record;
    const char* read = batch.data + at;
    std::memcpy(&record, read, sizeof record);
    read += sizeof record;
    at += record.size;
    if (record.what == Record::What::hold_back) {
      net::Connection* const source = shard_.find(record.origin);
      if (source == nullptr || source->is_paused()) continue;
      stats_.stalled_producers.add(1);
      source->pause(shard_.now() + stall_longest);
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
    for (std::uint32_t i = 0; i < record.subscriptions; ++i) {
      Subscription* subscription;
      std::memcpy(&subscription, targets + i * sizeof subscription, sizeof subscription);
      deliver(subscription, message, origin);
    }
  }
}

}  // namespace dunlin::routing
