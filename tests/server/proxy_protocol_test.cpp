// PROXY protocol versions 1 and 2 on the client port: where the client really is, however the
// header is cut, and what happens to a broken one.
#include <gmock/gmock.h>

#include "tests/server/harness/raw_client.hpp"

namespace dunlin::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string connect_and_ping = "CONNECT {\"verbose\":false,\"protocol\":1}\r\nPING\r\n";

std::string v2(char command, char family, const std::string& body) {
  std::string header("\r\n\r\n\0\r\nQUIT\n", 12);
  header += command;
  header += family;
  header += static_cast<char>(body.size() >> 8);
  header += static_cast<char>(body.size() & 255);
  return header + body;
}

const std::string v2_ipv4("\x0a\x01\x02\x03\x7f\x00\x00\x01\x15\xb3\x10\x7e", 12);
const std::string v2_ipv6 = std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + "\x07" +
                            std::string(15, '\0') + "\x01" + std::string("\x15\xb3\x10\x7e", 4);

class ProxyProtocol : public ::testing::Test {
 protected:
  // The INFO that follows the first PONG after this header.
  std::string info_after(const std::string& header) {
    RawClient client = RawClient::connect(server);
    EXPECT_THAT(client.info(), Not(HasSubstr("client_ip")));
    client.send(header + connect_and_ping);
    EXPECT_TRUE(client.receives("PONG\r\n"));
    EXPECT_TRUE(client.read_info());
    return client.info();
  }

  ServerProcess server{ServerProcess::with_config("proxy_protocol: true\ndebug: true\n")};
};

// Go: TestClientProxyProtoV1*
TEST_F(ProxyProtocol, version_1_gives_the_clients_address) {
  EXPECT_THAT(info_after("PROXY TCP4 10.1.2.3 127.0.0.1 5555 4222\r\n"),
              HasSubstr(R"("client_ip":"10.1.2.3")"));
  EXPECT_THAT(info_after("PROXY TCP6 2001:db8::7 ::1 5555 4222\r\n"),
              HasSubstr(R"("client_ip":"2001:db8::7")"));
}

TEST_F(ProxyProtocol, version_1_unknown_keeps_the_sockets_address) {
  EXPECT_THAT(info_after("PROXY UNKNOWN\r\n"), HasSubstr(R"("client_ip":"127.0.0.1")"));
  EXPECT_THAT(info_after("PROXY UNKNOWN a b c d\r\n"), HasSubstr(R"("client_ip":"127.0.0.1")"));
}

// Go: TestClientProxyProtoV2*
TEST_F(ProxyProtocol, version_2_gives_the_clients_address) {
  EXPECT_THAT(info_after(v2('\x21', '\x11', v2_ipv4)), HasSubstr(R"("client_ip":"10.1.2.3")"));
  EXPECT_THAT(info_after(v2('\x21', '\x21', v2_ipv6)), HasSubstr(R"("client_ip":"2001:db8::7")"));
}

TEST_F(ProxyProtocol, version_2_extra_values_are_skipped) {
  EXPECT_THAT(info_after(v2('\x21', '\x11', v2_ipv4 + std::string("\x04\x00\x02hi", 5))),
              HasSubstr(R"("client_ip":"10.1.2.3")"));
}

TEST_F(ProxyProtocol, version_2_local_keeps_the_sockets_address) {
  EXPECT_THAT(info_after(v2('\x20', '\x00', "")), HasSubstr(R"("client_ip":"127.0.0.1")"));
  EXPECT_THAT(info_after(v2('\x20', '\x11', v2_ipv4)), HasSubstr(R"("client_ip":"127.0.0.1")"));
}

TEST_F(ProxyProtocol, connection_without_header_is_served) {
  EXPECT_THAT(info_after(""), HasSubstr(R"("client_ip":"127.0.0.1")"));
}

TEST_F(ProxyProtocol, header_may_be_cut_anywhere) {
  for (const std::string& header :
       {std::string("PROXY TCP4 10.1.2.3 127.0.0.1 5555 4222\r\n"), v2('\x21', '\x11', v2_ipv4)}) {
    for (std::size_t cut = 1; cut <= header.size(); ++cut) {
      RawClient client = RawClient::connect(server);
      client.send_piece(header.substr(0, cut), server);
      client.send(header.substr(cut) + connect_and_ping);
      ASSERT_TRUE(client.receives("PONG\r\n")) << "cut after byte " << cut;
      ASSERT_TRUE(client.read_info());
      ASSERT_THAT(client.info(), HasSubstr(R"("client_ip":"10.1.2.3")"));
    }
  }
}

struct Broken {
  const char* name;
  std::string header;
};

void PrintTo(const Broken& one, std::ostream* out) { *out << one.name; }

class BrokenHeader : public ProxyProtocol, public ::testing::WithParamInterface<Broken> {};

TEST_P(BrokenHeader, closes_without_a_word) {
  RawClient client = RawClient::connect(server);
  client.send(GetParam().header);
  EXPECT_TRUE(client.receives_and_closes(""));
  EXPECT_TRUE(server.wait_for_log("Protocol Violation")) << server.log();
}

INSTANTIATE_TEST_SUITE_P(
    Version1, BrokenHeader,
    ::testing::Values(Broken{"too_few_fields", "PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n"},
                      Broken{"too_many_fields", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n"},
                      Broken{"not_an_address", "PROXY TCP4 1.2.3 5.6.7.8 1 2\r\n"},
                      Broken{"not_a_port", "PROXY TCP4 1.2.3.4 5.6.7.8 x 2\r\n"},
                      Broken{"port_too_large", "PROXY TCP4 1.2.3.4 5.6.7.8 65536 2\r\n"},
                      Broken{"family_mismatch", "PROXY TCP4 ::1 ::1 1 2\r\n"},
                      Broken{"unknown_family", "PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n"},
                      Broken{"too_long", "PROXY TCP4 " + std::string(120, '1') + "\r\n"}),
    [](const auto& param) { return param.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Version2, BrokenHeader,
    ::testing::Values(Broken{"wrong_version", v2('\x11', '\x11', v2_ipv4)},
                      Broken{"unknown_command", v2('\x22', '\x11', v2_ipv4)},
                      Broken{"datagram", v2('\x21', '\x12', v2_ipv4)},
                      Broken{"unix_socket", v2('\x21', '\x31', std::string(216, 'x'))},
                      Broken{"short_ipv4", v2('\x21', '\x11', v2_ipv4.substr(0, 8))},
                      Broken{"short_ipv6", v2('\x21', '\x21', v2_ipv4)},
                      Broken{"bad_signature", std::string("\r\n\r\n\0\rXXXXXXXXXX", 16)}),
    [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace dunlin::testing
