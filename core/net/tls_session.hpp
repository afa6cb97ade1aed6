// TlsSession: TLS of one connection, without a socket. Encrypted bytes go in and come out here; the
// connection moves them.
//
//   bytes from the socket  -> feed()  -> read()            -> plain bytes
//   plain bytes            -> write() -> pending_output()  -> bytes for the socket
//
// After every call pending_output() may have grown: the handshake, tickets and alerts speak
// unasked. Belongs to one connection, on its shard; allocates no record buffer while idle.
//
// Made by TlsContext::new_session. Calls are per batch of bytes, never per message.
//
// feed() does not copy: its bytes have to stay until read() has answered need_more (or the session
// ended), or keep_input() was called.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

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

  virtual ~TlsSession() = default;
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  // A client speaks first; for a server this does nothing.
  virtual Status start() = 0;
  // Gives encrypted input and goes on with the handshake. Not while earlier input is unread.
  virtual Status feed(std::span<const char> encrypted) = 0;
  // Plain bytes. To be repeated until need_more.
  virtual Read read(char* into, std::size_t room) = 0;
  // Copies what feed() was given and read() did not use yet, so that the caller may reuse its
  // buffer. What is kept is read before anything else.
  virtual void keep_input() = 0;

  // Seals all of `plain`, in records as large as TLS allows. Only once the handshake is complete.
  virtual Status write(std::span<const char> plain) = 0;
  // Says goodbye; nothing may be written after that.
  virtual void close() = 0;

  // Encrypted bytes for the socket, and how many of them it took.
  [[nodiscard]] virtual std::string_view pending_output() const noexcept = 0;
  virtual void sent(std::size_t count) = 0;

  // The handshake is complete, and the peer is whom the context's rules let in.
  [[nodiscard]] virtual bool is_established() const noexcept = 0;
  [[nodiscard]] virtual const std::string& error() const noexcept = 0;

  // As Go prints them: `1.3`, `TLS_AES_128_GCM_SHA256`. Empty before the handshake is complete.
  [[nodiscard]] virtual std::string_view version() const noexcept = 0;
  [[nodiscard]] virtual std::string_view cipher_suite() const noexcept = 0;
  // The peer's certificates, its own first; none if it showed none.
  [[nodiscard]] virtual std::vector<PeerCertificateInfo> peer_certificates() const = 0;

 protected:
  TlsSession() = default;
};

}  // namespace dunlin::net
