// TlsSession: TLS of one connection, without a socket. Encrypted bytes go in and come out here; the
// connection moves them.
//
//   bytes from the socket  -> feed()  -> read()            -> plain bytes
//   plain bytes            -> write() -> pending_output()  -> bytes for the socket
//
// After every call pending_output() may have grown: the handshake, tickets and alerts speak
// unasked. Belongs to one connection, on its shard; allocates no record buffer while idle.
//
// feed() does not copy: its bytes have to stay until read() has answered need_more (or the session
// ended), or keep_input() was called.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/net/tls_context.hpp"

extern "C" {
struct ssl_st;
struct bio_st;
struct bio_method_st;
}

namespace dunlin::net {

// Of a peer's certificate, as monitoring shows it.
struct PeerCertificateInfo {
  std::string subject;
  std::string public_key_sha256;
  std::string certificate_sha256;
};

class TlsSession {
 public:
  enum class Status : std::uint8_t {
    ready,      // read: bytes were given; feed and start: the handshake is complete
    need_more,  // more input is needed
    closed,     // the peer ended the session properly
    failed,     // error() says why; what is pending (an alert) may still be sent
  };
  struct Read {
    Status status;
    std::size_t size;
  };

  explicit TlsSession(std::shared_ptr<const TlsContext> context);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  // A client speaks first; for a server this does nothing.
  Status start();
  // Gives encrypted input and goes on with the handshake. Not while earlier input is unread.
  Status feed(std::span<const char> encrypted);
  // Plain bytes. To be repeated until need_more.
  Read read(char* into, std::size_t room);
  // Copies what feed() was given and read() did not use yet, so that the caller may reuse its
  // buffer. What is kept is read before anything else.
  void keep_input();

  // Seals all of `plain`, in records as large as TLS allows. Only once the handshake is complete.
  Status write(std::span<const char> plain);
  // Says goodbye; nothing may be written after that.
  void close();

  // Encrypted bytes for the socket, and how many of them it took.
  [[nodiscard]] std::string_view pending_output() const noexcept {
    return std::string_view(output_).substr(output_sent_);
  }
  void sent(std::size_t count);

  [[nodiscard]] bool is_established() const noexcept { return established_; }
  [[nodiscard]] const std::string& error() const noexcept { return error_; }

  // As Go prints them: `1.3`, `TLS_AES_128_GCM_SHA256`. Empty before the handshake is complete.
  [[nodiscard]] std::string_view version() const noexcept;
  [[nodiscard]] std::string_view cipher_suite() const noexcept;
  // The peer's own certificate; null without one. Belongs to the session.
  [[nodiscard]] x509_st* peer_certificate() const noexcept;
  // The peer's certificates, its own first.
  [[nodiscard]] std::vector<PeerCertificateInfo> peer_certificates() const;

 private:
  Status advance_handshake();
  Status status_of(int outcome);
  Status fail_with(std::string reason);

  static const bio_method_st* bio_method();
  static int bio_read(bio_st* bio, char* into, std::size_t room, std::size_t* got);
  static int bio_write(bio_st* bio, const char* data, std::size_t size, std::size_t* taken);
  static long bio_control(bio_st* bio, int command, long number, void* pointer);

  std::shared_ptr<const TlsContext> context_;
  ssl_st* session_;
  std::string_view input_;  // points into the caller's bytes or into kept_
  std::string kept_;
  std::string output_;
  std::size_t output_sent_ = 0;
  std::string error_;
  bool established_ = false;
  bool ended_ = false;
};

}  // namespace dunlin::net
