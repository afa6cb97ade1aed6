// Deliveries to another shard, whose receiver is gone or full by the time they arrive.

#include <gmock/gmock.h>

#include <future>

#include "tests/unit/core/net/shards.hpp"
#include "tests/unit/core/routing/world.hpp"

namespace dunlin::routing::testing {
namespace {

// A client; notes what its publishing came to.
class FakeClient final : public Endpoint {
 public:
  FakeClient(net::Shard& shard, int socket, std::uint64_t id, Account* account)
      : Endpoint(shard, socket, id, {}, Kind::client) {
    bind(account);
  }
  std::vector<std::string> unanswered;

  bool denies_delivery(std::string_view, std::string_view) override { return false; }
  bool denies_member(std::string_view, std::string_view) const override { return false; }
  void reply_delivered(std::string_view) override {}
  void auto_unsubscribe(Subscription* subscription) override { subscription->close(); }
  void no_responders(const Message& message) override {
    unanswered.push_back(std::string(message.subject) + " " + std::string(message.reply));
  }
  void deliver_to_link(Account&, const Message&, const Origin&,
                       const std::vector<std::string_view>&) override {}
  void drain() { on_drained(); }

 protected:
  void on_open() override {}
  void on_ready() override {}
  std::size_t consume(char*, std::size_t size) override { return size; }
  void on_closed() override {}
  void on_timer(net::Nanoseconds) override {}
};

// Shard 0 publishes for `publisher`; subscribers are on shard 1.
class AcrossShards : public ::testing::Test {
 protected:
  AcrossShards() {
    shards.start();
    for (std::uint16_t i = 0; i < 2; ++i) {
      FakeClient*& made = i == 0 ? publisher : receiver;
      int ends[2];
      if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) throw std::runtime_error("socketpair");
      peers[i] = ends[1];  // nobody reads there
      auto client = std::make_unique<FakeClient>(shards[i], ends[0], i + 1u, &account);
      made = client.get();
      shards[i].expect_connection();
      shards.on(i, [&] { shards[i].adopt(std::move(client)); });
    }
  }
  ~AcrossShards() override {
    for (Subscription* const one : subscriptions) {
      (void)account.sublist().remove(one);
      Subscription::destroy(one);
    }
    shards.stop();
    for (const int peer : peers) ::close(peer);
  }

  Subscription& subscribe(std::string_view subject, std::string_view queue = {}) {
    Subscription::Parts parts;
    parts.subject = subject;
    parts.queue = queue;
    parts.sid = "1";
    parts.owner = static_cast<Endpoint*>(receiver);
    parts.shard = 1;
    subscriptions.push_back(Subscription::create(parts));
    EXPECT_TRUE(account.sublist().insert(subscriptions.back()));
    return *subscriptions.back();
  }
  // On shard 0, in a turn of its own: what it sends away has left when this returns.
  void publish(std::string_view subject, std::string_view reply = {}) {
    shards.on(0, [&] {
      const std::string tail = (reply.empty() ? "" : std::string(reply) + " ") + "1\r\nx\r\n";
      Message message;
      message.subject = subject;
      message.tail = tail;
      message.reply = std::string_view(tail).substr(0, reply.size());
      message.payload_offset = static_cast<std::uint32_t>(tail.size() - 3);
      message.size = 1;
      Origin origin;
      origin.connection = publisher->id();
      origin.shard = 0;
      origin.kind = Kind::client;
      origin.echo = true;
      (void)routers[0]->route(account, message, hash_bytes(subject), origin);
      shards[0].hand_over();
    });
  }
  // Publishes, and does `before` on shard 1 when the message is on its way there.
  void publish_and(std::string_view subject, std::string_view reply,
                   std::function<void()> before) {
    std::promise<void> published;
    auto on_its_way = published.get_future().share();
    std::promise<void> waiting;
    shards[1].post([&waiting, on_its_way, before] {
      waiting.set_value();
      on_its_way.wait();
      before();
    });
    waiting.get_future().wait();
    publish(subject, reply);
    published.set_value();
  }
  // What was under way has arrived, and what that caused is on its way back.
  void settle() {
    shards.on(1, [&] { shards[1].hand_over(); });
  }
  std::uint64_t received() {
    return shards.on(1, [&] { return receiver->out_messages.get(); });
  }
  std::vector<std::string> unanswered() {
    settle();
    return shards.on(0, [&] { return publisher->unanswered; });
  }

  Quiescence quiescence;
  DeliverySettings settings;
  Account account{"A", 2, quiescence};
  net::testing::Shards shards{2};
  std::unique_ptr<ShardRouter> routers[2] = {
      std::make_unique<ShardRouter>(shards[0], settings, 0),
      std::make_unique<ShardRouter>(shards[1], settings, 0)};
  int peers[2] = {-1, -1};
  FakeClient* publisher = nullptr;
  FakeClient* receiver = nullptr;
  std::vector<Subscription*> subscriptions;
};

TEST_F(AcrossShards, a_message_for_a_queue_member_that_left_goes_to_another) {
  Subscription& first = subscribe("a", "q");
  publish_and("a", {}, [&] {
    subscribe("a", "q");
    first.close();
  });
  EXPECT_EQ(received(), 1u);
}

TEST_F(AcrossShards, a_message_for_a_queue_member_that_left_goes_to_its_own_group_only) {
  Subscription& first = subscribe("a", "q");
  publish_and("a", {}, [&] {
    subscribe("a", "other");
    subscribe("a");
    first.close();
  });
  EXPECT_EQ(received(), 0u);
}

TEST_F(AcrossShards, a_request_whose_only_receiver_left_has_no_responders) {
  Subscription& only = subscribe("a");
  publish_and("a", "r", [&] { only.close(); });
  EXPECT_TRUE(::testing::Value(unanswered(), ::testing::ElementsAre("a r")));
}

TEST_F(AcrossShards, a_request_whose_group_left_has_no_responders) {
  Subscription& only = subscribe("a", "q");
  publish_and("a", "r", [&] { only.close(); });
  EXPECT_TRUE(::testing::Value(unanswered(), ::testing::ElementsAre("a r")));
}

// The last message that an auto-unsubscribe lets through is followed by one nobody gets.
TEST_F(AcrossShards, a_request_past_the_maximum_of_its_only_receiver_has_no_responders) {
  Subscription& only = subscribe("a");
  only.max.set(1);
  publish_and("a", "r", [&] { only.delivered.set(1); });
  EXPECT_TRUE(::testing::Value(unanswered(), ::testing::ElementsAre("a r")));
}

TEST_F(AcrossShards, a_request_that_somebody_else_got_has_responders) {
  Subscription& first = subscribe("a");
  subscribe("a");
  publish_and("a", "r", [&] { first.close(); });
  EXPECT_EQ(received(), 1u);
  EXPECT_TRUE(unanswered().empty());
}

TEST_F(AcrossShards, a_message_that_asks_for_no_reply_is_dropped_silently) {
  Subscription& only = subscribe("a");
  publish_and("a", {}, [&] { only.close(); });
  EXPECT_TRUE(unanswered().empty());
}

TEST_F(AcrossShards, a_full_receiver_holds_the_publisher_back) {
  subscribe("a");
  shards.on(1, [&] {
    const std::string much(3 * ShardRouter::stall_bytes, 'x');
    receiver->output().append(shards[1].buffers(), much);
  });
  publish("a");
  settle();
  shards.on(0, [&] { EXPECT_EQ(routers[0]->stats().stalled_producers.get(), 1u); });
}

TEST_F(AcrossShards, a_publisher_that_was_held_back_goes_on_when_the_receiver_has_drained) {
  shards.on(0, [&] { publisher->pause(net::never); });
  shards.on(1, [&] {
    EXPECT_TRUE(receiver->hold_back(publisher->id(), 0, net::never));
    receiver->drain();
    shards[1].hand_over();
  });
  shards.on(0, [&] { EXPECT_FALSE(publisher->is_paused()); });
}

TEST_F(AcrossShards, a_publisher_is_told_once_for_as_long_as_it_is_held_back) {
  shards.on(1, [&] {
    const net::Nanoseconds now = shards[1].now();
    EXPECT_TRUE(receiver->hold_back(7, 0, now + net::seconds));
    EXPECT_FALSE(receiver->hold_back(7, 0, now + net::seconds));
    EXPECT_TRUE(receiver->hold_back(8, 0, now));
    EXPECT_FALSE(receiver->hold_back(7, 0, now + net::seconds));
    EXPECT_TRUE(receiver->hold_back(8, 0, now));
  });
}

}  // namespace
}  // namespace dunlin::routing::testing
