// The server's own keys: who it is in INFO, events and signed requests. New at every start.
//
// Immutable after creation.  [any thread]
//
// The keys come from libsodium: OpenSSL's first key costs a process over two megabytes of resident
// memory, and a server without TLS never touches it.

#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

namespace dunlin::auth {

class ServerIdentity {
 public:
  using Seed = std::array<std::uint8_t, 32>;
  using Signature = std::array<std::uint8_t, 64>;

  // From two secrets, so that a test can repeat an identity.
  ServerIdentity(const Seed& signing_seed, const Seed& curve_seed);
  ~ServerIdentity();
  ServerIdentity(const ServerIdentity&) = delete;
  ServerIdentity& operator=(const ServerIdentity&) = delete;

  // A secret from the system's random numbers.
  [[nodiscard]] static Seed random_seed();

  // The public Ed25519 key, `N...`: the server's id.
  [[nodiscard]] const std::string& id() const noexcept { return id_; }
  // The public X25519 key, `X...`, to which others may encrypt.
  [[nodiscard]] const std::string& xkey() const noexcept { return xkey_; }
  [[nodiscard]] Signature sign(std::span<const std::uint8_t> message) const;

 private:
  std::string id_, xkey_;
  std::array<std::uint8_t, 64> signing_key_;
};

// What INFO offers a client to sign: 15 letters of base64url over 11 random bytes.
[[nodiscard]] std::string random_nonce();

}  // namespace dunlin::auth
