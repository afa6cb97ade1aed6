#include "core/protocol/go_quote.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "core/protocol/printable_runes.hpp"
#include "core/protocol/utf8.hpp"

namespace dunlin::protocol {
namespace {

bool is_printable(char32_t rune) noexcept {
  if (rune < 0x80) return rune >= 0x20 && rune < 0x7f;
  const auto* after =
      std::upper_bound(std::begin(printable_runes), std::end(printable_runes), rune,
                       [](char32_t value, const RuneRange& range) { return value < range.first; });
  return after != std::begin(printable_runes) && rune <= std::prev(after)->last;
}

// The letter of a one-letter escape for a control character, or 0.
char letter_of_control(char32_t rune) noexcept {
  switch (rune) {
    case '\a': return 'a';
    case '\b': return 'b';
    case '\f': return 'f';
    case '\n': return 'n';
    case '\r': return 'r';
    case '\t': return 't';
    case '\v': return 'v';
    default: return 0;
  }
}

void append_quoted_rune(std::string& out, const Rune& rune, std::string_view bytes) {
  const auto value = static_cast<std::uint32_t>(rune.value);
  if (rune.is_invalid()) {
    fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(bytes[0]));
  } else if (value == '"' || value == '\\') {
    out += '\\';
    out += static_cast<char>(value);
  } else if (is_printable(rune.value)) {
    out += bytes;
  } else if (const char letter = letter_of_control(rune.value)) {
    out += '\\';
    out += letter;
  } else if (value < 0x80) {
    fmt::format_to(std::back_inserter(out), "\\x{:02x}", value);
  } else if (value < 0x10000) {
    fmt::format_to(std::back_inserter(out), "\\u{:04x}", value);
  } else {
    fmt::format_to(std::back_inserter(out), "\\U{:08x}", value);
  }
}

void append_json_rune(std::string& out, const Rune& rune, std::string_view bytes) {
  constexpr char32_t line_separator = 0x2028, paragraph_separator = 0x2029;
  const auto value = static_cast<std::uint32_t>(rune.value);
  if (rune.is_invalid()) {
    out += "\\ufffd";
    return;
  }
  switch (rune.value) {
    case '"':
    case '\\':
      out += '\\';
      out += static_cast<char>(value);
      return;
    case '\b':
    case '\f':
    case '\n':
    case '\r':
    case '\t':
      out += '\\';
      out += letter_of_control(rune.value);
      return;
    case '<':
    case '>':
    case '&':
    case line_separator:
    case paragraph_separator:
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", value);
      return;
    default:
      if (value < 0x20) {
        fmt::format_to(std::back_inserter(out), "\\u{:04x}", value);
      } else {
        out += bytes;
      }
  }
}

template <class Append>
void append_in_quotes(std::string& out, std::string_view text, Append append) {
  out += '"';
  while (!text.empty()) {
    const Rune rune = decode_rune(text);
    append(out, rune, text.substr(0, rune.width));
    text.remove_prefix(rune.width);
  }
  out += '"';
}

}  // namespace

std::string go_quote(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 2);
  append_in_quotes(out, text, append_quoted_rune);
  return out;
}

void append_json_string(std::string& out, std::string_view text) {
  append_in_quotes(out, text, append_json_rune);
}

}  // namespace dunlin::protocol
