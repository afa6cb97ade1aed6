// What every part of the kit uses: failures, text, hashes, and the one source of randomness.
//
// A test ends by throwing: Failure when the backend breaks a clause, Skipped when the test does
// not apply to it. Nothing here is shared between threads.

#pragma once

#include <cstdint>
#include <cstring>
#include <exception>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

namespace dunlin::testkit {

template <class... Parts>
std::string cat(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return std::move(out).str();
}

// A clause of the contract ("S1", "read") was broken.
struct Failure : std::exception {
  Failure(std::string broken, std::string what_was_seen)
      : clause(std::move(broken)), text(std::move(what_was_seen)) {}
  const char* what() const noexcept override { return text.c_str(); }
  std::string clause, text;
};

// The test does not apply: a feature that is not claimed, a backend that keeps nothing.
struct Skipped : std::exception {
  explicit Skipped(std::string why) : text(std::move(why)) {}
  const char* what() const noexcept override { return text.c_str(); }
  std::string text;
};

template <class... Parts>
void expect(bool holds, const char* clause, const Parts&... parts) {
  if (!holds) throw Failure(clause, cat(parts...));
}

// The words of `dunlin_status`, for messages.
std::string status_name(std::int32_t status);

// Chained by passing the hash so far.
constexpr std::uint64_t hash_start = 14695981039346656037ull;
inline std::uint64_t hash_number(std::uint64_t hash, std::uint64_t number) {
  number = (number ^ hash) * 0x9e3779b97f4a7c15ull;
  return number ^ (number >> 29);
}
inline std::uint64_t hash_bytes(std::uint64_t hash, std::string_view bytes) {
  while (bytes.size() >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), 8);
    hash = hash_number(hash, word);
    bytes.remove_prefix(8);
  }
  for (const char c : bytes) hash = hash_number(hash, static_cast<unsigned char>(c));
  return hash;
}

// SplitMix64. The same seed gives the same run, everywhere.
class Rng {
 public:
  explicit Rng(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }
  // Uniform in [0, bound); `bound` is not 0.
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  bool chance(unsigned percent) { return below(100) < percent; }

 private:
  std::uint64_t state_;
};

}  // namespace dunlin::testkit
