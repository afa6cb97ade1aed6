// A client made of a socket and nothing else: a test says exactly which bytes go out in which
// pieces, and exactly which bytes must come back.
//
// Blocking with deadlines; one owner, one thread. A failed connect throws std::runtime_error, every
// expectation is an AssertionResult for EXPECT_TRUE.
#pragma once

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "tests/server/harness/server_process.hpp"

namespace dunlin::testing {

struct TlsOptions {
  std::string ca_file;
  // Both empty for a client without a certificate.
  std::string cert_file;
  std::string key_file;
};

class RawClient {
 public:
  // Connects and reads nothing.
  static RawClient open(std::uint16_t port);
  // Connects and reads the first INFO line.
  static RawClient connect(const ServerProcess& server);
  // Connects, reads INFO, sends CONNECT with these fields, and waits until the server handled it.
  static RawClient connect(const ServerProcess& server, std::string_view connect_json);

  ~RawClient();
  RawClient(RawClient&& other) noexcept;
  RawClient& operator=(RawClient&&) = delete;

  // Last INFO line that was read with read_info, without CRLF.
  const std::string& info() const { return info_; }
  ::testing::AssertionResult read_info();

  void send(std::string_view bytes);
  // Sends and returns when the server's socket has been emptied, so that the next piece cannot be
  // read together with this one.
  void send_piece(std::string_view bytes, const ServerProcess& server);
  // Says that nothing more will be sent.
  void finish_sending();
  void close();
  // Closes with a reset.
  void abort();

  // The next line with its CRLF; empty at close or deadline.
  std::string read_line(std::chrono::milliseconds limit = patience);
  std::string read_bytes(std::size_t count, std::chrono::milliseconds limit = patience);
  // Everything up to the close; fails the test when the server does not close.
  std::string read_to_close(std::chrono::milliseconds limit = patience);
  // Sends PING and returns what arrived before the PONG; at a close, what arrived before that.
  std::string barrier();
  // Same without sending the PING.
  std::string read_to_pong();

  ::testing::AssertionResult receives(std::string_view bytes,
                                      std::chrono::milliseconds limit = patience);
  // Exactly these bytes and then the close.
  ::testing::AssertionResult receives_and_closes(std::string_view bytes,
                                                 std::chrono::milliseconds limit = patience);
  bool has_unread() const;

  // Completes a TLS handshake; false when the server refuses.
  bool start_tls(const TlsOptions& options);
  // A receive window as small as the kernel allows: for tests that need a consumer to stall.
  void shrink_receive_buffer();

  std::uint16_t local_port() const;

 private:
  explicit RawClient(int descriptor) : descriptor_(descriptor) {}
  // Reads once into the buffer; false at close or deadline.
  bool fill(Clock::time_point deadline);

  int descriptor_ = -1;
  SSL_CTX* tls_context_ = nullptr;
  SSL* tls_ = nullptr;
  std::string buffer_;
  bool closed_ = false;
  std::string info_;
};

// CONNECT fields used by most tests: no +OK, no pedantic checks.
inline constexpr std::string_view quiet = R"({"verbose":false,"pedantic":false})";
inline constexpr std::string_view quiet_headers =
    R"({"verbose":false,"pedantic":false,"headers":true,"no_responders":true})";

// `-ERR 'text'` with CRLF.
std::string err(std::string_view text);
// A MSG frame.
std::string msg(std::string_view head, std::string_view payload);

}  // namespace dunlin::testing
