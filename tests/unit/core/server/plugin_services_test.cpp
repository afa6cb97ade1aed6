// Executor and router service over running shards, called as the tables of the plugin room would.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <future>

#include "core/server/client_directory.hpp"
#include "core/server/plugin_executor.hpp"
#include "core/server/router_service.hpp"

namespace dunlin::server {
namespace {

using ::testing::ElementsAre;

constexpr plugin::Owner one_plugin = 1;
constexpr plugin::Owner other_plugin = 2;
constexpr std::chrono::seconds patience(10);

// What a subscription was given, from whichever thread.
class Inbox {
 public:
  static void take(void* user, const dunlin_msg* messages, std::size_t count) {
    auto& self = *static_cast<Inbox*>(user);
    const std::lock_guard lock(self.mutex_);
    for (std::size_t i = 0; i < count; ++i)
      self.texts_.emplace_back(view(messages[i].payload));
    self.changed_.notify_all();
  }
  std::vector<std::string> wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, patience, [&] { return texts_.size() >= count; });
    return texts_;
  }
  std::vector<std::string> texts() { return wait_for(0); }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> texts_;
};

dunlin_msg message_of(std::string_view subject, std::string_view payload,
                      std::uint32_t flags = 0) {
  dunlin_msg message{};
  message.subject = str(subject);
  message.payload = bytes_of(payload);
  message.flags = flags;
  return message;
}

class PluginServices : public ::testing::Test {
 protected:
  static constexpr std::uint16_t shard_count = 2;

  PluginServices() {
    for (std::uint16_t i = 0; i < shard_count; ++i) {
      net::Shard::Settings settings;
      settings.index = i;
      settings.count = shard_count;
      shards.push_back(std::make_unique<net::Shard>(settings, quiescence));
      routers.push_back(std::make_unique<routing::ShardRouter>(*shards.back(), delivery, 64));
    }
    clients.set_policy(std::make_unique<ClientPolicy>());
    executor = std::make_unique<PluginExecutor>(control, shards);
    service = std::make_unique<RouterService>(*executor, routers, clients, quiescence, control);
    for (auto& shard : shards) shard->start(shards);
  }
  ~PluginServices() override {
    service->plugin_stopped(one_plugin);
    service->plugin_stopped(other_plugin);
    executor->close();
    for (auto& shard : shards) shard->stop();
    for (auto& shard : shards) shard->join();
    control.poll();
  }

  dunlin_account* account() { return handle_of(&clients.global_account()); }
  dunlin_sub_id subscribe(std::string_view subject, Inbox& inbox, dunlin_sub_options options = {},
                          std::uint32_t home = plugin::Executor::no_shard) {
    options.struct_size = sizeof options;
    options.home_shard = home;
    options.subject = str(subject);
    dunlin_sub_id id = 0;
    EXPECT_EQ(service->subscribe(one_plugin, account(), nullptr, options, Inbox::take, &inbox, id),
              DUNLIN_OK);
    return id;
  }
  void publish(std::string_view subject, std::string_view payload,
               plugin::Owner owner = other_plugin, std::uint32_t flags = 0) {
    const dunlin_msg message = message_of(subject, payload, flags);
    std::size_t done = 0;
    EXPECT_EQ(service->publish(owner, account(), nullptr, {&message, 1}, done), DUNLIN_OK);
    EXPECT_EQ(done, 1u);
  }
  // Runs on a shard and waits for it.
  void on_shard(std::uint32_t shard, const std::function<void()>& task) {
    std::promise<void> done;
    ASSERT_TRUE(executor->post_shard(shard, [&] {
      task();
      done.set_value();
    }));
    ASSERT_EQ(done.get_future().wait_for(patience), std::future_status::ready);
  }

  Quiescence quiescence;
  boost::asio::io_context control{1};
  routing::DeliverySettings delivery;
  std::vector<std::unique_ptr<net::Shard>> shards;
  ClientDirectory clients{quiescence, shard_count, 0};
  std::vector<std::unique_ptr<routing::ShardRouter>> routers;
  std::unique_ptr<PluginExecutor> executor;
  std::unique_ptr<RouterService> service;
};

TEST_F(PluginServices, every_thread_knows_what_it_is) {
  EXPECT_EQ(executor->thread(), plugin::ThreadKind::control);
  plugin::ThreadKind seen = plugin::ThreadKind::other;
  std::uint32_t index = 0;
  on_shard(1, [&] {
    seen = executor->thread();
    index = executor->shard_index();
  });
  EXPECT_EQ(seen, plugin::ThreadKind::shard);
  EXPECT_EQ(index, 1u);
  std::promise<plugin::ThreadKind> from_worker;
  ASSERT_TRUE(executor->post_worker([&] { from_worker.set_value(executor->thread()); }));
  EXPECT_EQ(from_worker.get_future().get(), plugin::ThreadKind::worker);
}

TEST_F(PluginServices, a_closed_executor_takes_no_more_and_has_run_what_it_took) {
  std::atomic<int> ran{0};
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(executor->post_worker([&] { ++ran; }));
  executor->close();
  EXPECT_EQ(ran, 50);
  EXPECT_FALSE(executor->post_worker([] {}));
  EXPECT_FALSE(executor->post_control([] {}));
  EXPECT_FALSE(executor->post_shard(0, [] {}));
}

TEST_F(PluginServices, what_one_thread_publishes_arrives_in_order) {
  for (const std::uint32_t home : {plugin::Executor::no_shard, 0u, 1u}) {
    Inbox inbox;
    const auto id = subscribe("order", inbox, {}, home);
    std::vector<std::string> sent;
    for (int i = 0; i < 500; ++i) {
      sent.push_back(std::to_string(i));
      publish("order", sent.back());
    }
    EXPECT_EQ(inbox.wait_for(sent.size()), sent);
    service->unsubscribe(one_plugin, id);
  }
}

TEST_F(PluginServices, calls_for_one_subscription_never_overlap) {
  struct Probe {
    std::atomic<int> inside{0}, overlaps{0}, seen{0};
  } probe;
  dunlin_sub_options options{};
  options.struct_size = sizeof options;
  options.home_shard = plugin::Executor::no_shard;
  options.subject = str("busy");
  dunlin_sub_id id = 0;
  const auto on_msgs = [](void* user, const dunlin_msg*, std::size_t count) {
    auto& self = *static_cast<Probe*>(user);
    if (self.inside.fetch_add(1) != 0) ++self.overlaps;
    self.seen += static_cast<int>(count);
    --self.inside;
  };
  ASSERT_EQ(service->subscribe(one_plugin, account(), nullptr, options, on_msgs, &probe, id),
            DUNLIN_OK);
  constexpr int each = 2000;
  std::vector<std::future<void>> publishers;
  for (std::uint32_t shard = 0; shard < shard_count; ++shard)
    publishers.push_back(std::async(std::launch::async, [this, shard] {
      for (int i = 0; i < each; ++i)
        on_shard(shard, [this] { publish("busy", "x"); });
    }));
  for (auto& publisher : publishers) publisher.wait();
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (probe.seen < each * shard_count && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  service->unsubscribe(one_plugin, id);
  EXPECT_EQ(probe.seen, each * shard_count);
  EXPECT_EQ(probe.overlaps, 0);
}

TEST_F(PluginServices, nothing_is_delivered_once_unsubscribe_returned) {
  for (int round = 0; round < 50; ++round) {
    auto inbox = std::make_unique<Inbox>();
    dunlin_sub_options options{};
    options.flags = round % 2 == 0 ? 0 : DUNLIN_SUB_ON_WORKER;
    const auto id = subscribe("gone", *inbox, options);
    for (int i = 0; i < 20; ++i) publish("gone", "x");
    service->unsubscribe(one_plugin, id);
    inbox.reset();  // a late delivery would be a use after free
  }
  SUCCEED();
}

TEST_F(PluginServices, the_end_of_a_subscription_is_told_after_its_last_message) {
  Inbox inbox;
  const auto id = subscribe("end", inbox);
  std::promise<void> over;
  service->unsubscribe_async(
      one_plugin, id, [](void* user) { static_cast<std::promise<void>*>(user)->set_value(); },
      &over);
  ASSERT_EQ(over.get_future().wait_for(patience), std::future_status::ready);
  publish("end", "late");
  executor->fence(plugin::Executor::no_shard, [] {}, [] {});
  EXPECT_TRUE(inbox.texts().empty());
}

TEST_F(PluginServices, another_plugin_cannot_end_a_subscription) {
  Inbox inbox;
  const auto id = subscribe("mine", inbox);
  service->unsubscribe(other_plugin, id);
  publish("mine", "x");
  EXPECT_THAT(inbox.wait_for(1), ElementsAre("x"));
}

TEST_F(PluginServices, a_publisher_may_ask_not_to_hear_itself) {
  Inbox inbox;
  (void)subscribe("self", inbox);
  publish("self", "own", one_plugin, DUNLIN_MSG_NO_ECHO);
  publish("self", "others", other_plugin, DUNLIN_MSG_NO_ECHO);
  publish("self", "own again", one_plugin);
  const auto texts = inbox.wait_for(2);
  EXPECT_THAT(texts, ::testing::UnorderedElementsAre("others", "own again"));
}

TEST_F(PluginServices, interest_is_seen_from_every_thread) {
  EXPECT_FALSE(service->interest(account(), "here.now"));
  Inbox inbox;
  const auto id = subscribe("here.*", inbox);
  EXPECT_TRUE(service->interest(account(), "here.now"));
  bool on_a_shard = false;
  on_shard(0, [&] { on_a_shard = service->interest(account(), "here.now"); });
  EXPECT_TRUE(on_a_shard);
  service->unsubscribe(one_plugin, id);
  EXPECT_FALSE(service->interest(account(), "here.now"));
}

TEST_F(PluginServices, a_prefix_belongs_to_one_plugin_until_it_stops) {
  EXPECT_EQ(service->reserve_prefix(one_plugin, "$A."), DUNLIN_OK);
  EXPECT_EQ(service->reserve_prefix(one_plugin, "$A."), DUNLIN_OK);
  EXPECT_EQ(service->reserve_prefix(other_plugin, "$A."), DUNLIN_E_EXISTS);
  EXPECT_EQ(service->reserve_prefix(other_plugin, "$A.b."), DUNLIN_E_EXISTS);
  EXPECT_TRUE(clients.settings().reserved->contains("$A.b"));
  EXPECT_FALSE(clients.settings().reserved->contains("$A"));
  service->plugin_stopped(one_plugin);
  EXPECT_EQ(clients.settings().reserved, nullptr);
  EXPECT_EQ(service->reserve_prefix(other_plugin, "$A."), DUNLIN_OK);
}

TEST_F(PluginServices, a_request_is_answered_exactly_once) {
  struct Answers {
    int count = 0;
    dunlin_status status = DUNLIN_OK;
  } answers;
  const auto on_reply = [](void* user, dunlin_status status, const dunlin_msg*) {
    auto& self = *static_cast<Answers*>(user);
    ++self.count;
    self.status = status;
  };
  Inbox inbox;
  (void)subscribe("silent", inbox);
  dunlin_request_id id = 0;
  const dunlin_msg message = message_of("silent", "?");
  constexpr std::uint64_t long_ns = 60'000'000'000;
  ASSERT_EQ(service->request(one_plugin, account(), message, long_ns, on_reply, &answers, id),
            DUNLIN_OK);
  (void)inbox.wait_for(1);
  service->request_cancel(one_plugin, id);
  service->request_cancel(one_plugin, id);
  while (answers.count == 0 && control.run_one_for(patience) != 0) continue;
  control.poll();
  EXPECT_EQ(answers.count, 1);
  EXPECT_EQ(answers.status, DUNLIN_E_CANCELLED);
}

TEST_F(PluginServices, a_buffer_joins_its_parts_and_lives_until_released) {
  const dunlin_bytes parts[] = {bytes_of("ab"), bytes_of(""), bytes_of("c")};
  dunlin_buf* buffer = nullptr;
  dunlin_bytes content{};
  ASSERT_EQ(service->buf_create(parts, buffer, content), DUNLIN_OK);
  EXPECT_EQ(view(content), "abc");
  service->retain(buffer);
  service->release(buffer);
  EXPECT_EQ(view(content), "abc");
  service->release(buffer);
}

}  // namespace
}  // namespace dunlin::server
