#include "names.hpp"

#include <dunlin/storage_backend.hpp>

namespace dunlin::storage_file {
namespace {

constexpr std::size_t id_digits = 16;
constexpr std::size_t shown_bytes_max = 96;
constexpr char cut_off = '~';
constexpr std::string_view digits = "0123456789abcdef";

bool stands_for_itself(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

// Bytes of the UTF-8 sequence that begins `text`; 0 when it is none: overlong forms, surrogates
// and values beyond U+10FFFF are not UTF-8.
std::size_t sequence_bytes(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t n = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < n) return 0;
  for (std::size_t i = 1; i < n; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const unsigned second = byte(1);
  if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f)) return 0;
  if ((lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f)) return 0;
  return n;
}

bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const auto n = sequence_bytes(text);
    if (n == 0) return false;
    text.remove_prefix(n);
  }
  return true;
}

std::optional<unsigned> digit_value(char c) noexcept {
  const auto at = digits.find(c);
  if (at == std::string_view::npos) return std::nullopt;
  return static_cast<unsigned>(at);
}

std::optional<std::string> unescape(std::string_view text) {
  std::string name;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (stands_for_itself(text[i])) {
      name += text[i];
      continue;
    }
    if (text[i] != '%' || i + 2 >= text.size()) return std::nullopt;
    const auto high = digit_value(text[i + 1]);
    const auto low = digit_value(text[i + 2]);
    if (!high || !low) return std::nullopt;
    name += static_cast<char>(*high * 16 + *low);
    i += 2;
  }
  return name;
}

}  // namespace

result<> check_name(std::string_view name) {
  const auto invalid = [](const char* why) {
    return fail(DUNLIN_E_INVALID, std::string("a name or path ") + why);
  };
  if (!is_storage_name(name)) {
    return invalid("has 1 to 1024 bytes, no control character, no empty part, and no part \".\" or "
                   "\"..\"");
  }
  if (!is_utf8(name)) return invalid("is UTF-8");
  return {};
}

std::string directory_name(std::uint64_t id, std::string_view name) {
  std::string out(id_digits, '0');
  for (std::size_t i = 0; i < id_digits; ++i) {
    out[id_digits - 1 - i] = digits[(id >> (4 * i)) & 0xf];
  }
  out += '-';
  const auto begin = out.size();
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    const std::size_t n = stands_for_itself(c) ? 1 : 3;
    if (out.size() - begin + n > shown_bytes_max) return out + cut_off;
    if (n == 1) {
      out += c;
    } else {
      out += {'%', digits[byte >> 4], digits[byte & 0xf]};
    }
  }
  return out;
}

std::optional<DirectoryName> parse_directory_name(std::string_view text) {
  if (text.size() < id_digits + 2 || text[id_digits] != '-') return std::nullopt;
  DirectoryName out;
  for (const char c : text.substr(0, id_digits)) {
    const auto value = digit_value(c);
    if (!value) return std::nullopt;
    out.id = out.id * 16 + *value;
  }
  auto shown = text.substr(id_digits + 1);
  const bool is_whole = shown.back() != cut_off;
  if (!is_whole) shown.remove_suffix(1);
  auto name = unescape(shown);
  if (out.id == 0 || !name || shown.size() > shown_bytes_max) return std::nullopt;
  if (!is_whole) return out;
  if (!check_name(*name) || directory_name(out.id, *name) != text) return std::nullopt;
  out.name = std::move(*name);
  return out;
}

}  // namespace dunlin::storage_file
