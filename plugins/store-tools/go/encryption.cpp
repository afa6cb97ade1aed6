#include "plugins/store-tools/go/encryption.hpp"

#include <openssl/evp.h>
#include <sodium.h>

#include <algorithm>
#include <climits>
#include <memory>

namespace dunlin::store_tools {
namespace {

using Key = std::array<std::uint8_t, 32>;
using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t aes_nonce_bytes = 16;  // of both modes
constexpr std::size_t tag_bytes = 16;
static_assert(tag_bytes == crypto_aead_xchacha20poly1305_ietf_ABYTES);
static_assert(crypto_stream_xchacha20_NONCEBYTES == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES);

struct Free {
  void operator()(EVP_CIPHER_CTX* context) const noexcept { EVP_CIPHER_CTX_free(context); }
};
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, Free>;

std::size_t nonce_bytes(GoCipher cipher) noexcept {
  return cipher == GoCipher::aes ? aes_nonce_bytes : crypto_stream_xchacha20_NONCEBYTES;
}

Key sealing_key(const std::string& key, std::string_view account, std::string_view name) {
  const auto update = [](auto& state, std::string_view text) {
    crypto_auth_hmacsha256_update(&state, reinterpret_cast<const unsigned char*>(text.data()),
                                  text.size());
  };
  Key out{};
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, reinterpret_cast<const unsigned char*>(key.data()),
                              key.size());
  update(state, account);
  update(state, name);
  crypto_auth_hmacsha256_final(&state, out.data());
  sodium_memzero(&state, sizeof state);
  return out;
}

bool unseal_aes(const Key& key, BytesView nonce, BytesView sealed, BytesView tag, Bytes& out) {
  const CipherContext context(EVP_CIPHER_CTX_new());
  int n = 0;
  return context && sealed.size() <= INT_MAX &&
         EVP_DecryptInit_ex2(context.get(), EVP_aes_256_gcm(), nullptr, nullptr, nullptr) == 1 &&
         EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_IVLEN, aes_nonce_bytes, nullptr) ==
             1 &&
         EVP_DecryptInit_ex2(context.get(), nullptr, key.data(), nonce.data(), nullptr) == 1 &&
         EVP_DecryptUpdate(context.get(), out.data(), &n, sealed.data(),
                           static_cast<int>(sealed.size())) == 1 &&
         EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, tag_bytes,
                             const_cast<std::uint8_t*>(tag.data())) == 1 &&
         EVP_DecryptFinal_ex(context.get(), out.data() + n, &n) == 1;
}

std::optional<Bytes> unseal_with(GoCipher cipher, const Key& key, BytesView file) {
  const auto before = nonce_bytes(cipher);
  if (file.size() <= before + tag_bytes) return std::nullopt;
  const auto nonce = file.first(before);
  const auto sealed = file.subspan(before);
  Bytes out(sealed.size() - tag_bytes);
  const bool is_good =
      cipher == GoCipher::aes
          ? unseal_aes(key, nonce, sealed.first(out.size()), sealed.last(tag_bytes), out)
          : crypto_aead_xchacha20poly1305_ietf_decrypt(out.data(), nullptr, nullptr, sealed.data(),
                                                       sealed.size(), nullptr, 0, nonce.data(),
                                                       key.data()) == 0;
  if (!is_good) return std::nullopt;
  return out;
}

}  // namespace

GoKeys::~GoKeys() {
  for (std::string& key : keys_) sodium_memzero(key.data(), key.size());
}

GoSeed::~GoSeed() { sodium_memzero(seed_.data(), seed_.size()); }

std::optional<GoSeed> GoSeed::open(BytesView key_file, const GoKeys& keys,
                                   std::string_view account, std::string_view name) {
  for (const std::string& key : keys.all()) {
    auto sealing = sealing_key(key, account, name);
    for (const GoCipher cipher : {GoCipher::chacha, GoCipher::aes}) {
      auto seed = unseal_with(cipher, sealing, key_file);
      if (!seed || (*seed).size() != Key().size()) continue;
      GoSeed opened;
      opened.cipher_ = cipher;
      std::copy((*seed).begin(), (*seed).end(), opened.seed_.begin());
      const auto nonce = key_file.first(nonce_bytes(cipher));
      opened.nonce_.assign(nonce.begin(), nonce.end());
      sodium_memzero((*seed).data(), (*seed).size());
      sodium_memzero(sealing.data(), sealing.size());
      return opened;
    }
    sodium_memzero(sealing.data(), sealing.size());
  }
  return std::nullopt;
}

std::optional<std::vector<std::uint8_t>> GoSeed::unseal(BytesView sealed) const {
  return unseal_with(cipher_, seed_, sealed);
}

bool GoSeed::decrypt_block(std::span<std::uint8_t> block) const {
  if (cipher_ == GoCipher::chacha) {
    return crypto_stream_xchacha20_xor(block.data(), block.data(), block.size(), nonce_.data(),
                                       seed_.data()) == 0;
  }
  const CipherContext context(EVP_CIPHER_CTX_new());
  int n = 0;
  return context && block.size() <= INT_MAX &&
         EVP_DecryptInit_ex2(context.get(), EVP_aes_256_ctr(), seed_.data(), nonce_.data(),
                             nullptr) == 1 &&
         EVP_DecryptUpdate(context.get(), block.data(), &n, block.data(),
                           static_cast<int>(block.size())) == 1;
}

}  // namespace dunlin::store_tools
