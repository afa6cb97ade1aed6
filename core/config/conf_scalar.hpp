// Numbers, dates and sizes of the .conf grammar. Only for the configuration readers.

#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.hpp"

namespace dunlin::config {

// Digits with an optional minus and size suffix: `10`, `-1`, `8kb`, `1G` (1000-based), `1GiB`.
// Fails as nats-server does: `integer '<text>' is out of the range`.
[[nodiscard]] result<std::int64_t> parse_size(std::string_view text);

[[nodiscard]] result<double> parse_float(std::string_view text);

// Whether `YYYY-MM-DDTHH:MM:SSZ` of the right shape is a time that exists.
[[nodiscard]] bool is_real_time(std::string_view zulu) noexcept;

// Go's duration syntax: `1h2m3s4ms5us6ns`, fractions and a sign allowed. Fails with Go's text:
// `time: invalid duration "x"`.
[[nodiscard]] result<std::chrono::nanoseconds> parse_duration(std::string_view text);

struct Address {
  std::string host;
  int port = 0;
};

// `host:port` or `[v6]:port`, either may be empty but for the port. Fails with nats-server's text.
[[nodiscard]] result<Address> parse_address(std::string_view text);

}  // namespace dunlin::config
