#include "core/auth/server_identity.hpp"

#include <sodium.h>
#include <sys/random.h>

#include "core/auth/nkey.hpp"
#include "core/base/ensure.hpp"

namespace dunlin::auth {
namespace {

// The system's generator gives up to 256 bytes at once and does not fail once it is seeded.
void fill_random(std::span<std::uint8_t> bytes) {
  ensure(bytes.size() <= 256);
  ensure(getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
}

}  // namespace

ServerIdentity::ServerIdentity(const Seed& signing_seed, const Seed& curve_seed) {
  static_assert(crypto_sign_SECRETKEYBYTES == std::tuple_size_v<decltype(signing_key_)>);
  PublicKey key;
  ensure(crypto_sign_seed_keypair(key.data(), signing_key_.data(), signing_seed.data()) == 0);
  id_ = encode_public_nkey(NkeyKind::server, key);
  ensure(crypto_scalarmult_base(key.data(), curve_seed.data()) == 0);
  xkey_ = encode_public_nkey(NkeyKind::curve, key);
}

ServerIdentity::~ServerIdentity() { sodium_memzero(signing_key_.data(), signing_key_.size()); }

ServerIdentity::Seed ServerIdentity::random_seed() {
  Seed seed;
  fill_random(seed);
  return seed;
}

ServerIdentity::Signature ServerIdentity::sign(std::span<const std::uint8_t> message) const {
  Signature signature;
  ensure(crypto_sign_detached(signature.data(), nullptr, message.data(), message.size(),
                              signing_key_.data()) == 0);
  return signature;
}

std::string random_nonce() {
  std::array<std::uint8_t, 11> raw;
  fill_random(raw);
  std::array<char, 16> text;  // 15 letters and a terminator
  sodium_bin2base64(text.data(), text.size(), raw.data(), raw.size(),
                    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  return text.data();
}

}  // namespace dunlin::auth
