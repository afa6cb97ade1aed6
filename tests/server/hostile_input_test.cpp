// Input nobody should send: the server answers with the protocol's error or a close, keeps serving
// others, and does not let a stranger make it hold memory.
#include <gmock/gmock.h>

#include <random>
#include <vector>

#include "tests/server/harness/raw_client.hpp"

namespace dunlin::testing {
namespace {

class HostileInput : public ::testing::Test {
 protected:
  ~HostileInput() override {
    RawClient client = RawClient::connect(server, quiet);
    client.send("SUB alive 1\r\nPUB alive 1\r\nx\r\n");
    EXPECT_EQ(client.barrier(), msg("alive 1", "x")) << "the server no longer serves others";
  }

  ServerProcess server;
};

TEST_F(HostileInput, random_bytes_are_closed) {
  std::mt19937 random(20240611);
  for (int round = 0; round < 200; ++round) {
    std::string bytes(1 + random() % 300, '\0');
    for (char& byte : bytes) {
      byte = static_cast<char>(random());
    }
    RawClient client = RawClient::connect(server);
    // A first byte no operation starts with.
    client.send("~" + bytes);
    ASSERT_TRUE(client.receives_and_closes(err("Unknown Protocol Operation")));
  }
}

TEST_F(HostileInput, valid_operations_with_damaged_bytes_never_hurt) {
  std::mt19937 random(7);
  const std::string valid =
      "CONNECT {\"verbose\":false,\"headers\":true}\r\nSUB a.* q 1\r\nPUB a.b r 3\r\nabc\r\n"
      "HPUB a.b 12 14\r\nNATS/1.0\r\n\r\nhi\r\nUNSUB 1 2\r\nPING\r\n";
  for (int round = 0; round < 500; ++round) {
    std::string damaged = valid;
    for (int i = 0; i < 3; ++i) {
      damaged[random() % damaged.size()] = static_cast<char>(random());
    }
    RawClient client = RawClient::connect(server);
    client.send(damaged);
    client.finish_sending();
    client.read_to_close();
  }
}

TEST_F(HostileInput, connections_cut_at_any_moment_never_hurt) {
  const std::string valid =
      "CONNECT {\"verbose\":true}\r\nSUB > 1\r\nPUB a 100\r\n" + std::string(100, 'x') + "\r\n";
  for (std::size_t length = 0; length < valid.size(); ++length) {
    RawClient client = RawClient::open(server.port());
    client.send(valid.substr(0, length));
    client.abort();
  }
}

TEST_F(HostileInput, flood_of_pings_from_a_client_that_does_not_read_is_survived) {
  RawClient client = RawClient::open(server.port());
  client.shrink_receive_buffer();
  std::string pings;
  for (int i = 0; i < 10'000; ++i) {
    pings += "PING\r\n";
  }
  client.send(pings);
  client.abort();
}

TEST(HostileStranger, cannot_make_the_server_hold_memory_before_logging_in) {
  ServerProcess server(ServerProcess::with_config(
      "authorization { user: u, password: p, timeout: 60 }\nmax_control_line: 4KB\n"));
  RawClient known = RawClient::connect(server, R"({"verbose":false,"user":"u","pass":"p"})");
  constexpr std::size_t stranger_count = 200;
  std::vector<RawClient> strangers;
  for (std::size_t i = 0; i < stranger_count; ++i) {
    strangers.push_back(RawClient::connect(server));
  }
  const std::size_t before = server.resident_bytes();
  for (RawClient& stranger : strangers) {
    stranger.send_piece("CONNECT {\"name\":\"" + std::string(3000, 'n'), server);
  }
  EXPECT_LT(server.resident_bytes(), before + stranger_count * 65536);
  for (RawClient& stranger : strangers) {
    stranger.send(std::string(4000, 'n'));
    ASSERT_TRUE(stranger.receives_and_closes(err("maximum control line exceeded")));
  }
  EXPECT_EQ(known.barrier(), "");
}

TEST(HostileStranger, slow_drip_ends_at_the_authentication_deadline) {
  ServerProcess server(
      ServerProcess::with_config("authorization { user: u, password: p, timeout: 0.4 }\n"));
  RawClient client = RawClient::connect(server);
  const Clock::time_point begin = Clock::now();
  const std::string drip = "CONNECT {\"name\":\"" + std::string(100'000, 'n');
  for (const char byte : drip) {
    client.send_piece(std::string(1, byte), server);
    if (client.has_unread()) {
      break;
    }
    ::poll(nullptr, 0, 1);
    ASSERT_LT(Clock::now() - begin, patience) << "the drip was never cut off";
  }
  EXPECT_TRUE(client.receives_and_closes(err("Authentication Timeout")));
}

TEST(HostileStranger, deep_json_is_refused_or_ignored_never_fatal) {
  ServerProcess server(ServerProcess::with_config("max_control_line: 1MB\n"));
  RawClient client = RawClient::connect(server);
  client.send("CONNECT {\"x\":" + std::string(400'000, '[') + std::string(400'000, ']') + "}\r\n");
  client.send("PING\r\n");
  client.finish_sending();
  client.read_to_close();
  EXPECT_EQ(RawClient::connect(server, quiet).barrier(), "");
}

}  // namespace
}  // namespace dunlin::testing
