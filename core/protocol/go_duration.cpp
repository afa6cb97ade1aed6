#include "core/protocol/go_duration.hpp"

#include <fmt/format.h>

#include <cstdint>

namespace dunlin::protocol {

namespace {

std::string trimmed_fraction(std::uint64_t value, unsigned digits) {
  std::string text = fmt::format("{:0{}}", value, digits);
  text.erase(text.find_last_not_of('0') + 1);
  return text.empty() ? text : "." + text;
}

}  // namespace

std::string go_duration(std::chrono::nanoseconds duration) {
  const auto count = duration.count();
  if (count == 0) return "0s";
  const std::uint64_t size = count < 0 ? 0 - static_cast<std::uint64_t>(count)
                                       : static_cast<std::uint64_t>(count);
  const std::string sign = count < 0 ? "-" : "";
  if (size < 1000) return fmt::format("{}{}ns", sign, size);
  if (size < 1000000) {
    return fmt::format("{}{}{}\u00b5s", sign, size / 1000, trimmed_fraction(size % 1000, 3));
  }
  if (size < 1000000000) {
    return fmt::format("{}{}{}ms", sign, size / 1000000, trimmed_fraction(size % 1000000, 6));
  }
  const std::uint64_t seconds = size / 1000000000;
  std::string out = sign;
  if (seconds >= 3600) out += fmt::format("{}h", seconds / 3600);
  if (seconds >= 60) out += fmt::format("{}m", seconds / 60 % 60);
  out += fmt::format("{}{}s", seconds % 60, trimmed_fraction(size % 1000000000, 9));
  return out;
}

}  // namespace dunlin::protocol
