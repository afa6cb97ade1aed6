#include "core/auth/connection_type.hpp"

#include <algorithm>
#include <array>

namespace dunlin::auth {
namespace {

// In the order of ConnectionType.
constexpr std::array<std::string_view, 7> names = {
    "STANDARD", "WEBSOCKET", "LEAFNODE", "LEAFNODE_WS", "MQTT", "MQTT_WS", "IN_PROCESS",
};

char upper(char c) noexcept { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }

}  // namespace

std::string_view text_of(ConnectionType type) noexcept {
  return names[static_cast<std::size_t>(type)];
}

std::optional<ConnectionType> connection_type_of(std::string_view text) noexcept {
  const auto* found = std::find_if(names.begin(), names.end(), [&](std::string_view name) {
    return std::equal(name.begin(), name.end(), text.begin(), text.end(),
                      [](char a, char b) { return a == upper(b); });
  });
  if (found == names.end()) return std::nullopt;
  return static_cast<ConnectionType>(found - names.begin());
}

}  // namespace dunlin::auth
