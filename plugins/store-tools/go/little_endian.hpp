// Reading numbers out of bytes: fixed ones of little endian, and variable ones as Go's
// encoding/binary writes them. Pure.

#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace dunlin::store_tools {

using BytesView = std::span<const std::uint8_t>;

template <class T>
[[nodiscard]] constexpr T load_le(const std::uint8_t* from) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) value |= std::uint64_t{from[i]} << (8 * i);
  return static_cast<T>(value);
}

// Reads from the front of bytes. After a number that is not there every further one is 0, and
// `failed` stays true: asked once, at the end.
class Reader {
 public:
  explicit Reader(BytesView bytes) noexcept : rest_(bytes) {}

  [[nodiscard]] bool failed() const noexcept { return failed_; }
  [[nodiscard]] BytesView rest() const noexcept { return rest_; }

  template <class T>
  [[nodiscard]] T fixed() noexcept {
    const auto bytes = take(sizeof(T));
    return failed_ ? T{} : load_le<T>(bytes.data());
  }
  [[nodiscard]] std::uint64_t unsigned_number() noexcept {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      const auto byte = take(1);
      if (failed_) return 0;
      if (shift == 63 && byte[0] > 1) break;
      value |= std::uint64_t{byte[0] & 0x7fU} << shift;
      if (byte[0] < 0x80) return value;
    }
    failed_ = true;
    return 0;
  }
  [[nodiscard]] std::int64_t signed_number() noexcept {
    const auto folded = unsigned_number();
    const auto value = static_cast<std::int64_t>(folded >> 1);
    return (folded & 1) != 0 ? ~value : value;
  }
  // Empty when there are not as many.
  [[nodiscard]] BytesView take(std::size_t size) noexcept {
    if (failed_ || size > rest_.size()) {
      failed_ = true;
      return {};
    }
    const auto taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }

 private:
  BytesView rest_;
  bool failed_ = false;
};

}  // namespace dunlin::store_tools
