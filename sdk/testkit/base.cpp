#include "sdk/testkit/base.hpp"

#include <dunlin/abi.h>

namespace dunlin::testkit {

std::string status_name(std::int32_t status) {
  static constexpr const char* names[] = {
      "OK",      "E_INVALID", "E_NOT_FOUND", "E_EXISTS",       "E_DENIED",  "E_UNSUPPORTED",
      "E_LIMIT", "E_CLOSED",  "E_CANCELLED", "E_TIMEOUT",      "E_AGAIN",   "E_CONFIG",
      "E_IO",    "E_NO_SPACE", "E_CORRUPT",  "E_WRONG_THREAD", "E_DROPPED", "E_INTERNAL",
      "E_NO_RESPONDERS"};
  const auto index = static_cast<std::size_t>(status);
  if (status >= 0 && index < std::size(names)) return names[index];
  return cat("status ", status);
}

}  // namespace dunlin::testkit
