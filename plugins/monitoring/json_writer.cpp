#include "json_writer.hpp"

#include "go_format.hpp"

namespace dunlin::monitoring {
namespace {

void append_escape(std::string& out, unsigned char byte) {
  static constexpr char digits[] = "0123456789abcdef";
  out += "\\u00";
  out += digits[byte >> 4];
  out += digits[byte & 15];
}

// False when the byte needs no escape.
bool append_special(std::string& out, char c) {
  switch (c) {
    case '"': out += "\\\""; return true;
    case '\\': out += "\\\\"; return true;
    case '\b': out += "\\b"; return true;
    case '\f': out += "\\f"; return true;
    case '\n': out += "\\n"; return true;
    case '\r': out += "\\r"; return true;
    case '\t': out += "\\t"; return true;
    case '<':
    case '>':
    case '&': break;
    default:
      if (static_cast<unsigned char>(c) >= 0x20) return false;
  }
  append_escape(out, static_cast<unsigned char>(c));
  return true;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    if (append_special(out, text[0])) {
      text.remove_prefix(1);
      continue;
    }
    const auto length = utf8_length(text);
    if (length == 0) {
      out += "\\ufffd";
      text.remove_prefix(1);
      continue;
    }
    // Line and paragraph separator: allowed in JSON, not in JavaScript.
    const auto character = text.substr(0, length);
    if (character == "\u2028") {
      out += "\\u2028";
    } else if (character == "\u2029") {
      out += "\\u2029";
    } else {
      out += character;
    }
    text.remove_prefix(length);
  }
  out += '"';
}

void JsonWriter::key(std::string_view name) {
  separate();
  append_json_string(text_, name);
  text_ += indented_ ? ": " : ":";
  after_key_ = true;
}

void JsonWriter::value(std::string_view text) {
  separate();
  append_json_string(text_, text);
}

void JsonWriter::value(double number) { raw(json_number(number)); }

void JsonWriter::begin(char open) {
  separate();
  text_ += open;
  ++depth_;
  is_first_ = true;
}

void JsonWriter::end(char close) {
  --depth_;
  if (!is_first_) new_line();
  text_ += close;
  is_first_ = false;
}

void JsonWriter::raw(std::string_view text) {
  separate();
  text_ += text;
}

// What stands before a key, or before a value that has none.
void JsonWriter::separate() {
  if (std::exchange(after_key_, false)) return;
  if (!std::exchange(is_first_, false)) text_ += ',';
  if (depth_ > 0) new_line();
}

void JsonWriter::new_line() {
  if (!indented_) return;
  text_ += '\n';
  text_.append(2 * depth_, ' ');
}

}  // namespace dunlin::monitoring
