// The functions of OpenSSL that aead.cpp calls, in a library that is opened with the first key:
// merely being linked with it cost a server 1.6 MB of resident memory, 0.4 MB of it its own.
//
// Where everything is one executable (PLUGIN_LOADER is off) they are linked in.
//
// Any thread. The library stays open until the process ends.

#pragma once

#include <dunlin/result.hpp>
#include <openssl/evp.h>
#include <openssl/kdf.h>

namespace dunlin::storage_file {

struct CipherLibrary {
  decltype(&::EVP_KDF_fetch) kdf_fetch;
  decltype(&::EVP_KDF_free) kdf_free;
  decltype(&::EVP_KDF_CTX_new) kdf_context_new;
  decltype(&::EVP_KDF_CTX_free) kdf_context_free;
  decltype(&::EVP_KDF_derive) kdf_derive;
  decltype(&::EVP_aes_256_gcm) aes_256_gcm;
  decltype(&::EVP_chacha20_poly1305) chacha20_poly1305;
  decltype(&::EVP_CIPHER_CTX_new) context_new;
  decltype(&::EVP_CIPHER_CTX_free) context_free;
  decltype(&::EVP_CIPHER_CTX_ctrl) control;
  decltype(&::EVP_EncryptInit_ex2) encrypt_init;
  decltype(&::EVP_EncryptUpdate) encrypt_update;
  decltype(&::EVP_EncryptFinal_ex) encrypt_final;
  decltype(&::EVP_DecryptInit_ex2) decrypt_init;
  decltype(&::EVP_DecryptUpdate) decrypt_update;
  decltype(&::EVP_DecryptFinal_ex) decrypt_final;
};

// DUNLIN_E_UNSUPPORTED, with what to install, when it is not there.
[[nodiscard]] result<const CipherLibrary*> open_cipher_library();
// For whoever has a key: the library was opened for that.
[[nodiscard]] const CipherLibrary& cipher_library() noexcept;

}  // namespace dunlin::storage_file
