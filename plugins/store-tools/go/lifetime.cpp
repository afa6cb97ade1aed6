#include "plugins/store-tools/go/lifetime.hpp"

#include <charconv>
#include <limits>

namespace dunlin::store_tools {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t ns;
};
// Longer names first where one begins like another.
constexpr Unit units[] = {{"ns", 1},
                          {"us", 1'000},
                          {"ms", 1'000'000},
                          {"s", 1'000'000'000},
                          {"m", 60'000'000'000},
                          {"h", 3'600'000'000'000}};
constexpr std::int64_t second_ns = 1'000'000'000;
constexpr std::int64_t longest = std::numeric_limits<std::int64_t>::max();

}  // namespace

std::string_view header_value(std::string_view header, std::string_view name) {
  for (auto line = header.find("\r\n"); line != std::string_view::npos;
       line = header.find("\r\n", line + 2)) {
    auto rest = header.substr(line + 2);
    if (!rest.starts_with(name) || rest.size() <= name.size() || rest[name.size()] != ':') continue;
    rest = rest.substr(name.size() + 1);
    rest = rest.substr(0, rest.find("\r\n"));
    while (rest.starts_with(' ')) rest.remove_prefix(1);
    while (rest.ends_with(' ')) rest.remove_suffix(1);
    return rest;
  }
  return {};
}

std::int64_t lifetime_ns(std::string_view text) {
  std::int64_t total = 0;
  while (!text.empty()) {
    std::int64_t count = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), count);
    if (read.ec != std::errc() || count < 0) return 0;
    text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
    std::int64_t unit = 0;
    if (text.empty() && total == 0) unit = second_ns;
    for (const Unit& one : units) {
      if (unit != 0 || !text.starts_with(one.name)) continue;
      unit = one.ns;
      text.remove_prefix(one.name.size());
    }
    if (unit == 0) return 0;
    if (count > (longest - total) / unit) return longest;
    total += count * unit;
  }
  return total;
}

}  // namespace dunlin::store_tools
