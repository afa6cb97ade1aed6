// A duration as the reference's log lines and errors show it: "10s", "1m30s", "1.5ms".

#pragma once

#include <chrono>
#include <string>

namespace dunlin::protocol {

// [any thread]
[[nodiscard]] std::string go_duration(std::chrono::nanoseconds duration);

}  // namespace dunlin::protocol
