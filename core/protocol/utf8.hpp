// UTF-8 as Go reads it: one rune at a time, where a byte that does not belong to a valid sequence
// counts as U+FFFD of width one.
//
// NATS lets any bytes pass as subjects and names; where the reference turns them into text (JSON,
// quoted error messages) these are its rules.  [any thread]

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace dunlin::protocol {

struct Rune {
  static constexpr char32_t replacement = 0xfffd;

  char32_t value = replacement;
  std::size_t width = 1;

  // A replacement character that stands in the text itself is three bytes wide.
  [[nodiscard]] bool is_invalid() const noexcept { return value == replacement && width == 1; }
};

// The rune at the start of `text`, which must not be empty.
[[nodiscard]] Rune decode_rune(std::string_view text) noexcept;

// Whether every byte belongs to a valid sequence.
[[nodiscard]] bool is_valid_utf8(std::string_view text) noexcept;

// A copy in which each invalid byte has become U+FFFD.
[[nodiscard]] std::string replace_invalid_utf8(std::string_view text);

}  // namespace dunlin::protocol
