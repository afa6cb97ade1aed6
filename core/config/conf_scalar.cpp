#include "core/config/conf_scalar.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <limits>

#include "core/protocol/go_quote.hpp"

namespace dunlin::config {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

// 0 for a suffix that means nothing.
std::int64_t multiplier(std::string_view suffix) {
  if (suffix.empty()) return 1;
  const auto power = std::string_view("kmgtpe").find(suffix[0]);
  if (power == std::string_view::npos) return 0;
  const auto rest = suffix.substr(1);
  std::int64_t base = 0;
  if (rest.empty()) base = 1000;
  if (rest == "b" || rest == "i" || rest == "ib") base = 1024;
  std::int64_t product = base == 0 ? 0 : 1;
  for (std::size_t i = 0; i <= power; ++i) product *= base;
  return product;
}

struct Unit {
  std::string_view name;
  std::uint64_t nanoseconds;
};

constexpr Unit units[] = {
    {"ns", 1},           {"us", 1000},          {"\u00b5s", 1000},        {"\u03bcs", 1000},
    {"ms", 1000000},     {"s", 1000000000},     {"m", 60000000000ull},    {"h", 3600000000000ull},
};

constexpr std::uint64_t magnitude_max = std::uint64_t{1} << 63;

// Takes digits off the front of `text`; false when they do not fit.
bool take_digits(std::string_view& text, std::uint64_t& value) {
  value = 0;
  while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
    if (value > magnitude_max / 10) return false;
    value = value * 10 + static_cast<std::uint64_t>(text[0] - '0');
    if (value > magnitude_max) return false;
    text.remove_prefix(1);
  }
  return true;
}

// Digits after the point, as value/scale; digits beyond what fits are dropped.
void take_fraction(std::string_view& text, std::uint64_t& value, double& scale) {
  value = 0;
  scale = 1;
  bool full = false;
  while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
    if (!full && value <= (magnitude_max - 1) / 10) {
      value = value * 10 + static_cast<std::uint64_t>(text[0] - '0');
      scale *= 10;
    } else {
      full = true;
    }
    text.remove_prefix(1);
  }
}

// One `<number><unit>`; the text of the failure without the quoted input, or nothing.
std::string take_part(std::string_view& text, std::uint64_t& total) {
  const auto invalid = "time: invalid duration ";
  const char first = text[0];
  if (first != '.' && (first < '0' || first > '9')) return invalid;
  const auto before = text.size();
  std::uint64_t whole = 0;
  if (!take_digits(text, whole)) return invalid;
  bool digits = text.size() != before;
  std::uint64_t fraction = 0;
  double scale = 1;
  if (!text.empty() && text[0] == '.') {
    text.remove_prefix(1);
    const auto point = text.size();
    take_fraction(text, fraction, scale);
    digits = digits || text.size() != point;
  }
  if (!digits) return invalid;
  const auto size = std::min(text.find_first_of(".0123456789"), text.size());
  if (size == 0) return "time: missing unit in duration ";
  const auto name = text.substr(0, size);
  text.remove_prefix(size);
  const auto* unit = std::find_if(std::begin(units), std::end(units),
                                  [&](const Unit& candidate) { return candidate.name == name; });
  if (unit == std::end(units)) {
    return fmt::format("time: unknown unit {} in duration ", protocol::go_quote(name));
  }
  if (whole > magnitude_max / unit->nanoseconds) return invalid;
  whole *= unit->nanoseconds;
  whole += static_cast<std::uint64_t>(static_cast<double>(fraction) *
                                      (static_cast<double>(unit->nanoseconds) / scale));
  total += whole;
  return whole > magnitude_max || total > magnitude_max ? invalid : "";
}

}  // namespace

result<std::int64_t> parse_size(std::string_view text) {
  const std::size_t sign = text.substr(0, 1) == "-" ? 1 : 0;
  const auto digits = std::min(text.find_first_not_of("0123456789", sign), text.size());
  if (digits == sign) return fail(fmt::format("expected integer, but got '{}'", text));
  std::int64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + digits, number);
  const auto out_of_range = [&] {
    return fail(fmt::format("integer '{}' is out of the range", text));
  };
  if (read.ec != std::errc()) return out_of_range();
  const auto factor = multiplier(lower(text.substr(digits)));
  if (factor == 0) return fail(fmt::format("expected integer, but got '{}'", text));
  std::int64_t product = 0;
  if (__builtin_mul_overflow(number, factor, &product)) return out_of_range();
  return product;
}

result<double> parse_float(std::string_view text) {
  double number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec == std::errc::result_out_of_range) {
    return fail(fmt::format("float '{}' is out of the range", text));
  }
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) {
    return fail(fmt::format("expected float, but got '{}'", text));
  }
  return number;
}

bool is_real_time(std::string_view zulu) noexcept {
  const auto field = [&](std::size_t at, std::size_t size) {
    unsigned value = 0;
    std::from_chars(zulu.data() + at, zulu.data() + at + size, value);
    return value;
  };
  if (zulu.size() != 20) return false;
  const std::chrono::year_month_day day{std::chrono::year(static_cast<int>(field(0, 4))),
                                        std::chrono::month(field(5, 2)),
                                        std::chrono::day(field(8, 2))};
  return day.ok() && field(11, 2) < 24 && field(14, 2) < 60 && field(17, 2) < 60;
}

result<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  const auto quoted = [original = text] { return protocol::go_quote(original); };
  bool negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text == "0") return std::chrono::nanoseconds(0);
  if (text.empty()) return fail("time: invalid duration " + quoted());
  std::uint64_t total = 0;
  while (!text.empty()) {
    if (auto failure = take_part(text, total); !failure.empty()) return fail(failure + quoted());
  }
  if (negative) return std::chrono::nanoseconds(static_cast<std::int64_t>(0 - total));
  if (total > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    return fail("time: invalid duration " + quoted());
  }
  return std::chrono::nanoseconds(static_cast<std::int64_t>(total));
}

result<Address> parse_address(std::string_view text) {
  const auto invalid = [&] {
    return fail("could not parse address string " + protocol::go_quote(text));
  };
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return invalid();
  auto host = text.substr(0, colon);
  if (host.starts_with('[')) {
    if (!host.ends_with(']')) return invalid();
    host = host.substr(1, host.size() - 2);
    if (host.find_first_of("[]") != std::string_view::npos) return invalid();
  } else if (host.find_first_of(":[]") != std::string_view::npos) {
    return invalid();
  }
  auto port = text.substr(colon + 1);
  if (port.find_first_of("[]") != std::string_view::npos) return invalid();
  const auto wrong_port = [&] {
    return fail("could not parse port " + protocol::go_quote(text.substr(colon + 1)));
  };
  if (port.starts_with('+')) port.remove_prefix(1);
  Address address{std::string(host), 0};
  const auto read = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (read.ec != std::errc() || read.ptr != port.data() + port.size() || address.port > 65535 ||
      address.port < -1) {
    return wrong_port();
  }
  return address;
}

}  // namespace dunlin::config
