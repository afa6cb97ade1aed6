#include "core/plugin/verify.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace dunlin::plugin {
namespace {

constexpr std::size_t key_size = 32;
constexpr std::size_t signature_size = 64;

// libsodium rather than OpenSSL: the first use of OpenSSL costs a process two megabytes.

std::vector<std::uint8_t> sha512_of(Bytes bytes) {
  std::vector<std::uint8_t> out(crypto_hash_sha512_BYTES);
  crypto_hash_sha512(out.data(), bytes.data(), bytes.size());
  return out;
}

std::vector<std::uint8_t> from_hexadecimal(std::string_view text) {
  std::vector<std::uint8_t> out(text.size() / 2);
  std::size_t size = 0;
  if (sodium_hex2bin(out.data(), out.size(), text.data(), text.size(), nullptr, &size, nullptr) !=
          0 ||
      size * 2 != text.size())
    return {};
  return out;
}

std::vector<std::uint8_t> from_base64(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  std::vector<std::uint8_t> out(text.size());
  std::size_t size = 0;
  const char* end = nullptr;
  if (sodium_base642bin(out.data(), out.size(), text.data(), text.size(), nullptr, &size, &end,
                        sodium_base64_VARIANT_ORIGINAL) != 0 ||
      end != text.data() + text.size())
    return {};
  out.resize(size);
  return out;
}

bool verifies(Bytes key, Bytes signature, Bytes message) {
  return crypto_sign_verify_detached(signature.data(), message.data(), message.size(),
                                     key.data()) == 0;
}

}  // namespace

std::string sha256_hex(Bytes bytes) {
  std::array<std::uint8_t, crypto_hash_sha256_BYTES> hash;
  crypto_hash_sha256(hash.data(), bytes.data(), bytes.size());
  return fmt::format("{:02x}", fmt::join(hash, ""));
}

result<> check_signature(Bytes file, Bytes signature,
                         const std::vector<std::string>& trusted_keys) {
  std::vector<std::uint8_t> raw(signature.begin(), signature.end());
  if (raw.size() != signature_size) {
    raw = from_base64({reinterpret_cast<const char*>(signature.data()), signature.size()});
  }
  if (raw.size() != signature_size) {
    return fail(fmt::format("the signature is not {} bytes of Ed25519", signature_size));
  }
  if (trusted_keys.empty()) return fail("no trusted keys are configured");
  const auto message = sha512_of(file);
  for (const auto& text : trusted_keys) {
    auto key = text.size() == 2 * key_size ? from_hexadecimal(text) : from_base64(text);
    if (key.size() != key_size) {
      return fail(fmt::format("trusted key \"{}\" is not {} bytes in hexadecimal or base64", text,
                              key_size));
    }
    if (verifies(key, raw, message)) return {};
  }
  return fail(fmt::format("the signature was made by none of the {} trusted keys",
                          trusted_keys.size()));
}

result<int> seal_in_memory(Bytes bytes, const std::string& name) {
  const auto reason = [] { return std::generic_category().message(errno); };
  const int fd = ::memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return fail(fmt::format("cannot create a memory file: {}", reason()));
  std::size_t written = 0;
  while (written < bytes.size()) {
    const auto n = ::write(fd, bytes.data() + written, bytes.size() - written);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      const auto text = fmt::format("cannot write a memory file: {}", reason());
      ::close(fd);
      return fail(text);
    }
    written += static_cast<std::size_t>(n);
  }
  constexpr int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  if (::fcntl(fd, F_ADD_SEALS, seals) != 0) {
    const auto text = fmt::format("cannot seal a memory file: {}", reason());
    ::close(fd);
    return fail(text);
  }
  return fd;
}

}  // namespace dunlin::plugin
