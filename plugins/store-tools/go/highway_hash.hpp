// HighwayHash with 64 bits, as published by its authors (Alakuijala, Cox, Wassenberg, "Fast keyed
// hash/pseudo-random function using SIMD multiply and permute"), in plain C++: nats-server puts it
// behind what it writes to files.
//
//     HighwayHash hash(key);
//     hash.update(part); hash.update(part);
//     if (hash.finish() != stored) ...
//
// A value; one use from one thread.

#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace dunlin::store_tools {

class HighwayHash {
 public:
  using Key = std::array<std::uint8_t, 32>;

  explicit HighwayHash(const Key& key) noexcept;

  void update(std::span<const std::uint8_t> bytes) noexcept;
  // To be called once.
  [[nodiscard]] std::uint64_t finish() noexcept;

 private:
  static constexpr std::size_t packet_bytes = 32;
  using Lanes = std::array<std::uint64_t, 4>;

  void packet(const std::uint8_t* bytes) noexcept;
  void lanes(const Lanes& words) noexcept;
  void remainder() noexcept;

  Lanes v0_, v1_, mul0_, mul1_;
  std::array<std::uint8_t, packet_bytes> held_{};
  std::size_t held_bytes_ = 0;
};

}  // namespace dunlin::store_tools
