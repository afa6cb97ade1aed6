#include "query.hpp"

#include <charconv>

#include "go_format.hpp"

namespace dunlin::monitoring {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

enum class Failure { none, syntax, range };

template <class Number>
Failure parse_decimal(std::string_view text, Number& out) {
  const auto end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, out);
  // Digits up to the end decide first: "99999999999999999999x" is a syntax error.
  if (parsed.ptr != end || parsed.ec == std::errc::invalid_argument) return Failure::syntax;
  return parsed.ec == std::errc::result_out_of_range ? Failure::range : Failure::none;
}

std::string refusal(std::string_view type, std::string_view name, std::string_view function,
                    std::string_view value, Failure failure) {
  std::string out = "Error decoding ";
  out.append(type).append(" for '").append(name).append("': strconv.").append(function);
  out += ": parsing " + go_quote(value);
  return out + (failure == Failure::range ? ": value out of range" : ": invalid syntax");
}

}  // namespace

bool percent_decode(std::string_view encoded, PlusMeans plus, std::string& out) {
  out.clear();
  for (std::size_t i = 0; i < encoded.size(); ++i) {
    if (encoded[i] == '%') {
      if (encoded.size() - i < 3) return false;
      const int high = hex_digit(encoded[i + 1]), low = hex_digit(encoded[i + 2]);
      if (high < 0 || low < 0) return false;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += encoded[i] == '+' && plus == PlusMeans::space ? ' ' : encoded[i];
    }
  }
  return true;
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

Query::Query(std::string_view encoded) {
  while (!encoded.empty() && parameters_.size() < parameters_max) {
    const auto pair = encoded.substr(0, encoded.find('&'));
    encoded.remove_prefix(pair.size() < encoded.size() ? pair.size() + 1 : pair.size());
    if (pair.empty() || pair.find(';') != std::string_view::npos) continue;
    const auto equals = pair.find('=');
    const auto value = equals == std::string_view::npos ? "" : pair.substr(equals + 1);
    std::string decoded_name, decoded_value;
    if (percent_decode(pair.substr(0, equals), PlusMeans::space, decoded_name) &&
        percent_decode(value, PlusMeans::space, decoded_value)) {
      parameters_.emplace_back(std::move(decoded_name), std::move(decoded_value));
    }
  }
}

std::string_view Query::text(std::string_view name) const noexcept {
  for (const auto& [known, value] : parameters_) {
    if (known == name) return value;
  }
  return {};
}

Decoded<bool> Query::boolean(std::string_view name) const {
  const auto value = text(name);
  for (const auto yes : {"1", "t", "T", "TRUE", "true", "True"}) {
    if (value == yes) return true;
  }
  for (const auto no : {"", "0", "f", "F", "FALSE", "false", "False"}) {
    if (value == no) return false;
  }
  return Decoded<bool>::refused(refusal("boolean", name, "ParseBool", value, Failure::syntax));
}

Decoded<std::int64_t> Query::integer(std::string_view name) const {
  const auto value = text(name);
  std::int64_t out = 0;
  if (value.empty()) return out;
  // "+5" is fine, "+-5" is not.
  const bool has_plus = value[0] == '+' && !value.substr(1).starts_with('-');
  const auto failure = parse_decimal(value.substr(has_plus ? 1 : 0), out);
  if (failure == Failure::none) return out;
  return Decoded<std::int64_t>::refused(refusal("int", name, "Atoi", value, failure));
}

Decoded<std::uint64_t> Query::unsigned_integer(std::string_view name) const {
  const auto value = text(name);
  std::uint64_t out = 0;
  if (value.empty()) return out;
  const auto failure = parse_decimal(value, out);
  if (failure == Failure::none) return out;
  return Decoded<std::uint64_t>::refused(refusal("uint64", name, "ParseUint", value, failure));
}

}  // namespace dunlin::monitoring
