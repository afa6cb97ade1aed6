// A place in .conf text: runes forward, lines counted.
//
// Only for conf_reader. A NUL reads as the end of the text, as in the reference; `at_end` tells the
// two apart. The cursor borrows the text.

#pragma once

#include <cstddef>
#include <string_view>

namespace dunlin::config {

class ConfCursor {
 public:
  explicit ConfCursor(std::string_view text) : text_(text) {}

  [[nodiscard]] bool at_end() const noexcept { return place_ >= text_.size(); }
  // The rune here, 0 at the end; invalid UTF-8 reads as U+FFFD.
  [[nodiscard]] char32_t peek() const noexcept { return decode().rune; }
  // The rune here as it is written.
  [[nodiscard]] std::string_view peek_text() const noexcept {
    return text_.substr(place_, decode().size);
  }
  char32_t next() noexcept;
  // next() if the rune here is `wanted`.
  bool accept(char32_t wanted) noexcept;
  void skip_blanks() noexcept;
  void skip_space() noexcept;

  [[nodiscard]] std::size_t place() const noexcept { return place_; }
  [[nodiscard]] std::string_view from(std::size_t start) const noexcept {
    return text_.substr(start, place_ - start);
  }
  [[nodiscard]] unsigned line() const noexcept { return line_; }
  // Distance from the last newline, as nats-server counts columns.
  [[nodiscard]] unsigned column() const noexcept { return column_of(place_); }
  [[nodiscard]] unsigned column_of(std::size_t place) const noexcept {
    return static_cast<unsigned>(place - line_start_);
  }

 private:
  struct Decoded {
    char32_t rune;
    std::size_t size;
  };
  [[nodiscard]] Decoded decode() const noexcept;

  std::string_view text_;
  std::size_t place_ = 0;
  std::size_t line_start_ = 0;  // of the last newline, 0 on the first line
  unsigned line_ = 1;
};

// Unicode White_Space.
[[nodiscard]] bool is_space(char32_t rune) noexcept;
[[nodiscard]] constexpr bool is_blank(char32_t rune) noexcept {
  return rune == U' ' || rune == U'\t';
}
[[nodiscard]] constexpr bool is_newline(char32_t rune) noexcept {
  return rune == U'\n' || rune == U'\r';
}
[[nodiscard]] constexpr bool is_digit(char32_t rune) noexcept {
  return rune >= U'0' && rune <= U'9';
}

}  // namespace dunlin::config
