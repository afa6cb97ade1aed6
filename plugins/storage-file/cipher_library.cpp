#include "cipher_library.hpp"

#ifdef DUNLIN_OPENS_LIBCRYPTO
#include <dlfcn.h>
#include <openssl/opensslv.h>
#endif

#include <string>

namespace dunlin::storage_file {
namespace {

#ifdef DUNLIN_OPENS_LIBCRYPTO

// The one whose headers this was compiled with.
constexpr const char* file = "libcrypto.so." DUNLIN_TEXT_OF(OPENSSL_SHLIB_VERSION);

template <class Function>
bool find(void* library, const char* name, Function& into) {
  into = reinterpret_cast<Function>(::dlsym(library, name));
  return into != nullptr;
}

result<CipherLibrary> open() {
  void* const library = ::dlopen(file, RTLD_NOW | RTLD_LOCAL);
  CipherLibrary out{};
  const bool is_whole =
      library != nullptr && find(library, "EVP_KDF_fetch", out.kdf_fetch) &&
      find(library, "EVP_KDF_free", out.kdf_free) &&
      find(library, "EVP_KDF_CTX_new", out.kdf_context_new) &&
      find(library, "EVP_KDF_CTX_free", out.kdf_context_free) &&
      find(library, "EVP_KDF_derive", out.kdf_derive) &&
      find(library, "EVP_aes_256_gcm", out.aes_256_gcm) &&
      find(library, "EVP_chacha20_poly1305", out.chacha20_poly1305) &&
      find(library, "EVP_CIPHER_CTX_new", out.context_new) &&
      find(library, "EVP_CIPHER_CTX_free", out.context_free) &&
      find(library, "EVP_CIPHER_CTX_ctrl", out.control) &&
      find(library, "EVP_EncryptInit_ex2", out.encrypt_init) &&
      find(library, "EVP_EncryptUpdate", out.encrypt_update) &&
      find(library, "EVP_EncryptFinal_ex", out.encrypt_final) &&
      find(library, "EVP_DecryptInit_ex2", out.decrypt_init) &&
      find(library, "EVP_DecryptUpdate", out.decrypt_update) &&
      find(library, "EVP_DecryptFinal_ex", out.decrypt_final);
  if (is_whole) return out;
  const char* const why = ::dlerror();
  return fail(DUNLIN_E_UNSUPPORTED, "encryption needs OpenSSL: " +
                                        std::string(why != nullptr ? why : file) +
                                        "; install it (Debian package libssl3), or take the key "
                                        "out of the configuration of a store without encryption");
}

#else

result<CipherLibrary> open() {
  return CipherLibrary{EVP_KDF_fetch,       EVP_KDF_free,         EVP_KDF_CTX_new,
                       EVP_KDF_CTX_free,    EVP_KDF_derive,       EVP_aes_256_gcm,
                       EVP_chacha20_poly1305, EVP_CIPHER_CTX_new, EVP_CIPHER_CTX_free,
                       EVP_CIPHER_CTX_ctrl, EVP_EncryptInit_ex2,  EVP_EncryptUpdate,
                       EVP_EncryptFinal_ex, EVP_DecryptInit_ex2,  EVP_DecryptUpdate,
                       EVP_DecryptFinal_ex};
}

#endif

result<CipherLibrary>& opened() {
  static result<CipherLibrary> library = open();
  return library;
}

}  // namespace

result<const CipherLibrary*> open_cipher_library() {
  auto& library = opened();
  if (!library) return library.error();
  return static_cast<const CipherLibrary*>(&*library);
}

const CipherLibrary& cipher_library() noexcept { return *opened(); }

}  // namespace dunlin::storage_file
