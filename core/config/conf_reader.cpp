#include "core/config/conf_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <set>

#include "core/config/conf_cursor.hpp"
#include "core/config/conf_scalar.hpp"
#include "core/config/file_text.hpp"
#include "core/protocol/utf8.hpp"

namespace dunlin::config {
namespace {

constexpr int nesting_max = 200;
constexpr std::size_t copies_max = 1'000'000;  // values copied by variables, against explosion
constexpr int includes_max = 1'000;

// Ends reading; never leaves this file.
struct Failure {
  std::string text;
};

// What one reading shares over its includes and environment variables.
struct Session {
  std::set<std::string> files;      // being read, against cycles
  std::set<std::string> variables;  // being looked up in the environment, against cycles
  std::size_t copies = 0;
  int includes = 0;
  int nesting = 0;
};

std::size_t count_values(const Value& value) {
  std::size_t count = 1;
  if (const auto* array = value.as<Array>()) {
    for (const auto& element : *array) count += count_values(element);
  } else if (const auto* map = value.as<Map>()) {
    for (const auto& entry : map->entries()) count += count_values(entry.value);
  }
  return count;
}

bool is_separator(char32_t rune) { return rune == U'=' || rune == U':'; }

bool equals_folded(std::string_view text, std::string_view lower_case) {
  return std::equal(text.begin(), text.end(), lower_case.begin(), lower_case.end(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
}

std::string shown(std::string_view rune) {
  if (rune.empty()) return "end of file";
  return rune == "\n" ? "'\\n'" : "'" + protocol::replace_invalid_utf8(rune) + "'";
}

class Reader {
 public:
  Reader(std::string_view text, const std::string& file, Session& session)
      : cursor_(text), file_(std::make_shared<const std::string>(file)), session_(session) {}

  Map read() {
    Map map;
    scopes_.push_back(&map);
    read_top(map);
    return map;
  }

 private:
  struct Key {
    std::string text;
    Position at;
  };
  enum class Within { top, map, array };

  void read_top(Map& map);
  void read_blocks(Map& map);
  bool read_entry(Map& map);
  void end_top_value();
  bool end_block_value(bool after_block);
  Value read_map();
  bool read_map_entry(Map& map);
  bool end_map_value();
  Value read_array();
  bool end_array_value();
  std::string quoted_key(char32_t quote, const char* failure);
  void include(Map& map);
  std::string include_path();
  bool comment();

  Value read_value(Within within);
  Value number(Within within);
  Value size_suffix(std::size_t start, Within within);
  Value fraction(std::size_t start);
  Value datetime(std::size_t start);
  Value bare(std::size_t start);
  Value quoted();
  Value raw();
  Value block();
  std::string escape();
  bool ends_number(Within within) const;
  Value variable(std::string_view name);
  Value environment(std::string_view name);

  [[nodiscard]] Position here() const { return {file_, cursor_.line(), cursor_.column()}; }
  // Consumes the offending rune first, so that the line is the one the reference names.
  [[noreturn]] void refuse(const std::string& reason) {
    cursor_.next();
    refuse_behind(reason);
  }
  [[noreturn]] void refuse_behind(const std::string& reason) const {
    throw Failure{fmt::format("Parse error on line {}: '{}'", cursor_.line(), reason)};
  }

  ConfCursor cursor_;
  std::shared_ptr<const std::string> file_;
  Session& session_;
  std::vector<Map*> scopes_;  // maps being read, outermost first
};

// ---- structure -------------------------------------------------------------------------------

// Skips a comment if one starts here. Stops before the newline.
bool Reader::comment() {
  ConfCursor ahead = cursor_;
  const char32_t first = ahead.next();
  if (first != U'#' && !(first == U'/' && ahead.peek() == U'/')) return false;
  while (cursor_.peek() != 0 && !is_newline(cursor_.peek())) cursor_.next();
  return true;
}

void Reader::read_top(Map& map) {
  for (;;) {
    cursor_.skip_space();
    if (cursor_.at_end()) return;
    if (comment()) continue;
    if (cursor_.peek() == 0 || cursor_.peek() == U'/') refuse("Unexpected EOF.");
    if (cursor_.accept(U'{')) {
      read_blocks(map);
      continue;
    }
    if (!read_entry(map)) return;
    end_top_value();
  }
}

// Inside `{ ... }` around whole entries, as in a JSON file; the opening brace is consumed.
void Reader::read_blocks(Map& map) {
  int depth = 1;
  while (depth > 0) {
    cursor_.skip_space();
    if (cursor_.at_end()) return;
    if (comment()) continue;
    if (cursor_.peek() == 0 || cursor_.peek() == U'/') refuse("Unexpected EOF.");
    bool closed = false;
    if (cursor_.accept(U'{')) {
      if (++depth > nesting_max) refuse_behind("nested too deeply");
      continue;
    }
    if (cursor_.accept(U'}')) {
      closed = true;
    } else {
      if (!read_entry(map)) return;
      closed = end_block_value(false);
    }
    while (closed && --depth > 0) closed = end_block_value(true);
  }
}

void Reader::end_top_value() {
  for (;;) {
    if (comment()) return;
    const char32_t rune = cursor_.peek();
    if (is_blank(rune) || rune == U'/') {
      cursor_.next();
      continue;
    }
    if (is_newline(rune) || rune == 0 || rune == U';' || rune == U',' || rune == U'}') {
      cursor_.next();
      return;
    }
    refuse(fmt::format("Expected a top-level value to end with a new line, comment or EOF, "
                       "but got {} instead.", shown(cursor_.peek_text())));
  }
}

// True when the block was closed. Behind a block, newlines do not end the search for `}`.
bool Reader::end_block_value(bool after_block) {
  for (;;) {
    if (comment()) {
      if (after_block) return false;
      continue;
    }
    const char32_t rune = cursor_.peek();
    const bool newline = is_newline(rune);
    if (is_blank(rune) || rune == U'/' || (newline && after_block)) {
      cursor_.next();
      continue;
    }
    if (newline || rune == U';' || rune == U',') {
      cursor_.next();
      return false;
    }
    if (cursor_.accept(U'}')) return true;
    if (after_block) {
      refuse(fmt::format("Expected a block-level to end with a '}}', but got {} instead.",
                         shown(cursor_.peek_text())));
    }
    refuse(fmt::format("Expected a block-level value to end with a new line, comment or EOF, "
                       "but got {} instead.", shown(cursor_.peek_text())));
  }
}

std::string Reader::quoted_key(char32_t quote, const char* failure) {
  const auto start = cursor_.place();
  while (cursor_.peek() != quote) {
    if (cursor_.peek() == 0) refuse(failure);
    cursor_.next();
  }
  std::string text(cursor_.from(start));
  cursor_.next();
  return text;
}

// One key and value, or an include, outside any map. False at the end of the text.
bool Reader::read_entry(Map& map) {
  const char32_t first = cursor_.peek();
  if (is_separator(first)) refuse(fmt::format("Unexpected key separator {}", shown(cursor_.peek_text())));
  Key key;
  if (first == U'"' || first == U'\'') {
    cursor_.next();
    key.at = here();
    key.text = quoted_key(first, "Unexpected EOF.");
  } else {
    key.at = here();
    const auto start = cursor_.place();
    do {
      cursor_.next();
    } while (cursor_.peek() != 0 && !is_space(cursor_.peek()) && !is_separator(cursor_.peek()));
    key.text = cursor_.from(start);
    if (is_space(cursor_.peek()) && equals_folded(key.text, "include")) {
      include(map);
      return true;
    }
  }
  key.at.line = cursor_.line();
  cursor_.skip_space();
  if (!is_separator(cursor_.peek()) && cursor_.peek() == 0) {
    if (key.text == "}") return false;  // the closing brace of a JSON file
    throw Failure{fmt::format("config is invalid ({}:{}:{})", *file_, cursor_.line(),
                              cursor_.column())};
  }
  if (is_separator(cursor_.peek())) cursor_.next();
  Value value = read_value(Within::top);
  value.at = key.at;
  map.set({std::move(key.text), std::move(value), key.at, false});
  return true;
}

Value Reader::read_map() {
  Map map;
  scopes_.push_back(&map);
  while (read_map_entry(map)) {
  }
  scopes_.pop_back();
  Value value;
  value.data = std::move(map);
  return value;
}

// False when the map was closed.
bool Reader::read_map_entry(Map& map) {
  do {
    cursor_.skip_space();
  } while (comment());
  if (cursor_.accept(U'}')) return false;
  if (cursor_.peek() == U'/') cursor_.next();
  const char32_t first = cursor_.peek();
  if (is_separator(first)) refuse(fmt::format("Unexpected key separator {}.", shown(cursor_.peek_text())));
  if (first == U']') refuse("Unexpected array end ']' processing map.");
  if (first == 0) refuse("Unexpected EOF processing map.");
  Key key;
  if (first == U'"' || first == U'\'') {
    cursor_.next();
    key.at = here();
    key.text = quoted_key(first, first == U'"' ? "Unexpected EOF processing double quoted map key."
                                               : "Unexpected EOF processing quoted map key.");
  } else {
    key.at = here();
    const auto start = cursor_.place();
    do {
      cursor_.next();
    } while (cursor_.peek() != 0 && !is_space(cursor_.peek()) && !is_separator(cursor_.peek()));
    if (cursor_.peek() == 0) refuse("Unexpected EOF processing map key.");
    key.text = cursor_.from(start);
    if (is_space(cursor_.peek()) && equals_folded(key.text, "include")) {
      include(map);
      return end_map_value();
    }
  }
  key.at.line = cursor_.line();
  cursor_.skip_space();
  if (is_separator(cursor_.peek())) cursor_.next();
  cursor_.skip_space();
  if (cursor_.peek() == U',') refuse("Unexpected map value terminator \",\".");
  if (cursor_.peek() == U'}') {
    refuse(fmt::format("Expected a value for the map key \"{}\", but got '}}' instead.", key.text));
  }
  Value value = read_value(Within::map);
  value.at = key.at;
  map.set({std::move(key.text), std::move(value), key.at, false});
  return end_map_value();
}

bool Reader::end_map_value() {
  for (;;) {
    cursor_.skip_blanks();
    if (comment()) continue;
    const char32_t rune = cursor_.peek();
    if (rune == U'}') {
      cursor_.next();
      return false;
    }
    if (rune == U'/' || rune == U';' || rune == U',' || is_newline(rune)) {
      cursor_.next();
      return true;
    }
    refuse(fmt::format("Expected a map value terminator \",\" or a map terminator \"}}\", "
                       "but got {} instead.", shown(cursor_.peek_text())));
  }
}

Value Reader::read_array() {
  Array array;
  for (bool open = true; open;) {
    do {
      cursor_.skip_space();
    } while (comment());
    if (cursor_.accept(U']')) break;
    if (cursor_.peek() == U',' || cursor_.peek() == U'/') {
      refuse("Unexpected array value terminator ','.");
    }
    const auto at = here();
    Value value = read_value(Within::array);
    value.at = {file_, cursor_.line(), at.column};
    array.push_back(std::move(value));
    open = end_array_value();
  }
  Value value;
  value.data = std::move(array);
  return value;
}

bool Reader::end_array_value() {
  for (;;) {
    cursor_.skip_blanks();
    if (comment()) continue;
    const char32_t rune = cursor_.peek();
    if (rune == U']') {
      cursor_.next();
      return false;
    }
    if (rune == U'/' || rune == U',' || is_newline(rune)) {
      cursor_.next();
      return true;
    }
    refuse(fmt::format("Expected an array value terminator \",\" or an array terminator \"]\", "
                       "but got {} instead.", shown(cursor_.peek_text())));
  }
}

// ---- includes ----------------------------------------------------------------------------------

std::string Reader::include_path() {
  cursor_.skip_blanks();
  const char32_t first = cursor_.peek();
  if (first == U'\'' || first == U'"') {
    cursor_.next();
    return quoted_key(first, first == U'"' ? "Unexpected EOF in double quoted include"
                                           : "Unexpected EOF in quoted include");
  }
  const auto refuse_start = [&](const char* what) {
    refuse(fmt::format("Expected include value but found {}", what));
  };
  if (first == U'[') refuse_start("start of an array");
  if (first == U'{') refuse_start("start of a map");
  if (first == U'(') refuse_start("start of a block");
  if (is_digit(first) || first == U'-') refuse_start("start of a number");
  if (first == U'\\') refuse_start("escape sequence");
  if (is_newline(first)) refuse_start("new line");
  const auto start = cursor_.place();
  for (char32_t rune = first;
       rune != 0 && !is_newline(rune) && !is_blank(rune) && rune != U';' && rune != U'}' &&
       rune != U'\'';
       rune = cursor_.peek()) {
    cursor_.next();
  }
  std::string path(cursor_.from(start));
  cursor_.accept(U'\'');
  return path;
}

void Reader::include(Map& map) {
  const auto path = include_path();
  const auto refuse_include = [&](const std::string& cause) {
    throw Failure{fmt::format("error parsing include file '{}', {}", path, cause)};
  };
  // Joined even when absolute, as the reference does.
  const auto file =
      (std::filesystem::path(*file_).parent_path() / std::filesystem::path("./" + path))
          .lexically_normal().string();
  if (++session_.includes > includes_max) refuse_include("too many includes");
  const auto text = read_file_text(file);
  if (!text) refuse_include(text.error().text);
  if (!session_.files.insert(file).second) {
    refuse_include(fmt::format("{} includes itself", file));
  }
  Map included;
  try {
    included = Reader(*text, file, session_).read();
  } catch (const Failure& failure) {
    refuse_include(failure.text);
  }
  session_.files.erase(file);
  for (const auto& entry : included.entries()) map.set(entry);
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
      refuse(fmt::format("Expected digit in ISO8601 datetime, but found {} instead.", shown(cursor_.peek_text())));
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

}  // namespace

result<Map> read_conf_text(std::string_view text, const std::string& file) {
  Session session;
  session.files.insert(std::filesystem::path(file).lexically_normal().string());
  try {
    return Reader(text, file, session).read();
  } catch (const Failure& failure) {
    return fail(failure.text);
  }
}

result<Map> read_conf_file(const std::string& file) {
  const auto text = read_file_text(file);
  if (!text) return text.error();
  return read_conf_text(*text, file);
}

}  // namespace dunlin::config
