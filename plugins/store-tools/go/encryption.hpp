// What nats-server encrypts with jetstream.key.
//
// Of every stream, message block and consumer a random seed is the key. It stands in a file beside
// it ("meta.key", "12.key"), sealed with a key made of jetstream.key, the account and the name of
// the thing:
//
//   HMAC-SHA256(jetstream.key, account + name)
//   "ORDERS" a stream, "ORDERS:12" a block of it, "ORDERS.worker" a consumer
//
// Sealed is XChaCha20-Poly1305 (cipher "chacha") or AES-256-GCM with a nonce of 16 bytes ("aes"):
// nonce, content, tag. Blocks are written piecemeal, so they are not sealed but only combined with
// XChaCha20's or AES-256-CTR's stream of the block's seed and the nonce in its key file.
//
// Any thread. Input is untrusted. Seeds and keys wipe themselves.

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/store-tools/go/little_endian.hpp"

namespace dunlin::store_tools {

// jetstream.key, and jetstream.prev_key when there is one.
class GoKeys {
 public:
  GoKeys() = default;
  explicit GoKeys(std::vector<std::string> keys) : keys_(std::move(keys)) {}
  GoKeys(const GoKeys&) = default;
  GoKeys& operator=(const GoKeys&) = default;
  ~GoKeys();

  [[nodiscard]] bool empty() const noexcept { return keys_.empty(); }
  [[nodiscard]] const std::vector<std::string>& all() const noexcept { return keys_; }

 private:
  std::vector<std::string> keys_;
};

enum class GoCipher { chacha, aes };

// The key of one thing.
class GoSeed {
 public:
  // Opens the content of a key file, with whichever key and cipher it was sealed. None when it is
  // damaged, or of another key or name.
  [[nodiscard]] static std::optional<GoSeed> open(BytesView key_file, const GoKeys& keys,
                                                  std::string_view account, std::string_view name);
  GoSeed(const GoSeed&) = default;
  GoSeed& operator=(const GoSeed&) = default;
  ~GoSeed();

  // The content of a sealed file; none when anything in it was changed.
  [[nodiscard]] std::optional<std::vector<std::uint8_t>> unseal(BytesView sealed) const;
  // A whole block's file, in place. False where OpenSSL has not the cipher.
  [[nodiscard]] bool decrypt_block(std::span<std::uint8_t> block) const;

 private:
  GoSeed() = default;

  GoCipher cipher_ = GoCipher::chacha;
  std::array<std::uint8_t, 32> seed_{};
  std::vector<std::uint8_t> nonce_;  // of the key file
};

}  // namespace dunlin::store_tools
