// Order per publisher with many connections at once, wherever the server puts them.
#include <gmock/gmock.h>

#include <map>
#include <thread>
#include <vector>

#include "tests/server/harness/raw_client.hpp"

namespace dunlin::testing {
namespace {

constexpr int publisher_count = 8;
constexpr int subscriber_count = 8;
constexpr int message_count = 3000;

// Checks that a subscriber got every publisher's messages, each publisher's in order.
void expect_all_sequences(RawClient& subscriber, const std::string& sid) {
  std::map<int, int> next;
  for (int i = 0; i < publisher_count * message_count; ++i) {
    const std::string head = subscriber.read_line();
    const std::string body = subscriber.read_line();
    int publisher = -1;
    int sequence = -1;
    ASSERT_EQ(std::sscanf(body.c_str(), "%d:%d", &publisher, &sequence), 2) << head << body;
    ASSERT_EQ(head.rfind("MSG seq." + std::to_string(publisher) + " " + sid + " ", 0), 0U) << head;
    ASSERT_EQ(sequence, next[publisher]++) << "from publisher " << publisher;
  }
  EXPECT_EQ(subscriber.barrier(), "") << "nothing may arrive twice";
}

TEST(Ordering, every_subscriber_sees_every_publishers_messages_in_order) {
  ServerProcess server;
  std::vector<RawClient> subscribers;
  for (int i = 0; i < subscriber_count; ++i) {
    subscribers.push_back(RawClient::connect(server, quiet));
    subscribers.back().send(i % 2 == 0 ? "SUB seq.* 1\r\n" : "SUB seq.> 1\r\n");
    subscribers.back().barrier();
  }
  std::vector<std::thread> threads;
  for (int publisher = 0; publisher < publisher_count; ++publisher) {
    threads.emplace_back([&server, publisher] {
      RawClient client = RawClient::connect(server, quiet);
      std::string burst;
      for (int i = 0; i < message_count; ++i) {
        const std::string body = std::to_string(publisher) + ":" + std::to_string(i);
        burst += "PUB seq." + std::to_string(publisher) + " " + std::to_string(body.size()) +
                 "\r\n" + body + "\r\n";
        if (i % 97 == publisher) {
          client.send(burst);
          burst.clear();
        }
      }
      client.send(burst);
      EXPECT_EQ(client.barrier(), "");
    });
  }
  std::vector<std::thread> readers;
  for (RawClient& subscriber : subscribers) {
    readers.emplace_back([&subscriber] { expect_all_sequences(subscriber, "1"); });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (std::thread& reader : readers) {
    reader.join();
  }
}

TEST(Ordering, flush_of_the_publisher_then_of_the_subscriber_shows_every_message) {
  ServerProcess server;
  std::vector<RawClient> subscribers;
  for (int i = 0; i < subscriber_count; ++i) {
    subscribers.push_back(RawClient::connect(server, quiet));
    subscribers.back().send("SUB a 1\r\n");
    subscribers.back().barrier();
  }
  RawClient publisher = RawClient::connect(server, quiet);
  for (int round = 0; round < 300; ++round) {
    const std::string body = std::to_string(round);
    publisher.send("PUB a " + std::to_string(body.size()) + "\r\n" + body + "\r\n");
    ASSERT_EQ(publisher.barrier(), "");
    for (RawClient& subscriber : subscribers) {
      ASSERT_EQ(subscriber.barrier(), msg("a 1", body));
    }
  }
}

TEST(Ordering, message_that_follows_another_publishers_flush_arrives_later) {
  ServerProcess server;
  RawClient subscriber = RawClient::connect(server, quiet);
  subscriber.send("SUB a 1\r\n");
  subscriber.barrier();
  std::vector<RawClient> publishers;
  for (int i = 0; i < publisher_count; ++i) {
    publishers.push_back(RawClient::connect(server, quiet));
  }
  std::string expected;
  for (int i = 0; i < 400; ++i) {
    RawClient& publisher = publishers[static_cast<std::size_t>(i % publisher_count)];
    const std::string body = std::to_string(i);
    publisher.send("PUB a " + std::to_string(body.size()) + "\r\n" + body + "\r\n");
    publisher.barrier();
    expected += msg("a 1", body);
  }
  EXPECT_EQ(subscriber.barrier(), expected);
}

}  // namespace
}  // namespace dunlin::testing
