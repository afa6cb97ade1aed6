// Who receives a message when several could: queue groups, echo, fan-out.
#include <gmock/gmock.h>

#include <vector>

#include "tests/server/harness/raw_client.hpp"

namespace dunlin::testing {
namespace {

std::size_t count_messages(const std::string& bytes) {
  std::size_t count = 0;
  std::size_t at = 0;
  while ((at = bytes.find("MSG ", at)) != std::string::npos) {
    ++count;
    ++at;
  }
  return count;
}

class Delivery : public ::testing::Test {
 protected:
  ServerProcess server;
};

// Go: TestQueueSub, TestClientPubWithQueueSub
TEST_F(Delivery, queue_group_spreads_messages_evenly_and_loses_none) {
  RawClient publisher = RawClient::connect(server, quiet);
  std::vector<RawClient> members;
  constexpr int member_count = 5;
  for (int i = 0; i < member_count; ++i) {
    members.push_back(RawClient::connect(server, quiet));
    members.back().send("SUB work q 1\r\n");
    members.back().barrier();
  }
  constexpr std::size_t messages = 2000;
  std::string burst;
  for (std::size_t i = 0; i < messages; ++i) {
    burst += "PUB work 1\r\nx\r\n";
  }
  publisher.send(burst);
  EXPECT_EQ(publisher.barrier(), "");
  std::size_t total = 0;
  for (RawClient& member : members) {
    const std::size_t count = count_messages(member.barrier());
    EXPECT_GT(count, messages / member_count / 2);
    EXPECT_LT(count, messages / member_count * 2);
    total += count;
  }
  EXPECT_EQ(total, messages);
}

// Go: TestMultipleQueueSub
TEST_F(Delivery, every_group_and_every_plain_subscription_gets_one) {
  RawClient client = RawClient::connect(server, quiet);
  client.send("SUB a 1\r\nSUB * 2\r\nSUB a g1 3\r\nSUB a g1 4\r\nSUB > g2 5\r\nSUB a g2 6\r\n");
  client.send("PUB a 1\r\nx\r\n");
  const std::string received = client.barrier();
  EXPECT_EQ(count_messages(received), 4U) << received;
  const auto got = [&](const char* head) {
    return received.find(msg(head, "x")) != std::string::npos;
  };
  EXPECT_TRUE(got("a 1"));
  EXPECT_TRUE(got("a 2"));
  EXPECT_NE(got("a 3"), got("a 4"));
  EXPECT_NE(got("a 5"), got("a 6"));
}

// Go: TestClientPubWithQueueSubNoEcho
TEST_F(Delivery, queue_member_without_echo_is_skipped_not_lost) {
  RawClient silent = RawClient::connect(server, R"({"verbose":false,"echo":false})");
  RawClient member = RawClient::connect(server, quiet);
  silent.send("SUB a q 1\r\n");
  member.send("SUB a q 1\r\n");
  silent.barrier();
  member.barrier();
  for (int i = 0; i < 100; ++i) {
    silent.send("PUB a 1\r\nx\r\n");
  }
  EXPECT_EQ(silent.barrier(), "");
  EXPECT_EQ(count_messages(member.barrier()), 100U);
}

TEST_F(Delivery, queue_member_that_left_is_skipped_not_lost) {
  RawClient publisher = RawClient::connect(server, quiet_headers);
  RawClient member = RawClient::connect(server, quiet);
  member.send("SUB a q 1\r\n");
  member.barrier();
  for (int round = 0; round < 20; ++round) {
    RawClient passing = RawClient::connect(server, quiet);
    passing.send("SUB a q 1\r\n");
    passing.barrier();
    passing.finish_sending();
    passing.read_to_close();
    publisher.send("PUB a 1\r\nx\r\nPUB a 1\r\ny\r\n");
    publisher.barrier();
    EXPECT_EQ(member.barrier(), msg("a 1", "x") + msg("a 1", "y"));
  }
}

// Go: TestNoRaceHighFanoutOrdering
TEST_F(Delivery, fan_out_reaches_each_subscriber_exactly_once) {
  constexpr int subscriber_count = 64;
  std::vector<RawClient> subscribers;
  for (int i = 0; i < subscriber_count; ++i) {
    subscribers.push_back(RawClient::connect(server, quiet));
    subscribers.back().send(i % 2 == 0 ? "SUB fan 1\r\n" : "SUB * 1\r\n");
    subscribers.back().barrier();
  }
  RawClient publisher = RawClient::connect(server, quiet);
  std::string burst;
  std::string expected;
  for (int i = 0; i < 500; ++i) {
    burst += "PUB fan " + std::to_string(std::to_string(i).size()) + "\r\n" + std::to_string(i) +
             "\r\n";
    expected += msg("fan 1", std::to_string(i));
  }
  publisher.send(burst);
  publisher.barrier();
  for (RawClient& subscriber : subscribers) {
    ASSERT_TRUE(subscriber.barrier() == expected);
  }
}

}  // namespace
}  // namespace dunlin::testing
