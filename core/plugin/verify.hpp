// Hashes and signatures of plugin files, over bytes already read.
//
// A signature is detached, raw Ed25519 (64 bytes) over the SHA-512 of the file, in "<file>.sig",
// either as those bytes or in base64. Trusted keys are raw public keys (32 bytes) in base64 or
// hexadecimal. Cryptography is OpenSSL's.

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace dunlin::plugin {

using Bytes = std::span<const std::uint8_t>;

// Lower-case hexadecimal.
[[nodiscard]] std::string sha256_hex(Bytes bytes);

// Succeeds when one of `trusted_keys` made `signature` over `file`.
result<> check_signature(Bytes file, Bytes signature,
                         const std::vector<std::string>& trusted_keys);

// `bytes` in a memory file that can no longer be changed, not even by this process; `name` shows
// in /proc and in backtraces. The result is a descriptor, to be loaded as /proc/self/fd/N.
result<int> seal_in_memory(Bytes bytes, const std::string& name);

}  // namespace dunlin::plugin
