// Numbers, times and texts as nats-server prints them, which is as Go prints them: what tools
// that read the monitoring endpoints parse. Pure functions, any thread; they throw only when out
// of memory.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace dunlin::monitoring {

// "1.539113ms", "298µs", "2m0s", "0s"
[[nodiscard]] std::string go_duration(std::int64_t ns);

// Whole seconds with days and years of 365 days: "5s", "1h0m5s", "1y0d2h1m5s". Negative is "0s".
[[nodiscard]] std::string uptime_text(std::int64_t ns);

// RFC 3339 in UTC with as many fractional digits as needed; 0 is the zero time of Go, which
// stands for "unknown".
[[nodiscard]] std::string rfc3339(std::int64_t unix_ns);

// "Sat, 21 Nov 2026 12:49:17 GMT" (RFC 9110)
[[nodiscard]] std::string http_date(std::int64_t unix_ns);

// The shortest text that reads back as the same number, as in Go's JSON. Not finite is 0: JSON
// has no word for it.
[[nodiscard]] std::string json_number(double value);

// Double-quoted, with everything that is not printable escaped.
[[nodiscard]] std::string go_quote(std::string_view text);

// "127.0.0.1:8222", "[::1]:8222"
[[nodiscard]] std::string join_host_port(std::string_view host, unsigned port);

// One character of UTF-8 at the beginning of `text`: its length in bytes, or 0 when the bytes are
// no valid UTF-8. `text` is not empty.
[[nodiscard]] std::size_t utf8_length(std::string_view text) noexcept;

}  // namespace dunlin::monitoring
