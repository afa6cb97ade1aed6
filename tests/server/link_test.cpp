// Links to other servers, with the other server played by a plain socket: a test plugin translates
// lines into what link plugins tell the host (tests/plugins/fake-link).

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <set>

#include "tests/server/harness/raw_client.hpp"

namespace dunlin::testing {
namespace {

using ::testing::AnyOf;

std::string loading(const std::string& section) {
  const std::string path = std::string(DUNLIN_TEST_PLUGINS) + "/fake-link.so";
  // Files in build trees are usually writable by a group; plugins may not be.
  ::chmod(path.c_str(), 0755);
  return "threads: 2\nplugins { load: [ { id: \"fake-link\", path: \"" + path +
         "\" } ] }\nfake-link { port: 0, " + section + " }\n";
}

// The other server.
class Peer {
 public:
  explicit Peer(std::uint16_t port) : socket_(RawClient::open(port)) {
    socket_.send("HELLO\n");
    hello = socket_.read_line();
  }
  void send(const std::string& line) { socket_.send(line + "\n"); }
  std::string read_line() { return socket_.read_line(); }
  // What arrived before the answer to a question asked now, and the answer.
  struct Answer {
    std::vector<std::string> before;
    std::set<std::string> interest;
  };
  Answer ask() {
    send("INTERESTS");
    Answer answer;
    for (std::string line = read_line(); line != "END\n" && !line.empty(); line = read_line()) {
      if (line.rfind("INT ", 0) == 0)
        answer.interest.insert(line.substr(4, line.size() - 5));
      else
        answer.before.push_back(line);
    }
    return answer;
  }
  bool sees(const std::string& interest) {
    return eventually([&] { return ask().interest.count(interest) == 1; });
  }
  bool sees_no_more(const std::string& subject) {
    return eventually([&] {
      for (const std::string& one : ask().interest)
        if (one.rfind(subject + " ", 0) == 0) return false;
      return true;
    });
  }
  RawClient& socket() { return socket_; }

  std::string hello;

 private:
  RawClient socket_;
};

class Link : public ::testing::Test {
 protected:
  void start(const std::string& section) {
    server = std::make_unique<ServerProcess>(ServerProcess::with_config(loading(section)));
    const std::string log = server->log();
    const std::string line = "Listening for fake-link connections on 127.0.0.1:";
    const std::size_t at = log.find(line);
    ASSERT_NE(at, std::string::npos) << log;
    port = static_cast<std::uint16_t>(std::stoi(log.substr(at + line.size())));
  }
  RawClient client() { return RawClient::connect(*server, quiet); }

  std::unique_ptr<ServerProcess> server;
  std::uint16_t port = 0;
};

class Route : public Link {
 protected:
  void SetUp() override { start("kind: router"); }
};

// Go: TestRouteOnlySendOnce, TestNewRouteSendSubsAndMsgs
TEST_F(Route, gets_one_copy_of_a_message_with_the_groups_it_serves) {
  Peer peer(port);
  EXPECT_EQ(peer.hello, "HELLO 1\n");
  for (const char* const sub : {"SUB a.b", "SUB a.*", "SUB >", "SUB a.b q1 1", "SUB a.* q2 1"})
    peer.send(sub);
  peer.ask();
  RawClient publisher = client();
  publisher.send("PUB a.b 2\r\nhi\r\n");
  EXPECT_THAT(peer.read_line(), AnyOf("MSG a.b [q1,q2] hi\n", "MSG a.b [q2,q1] hi\n"));
  publisher.send("PUB other 3\r\nend\r\n");
  EXPECT_EQ(peer.read_line(), "MSG other [] end\n");
}

TEST_F(Route, gets_messages_of_one_publisher_in_order) {
  Peer peer(port);
  peer.send("SUB a");
  peer.ask();
  std::string burst;
  for (int i = 100; i < 600; ++i) burst += "PUB a 3\r\n" + std::to_string(i) + "\r\n";
  client().send(burst);
  for (int i = 100; i < 600; ++i)
    ASSERT_EQ(peer.read_line(), "MSG a [] " + std::to_string(i) + "\n");
}

// Go: TestNewRouteQueueSubsDistribution
TEST_F(Route, shares_a_group_by_its_weight) {
  constexpr int count = 1000;
  Peer peer(port);
  peer.send("SUB work q 3");
  peer.ask();
  RawClient member = client();
  member.send("SUB work q 1\r\n");
  member.barrier();
  RawClient publisher = client();
  std::string burst;
  for (int i = 0; i < count; ++i) burst += "PUB work 1\r\nx\r\n";
  publisher.send(burst + "PUB done 1\r\nx\r\n");
  publisher.barrier();
  peer.send("SUB done");
  std::size_t remote = 0;
  for (const std::string& line : peer.ask().before) {
    EXPECT_EQ(line, "MSG work [q] x\n");
    ++remote;
  }
  std::size_t local = 0;
  const std::string got = member.barrier();
  for (std::size_t at = got.find("MSG "); at != std::string::npos; at = got.find("MSG ", at + 1))
    ++local;
  EXPECT_EQ(local + remote, std::size_t{count});
  EXPECT_NEAR(static_cast<double>(remote), count * 0.75, count * 0.1);
}

// Go: TestRouteOneHopSemantics
TEST_F(Route, brings_messages_to_clients_but_not_to_other_routes) {
  Peer sender(port), other(port);
  other.send("SUB a");
  other.ask();
  RawClient subscriber = client();
  subscriber.send("SUB a 1\r\n");
  subscriber.barrier();
  sender.send("PUB a routed");
  EXPECT_TRUE(subscriber.receives(msg("a 1", "routed")));
  subscriber.send("PUB a 5\r\nlocal\r\n");
  EXPECT_EQ(other.read_line(), "MSG a [] local\n");
}

TEST_F(Route, delivers_only_to_the_groups_its_message_names) {
  Peer peer(port);
  RawClient plain = client(), listed = client(), unlisted = client();
  plain.send("SUB a 1\r\n");
  listed.send("SUB a q1 2\r\n");
  unlisted.send("SUB a q2 3\r\n");
  for (RawClient* const one : {&plain, &listed, &unlisted}) one->barrier();
  peer.send("QPUB a q1 both");
  peer.send("PUB a plain");
  EXPECT_TRUE(plain.receives(msg("a 1", "both") + msg("a 1", "plain")));
  EXPECT_TRUE(listed.receives(msg("a 2", "both")));
  EXPECT_EQ(listed.barrier(), "");
  EXPECT_EQ(unlisted.barrier(), "");
}

// Go: TestNewRouteRSubs
TEST_F(Route, learns_when_interest_comes_and_goes) {
  Peer peer(port);
  {
    RawClient first = client(), second = client();
    first.send("SUB x 1\r\nSUB y.* 2\r\n");
    EXPECT_TRUE(peer.sees("x - 1"));
    EXPECT_TRUE(peer.sees("y.* - 1"));
    second.send("SUB x 7\r\n");
    second.barrier();
    first.send("UNSUB 1\r\nUNSUB 2\r\n");
    first.barrier();
    EXPECT_TRUE(peer.sees_no_more("y.*"));
    EXPECT_TRUE(peer.sees("x - 1"));
  }
  EXPECT_TRUE(peer.sees_no_more("x"));
}

// Go: TestClusterQueueGroupWeightTrackingLeak
TEST_F(Route, learns_how_many_members_a_group_has) {
  Peer peer(port);
  RawClient first = client();
  first.send("SUB g q 1\r\nSUB g q 2\r\n");
  EXPECT_TRUE(peer.sees("g q 2"));
  {
    RawClient second = client();
    second.send("SUB g q 1\r\n");
    EXPECT_TRUE(peer.sees("g q 3"));
  }
  EXPECT_TRUE(peer.sees("g q 2"));
  first.send("UNSUB 1\r\nUNSUB 2\r\n");
  EXPECT_TRUE(peer.sees_no_more("g"));
}

TEST_F(Route, that_comes_late_is_told_of_what_exists) {
  RawClient subscriber = client();
  subscriber.send("SUB early 1\r\n");
  subscriber.barrier();
  Peer peer(port);
  EXPECT_TRUE(peer.sees("early - 1"));
}

TEST_F(Route, withdraws_its_interest_when_it_says_so_and_when_it_is_gone) {
  RawClient requester = RawClient::connect(*server, quiet_headers);
  requester.send("SUB r 1\r\n");
  const auto nobody = [&](const char* subject) {
    requester.send("PUB " + std::string(subject) + " r 1\r\nx\r\n");
    return requester.barrier().find(" 503") != std::string::npos;
  };
  auto peer = std::make_unique<Peer>(port);
  peer->send("SUB a");
  peer->send("SUB b");
  peer->ask();
  EXPECT_FALSE(nobody("a"));
  EXPECT_FALSE(nobody("b"));
  peer->send("UNSUB a");
  peer->ask();
  EXPECT_TRUE(nobody("a"));
  EXPECT_FALSE(nobody("b"));
  peer.reset();
  EXPECT_TRUE(eventually([&] { return nobody("b"); }));
}

TEST_F(Route, that_never_says_who_it_is_cannot_fill_memory) {
  RawClient flood = RawClient::open(port);
  flood.send(std::string(70'000, 'x'));
  EXPECT_EQ(flood.read_to_close(), "");
}

TEST_F(Route, may_send_lines_in_pieces_and_larger_than_a_read) {
  Peer peer(port);
  RawClient subscriber = client();
  subscriber.send("SUB big 1\r\n");
  subscriber.barrier();
  const std::string payload(900'000, 'p');
  peer.socket().send_piece("PU", *server);
  peer.socket().send_piece("B big ", *server);
  peer.send(payload);
  EXPECT_TRUE(subscriber.receives(msg("big 1", payload)));
}

TEST_F(Route, that_breaks_its_protocol_is_closed) {
  Peer peer(port);
  peer.send("NONSENSE");
  EXPECT_EQ(peer.socket().read_to_close(), "");
  Peer next(port);
  EXPECT_EQ(next.hello, "HELLO 1\n");
}

class Leaf : public Link {
 protected:
  void SetUp() override { start("kind: leaf"); }
};

TEST_F(Leaf, hears_nothing_of_its_own_cluster) {
  Peer sender(port), sibling(port);
  sibling.send("SUB a");
  sibling.ask();
  RawClient subscriber = client();
  subscriber.send("SUB a 1\r\n");
  subscriber.barrier();
  sender.send("SUB a");
  sender.send("PUB a up");
  EXPECT_TRUE(subscriber.receives(msg("a 1", "up")));
  subscriber.send("PUB a 4\r\ndown\r\n");
  EXPECT_EQ(sibling.read_line(), "MSG a [] down\n");
  EXPECT_EQ(sender.read_line(), "MSG a [] down\n");
}

TEST_F(Leaf, serves_a_group_only_when_nobody_here_does) {
  Peer leaf(port);
  leaf.send("SUB work q 10");
  leaf.ask();
  RawClient publisher = client();
  publisher.send("PUB work 1\r\n1\r\n");
  EXPECT_EQ(leaf.read_line(), "MSG work [q] 1\n");
  RawClient member = client();
  member.send("SUB work q 1\r\n");
  member.barrier();
  std::string burst;
  for (int i = 0; i < 50; ++i) burst += "PUB work 1\r\n2\r\n";
  publisher.send(burst);
  publisher.barrier();
  std::string expected;
  for (int i = 0; i < 50; ++i) expected += msg("work 1", "2");
  EXPECT_TRUE(member.receives(expected));
  EXPECT_TRUE(leaf.ask().before.empty());
}

TEST_F(Leaf, stays_up_to_the_servers_clean_end) {
  Peer leaf(port);
  leaf.send("SUB a");
  leaf.ask();
  EXPECT_EQ(server->stop(), 0);
  EXPECT_EQ(leaf.socket().read_to_close(), "");
}

}  // namespace
}  // namespace dunlin::testing
