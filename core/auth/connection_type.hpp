// How a client reached the server, as `allowed_connection_types` names it.

#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace dunlin::auth {

enum class ConnectionType : std::uint8_t {
  standard,
  websocket,
  leafnode,
  leafnode_ws,
  mqtt,
  mqtt_ws,
  in_process,
};

// `STANDARD`, `LEAFNODE_WS`, ...
[[nodiscard]] std::string_view text_of(ConnectionType type) noexcept;
// Letter case does not matter; nothing for an unknown name.
[[nodiscard]] std::optional<ConnectionType> connection_type_of(std::string_view text) noexcept;

// A set of connection types; the empty set allows all.
class ConnectionTypes {
 public:
  void add(ConnectionType type) noexcept { bits_ = static_cast<std::uint8_t>(bits_ | bit(type)); }
  [[nodiscard]] bool allows(ConnectionType type) const noexcept {
    return bits_ == 0 || (bits_ & bit(type)) != 0;
  }
  [[nodiscard]] bool contains(ConnectionType type) const noexcept {
    return (bits_ & bit(type)) != 0;
  }

 private:
  static std::uint8_t bit(ConnectionType type) noexcept {
    return static_cast<std::uint8_t>(1u << static_cast<unsigned>(type));
  }

  std::uint8_t bits_ = 0;
};

}  // namespace dunlin::auth
