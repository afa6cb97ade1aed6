#include "core/config/advertise.hpp"

#include <fmt/format.h>

#include <charconv>

#include "core/protocol/go_quote.hpp"

namespace dunlin::config {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view space = " \t\r\n\v\f";
  const auto first = text.find_first_not_of(space);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(space) - first + 1);
}

constexpr std::string_view missing_port = "missing port in address";

struct Split {
  std::string_view host, port;
  std::string_view problem;
};

Split wrong(std::string_view problem) { return {{}, {}, problem}; }

Split split(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong(missing_port);
  Split out{text.substr(0, colon), text.substr(colon + 1), {}};
  std::size_t host_at = 0, after_host = 0;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return wrong("missing ']' in address");
    if (end + 1 != colon) {
      return wrong(text.substr(end + 1).starts_with(':') ? "too many colons in address"
                                                         : missing_port);
    }
    out.host = text.substr(1, end - 1);
    host_at = 1;
    after_host = end + 1;
  } else if (out.host.find(':') != std::string_view::npos) {
    return wrong("too many colons in address");
  }
  if (text.find('[', host_at) != std::string_view::npos) return wrong("unexpected '[' in address");
  if (text.find(']', after_host) != std::string_view::npos) {
    return wrong("unexpected ']' in address");
  }
  return out;
}

}  // namespace

result<Address> parse_advertise(std::string_view text, int own_port) {
  std::string whole(text);
  auto parts = split(whole);
  if (parts.problem == missing_port) {
    whole += fmt::format(":{}", own_port);
    parts = split(whole);
  }
  if (!parts.problem.empty()) return fail(fmt::format("address {}: {}", whole, parts.problem));
  Address out{std::string(trimmed(parts.host)), 0};
  const auto written = trimmed(parts.port);
  auto digits = written;
  if (digits.starts_with('+') && !digits.starts_with("+-")) digits.remove_prefix(1);
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), out.port);
  const bool is_whole = read.ptr == digits.data() + digits.size();
  if (read.ec == std::errc::invalid_argument || !is_whole) {
    return fail(fmt::format("strconv.Atoi: parsing {}: invalid syntax",
                            protocol::go_quote(written)));
  }
  if (read.ec != std::errc()) {
    return fail(fmt::format("strconv.Atoi: parsing {}: value out of range",
                            protocol::go_quote(written)));
  }
  if (out.port == 0 || out.port == -1) out.port = own_port;
  return out;
}

}  // namespace dunlin::config
