#include "core/base/ensure.hpp"

#include <cstdio>
#include <cstdlib>

namespace dunlin {

void ensure_failed(const char* expression, const char* file, int line) noexcept {
  std::fprintf(stderr, "dunlin-server: invariant broken: %s (%s:%d)\n", expression, file, line);
  std::abort();
}

}  // namespace dunlin
