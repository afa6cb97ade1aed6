#include "core/config/conf_cursor.hpp"

#include "core/protocol/utf8.hpp"

namespace dunlin::config {

ConfCursor::Decoded ConfCursor::decode() const noexcept {
  if (at_end()) return {0, 0};
  const auto rune = protocol::decode_rune(text_.substr(place_));
  return {rune.value, rune.width};
}

char32_t ConfCursor::next() noexcept {
  const auto [rune, size] = decode();
  if (rune == U'\n') {
    ++line_;
    line_start_ = place_;
  }
  place_ += size;
  return rune;
}

bool ConfCursor::accept(char32_t wanted) noexcept {
  if (at_end() || peek() != wanted) return false;
  next();
  return true;
}

void ConfCursor::skip_blanks() noexcept {
  while (is_blank(peek())) next();
}

void ConfCursor::skip_space() noexcept {
  while (is_space(peek())) next();
}

bool is_space(char32_t rune) noexcept {
  return (rune >= 9 && rune <= 13) || rune == 32 || rune == 0x85 || rune == 0xa0 ||
         rune == 0x1680 || (rune >= 0x2000 && rune <= 0x200a) || rune == 0x2028 ||
         rune == 0x2029 || rune == 0x202f || rune == 0x205f || rune == 0x3000;
}

}  // namespace dunlin::config
