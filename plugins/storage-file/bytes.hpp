// Little-endian integers and length-prefixed strings, as the files of this folder hold them.
//
// A Reader never reads past its end: what is missing reads as zero and turns `ok` off, so that a
// parser checks once, at the end. No allocation but for what the caller asks to be copied.

#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dunlin::storage_file {

using Bytes = std::vector<std::uint8_t>;
using BytesView = std::span<const std::uint8_t>;

[[nodiscard]] inline BytesView bytes_of(std::string_view text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
[[nodiscard]] inline std::string_view text_of(BytesView bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <class T>
void store_le(std::uint8_t* out, T value) noexcept {
  for (std::size_t i = 0; i < sizeof value; ++i) {
    out[i] = static_cast<std::uint8_t>(static_cast<std::uint64_t>(value) >> (8 * i));
  }
}
template <class T>
[[nodiscard]] T load_le(const std::uint8_t* in) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) value |= std::uint64_t{in[i]} << (8 * i);
  return static_cast<T>(value);
}

class Writer {
 public:
  explicit Writer(Bytes& out) noexcept : out_(out) {}

  template <class T>
  void number(T value) {
    std::uint8_t raw[sizeof value];
    store_le(raw, value);
    out_.insert(out_.end(), raw, raw + sizeof value);
  }
  void raw(BytesView bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }
  void text(std::string_view value) {
    number(static_cast<std::uint32_t>(value.size()));
    raw(bytes_of(value));
  }

 private:
  Bytes& out_;
};

class Reader {
 public:
  explicit Reader(BytesView in) noexcept : in_(in) {}

  template <class T>
  [[nodiscard]] T number() noexcept {
    const auto raw = take(sizeof(T));
    return raw.size() == sizeof(T) ? load_le<T>(raw.data()) : T{};
  }
  [[nodiscard]] BytesView take(std::size_t n) noexcept {
    if (n > in_.size()) {
      ok_ = false;
      in_ = {};
      return {};
    }
    const auto taken = in_.first(n);
    in_ = in_.subspan(n);
    return taken;
  }
  [[nodiscard]] std::string text() {
    const auto size = number<std::uint32_t>();
    return std::string(text_of(take(size)));
  }
  [[nodiscard]] std::size_t left() const noexcept { return in_.size(); }
  [[nodiscard]] bool ok() const noexcept { return ok_; }

 private:
  BytesView in_;
  bool ok_ = true;
};

}  // namespace dunlin::storage_file
