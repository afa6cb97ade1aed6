// "Nats-TTL": how long a message lives, as its header says it. Pure.

#pragma once

#include <cstdint>
#include <string_view>

namespace dunlin::store_tools {

// The value of a header field, or empty. `header` begins with "NATS/1.0".
[[nodiscard]] std::string_view header_value(std::string_view header, std::string_view name);

// Nanoseconds from "90", "1h30m" or "250ms"; 0 for "never" and for what is none of these.
[[nodiscard]] std::int64_t lifetime_ns(std::string_view text);

}  // namespace dunlin::store_tools
