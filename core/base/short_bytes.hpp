// Copying and comparing a few bytes without a call.
//
// Subjects, sids and small payloads are mostly shorter than a cache line: two overlapping loads of
// constant size at either end cover any length in between. Nothing outside the bytes is touched.

#pragma once

#include <emmintrin.h>

#include <cstdint>
#include <cstring>
#include <string_view>

namespace dunlin {

inline void copy_short(char* to, std::string_view from) noexcept {
  const std::size_t size = from.size();
  const auto ends = [to, from, size](auto piece) {
    auto last = piece;
    std::memcpy(&piece, from.data(), sizeof piece);
    std::memcpy(&last, from.data() + size - sizeof last, sizeof last);
    std::memcpy(to, &piece, sizeof piece);
    std::memcpy(to + size - sizeof last, &last, sizeof last);
  };
  struct Half {
    __m128i low, high;
  };
  if (size > 64) {
    std::memcpy(to, from.data(), size);
  } else if (size > 32) {
    ends(Half{});
  } else if (size > 16) {
    ends(__m128i{});
  } else if (size >= 8) {
    ends(std::uint64_t{});
  } else if (size >= 4) {
    ends(std::uint32_t{});
  } else if (size != 0) {
    to[0] = from[0];
    to[size / 2] = from[size / 2];
    to[size - 1] = from[size - 1];
  }
}

inline bool same_bytes(std::string_view a, std::string_view b) noexcept {
  const std::size_t size = a.size();
  if (size != b.size()) return false;
  const auto ends = [a, b, size](auto word) {
    auto other = word, last = word, other_last = word;
    std::memcpy(&word, a.data(), sizeof word);
    std::memcpy(&other, b.data(), sizeof other);
    std::memcpy(&last, a.data() + size - sizeof last, sizeof last);
    std::memcpy(&other_last, b.data() + size - sizeof other_last, sizeof other_last);
    return ((word ^ other) | (last ^ other_last)) == 0;
  };
  if (size > 16) return std::memcmp(a.data(), b.data(), size) == 0;
  if (size >= 8) return ends(std::uint64_t{});
  if (size >= 4) return ends(std::uint32_t{});
  return size == 0 || (a[0] == b[0] && a[size / 2] == b[size / 2] && a[size - 1] == b[size - 1]);
}

}  // namespace dunlin
