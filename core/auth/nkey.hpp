// nkeys as text: the base32 form in which NATS writes public keys.
//
//   base32( prefix byte, 32 bytes of key, CRC-16 of both in little-endian ), no padding: 56 letters
//
// The prefix byte makes the first letter tell what the key is for. Pure functions.  [any thread]
//
// Source: the nkeys format (nats-io/nkeys).

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace dunlin::auth {

using PublicKey = std::array<std::uint8_t, 32>;

enum class NkeyKind : std::uint8_t {
  account = 0x00,      // A
  cluster = 0x10,      // C
  server = 0x68,       // N
  operator_key = 0x70,  // O
  user = 0xa0,         // U
  curve = 0xb8,        // X
};

[[nodiscard]] std::string encode_public_nkey(NkeyKind kind, const PublicKey& key);

// Nothing when `text` is not the public key of that kind: its size, letters, prefix or CRC differ.
[[nodiscard]] std::optional<PublicKey> decode_public_nkey(NkeyKind kind, std::string_view text);

}  // namespace dunlin::auth
