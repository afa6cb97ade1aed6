#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <cstring>

#include "core/config/conf_parser.hpp"
#include "core/config/conf_scalar.hpp"
#include "core/protocol/utf8.hpp"

namespace dunlin::config::conf {
namespace {

constexpr std::size_t copies_max = 1'000'000;  // values copied by variables, against explosion

std::size_t count_values(const Value& value) {
  std::size_t count = 1;
  if (const auto* array = value.as<Array>()) {
    for (const auto& element : *array) count += count_values(element);
  } else if (const auto* map = value.as<Map>()) {
    for (const auto& entry : map->entries()) count += count_values(entry.value);
  }
  return count;
}

Value integer_value(std::string_view text) {
  const auto number = parse_size(text);
  if (!number) throw Failure{number.error().text};
  Value value;
  value.data = *number;
  return value;
}

Value text_value(std::string text) {
  Value value;
  value.data = std::move(text);
  return value;
}

}  // namespace

bool equals_folded(std::string_view text, std::string_view lower_case) {
  return std::equal(text.begin(), text.end(), lower_case.begin(), lower_case.end(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
}

std::string shown(std::string_view rune) {
  if (rune.empty()) return "end of file";
  return rune == "\n" ? "'\\n'" : "'" + protocol::replace_invalid_utf8(rune) + "'";
}

// ---- values ------------------------------------------------------------------------------------

Value Reader::read_value(Within within) {
  cursor_.skip_blanks();
  const char32_t first = cursor_.peek();
  const auto start = cursor_.place();
  if (first == U'[' || first == U'{') {
    cursor_.next();
    if (++session_.nesting > nesting_max) refuse_behind("nested too deeply");
    Value value = first == U'[' ? read_array() : read_map();
    --session_.nesting;
    return value;
  }
  if (first == U'\'') return raw();
  if (first == U'"') return quoted();
  if (first == U'(') return block();
  if (first == U'-' || is_digit(first)) return number(within);
  if (first == U'.') refuse("Floats must start with a digit");
  if (is_newline(first)) refuse("Expected value but found new line");
  return bare(start);
}

bool Reader::ends_number(Within within) const {
  const char32_t rune = cursor_.peek();
  return is_newline(rune) || is_blank(rune) || rune == 0 || rune == U'}' || rune == U';' ||
         rune == U',' || (rune == U']' && within == Within::array);
}

Value Reader::number(Within within) {
  const auto start = cursor_.place();
  const bool negative = cursor_.accept(U'-');
  if (!is_digit(cursor_.peek())) {
    if (cursor_.peek() == U'.') refuse("Floats must start with a digit, not '.'.");
    refuse(fmt::format("Expected a digit but got {}.", shown(cursor_.peek_text())));
  }
  while (is_digit(cursor_.peek())) cursor_.next();
  const char32_t rune = cursor_.peek();
  if (rune == U'.') return fraction(start);
  if (rune < 0x80 && rune != 0 && std::strchr("kKmMgGtTpPeE", static_cast<int>(rune))) {
    return size_suffix(start, within);
  }
  if (negative || ends_number(within)) return integer_value(cursor_.from(start));
  if (rune == U'-') {
    cursor_.next();
    if (cursor_.place() - start != 5) refuse_behind("All ISO8601 dates must be in full Zulu form.");
    return datetime(start);
  }
  cursor_.next();  // the rune that made it a string is part of it, even a quote
  return bare(start);
}

Value Reader::size_suffix(std::size_t start, Within within) {
  cursor_.next();
  for (char32_t rune = cursor_.peek();
       rune == U'b' || rune == U'B' || rune == U'i' || rune == U'I'; rune = cursor_.peek()) {
    cursor_.next();
  }
  return ends_number(within) ? integer_value(cursor_.from(start)) : bare(start);
}

// Behind the whole part: a float, or an address such as 127.0.0.1:4222.
Value Reader::fraction(std::size_t start) {
  cursor_.next();
  if (!is_digit(cursor_.peek())) {
    refuse(fmt::format("Floats must have a digit after the '.', but got {} instead.",
                       shown(cursor_.peek_text())));
  }
  while (is_digit(cursor_.peek())) cursor_.next();
  if (cursor_.peek() != U'.') {
    const auto number = parse_float(cursor_.from(start));
    if (!number) throw Failure{number.error().text};
    Value value;
    value.data = *number;
    return value;
  }
  for (char32_t rune = cursor_.peek();
       is_digit(rune) || rune == U'.' || rune == U':' || rune == U'-'; rune = cursor_.peek()) {
    cursor_.next();
  }
  return text_value(std::string(cursor_.from(start)));
}

Value Reader::datetime(std::size_t start) {
  for (const char wanted : std::string_view("00-00T00:00:00Z")) {
    const char32_t rune = cursor_.peek();
    if (wanted == '0' && !is_digit(rune)) {
      refuse(fmt::format("Expected digit in ISO8601 datetime, but found {} instead.",
                         shown(cursor_.peek_text())));
    }
    if (wanted != '0' && rune != static_cast<char32_t>(wanted)) {
      refuse(fmt::format("Expected '{}' in ISO8601 datetime, but found {} instead.", wanted,
                         shown(cursor_.peek_text())));
    }
    cursor_.next();
  }
  const auto text = cursor_.from(start);
  if (!is_real_time(text)) {
    throw Failure{fmt::format("expected Zulu formatted DateTime, but got '{}'", text)};
  }
  Value value;
  value.data = Datetime{std::string(text)};
  return value;
}

Value Reader::raw() {
  cursor_.next();
  return text_value(quoted_key(U'\'', "Unexpected EOF."));
}

// The `)` must stand alone on its line; what is between, newlines included, is the text.
Value Reader::block() {
  cursor_.next();
  const auto start = cursor_.place();
  char32_t previous = 0;
  for (;;) {
    const char32_t rune = cursor_.peek();
    if (rune == 0) refuse("Unexpected EOF processing block.");
    if (rune == U')' && previous == U'\n') {
      std::string text(cursor_.from(start));
      cursor_.next();
      if (cursor_.peek() == U'\n' || cursor_.peek() == 0) return text_value(std::move(text));
      previous = rune;
      continue;
    }
    previous = rune;
    cursor_.next();
  }
}

Value Reader::quoted() {
  cursor_.next();
  std::string text;
  for (;;) {
    const char32_t rune = cursor_.peek();
    if (rune == 0) refuse("Unexpected EOF.");
    const auto start = cursor_.place();
    cursor_.next();
    if (rune == U'"') return text_value(std::move(text));
    text += rune == U'\\' ? escape() : std::string(cursor_.from(start));
  }
}

// Behind a backslash.
std::string Reader::escape() {
  const auto letter = cursor_.peek_text();
  switch (cursor_.next()) {
    case U't': return "\t";
    case U'n': return "\n";
    case U'r': return "\r";
    case U'"': return "\"";
    case U'\\': return "\\";
    case U'x': break;
    default:
      refuse_behind(fmt::format("Invalid escape character {}. Only the following escape characters "
                                "are allowed: \\xXX, \\t, \\n, \\r, \\\", \\\\.", shown(letter)));
  }
  const auto start = cursor_.place();
  int value = 0;
  bool valid = true;
  for (int i = 0; i < 2; ++i) {
    const char32_t digit = cursor_.next();
    if (is_newline(digit)) {
      refuse_behind("Expected two hexadecimal digits after '\\x', but hit end of line");
    }
    const bool hex = digit < 0x80 && std::isxdigit(static_cast<int>(digit)) != 0;
    valid = valid && hex;
    if (hex) value = value * 16 + (is_digit(digit) ? static_cast<int>(digit) - '0'
                                                   : (static_cast<int>(digit) | 32) - 'a' + 10);
  }
  if (!valid) {
    refuse_behind(fmt::format("Expected two hexadecimal digits after '\\x', but got '{}'",
                              cursor_.from(start)));
  }
  return std::string(1, static_cast<char>(value));
}

// A string without quotes, a boolean or a variable; the text from `start` on belongs to it.
Value Reader::bare(std::size_t start) {
  std::string text(cursor_.from(start));
  bool escaped = false;
  for (;;) {
    const char32_t rune = cursor_.peek();
    if (rune == 0 || is_newline(rune) || is_blank(rune) || rune == U';' || rune == U',' ||
        rune == U']' || rune == U'}') {
      break;
    }
    const auto from = cursor_.place();
    cursor_.next();
    if (rune == U'\'') return text_value(std::move(text));
    escaped = escaped || rune == U'\\';
    text += rune == U'\\' ? escape() : std::string(cursor_.from(from));
  }
  if (escaped) return text_value(std::move(text));
  for (const auto* word : {"true", "yes", "on", "false", "no", "off"}) {
    if (!equals_folded(text, word)) continue;
    Value value;
    value.data = *word == 't' || *word == 'y' || std::string_view(word) == "on";
    return value;
  }
  if (text.starts_with('$')) return variable(std::string_view(text).substr(1));
  return text_value(std::move(text));
}

// ---- variables ---------------------------------------------------------------------------------

Value Reader::variable(std::string_view name) {
  if (name.starts_with("2a$")) return text_value("$" + std::string(name));  // a bcrypt hash
  for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
    if (auto* entry = (*scope)->find(name)) {
      entry->used_variable = true;
      session_.copies += count_values(entry->value);
      if (session_.copies > copies_max) throw Failure{"variables expand to too many values"};
      return entry->value;
    }
  }
  return environment(name);
}

Value Reader::environment(std::string_view name) {
  const std::string key(name);
  const auto line = cursor_.line();
  const auto refuse_cause = [&](const std::string& cause) {
    throw Failure{fmt::format("variable reference for '{}' on line {} could not be parsed: {}", key,
                              line, cause)};
  };
  if (!session_.variables.insert(key).second) {
    refuse_cause(fmt::format("variable reference cycle for '{}'", key));
  }
  const char* text = std::getenv(key.c_str());
  if (text == nullptr) {
    throw Failure{
        fmt::format("variable reference for '{}' on line {} can not be found", key, line)};
  }
  Map parsed;
  try {
    parsed = Reader(std::string("pk=") + text, *file_, session_).read();
  } catch (const Failure& failure) {
    refuse_cause(failure.text);
  }
  session_.variables.erase(key);
  const auto* entry = parsed.find("pk");
  if (entry == nullptr) refuse_cause("no value");
  return entry->value;
}

}  // namespace dunlin::config::conf
