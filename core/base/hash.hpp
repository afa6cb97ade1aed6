// A fast 64-bit hash for subjects and other short keys.
//
// Multiply-and-fold over eight bytes at a time, as wyhash does. Seeded per process so that a
// client cannot choose subjects that all land in one bucket. Not for anything persisted.

#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace dunlin {

// Set once before any thread starts; see seed_hash().
extern std::uint64_t hash_seed;

// Draws the process's hash seed from the system. Call once, before the first table exists.
void seed_hash() noexcept;

inline std::uint64_t fold_multiply(std::uint64_t a, std::uint64_t b) noexcept {
  __extension__ using uint128 = unsigned __int128;
  const uint128 product = static_cast<uint128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

// `salt` separates keys of different owners in one table.
inline std::uint64_t hash_bytes(std::string_view key, std::uint64_t salt = 0) noexcept {
  const char* data = key.data();
  std::size_t size = key.size();
  constexpr std::uint64_t prime0 = 0xa0761d6478bd642full;
  constexpr std::uint64_t prime1 = 0xe7037ed1a0b428dbull;
  std::uint64_t state = hash_seed ^ fold_multiply(salt ^ prime1, size ^ prime0);
  while (size > 8) {
    std::uint64_t word;
    std::memcpy(&word, data, 8);
    state = fold_multiply(state ^ word, prime0);
    data += 8;
    size -= 8;
  }
  std::uint64_t tail = 0;
  if (size >= 4) {
    std::uint32_t low, high;
    std::memcpy(&low, data, 4);
    std::memcpy(&high, data + size - 4, 4);
    tail = low | static_cast<std::uint64_t>(high) << 32;
  } else if (size > 0) {
    const auto byte = [data](std::size_t i) {
      return static_cast<std::uint64_t>(static_cast<unsigned char>(data[i]));
    };
    tail = byte(0) | byte(size / 2) << 8 | byte(size - 1) << 16;
  }
  // The second round spreads what differs only in the tail over the low bits too.
  return fold_multiply(fold_multiply(state ^ tail, prime1), prime0);
}

}  // namespace dunlin
