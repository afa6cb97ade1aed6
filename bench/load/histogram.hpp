// Counts durations in log-linear buckets, so that quantiles cost no memory per sample.
//
// Each power of two is split into 128 equal buckets: a reported value is within 0.8 % of the
// recorded one. Values from 0 to 2^42 (73 minutes in nanoseconds) are kept; larger ones count as
// the largest. Recording never allocates and never fails. One thread at a time.

#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace dunlin::bench {

class Histogram {
 public:
  static constexpr unsigned value_bits = 42;
  static constexpr std::uint64_t value_max = (std::uint64_t{1} << value_bits) - 1;

  void record(std::uint64_t value) noexcept {
    value = std::min(value, value_max);
    ++buckets_[bucket_of(value)];
    ++count_;
    max_ = std::max(max_, value);
  }

  // Adds the samples of another histogram.
  void add(const Histogram& other) noexcept {
    for (std::size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
    count_ += other.count_;
    max_ = std::max(max_, other.max_);
  }

  // The smallest bucket value that at least `fraction` of the samples do not exceed; 0 when empty.
  [[nodiscard]] std::uint64_t quantile(double fraction) const noexcept {
    if (count_ == 0) return 0;
    const double wanted = std::clamp(fraction, 0.0, 1.0) * static_cast<double>(count_);
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      seen += buckets_[i];
      if (seen > 0 && static_cast<double>(seen) >= wanted) return std::min(value_of(i), max_);
    }
    return max_;
  }

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] std::uint64_t max() const noexcept { return max_; }

  void clear() noexcept { *this = Histogram{}; }

 private:
  static constexpr unsigned linear_bits = 7;
  static constexpr std::size_t linear = std::size_t{1} << linear_bits;

  static constexpr std::size_t bucket_of(std::uint64_t value) noexcept {
    if (value < linear) return static_cast<std::size_t>(value);
    const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - linear_bits - 1;
    return (shift + 1) * linear + static_cast<std::size_t>((value >> shift) - linear);
  }

  // The largest value that falls into the bucket.
  static constexpr std::uint64_t value_of(std::size_t bucket) noexcept {
    if (bucket < linear) return bucket;
    const std::size_t shift = bucket / linear - 1;
    const std::uint64_t step = bucket % linear + linear + 1;
    return (step << shift) - 1;
  }

  // The linear part, then one run of buckets for each further bit.
  std::array<std::uint64_t, linear * (value_bits - linear_bits + 1)> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace dunlin::bench
