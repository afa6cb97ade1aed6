// Two passes as in the reference: first every key that begins with a word of the first list
// (`password` as well as `pass`), then the exact keys of the second. A pass copies the text and
// puts the mark in place of each value. Linear in the text, whatever it holds.

#include "core/protocol/redact.hpp"

#include <array>

namespace dunlin::protocol {
namespace {

constexpr std::string_view mark = "[REDACTED]";
constexpr std::array<std::string_view, 2> prefix_keys = {"auth_token", "pass"};
constexpr std::array<std::string_view, 3> exact_keys = {"proxy_sig", "nkey", "sig"};

bool is_space(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

bool is_word(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

std::size_t skip_spaces(std::string_view text, std::size_t at) noexcept {
  while (at < text.size() && is_space(text[at])) ++at;
  return at;
}

std::size_t skip_quote(std::string_view text, std::size_t at) noexcept {
  return at < text.size() && text[at] == '"' ? at + 1 : at;
}

// Where the value begins if a `:` or `=` follows at `at` (after blanks), else npos.
std::size_t value_after_separator(std::string_view text, std::size_t at) noexcept {
  at = skip_spaces(text, at);
  if (at == text.size() || (text[at] != ':' && text[at] != '=')) return std::string_view::npos;
  return skip_quote(text, skip_spaces(text, at + 1));
}

// Where the value begins if a key ends at `at`, with or without its closing quote.
std::size_t value_after_key(std::string_view text, std::size_t at) noexcept {
  if (skip_quote(text, at) != at) {
    const auto value = value_after_separator(text, at + 1);
    if (value != std::string_view::npos) return value;
  }
  return value_after_separator(text, at);
}

std::size_t end_of_value(std::string_view text, std::size_t at) noexcept {
  const auto end = text.find_first_of("\",\r\n}", at);
  return end == std::string_view::npos ? text.size() : end;
}

template <class Keys>
std::size_t key_size_at(const Keys& keys, std::string_view text, std::size_t at) noexcept {
  for (const auto key : keys)
    if (text.substr(at, key.size()) == key) return key.size();
  return 0;
}

void append_redacted(std::string& out, std::string_view text, std::size_t& copied,
                     std::size_t value, std::size_t end) {
  out += text.substr(copied, value - copied);
  out += mark;
  copied = end;
}

std::string redact_prefix_keys(std::string_view text) {
  std::string out;
  std::size_t copied = 0, at = 0;
  while (at < text.size()) {
    const auto size = key_size_at(prefix_keys, text, at);
    if (size == 0) {
      ++at;
      continue;
    }
    // The key may go on up to the next blank; the shortest reading wins.
    std::size_t key_end = at + size;
    auto value = value_after_key(text, key_end);
    while (value == std::string_view::npos && key_end < text.size() && !is_space(text[key_end]))
      value = value_after_key(text, ++key_end);
    if (value == std::string_view::npos) {
      at = key_end;  // A later key of this run ends in the same places, so it cannot match either.
      continue;
    }
    at = end_of_value(text, value);
    append_redacted(out, text, copied, value, at);
  }
  return out += text.substr(copied);
}

std::string redact_exact_keys(std::string_view text) {
  std::string out;
  std::size_t copied = 0, at = 0;
  while (at < text.size()) {
    // A key does not start inside a word, and the byte before it is not part of the last value.
    const bool starts_key = at == 0 || (at > copied && !is_word(text[at - 1]));
    const auto size = starts_key ? key_size_at(exact_keys, text, at) : 0;
    const auto value = size == 0 ? std::string_view::npos : value_after_key(text, at + size);
    if (value == std::string_view::npos) {
      ++at;
      continue;
    }
    at = end_of_value(text, value);
    append_redacted(out, text, copied, value, at);
  }
  return out += text.substr(copied);
}

}  // namespace

std::string redact_connect(std::string_view text) {
  return redact_exact_keys(redact_prefix_keys(text));
}

}  // namespace dunlin::protocol
