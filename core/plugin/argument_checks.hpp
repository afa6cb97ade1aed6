// Checks on what a plugin hands to routing: subjects, queue groups, headers.
//
// Stricter than the client protocol's own rules: no control character of any kind, because a
// subject from one protocol may be written into another's commands.

#pragma once

#include <dunlin/abi.h>

#include <string_view>

namespace dunlin::plugin {

// A literal subject a message may be published on.
[[nodiscard]] bool is_publishable(std::string_view subject) noexcept;
// Empty, or publishable.
[[nodiscard]] bool is_reply(std::string_view reply) noexcept;
// A subject a subscription may have, maybe with wildcards.
[[nodiscard]] bool is_subscribable(std::string_view subject) noexcept;
// Empty, or a name without blanks and control characters.
[[nodiscard]] bool is_queue(std::string_view queue) noexcept;
// Empty, or a whole NATS/1.0 header block.
[[nodiscard]] bool is_header(dunlin_bytes header) noexcept;
// NULL only together with size 0.
[[nodiscard]] inline bool is_sound(dunlin_bytes bytes) noexcept {
  return bytes.data != nullptr || bytes.size == 0;
}
[[nodiscard]] inline bool is_sound(dunlin_str text) noexcept {
  return text.data != nullptr || text.size == 0;
}

}  // namespace dunlin::plugin
