// NATS message headers: finding, removing and setting a line in a header block.
//
//   NATS/1.0[ <status>[ <description>]] CRLF
//   Key: Value CRLF ...
//   CRLF
//
// The server forwards header blocks without looking at them, so every function here takes any
// bytes. Names are compared exactly, letter case included, and only at the start of a line, so
// that a value containing "Key:" or a longer key never matches. Nothing here changes the caller's
// bytes: a message's block is shared by all its receivers.  [any thread]
//
// Source of the rules: ADR-4 (NATS message headers) and the behaviour of nats-server.

#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dunlin::protocol {

inline constexpr std::string_view header_line = "NATS/1.0\r\n";

// The value of the first line with this name, a view into `block`; leading blanks are not part of
// it, trailing ones are. Empty optional when there is none.
[[nodiscard]] std::optional<std::string_view> find_header(std::string_view block,
                                                          std::string_view name) noexcept;

// The block without any line of this name. A block that would hold nothing but an empty first line
// comes back as an empty string: the message has no headers then.
[[nodiscard]] std::string remove_header(std::string_view block, std::string_view name);

// The block with every line of this name replaced by one at the end. `block` may be empty. Line
// breaks inside `value` become blanks and blanks around it are dropped, so that a value cannot
// smuggle in a line.
[[nodiscard]] std::string set_header(std::string_view block, std::string_view name,
                                     std::string_view value);

// Appends the frame that tells a requester that nobody listens: HMSG with status 503 and the
// subject that had no responders.
void append_no_responders(std::string& out, std::string_view reply, std::string_view sid,
                          std::string_view subject);

}  // namespace dunlin::protocol
