// One shard that is not running, its router, an account, and endpoints that note what they get:
// what tests of routing need. Everything happens on the test's thread.

#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/base/hash.hpp"
#include "core/routing/router.hpp"

namespace dunlin::routing::testing {

struct Delivery {
  std::string account, subject, payload, leaf_cluster;
  std::vector<std::string> queues;
};

inline int fresh_socket() {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) throw std::runtime_error("socketpair");
  ::close(pair[1]);
  return pair[0];
}

// A connection to another server.
class FakeLink final : public Endpoint {
 public:
  struct Traits {
    Kind kind = Kind::router;
    std::string cluster = {};
    bool is_spoke = false;
    std::uint64_t distance = 0;
  };
  FakeLink(net::Shard& shard, std::uint64_t id, Traits traits)
      : Endpoint(shard, fresh_socket(), id, {}, traits.kind), traits_(std::move(traits)) {}

  std::vector<Delivery> deliveries;
  std::string denied;  // this subject must not be sent to it

  void deny(std::string subject) {
    denied = std::move(subject);
    filters_deliveries_ = true;
  }
  bool denies_delivery(std::string_view subject, std::string_view) override {
    return subject == denied;
  }
  bool denies_member(std::string_view subject, std::string_view) const override {
    return subject == denied;
  }
  void reply_delivered(std::string_view) override {}
  void auto_unsubscribe(Subscription*) override {}
  void deliver_to_link(Account& account, const Message& message, const Origin& origin,
                       const std::vector<std::string_view>& queues) override {
    deliveries.push_back({account.name(), std::string(message.subject),
                          std::string(message.payload()), std::string(origin.leaf_cluster),
                          {queues.begin(), queues.end()}});
  }
  [[nodiscard]] std::string_view link_cluster() const noexcept override { return traits_.cluster; }
  [[nodiscard]] bool is_spoke() const noexcept override { return traits_.is_spoke; }
  [[nodiscard]] std::uint64_t link_distance() const noexcept override { return traits_.distance; }

 protected:
  void on_open() override {}
  void on_ready() override {}
  std::size_t consume(char*, std::size_t size) override { return size; }
  void on_closed() override {}
  void on_timer(net::Nanoseconds) override {}

 private:
  const Traits traits_;
};

// A subscriber of this server.
class FakeLocal final : public InternalSubscriber {
 public:
  std::size_t received = 0;
  std::function<void()> on_each;
  void on_message(const Message&, const Subscription&, const Origin&) override {
    ++received;
    if (on_each) on_each();
  }
};

class World {
 public:
  World() : shard({}, quiescence), router(shard, settings, 0), account("A", 1, quiescence) {}
  ~World() {
    for (Subscription* const one : subscriptions_) {
      (void)account.sublist().remove(one);
      Subscription::destroy(one);
    }
  }

  FakeLink& link(FakeLink::Traits traits) {
    links_.push_back(std::make_unique<FakeLink>(shard, ++last_id_, std::move(traits)));
    return *links_.back();
  }
  FakeLocal& local() {
    locals_.push_back(std::make_unique<FakeLocal>());
    return *locals_.back();
  }
  // `origin`: the leafnode cluster it is for, of a route's.
  Subscription& subscribe(FakeLink& link, std::string_view subject, std::string_view queue = {},
                          std::int32_t weight = 1, std::string_view origin = {}) {
    return add({.subject = subject,
                .queue = queue,
                .sid = origin,
                .owner = static_cast<Endpoint*>(&link),
                .shard = 0,
                .kind = link.kind(),
                .queue_weight = weight});
  }
  Subscription& subscribe(FakeLocal& local, std::string_view subject,
                          std::string_view queue = {}) {
    return add({.subject = subject,
                .queue = queue,
                .sid = {},
                .owner = static_cast<InternalSubscriber*>(&local),
                .shard = 0,
                .kind = Kind::system});
  }

  bool publish(const Origin& origin, std::string_view subject, std::string_view payload = "x") {
    const std::string tail =
        std::to_string(payload.size()) + "\r\n" + std::string(payload) + "\r\n";
    Message message;
    message.subject = subject;
    message.tail = tail;
    message.payload_offset = static_cast<std::uint32_t>(tail.size() - payload.size() - 2);
    message.size = static_cast<std::uint32_t>(payload.size());
    return router.route(account, message, hash_bytes(subject), origin);
  }
  static Origin from(Kind kind) {
    Origin origin;
    origin.kind = kind;
    origin.connection = 1000;
    return origin;
  }
  static Origin from(const FakeLink& link) {
    Origin origin = from(link.kind());
    origin.connection = link.id();
    origin.leaf_cluster = link.link_cluster();
    origin.is_spoke = link.is_spoke();
    return origin;
  }

  Quiescence quiescence;
  net::Shard shard;
  DeliverySettings settings;
  ShardRouter router;
  Account account;

 private:
  Subscription& add(const Subscription::Parts& parts) {
    Subscription* const made = Subscription::create(parts);
    if (!account.sublist().insert(made)) throw std::runtime_error("not a subject");
    subscriptions_.push_back(made);
    return *made;
  }

  std::vector<std::unique_ptr<FakeLink>> links_;
  std::vector<std::unique_ptr<FakeLocal>> locals_;
  std::vector<Subscription*> subscriptions_;
  std::uint64_t last_id_ = 0;
};

}  // namespace dunlin::routing::testing
