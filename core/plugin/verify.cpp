#include "core/plugin/verify.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <system_error>

#include "core/base/ensure.hpp"

namespace dunlin::plugin {
namespace {

constexpr std::size_t key_size = 32;
constexpr std::size_t signature_size = 64;

std::vector<std::uint8_t> digest_of(Bytes bytes, const EVP_MD* algorithm) {
  std::vector<std::uint8_t> out(EVP_MAX_MD_SIZE);
  unsigned size = 0;
  ensure(EVP_Digest(bytes.data(), bytes.size(), out.data(), &size, algorithm, nullptr) == 1);
  out.resize(size);
  return out;
}

std::vector<std::uint8_t> from_hexadecimal(std::string_view text) {
  std::vector<std::uint8_t> out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    const auto digit = [](char c) {
      if (c >= '0' && c <= '9') return c - '0';
      if (c >= 'a' && c <= 'f') return c - 'a' + 10;
      if (c >= 'A' && c <= 'F') return c - 'A' + 10;
      return -1;
    };
    const int high = digit(text[i]);
    const int low = digit(text[i + 1]);
    if (high < 0 || low < 0) return {};
    out.push_back(static_cast<std::uint8_t>(high << 4 | low));
  }
  return out;
}

std::vector<std::uint8_t> from_base64(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  if (text.empty() || text.size() % 4 != 0) return {};
  std::vector<std::uint8_t> out(text.size() / 4 * 3);
  const int size = EVP_DecodeBlock(out.data(), reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  if (size < 0) return {};
  const auto padding = text.ends_with("==") ? 2u : text.ends_with("=") ? 1u : 0u;
  out.resize(static_cast<std::size_t>(size) - padding);
  return out;
}

bool verifies(Bytes key, Bytes signature, Bytes message) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> pkey(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.data(), key.size()),
      &EVP_PKEY_free);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  return pkey && context &&
         EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, pkey.get()) == 1 &&
         EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                          message.size()) == 1;
}

}  // namespace

std::string sha256_hex(Bytes bytes) {
  return fmt::format("{:02x}", fmt::join(digest_of(bytes, EVP_sha256()), ""));
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
  const auto message = digest_of(file, EVP_sha512());
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
