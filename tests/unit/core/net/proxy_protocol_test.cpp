#include "core/net/proxy_protocol.hpp"

#include <gtest/gtest.h>

#include <string>

namespace dunlin::net {
namespace {

using Status = ProxyHeader::Status;

const std::string signature("\r\n\r\n\0\r\nQUIT\n", 12);

std::string binary(char command, char family, const std::string& body) {
  const auto size = static_cast<std::uint16_t>(body.size());
  return signature + command + family + static_cast<char>(size >> 8) +
         static_cast<char>(size & 0xff) + body;
}

const std::string ipv4_body("\xc0\x00\x02\x01\x0a\x00\x00\x01\x30\x39\x10\x7e", 12);

struct Outcome {
  Status status;
  std::string rest;  // what the client parser would get
  std::string ip;
  std::uint16_t port = 0;
  std::string reason;
};

// Feeds `input` in pieces of `piece_size` bytes.
Outcome run(std::string_view input, std::size_t piece_size) {
  ProxyHeader header;
  for (std::size_t at = 0; at < input.size(); at += piece_size) {
    const auto piece = input.substr(at, piece_size);
    const auto step = header.feed(piece);
    if (step.status == Status::need_more) {
      EXPECT_EQ(step.consumed, piece.size());
      continue;
    }
    Outcome outcome{.status = step.status,
                    .rest = std::string(input.substr(at + step.consumed)),
                    .ip = {},
                    .reason = std::string(header.reason())};
    if (step.status == Status::not_proxy) outcome.rest.insert(0, header.held());
    if (header.source()) {
      outcome.ip = header.source()->ip;
      outcome.port = header.source()->port;
    }
    return outcome;
  }
  return {.status = Status::need_more, .rest = {}, .ip = {}, .reason = {}};
}

// The outcome, which must be the same for every split of the input.
Outcome outcome_of(std::string_view input) {
  const auto whole = run(input, input.size());
  for (std::size_t size = 1; size < input.size(); ++size) {
    const auto split = run(input, size);
    EXPECT_EQ(split.status, whole.status) << input << " in pieces of " << size;
    if (whole.status != Status::broken) {
      EXPECT_EQ(split.rest, whole.rest);
    }
    EXPECT_EQ(split.ip, whole.ip);
    EXPECT_EQ(split.port, whole.port);
    EXPECT_EQ(split.reason, whole.reason);
  }
  return whole;
}

// TestClientProxyProtoV1ParseTCP4, TestClientProxyProtoV1PreservesCoalescedClientBytes
TEST(proxy_header, line_gives_the_source_and_leaves_the_rest) {
  const auto outcome = outcome_of("PROXY TCP4 192.0.2.1 10.0.0.1 12345 4222\r\nCONNECT {}\r\n");
  EXPECT_EQ(outcome.status, Status::done);
  EXPECT_EQ(outcome.ip, "192.0.2.1");
  EXPECT_EQ(outcome.port, 12345);
  EXPECT_EQ(outcome.rest, "CONNECT {}\r\n");
}

// TestClientProxyProtoV1ParseTCP6
TEST(proxy_header, line_takes_ipv6) {
  const auto outcome = outcome_of("PROXY TCP6 2001:DB8:0::1 2001:db8::2 1 2\r\n");
  EXPECT_EQ(outcome.status, Status::done);
  EXPECT_EQ(outcome.ip, "2001:db8::1");
}

// TestClientProxyProtoV1ParseTCP6IPv4Mapped
TEST(proxy_header, mapped_ipv4_counts_as_ipv6_and_is_shown_as_ipv4) {
  EXPECT_EQ(outcome_of("PROXY TCP6 ::ffff:192.0.2.1 ::ffff:192.0.2.2 1 2\r\n").ip, "192.0.2.1");
  EXPECT_EQ(outcome_of("PROXY TCP4 ::ffff:192.0.2.1 ::ffff:192.0.2.2 1 2\r\n").status,
            Status::broken);
}

// TestClientProxyProtoV1ParseUnknown
TEST(proxy_header, unknown_keeps_the_sockets_address) {
  for (const auto* line : {"PROXY UNKNOWN\r\nPING", "PROXY UNKNOWN a b c d e f\r\nPING"}) {
    const auto outcome = outcome_of(line);
    EXPECT_EQ(outcome.status, Status::done) << line;
    EXPECT_EQ(outcome.ip, "");
    EXPECT_EQ(outcome.rest, "PING");
  }
}

// TestClientProxyProtoV1InvalidFormat, …InvalidIP, …InvalidPort, …MismatchedProtocol,
// …MismatchedDestProtocol
TEST(proxy_header, broken_lines_are_refused) {
  for (const auto* line :
       {"PROXY \r\n", "PROXY TCP4 192.0.2.1 10.0.0.1 12345\r\n",
        "PROXY TCP4 192.0.2.1 10.0.0.1 1 2 3\r\n", "PROXY TCP4 192.0.2 10.0.0.1 1 2\r\n",
        "PROXY TCP4 192.0.2.1 nowhere 1 2\r\n", "PROXY TCP4 192.0.2.1 10.0.0.1 65536 2\r\n",
        "PROXY TCP4 192.0.2.1 10.0.0.1 1 -2\r\n", "PROXY TCP4 192.0.2.1 10.0.0.1 +1 2\r\n",
        "PROXY TCP4 ::1 ::1 1 2\r\n", "PROXY TCP4 192.0.2.1 ::1 1 2\r\n",
        "PROXY TCP6 192.0.2.1 ::1 1 2\r\n", "PROXY UDP4 192.0.2.1 10.0.0.1 1 2\r\n",
        "PROXY TCP4 192.0.2.01 10.0.0.1 1 2\r\n"}) {
    const auto outcome = outcome_of(line);
    EXPECT_EQ(outcome.status, Status::broken) << line;
    EXPECT_NE(outcome.reason, "") << line;
  }
}

// TestClientProxyProtoV1LineTooLong
TEST(proxy_header, line_ends_within_107_bytes) {
  const std::string start = "PROXY UNKNOWN ";
  const std::string fits = start + std::string(107 - start.size() - 2, 'x') + "\r\n";
  ASSERT_EQ(fits.size(), 107u);
  EXPECT_EQ(outcome_of(fits).status, Status::done);
  EXPECT_EQ(outcome_of(start + std::string(108 - start.size() - 2, 'x') + "\r\n").status,
            Status::broken);
}

// TestClientProxyProtoUnrecognizedVersion, TestClientProxyProtoNonProxiedTLSFirstFallback
TEST(proxy_header, other_bytes_belong_to_the_client) {
  for (const auto* input :
       {"CONNECT {}\r\n", "PROXYX TCP4", "\x16\x03\x01\x02\x01\x01", "proxy t"}) {
    const auto outcome = outcome_of(input);
    EXPECT_EQ(outcome.status, Status::not_proxy) << input;
    EXPECT_EQ(outcome.rest, input);
  }
}

TEST(proxy_header, less_than_six_bytes_decide_nothing) {
  EXPECT_EQ(outcome_of("PING\r").status, Status::need_more);
  EXPECT_EQ(outcome_of("PROXY TCP4 1").status, Status::need_more);
}

// TestClientProxyProtoV2ParseIPv4
TEST(proxy_header, binary_header_gives_the_source_and_leaves_the_rest) {
  const auto outcome = outcome_of(binary(0x21, 0x11, ipv4_body) + "PING\r\n");
  EXPECT_EQ(outcome.status, Status::done);
  EXPECT_EQ(outcome.ip, "192.0.2.1");
  EXPECT_EQ(outcome.port, 12345);
  EXPECT_EQ(outcome.rest, "PING\r\n");
}

// TestClientProxyProtoV2ParseIPv6
TEST(proxy_header, binary_header_takes_ipv6) {
  std::string body(36, '\0');
  body[0] = 0x20;
  body[1] = 0x01;
  body[15] = 0x07;
  body[33] = 0x50;
  const auto outcome = outcome_of(binary(0x21, 0x21, body) + "x");
  EXPECT_EQ(outcome.status, Status::done);
  EXPECT_EQ(outcome.ip, "2001::7");
  EXPECT_EQ(outcome.port, 0x50);
  EXPECT_EQ(outcome.rest, "x");
}

TEST(proxy_header, binary_header_may_carry_more_than_addresses) {
  const auto outcome = outcome_of(binary(0x21, 0x11, ipv4_body + std::string(300, 'T')) + "x");
  EXPECT_EQ(outcome.status, Status::done);
  EXPECT_EQ(outcome.ip, "192.0.2.1");
  EXPECT_EQ(outcome.rest, "x");
}

TEST(proxy_header, largest_binary_header_is_taken_without_being_kept) {
  const auto outcome = run(binary(0x21, 0x11, ipv4_body + std::string(65535 - 12, 'T')) + "x", 777);
  EXPECT_EQ(outcome.status, Status::done);
  EXPECT_EQ(outcome.rest, "x");
}

// TestClientProxyProtoV2ParseLocalCommand
TEST(proxy_header, local_and_unspecified_keep_the_sockets_address) {
  for (const auto& input :
       {binary(0x20, 0x00, ""), binary(0x20, 0x11, ipv4_body), binary(0x21, 0x01, "abc")}) {
    const auto outcome = outcome_of(input + "x");
    EXPECT_EQ(outcome.status, Status::done);
    EXPECT_EQ(outcome.ip, "");
    EXPECT_EQ(outcome.rest, "x");
  }
}

// TestClientProxyProtoV2InvalidSignature, …InvalidVersion, …UnsupportedFamily,
// …UnsupportedProtocol, …ShortAddressData
TEST(proxy_header, broken_binary_headers_are_refused) {
  for (const auto& input :
       {signature.substr(0, 11) + "X1234", binary(0x11, 0x11, ipv4_body),
        binary(0x22, 0x11, ipv4_body), binary(0x21, 0x12, ipv4_body), binary(0x21, 0x31, ipv4_body),
        binary(0x21, 0x11, ipv4_body.substr(1)), binary(0x21, 0x21, ipv4_body)})
    EXPECT_EQ(outcome_of(input).status, Status::broken);
}

// TestClientProxyProtoV2TruncatedHeader
TEST(proxy_header, cut_binary_header_waits) {
  const auto whole = binary(0x21, 0x11, ipv4_body + "tail");
  for (std::size_t size = 6; size < whole.size(); ++size)
    EXPECT_EQ(outcome_of(whole.substr(0, size)).status, Status::need_more);
}

}  // namespace
}  // namespace dunlin::net
