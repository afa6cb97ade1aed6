// The text of /debug/vars.

#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "endpoints.hpp"

namespace dunlin::monitoring {

// Memory as the process's allocator sees it.
struct HeapNumbers {
  std::size_t used_bytes = 0;  // handed out
  std::size_t held_bytes = 0;  // got from the system
};

[[nodiscard]] std::string debug_vars_text(std::span<const dunlin_str> cmdline,
                                          const HeapNumbers& heap);

}  // namespace dunlin::monitoring
