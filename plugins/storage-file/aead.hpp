// Keys and authenticated encryption, over OpenSSL's EVP: what codec.cpp is built from.
//
// OpenSSL is opened when the first key is made (cipher_library.hpp), so a store without encryption
// costs none of its memory. Any thread. Keys wipe themselves.

#pragma once

#include <dunlin/result.hpp>

#include <array>
#include <cstdint>
#include <string>

#include "bytes.hpp"

namespace dunlin::storage_file {

inline constexpr std::size_t nonce_bytes = 12;
inline constexpr std::size_t tag_bytes = 16;

// 32 bytes that are overwritten when they go.
class Key {
 public:
  Key() = default;
  Key(const Key&) = default;
  Key& operator=(const Key&) = default;
  ~Key();

  [[nodiscard]] const std::uint8_t* data() const noexcept { return bytes_.data(); }
  [[nodiscard]] std::uint8_t* data() noexcept { return bytes_.data(); }
  static constexpr std::size_t size = 32;

 private:
  std::array<std::uint8_t, size> bytes_{};
};

// HKDF-SHA256 of `secret` for the purpose `info`.
[[nodiscard]] result<Key> derive_key(BytesView secret, BytesView info);
// A short public name for a key, never 0.
[[nodiscard]] result<std::uint32_t> key_name(const Key& key);

// `cipher` is DUNLIN_CIPHER_AES_GCM or _CHACHA20_POLY1305. `out` has `plain.size()` bytes and is
// not `plain`; `tag` has tag_bytes.
[[nodiscard]] bool seal(std::uint32_t cipher, const Key& key, BytesView nonce, BytesView associated,
                        BytesView plain, std::uint8_t* out, std::uint8_t* tag) noexcept;
// False when anything was changed; `out` is then zeroed.
[[nodiscard]] bool unseal(std::uint32_t cipher, const Key& key, BytesView nonce,
                          BytesView associated, BytesView sealed, BytesView tag,
                          std::uint8_t* out) noexcept;

}  // namespace dunlin::storage_file
