// What a plugin's connection is once it carries another server's interest and messages.
//
// The other server's interest stands in the accounts' Sublists as subscriptions whose owner is the
// connection. What the router delivers to it is collected here, one copy per message however many
// subscriptions it has there, and handed to the plugin's frame writer once per turn. What the other
// server sends is routed by the rules of the link's kind.
//
// Belongs to the connection, on its shard; its text and flags never change, so that other shards
// may read them.

#pragma once

#include <dunlin/ext/draft/links.h>

#include <atomic>
#include <boost/unordered/unordered_flat_set.hpp>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/base/hash.hpp"
#include "core/routing/router.hpp"
#include "core/server/handles.hpp"
#include "core/server/message_batch.hpp"

namespace dunlin::server {

class InterestObservers;
class ProtocolConnection;

class LinkConnection {
 public:
  struct Wish {
    std::string peer_id, peer_name, cluster;
    bool is_spoke = false;
    bool takes_headers = false;
    void (*deliver)(void* user, dunlin_link* link, const dunlin_link_delivery* deliveries,
                    std::size_t n) = nullptr;
    void* user = nullptr;
  };
  LinkConnection(ProtocolConnection& connection, Wish wish, routing::ShardRouter& router,
                 BatchMaker& batches, InterestObservers& observers);
  ~LinkConnection();
  LinkConnection(const LinkConnection&) = delete;
  LinkConnection& operator=(const LinkConnection&) = delete;

  static LinkConnection& of(dunlin_link* handle) noexcept {
    return *reinterpret_cast<LinkConnection*>(handle);
  }
  [[nodiscard]] dunlin_link* handle() noexcept { return reinterpret_cast<dunlin_link*>(this); }
  [[nodiscard]] ProtocolConnection& connection() noexcept { return connection_; }
  [[nodiscard]] const std::string& peer_id() const noexcept { return wish_.peer_id; }
  [[nodiscard]] std::string_view cluster() const noexcept { return wish_.cluster; }  // [any shard]
  [[nodiscard]] bool is_spoke() const noexcept { return wish_.is_spoke; }            // [any shard]
  // Nanoseconds there and back; 0 while unknown.  [any thread]
  [[nodiscard]] std::uint64_t distance() const noexcept {
    return distance_.load(std::memory_order_relaxed);
  }
  void set_distance(std::uint64_t nanoseconds) noexcept {
    distance_.store(nanoseconds, std::memory_order_relaxed);
  }
  [[nodiscard]] std::size_t subscription_count() const noexcept { return count_; }

  dunlin_status subscribe(std::span<const dunlin_remote_sub> subs, std::size_t& done);
  dunlin_status publish(std::span<const dunlin_routed_msg> messages, std::size_t& done);
  // A message for the other server.
  void take(routing::Account& account, const routing::Message& message,
            const routing::Origin& origin, const std::vector<std::string_view>& queues);
  // Hands over what was taken; with `is_called` false it is dropped.
  void flush(bool is_called);
  // Removes the other server's interest; nothing is taken afterwards.
  void end();

 private:
  using Subscription = subject::Subscription;
  // One interest of the other server: the origin stands in the subscription's sid.
  struct Key {
    std::string_view subject, queue, origin;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(const Key& key) const noexcept {
      return hash_bytes(key.subject) ^ (hash_bytes(key.queue) * 3) ^ (hash_bytes(key.origin) * 5);
    }
    std::size_t operator()(const Subscription* one) const noexcept {
      return (*this)(Key{one->subject(), one->queue(), one->sid()});
    }
  };
  struct Equal {
    using is_transparent = void;
    static Key key(const Key& key) noexcept { return key; }
    static Key key(const Subscription* one) noexcept {
      return {one->subject(), one->queue(), one->sid()};
    }
    template <class A, class B>
    bool operator()(const A& a, const B& b) const noexcept {
      const Key x = key(a), y = key(b);
      return x.subject == y.subject && x.queue == y.queue && x.origin == y.origin;
    }
  };
  using Subscriptions = boost::unordered_flat_set<Subscription*, Hash, Equal>;
  struct Taken {
    routing::Account* account;
    routing::Kind origin_kind;
    std::uint32_t first_text;  // in texts_: the origin, then the queues
    std::uint32_t queue_count;
  };

  dunlin_status subscribe_one(const dunlin_remote_sub& sub);
  dunlin_status insert(routing::Account& account, const dunlin_remote_sub& sub);
  void remove(routing::Account& account, Subscription* subscription);
  void reweigh(routing::Account& account, Subscription* subscription, std::int32_t weight);
  dunlin_status publish_one(const dunlin_routed_msg& routed, std::string& tail);
  [[nodiscard]] std::string_view origin_of(std::string_view given) const noexcept;

  ProtocolConnection& connection_;
  const Wish wish_;
  routing::ShardRouter& router_;
  BatchMaker& batches_;
  InterestObservers& observers_;
  std::unordered_map<routing::Account*, Subscriptions> subscriptions_;
  std::size_t count_ = 0;
  bool ended_ = false;
  std::atomic<std::uint64_t> distance_{0};

  MessageBatch* batch_ = nullptr;  // messages taken in this turn, and of each:
  std::vector<Taken> taken_;
  std::vector<std::uint32_t> texts_;  // sizes of origins and queues, which stand in text_
  std::string text_;
  std::string spare_tail_;
};

}  // namespace dunlin::server
