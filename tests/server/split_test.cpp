// A parser must not care how its input was cut into reads: each script is sent once whole and then
// once for every place it can be cut in two, and each time the same must come back.
#include <gmock/gmock.h>

#include "tests/server/harness/raw_client.hpp"

namespace dunlin::testing {
namespace {

struct Script {
  const char* name;
  std::string text;
};

void PrintTo(const Script& one, std::ostream* out) { *out << one.name; }

std::string play(const ServerProcess& server, const std::string& script, std::size_t cut) {
  RawClient client = RawClient::connect(server);
  if (cut > 0) {
    client.send_piece(script.substr(0, cut), server);
  }
  client.send(script.substr(cut));
  client.finish_sending();
  return client.read_to_close();
}

class Split : public ::testing::TestWithParam<Script> {};

// Go: TestSplitBufferSubOp, TestSplitBufferUnsubOp, TestSplitBufferPubOp, TestSplitConnectArg,
// TestSplitDanglingArgBuf, TestSplitBufferMsgOp
TEST_P(Split, at_every_byte_gives_the_same_answer) {
  ServerProcess server;
  const std::string& script = GetParam().text;
  const std::string whole = play(server, script, 0);
  ASSERT_FALSE(whole.empty());
  for (std::size_t cut = 1; cut < script.size(); ++cut) {
    ASSERT_EQ(play(server, script, cut), whole) << "cut after byte " << cut;
  }
}

TEST_P(Split, into_single_bytes_gives_the_same_answer) {
  ServerProcess server;
  const std::string& script = GetParam().text;
  const std::string whole = play(server, script, 0);
  RawClient client = RawClient::connect(server);
  for (const char byte : script) {
    client.send_piece(std::string(1, byte), server);
  }
  client.finish_sending();
  EXPECT_EQ(client.read_to_close(), whole);
}

INSTANTIATE_TEST_SUITE_P(
    Scripts, Split,
    ::testing::Values(
        Script{"plain",
               "CONNECT {\"verbose\":true,\"name\":\"x\"}\r\nSUB foo.* 1\r\nSUB foo.a q 22\r\n"
               "PUB foo.b reply 5\r\nhello\r\nPUB foo.c 0\r\n\r\nUNSUB 1 7\r\nUNSUB 22\r\n"
               "PING\r\nPONG\r\n+OK\r\n"},
        Script{"headers",
               "CONNECT {\"verbose\":false,\"headers\":true,\"no_responders\":true}\r\n"
               "SUB r.> 1\r\nHPUB r.a r.b 22 24\r\nNATS/1.0\r\nName: val\r\n\r\nhi\r\n"
               "HPUB nobody r.x 12 12\r\nNATS/1.0\r\n\r\n\r\nPING\r\n"},
        Script{"blanks_and_case",
               "connect {\"verbose\":false}\nsub \t a   1 \r\n"
               "pub\ta\tr 03 \r\na\r\n\r\nPing x\r\n"},
        Script{"unknown_operation",
               "CONNECT {\"verbose\":true}\r\nSUB a 1\r\nPUB a 2\r\nhi\r\nBOGUS a\r\n"},
        Script{"argument_error", "CONNECT {\"verbose\":true}\r\nPUB a 1\r\nx\r\nPUB a b c d e\r\n"},
        Script{"payload_without_end", "CONNECT {\"verbose\":true}\r\nPUB a 2\r\nhi!!\r\n"}),
    [](const auto& param) { return param.param.name; });

TEST(SplitPayload, large_message_in_odd_pieces_arrives_whole) {
  ServerProcess server;
  RawClient client = RawClient::connect(server, quiet);
  std::string body(300'000, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) {
    body[i] = static_cast<char>('a' + i % 23);
  }
  const std::string frame = "SUB a 1\r\nPUB a 300000\r\n" + body + "\r\n";
  std::size_t size = 1;
  for (std::size_t at = 0; at < frame.size(); at += size, size = size * 3 % 40'009) {
    size = std::min(size, frame.size() - at);
    client.send_piece(std::string_view(frame).substr(at, size), server);
  }
  const std::string expected = msg("a 1", body);
  EXPECT_TRUE(client.read_bytes(expected.size()) == expected);
}

}  // namespace
}  // namespace dunlin::testing
