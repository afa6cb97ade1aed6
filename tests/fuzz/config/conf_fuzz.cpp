#include <cstdint>

#include "core/config/load.hpp"

// Every plugin counts as there, so that sections are kept as well as refused.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto loaded = dunlin::config::load_text(
      text, "fuzz.conf", [](std::string_view section) { return section.size() % 2 == 0; });
  if (loaded && loaded->options.config_digest.empty()) __builtin_trap();
  return 0;
}
