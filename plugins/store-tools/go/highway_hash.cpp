#include "plugins/store-tools/go/highway_hash.hpp"

#include <algorithm>
#include <bit>

#include "plugins/store-tools/go/little_endian.hpp"

namespace dunlin::store_tools {
namespace {

constexpr std::array<std::uint64_t, 4> first_constants = {
    0xdbe6d5d5fe4cce2fU, 0xa4093822299f31d0U, 0x13198a2e03707344U, 0x243f6a8885a308d3U};
constexpr std::array<std::uint64_t, 4> second_constants = {
    0x3bd39e10cb0ef593U, 0xc0acf169b5f18a8cU, 0xbe5466cf34e90c6cU, 0x452821e638d01377U};
constexpr int closing_rounds = 4;

constexpr std::uint64_t byte(std::uint64_t word, int from, int to) noexcept {
  return ((word >> (8 * from)) & 0xff) << (8 * to);
}

// Spreads the bytes of two words over two sums, so that each byte of a product reaches every lane.
void zipper_add(std::uint64_t high, std::uint64_t low, std::uint64_t& add_high,
                std::uint64_t& add_low) noexcept {
  add_low += byte(low, 3, 0) + byte(high, 4, 1) + byte(low, 2, 2) + byte(low, 5, 3) +
             byte(high, 6, 4) + byte(low, 1, 5) + byte(high, 7, 6) + byte(low, 0, 7);
  add_high += byte(high, 3, 0) + byte(low, 4, 1) + byte(high, 2, 2) + byte(high, 5, 3) +
              byte(high, 1, 4) + byte(low, 6, 5) + byte(high, 0, 6) + byte(low, 7, 7);
}

constexpr std::uint64_t low_half(std::uint64_t word) noexcept { return word & 0xffffffffU; }

}  // namespace

HighwayHash::HighwayHash(const Key& key) noexcept
    : mul0_(first_constants), mul1_(second_constants) {
  for (std::size_t i = 0; i < 4; ++i) {
    const auto word = load_le<std::uint64_t>(key.data() + 8 * i);
    v0_[i] = mul0_[i] ^ word;
    v1_[i] = mul1_[i] ^ std::rotl(word, 32);
  }
}

void HighwayHash::lanes(const Lanes& words) noexcept {
  for (std::size_t i = 0; i < 4; ++i) {
    v1_[i] += mul0_[i] + words[i];
    mul0_[i] ^= low_half(v1_[i]) * (v0_[i] >> 32);
    v0_[i] += mul1_[i];
    mul1_[i] ^= low_half(v0_[i]) * (v1_[i] >> 32);
  }
  zipper_add(v1_[1], v1_[0], v0_[1], v0_[0]);
  zipper_add(v1_[3], v1_[2], v0_[3], v0_[2]);
  zipper_add(v0_[1], v0_[0], v1_[1], v1_[0]);
  zipper_add(v0_[3], v0_[2], v1_[3], v1_[2]);
}

void HighwayHash::packet(const std::uint8_t* bytes) noexcept {
  Lanes words;
  for (std::size_t i = 0; i < 4; ++i) words[i] = load_le<std::uint64_t>(bytes + 8 * i);
  lanes(words);
}

void HighwayHash::update(std::span<const std::uint8_t> bytes) noexcept {
  if (held_bytes_ != 0) {
    const auto taken = std::min(packet_bytes - held_bytes_, bytes.size());
    std::copy_n(bytes.data(), taken, held_.data() + held_bytes_);
    held_bytes_ += taken;
    bytes = bytes.subspan(taken);
    if (held_bytes_ < packet_bytes) return;
    packet(held_.data());
    held_bytes_ = 0;
  }
  for (; bytes.size() >= packet_bytes; bytes = bytes.subspan(packet_bytes)) packet(bytes.data());
  std::copy_n(bytes.data(), bytes.size(), held_.data());
  held_bytes_ = bytes.size();
}

// The last packet is filled up so that its length, and where its last bytes stood, count.
void HighwayHash::remainder() noexcept {
  const std::size_t size = held_bytes_;
  const std::size_t odd = size & 3;
  const std::size_t even = size - odd;
  for (auto& word : v0_) word += (std::uint64_t{size} << 32) + size;
  for (auto& word : v1_) {
    const auto low = std::rotl(static_cast<std::uint32_t>(word), static_cast<int>(size));
    const auto high = std::rotl(static_cast<std::uint32_t>(word >> 32), static_cast<int>(size));
    word = (std::uint64_t{high} << 32) | low;
  }
  std::array<std::uint8_t, packet_bytes> last{};
  std::copy_n(held_.data(), even, last.data());
  if ((size & 16) != 0) {
    std::copy_n(held_.data() + size - 4, 4, last.data() + 28);
  } else if (odd != 0) {
    last[16] = held_[even];
    last[17] = held_[even + (odd >> 1)];
    last[18] = held_[size - 1];
  }
  packet(last.data());
}

std::uint64_t HighwayHash::finish() noexcept {
  if (held_bytes_ != 0) remainder();
  for (int i = 0; i < closing_rounds; ++i) {
    lanes({std::rotl(v0_[2], 32), std::rotl(v0_[3], 32), std::rotl(v0_[0], 32),
           std::rotl(v0_[1], 32)});
  }
  return v0_[0] + v1_[0] + mul0_[0] + mul1_[0];
}

}  // namespace dunlin::store_tools
