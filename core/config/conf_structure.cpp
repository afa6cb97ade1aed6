#include <filesystem>

#include "core/config/conf_parser.hpp"
#include "core/config/file_text.hpp"

namespace dunlin::config::conf {
namespace {

constexpr int includes_max = 1'000;

bool is_separator(char32_t rune) { return rune == U'=' || rune == U':'; }

}  // namespace

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
  if (is_separator(first)) {
    refuse(fmt::format("Unexpected key separator {}", shown(cursor_.peek_text())));
  }
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
  if (is_separator(first)) {
    refuse(fmt::format("Unexpected key separator {}.", shown(cursor_.peek_text())));
  }
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
    // A text is where it starts behind its quote; a container, where it ends.
    const char32_t first = cursor_.peek();
    auto at = here();
    if (first == U'"' || first == U'\'' || first == U'(') ++at.column;
    Value value = read_value(Within::array);
    if (first == U'[' || first == U'{') at = here();
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

}  // namespace dunlin::config::conf
