#include "plugins/store-tools/record_text.hpp"

#include <dunlin/result.hpp>
#include <sodium.h>

#include <cstdio>
#include <ctime>

namespace dunlin::store_tools {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;

// The length of the UTF-8 character at the front; 0 when it is none.
std::size_t character_bytes(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  const std::size_t size = lead < 0x80              ? 1
                           : lead >= 0xc2 && lead < 0xe0 ? 2
                           : lead >= 0xe0 && lead < 0xf0 ? 3
                           : lead >= 0xf0 && lead < 0xf5 ? 4
                                                         : 0;
  if (size == 0 || size > text.size()) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Overlong forms, surrogates, and what is beyond the last character.
  if ((lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xed && byte(1) > 0x9f) ||
      (lead == 0xf0 && byte(1) < 0x90) || (lead == 0xf4 && byte(1) > 0x8f))
    return 0;
  return size;
}

}  // namespace

std::string time_text(std::int64_t time_ns) {
  auto seconds = time_ns / second_ns;
  auto rest = time_ns % second_ns;
  if (rest < 0) {
    rest += second_ns;
    --seconds;
  }
  const auto time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[96];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%09lldZ", parts.tm_year + 1900,
                parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                static_cast<long long>(rest));
  return text;
}

std::string json_string(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const auto size = character_bytes(text);
    const auto c = static_cast<unsigned char>(text.front());
    if (size == 0) {
      out += "\\ufffd";
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += text.front();
    } else if (c < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", c);
      out += escape;
    } else {
      out += text.substr(0, size);
    }
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return out + '"';
}

bool is_plain_text(std::string_view text) {
  while (!text.empty()) {
    const auto size = character_bytes(text);
    if (size == 0 || static_cast<unsigned char>(text.front()) < 0x20) return false;
    text.remove_prefix(size);
  }
  return true;
}

std::string base64(std::string_view bytes) {
  constexpr int variant = sodium_base64_VARIANT_ORIGINAL;
  std::string out(sodium_base64_encoded_len(bytes.size(), variant), '\0');
  sodium_bin2base64(out.data(), out.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                    bytes.size(), variant);
  out.pop_back();  // its NUL
  return out;
}

std::string json_line(const dunlin_record& record) {
  std::string line = "{\"seq\":" + std::to_string(record.seq) + ",\"time\":\"" +
                     time_text(record.time_ns) +
                     "\",\"subject\":" + json_string(detail::view(record.subject));
  if (record.header.size != 0)
    line += ",\"headers\":\"" + base64(detail::view(record.header)) + '"';
  if (record.expires_ns != 0) line += ",\"expires\":\"" + time_text(record.expires_ns) + '"';
  if (record.due_ns != 0) line += ",\"due\":\"" + time_text(record.due_ns) + '"';
  return line + ",\"data\":\"" + base64(detail::view(record.payload)) + "\"}";
}

}  // namespace dunlin::store_tools
