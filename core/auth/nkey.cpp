#include "core/auth/nkey.hpp"

#include <algorithm>

namespace dunlin::auth {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
constexpr std::size_t raw_size = 35, text_size = 56;

// CRC-16/XMODEM.
std::uint16_t crc16(std::span<const std::uint8_t> bytes) noexcept {
  std::uint16_t crc = 0;
  for (const std::uint8_t byte : bytes) {
    crc = static_cast<std::uint16_t>(crc ^ byte << 8);
    for (int bit = 0; bit < 8; ++bit)
      crc = static_cast<std::uint16_t>(crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1);
  }
  return crc;
}

using Raw = std::array<std::uint8_t, raw_size>;

Raw raw_of(NkeyKind kind, const PublicKey& key) noexcept {
  Raw raw{};
  raw[0] = static_cast<std::uint8_t>(kind);
  std::copy(key.begin(), key.end(), raw.begin() + 1);
  const std::uint16_t crc = crc16(std::span(raw).first(raw_size - 2));
  raw[raw_size - 2] = static_cast<std::uint8_t>(crc & 0xff);
  raw[raw_size - 1] = static_cast<std::uint8_t>(crc >> 8);
  return raw;
}

}  // namespace

// 35 bytes are 280 bits, which is exactly 56 letters of 5.
std::string encode_public_nkey(NkeyKind kind, const PublicKey& key) {
  std::string text;
  text.reserve(text_size);
  std::uint32_t bits = 0;
  unsigned held = 0;
  for (const std::uint8_t byte : raw_of(kind, key)) {
    bits = bits << 8 | byte;
    for (held += 8; held >= 5; held -= 5) text += alphabet[bits >> (held - 5) & 31u];
  }
  return text;
}

std::optional<PublicKey> decode_public_nkey(NkeyKind kind, std::string_view text) {
  if (text.size() != text_size) return std::nullopt;
  Raw raw{};
  std::uint32_t bits = 0;
  unsigned held = 0;
  std::size_t size = 0;
  for (const char letter : text) {
    const auto value = alphabet.find(letter);
    if (value == std::string_view::npos) return std::nullopt;
    bits = bits << 5 | static_cast<std::uint32_t>(value);
    held += 5;
    if (held < 8) continue;
    held -= 8;
    raw[size++] = static_cast<std::uint8_t>(bits >> held & 0xff);
  }
  PublicKey key;
  std::copy_n(raw.begin() + 1, key.size(), key.begin());
  if (raw_of(kind, key) != raw) return std::nullopt;
  return key;
}

}  // namespace dunlin::auth
