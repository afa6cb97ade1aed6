#include "core/protocol/utf8.hpp"

#include "core/base/ensure.hpp"

namespace dunlin::protocol {
namespace {

constexpr std::string_view replacement_text = "\xef\xbf\xbd";

}  // namespace

Rune decode_rune(std::string_view text) noexcept {
  ensure(!text.empty());
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1};

  std::size_t width;
  char32_t value, lowest;
  if (lead >= 0xc2 && lead <= 0xdf) {
    width = 2, value = lead & 0x1fu, lowest = 0x80;
  } else if (lead >= 0xe0 && lead <= 0xef) {
    width = 3, value = lead & 0x0fu, lowest = 0x800;
  } else if (lead >= 0xf0 && lead <= 0xf4) {
    width = 4, value = lead & 0x07u, lowest = 0x10000;
  } else {
    return {};
  }
  if (text.size() < width) return {};
  for (std::size_t i = 1; i < width; ++i) {
    if ((byte(i) & 0xc0u) != 0x80) return {};
    value = value << 6 | (byte(i) & 0x3fu);
  }
  const bool is_surrogate = value >= 0xd800 && value <= 0xdfff;
  if (value < lowest || value > 0x10ffff || is_surrogate) return {};
  return {value, width};
}

bool is_valid_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const Rune rune = decode_rune(text);
    if (rune.is_invalid()) return false;
    text.remove_prefix(rune.width);
  }
  return true;
}

std::string replace_invalid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Rune rune = decode_rune(text);
    out += rune.is_invalid() ? replacement_text : text.substr(0, rune.width);
    text.remove_prefix(rune.width);
  }
  return out;
}

}  // namespace dunlin::protocol
