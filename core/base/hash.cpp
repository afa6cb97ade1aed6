#include "core/base/hash.hpp"

#include <sys/random.h>

namespace dunlin {

std::uint64_t hash_seed = 0x9e3779b97f4a7c15ull;

void seed_hash() noexcept {
  std::uint64_t seed;
  // Without entropy the fixed seed stays: weaker against chosen keys, never wrong.
  if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) == sizeof seed) hash_seed = seed;
}

}  // namespace dunlin
