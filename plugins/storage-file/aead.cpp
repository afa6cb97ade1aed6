#include "aead.hpp"

#include <dunlin/ext/storage.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <strings.h>

#include <climits>
#include <memory>

#include "cipher_library.hpp"

namespace dunlin::storage_file {
namespace {

struct Free {
  void operator()(EVP_KDF* kdf) const noexcept { cipher_library().kdf_free(kdf); }
  void operator()(EVP_KDF_CTX* context) const noexcept {
    cipher_library().kdf_context_free(context);
  }
  void operator()(EVP_CIPHER_CTX* context) const noexcept {
    cipher_library().context_free(context);
  }
};
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, Free>;

const EVP_CIPHER* cipher_of(const CipherLibrary& library, std::uint32_t cipher) noexcept {
  return cipher == DUNLIN_CIPHER_AES_GCM ? library.aes_256_gcm() : library.chacha20_poly1305();
}

// OpenSSL counts in int; blocks are at most 65 MiB.
bool fits(BytesView bytes) noexcept { return bytes.size() <= INT_MAX; }
int count(BytesView bytes) noexcept { return static_cast<int>(bytes.size()); }

// What parameters of OpenSSL point to is not const in their type.
OSSL_PARAM octets(const char* name, BytesView bytes) noexcept {
  return OSSL_PARAM_octet_string(name, const_cast<std::uint8_t*>(bytes.data()), bytes.size());
}

}  // namespace

Key::~Key() { ::explicit_bzero(bytes_.data(), bytes_.size()); }

result<Key> derive_key(BytesView secret, BytesView info) {
  const auto opened = open_cipher_library();
  if (!opened) return opened.error();
  const auto& library = cipher_library();
  const std::unique_ptr<EVP_KDF, Free> kdf(library.kdf_fetch(nullptr, "HKDF", nullptr));
  const std::unique_ptr<EVP_KDF_CTX, Free> context(kdf ? library.kdf_context_new(kdf.get())
                                                       : nullptr);
  char digest[] = "SHA256";
  const OSSL_PARAM params[] = {
      OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, sizeof digest - 1),
      octets(OSSL_KDF_PARAM_KEY, secret),
      octets(OSSL_KDF_PARAM_INFO, info),
      OSSL_PARAM_END,
  };
  Key key;
  if (!context || library.kdf_derive(context.get(), key.data(), Key::size, params) != 1) {
    return fail(DUNLIN_E_UNSUPPORTED, "OpenSSL cannot derive keys here (HKDF-SHA256): encryption "
                                      "needs its default provider");
  }
  return key;
}

result<std::uint32_t> key_name(const Key& key) {
  static constexpr std::string_view purpose = "dunlin storage-file key id";
  auto derived = derive_key({key.data(), Key::size}, bytes_of(purpose));
  if (!derived) return derived.error();
  const auto id = load_le<std::uint32_t>((*derived).data());
  return id == 0 ? 1u : id;
}

bool seal(std::uint32_t cipher, const Key& key, BytesView nonce, BytesView associated,
          BytesView plain, std::uint8_t* out, std::uint8_t* tag) noexcept {
  const auto& library = cipher_library();
  const CipherContext context(library.context_new());
  int n = 0;
  return context && fits(plain) && nonce.size() == nonce_bytes &&
         library.encrypt_init(context.get(), cipher_of(library, cipher), key.data(), nonce.data(),
                              nullptr) == 1 &&
         library.encrypt_update(context.get(), nullptr, &n, associated.data(),
                                count(associated)) == 1 &&
         (plain.empty() ||
          library.encrypt_update(context.get(), out, &n, plain.data(), count(plain)) == 1) &&
         library.encrypt_final(context.get(), out, &n) == 1 &&
         library.control(context.get(), EVP_CTRL_AEAD_GET_TAG, tag_bytes, tag) == 1;
}

bool unseal(std::uint32_t cipher, const Key& key, BytesView nonce, BytesView associated,
            BytesView sealed, BytesView tag, std::uint8_t* out) noexcept {
  const auto& library = cipher_library();
  const CipherContext context(library.context_new());
  int n = 0;
  std::uint8_t nothing = 0;  // where the last step of a stream cipher would write
  const bool is_good =
      context && fits(sealed) && nonce.size() == nonce_bytes && tag.size() == tag_bytes &&
      library.decrypt_init(context.get(), cipher_of(library, cipher), key.data(), nonce.data(),
                           nullptr) == 1 &&
      library.decrypt_update(context.get(), nullptr, &n, associated.data(),
                             count(associated)) == 1 &&
      (sealed.empty() ||
       library.decrypt_update(context.get(), out, &n, sealed.data(), count(sealed)) == 1) &&
      library.control(context.get(), EVP_CTRL_AEAD_SET_TAG, tag_bytes,
                          const_cast<std::uint8_t*>(tag.data())) == 1 &&
      library.decrypt_final(context.get(), &nothing, &n) == 1;
  if (!is_good && !sealed.empty()) ::explicit_bzero(out, sealed.size());
  return is_good;
}

}  // namespace dunlin::storage_file
