#include "go_format.hpp"

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>

namespace dunlin::monitoring {
namespace {

constexpr std::uint64_t ns_per_second = 1'000'000'000;

// `value` / 10^digits, without zeroes at the end of the fraction.
std::string with_fraction(std::uint64_t value, unsigned digits) {
  std::uint64_t scale = 1;
  for (unsigned i = 0; i < digits; ++i) scale *= 10;
  std::string out = std::to_string(value / scale);
  std::string fraction = std::to_string(value % scale);
  fraction.insert(0, digits - fraction.size(), '0');
  fraction.erase(fraction.find_last_not_of('0') + 1);
  return fraction.empty() ? out : out + "." + fraction;
}

struct CivilTime {
  int year;
  unsigned month, day, weekday;  // month and day from 1, Sunday is 0
  unsigned hour, minute, second, nanosecond;
};

CivilTime civil(std::int64_t unix_ns) {
  using namespace std::chrono;
  const sys_time<nanoseconds> at{nanoseconds(unix_ns)};
  const auto day = floor<days>(at);
  const year_month_day date{day};
  const hh_mm_ss<nanoseconds> time{at - day};
  return {static_cast<int>(date.year()),
          static_cast<unsigned>(date.month()),
          static_cast<unsigned>(date.day()),
          weekday{day}.c_encoding(),
          static_cast<unsigned>(time.hours().count()),
          static_cast<unsigned>(time.minutes().count()),
          static_cast<unsigned>(time.seconds().count()),
          static_cast<unsigned>(time.subseconds().count())};
}

template <class... Values>
std::string print(const char* pattern, Values... values) {
  std::array<char, 96> text{};
  const int size = std::snprintf(text.data(), text.size(), pattern, values...);
  return {text.data(), static_cast<std::size_t>(size)};
}

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// The first C1 controls and the soft hyphen are characters without a picture.
bool is_printable(std::string_view character) {
  if (character.size() == 1) return character[0] >= ' ' && character[0] != 0x7f;
  const auto second = static_cast<unsigned char>(character[1]);
  return static_cast<unsigned char>(character[0]) != 0xc2 || (second > 0xa0 && second != 0xad);
}

}  // namespace

std::string go_duration(std::int64_t ns) {
  if (ns == 0) return "0s";
  const std::string sign = ns < 0 ? "-" : "";
  const std::uint64_t value = ns < 0 ? 0 - static_cast<std::uint64_t>(ns)
                                     : static_cast<std::uint64_t>(ns);
  if (value < 1'000) return sign + std::to_string(value) + "ns";
  if (value < 1'000'000) return sign + with_fraction(value, 3) + "µs";
  if (value < ns_per_second) return sign + with_fraction(value, 6) + "ms";
  const auto minutes = value / ns_per_second / 60;
  const auto seconds = with_fraction(value - minutes * 60 * ns_per_second, 9) + "s";
  if (minutes == 0) return sign + seconds;
  const auto tail = std::to_string(minutes % 60) + "m" + seconds;
  return minutes < 60 ? sign + tail : sign + std::to_string(minutes / 60) + "h" + tail;
}

std::string uptime_text(std::int64_t ns) {
  const auto total = ns < 0 ? 0 : static_cast<std::uint64_t>(ns) / ns_per_second;
  const auto minutes = total / 60, hours = minutes / 60, days = hours / 24, years = days / 365;
  std::string out;
  if (years > 0) out += std::to_string(years) + "y";
  if (days > 0) out += std::to_string(days % 365) + "d";
  if (hours > 0) out += std::to_string(hours % 24) + "h";
  if (minutes > 0) out += std::to_string(minutes % 60) + "m";
  return out + std::to_string(total % 60) + "s";
}

std::string rfc3339(std::int64_t unix_ns) {
  if (unix_ns == 0) return "0001-01-01T00:00:00Z";
  const auto at = civil(unix_ns);
  auto out = print("%04d-%02u-%02uT%02u:%02u:%02u", at.year, at.month, at.day, at.hour, at.minute,
                   at.second);
  if (at.nanosecond != 0) out += with_fraction(at.nanosecond, 9).substr(1);
  return out + "Z";
}

std::string http_date(std::int64_t unix_ns) {
  static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                           "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto at = civil(unix_ns);
  return print("%s, %02u %s %04d %02u:%02u:%02u GMT", days[at.weekday], at.day,
               months[at.month - 1], at.year, at.hour, at.minute, at.second);
}

std::string json_number(double value) {
  if (!std::isfinite(value)) return "0";
  const double size = std::abs(value);
  const bool scientific = size != 0 && (size < 1e-6 || size >= 1e21);
  std::array<char, 400> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value,
                                 scientific ? std::chars_format::scientific
                                            : std::chars_format::fixed);
  std::string out(text.data(), end.ptr);
  // Go writes e-9 where C++ writes e-09.
  const auto exponent = out.find("e-0");
  if (exponent != std::string::npos) out.erase(exponent + 2, 1);
  return out;
}

std::string go_quote(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const auto length = utf8_length(text);
    const auto character = text.substr(0, length == 0 ? 1 : length);
    text.remove_prefix(character.size());
    const auto byte = static_cast<unsigned char>(character[0]);
    static constexpr std::string_view controls = "\a\b\f\n\r\t\v", letters = "abfnrtv";
    if (byte == '"' || byte == '\\') {
      out += {'\\', character[0]};
    } else if (const auto at = controls.find(character[0]); at != std::string_view::npos) {
      out += {'\\', letters[at]};
    } else if (length == 0 || byte < ' ' || byte == 0x7f) {
      out += print("\\x%02x", static_cast<unsigned>(byte));
    } else if (is_printable(character)) {
      out += character;
    } else {
      out += print("\\u%04x", static_cast<unsigned>(static_cast<unsigned char>(character[1])));
    }
  }
  return out + '"';
}

std::string join_host_port(std::string_view host, unsigned port) {
  std::string out(host);
  if (host.find(':') != std::string_view::npos) out = "[" + out + "]";
  return out + ":" + std::to_string(port);
}

std::size_t utf8_length(std::string_view text) noexcept {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  const std::size_t length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if (!is_continuation(text[i])) return 0;
  }
  const auto second = static_cast<unsigned char>(text[1]);
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool beyond = (first == 0xed && second >= 0xa0) || (first == 0xf4 && second >= 0x90);
  return overlong || beyond ? 0 : length;
}

}  // namespace dunlin::monitoring
