#include "core/config/toml_reader.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <set>
#include <sstream>

#include "core/config/conf_cursor.hpp"
#include "core/config/conf_reader.hpp"
#include "core/config/file_text.hpp"

namespace dunlin::config {
namespace {

constexpr int includes_max = 1'000;
constexpr int expansions_max = 16;
constexpr std::size_t expanded_max = 1'000'000;

// Ends reading; never leaves this file.
struct Failure {
  std::string text;
};

[[noreturn]] void refuse(const Position& at, std::string_view reason) {
  throw Failure{fmt::format("{}: {}", at.text(), reason)};
}

using FileName = std::shared_ptr<const std::string>;

Position position(const toml::source_region& region, const FileName& file) {
  return {file, region.begin.line, region.begin.column};
}

// Skips a string that starts at the cursor: basic or literal, on one line or several.
void skip_string(ConfCursor& cursor) {
  const char32_t quote = cursor.next();
  bool several_lines = false;
  if (cursor.accept(quote)) {
    if (!cursor.accept(quote)) return;  // an empty string
    several_lines = true;
  }
  for (int quotes = 0; !cursor.at_end();) {
    if (!several_lines && cursor.peek() == U'\n') return;  // unterminated; the parser will say so
    const char32_t rune = cursor.next();
    if (rune == U'\\' && quote == U'"') cursor.next();
    quotes = rune == quote ? quotes + 1 : 0;
    if (quotes < (several_lines ? 3 : 1)) continue;
    while (several_lines && cursor.accept(quote)) {
    }
    return;
  }
}

// TOML has ASCII alone outside of strings and comments, and toml++ 3.3 does not keep its footing
// when it meets anything else there, so it never gets to see it.
void refuse_stray_runes(std::string_view text, const FileName& file) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  ConfCursor cursor(text);
  while (!cursor.at_end()) {
    const char32_t rune = cursor.peek();
    if (rune == U'"' || rune == U'\'') {
      skip_string(cursor);
    } else if (rune == U'#') {
      while (!cursor.at_end() && cursor.peek() != U'\n') cursor.next();
    } else if (rune >= 0x80) {
      refuse({file, cursor.line(), cursor.column() + (cursor.line() == 1 ? 1 : 0)},
             "letters beyond ASCII may stand in strings and comments only");
    } else {
      cursor.next();
    }
  }
}

// ---- toml++ nodes to our tree ------------------------------------------------------------------

Map convert_table(const toml::table& table, const FileName& file);

Value convert(const toml::node& node, const FileName& file) {
  Value value;
  value.at = position(node.source(), file);
  if (const auto* table = node.as_table()) {
    value.data = convert_table(*table, file);
  } else if (const auto* array = node.as_array()) {
    Array out;
    out.reserve(array->size());
    for (const auto& element : *array) out.push_back(convert(element, file));
    value.data = std::move(out);
  } else if (const auto* text = node.as_string()) {
    value.data = text->get();
  } else if (const auto* integer = node.as_integer()) {
    value.data = integer->get();
  } else if (const auto* number = node.as_floating_point()) {
    value.data = number->get();
  } else if (const auto* flag = node.as_boolean()) {
    value.data = flag->get();
  } else {
    std::ostringstream written;
    if (const auto* both = node.as_date_time()) written << both->get();
    if (const auto* date = node.as_date()) written << date->get();
    if (const auto* time = node.as_time()) written << time->get();
    value.data = Datetime{written.str()};
  }
  return value;
}

Map convert_table(const toml::table& table, const FileName& file) {
  std::vector<Entry> entries;
  entries.reserve(table.size());
  for (const auto& [key, node] : table) {
    Entry entry{std::string(key.str()), convert(node, file), position(key.source(), file), false};
    entry.value.at = entry.at;
    entries.push_back(std::move(entry));
  }
  // toml++ sorts by key; findings read better in the order of the file.
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::pair(a.at.line, a.at.column) < std::pair(b.at.line, b.at.column);
  });
  Map map;
  for (auto& entry : entries) map.set(std::move(entry));
  return map;
}

// ---- includes ----------------------------------------------------------------------------------

bool holds_tables(const Array& array) {
  return !array.empty() && std::all_of(array.begin(), array.end(), [](const Value& element) {
    return element.as<Map>() != nullptr;
  });
}

// `over` wins; tables merge, lists of tables grow.
void merge(Map& into, const Map& over) {
  for (const auto& entry : over.entries()) {
    auto* existing = into.find(entry.key);
    if (existing == nullptr) {
      into.set(entry);
      continue;
    }
    auto* map = std::get_if<Map>(&existing->value.data);
    auto* array = std::get_if<Array>(&existing->value.data);
    const auto* more = entry.value.as<Array>();
    if (map != nullptr && entry.value.as<Map>() != nullptr) {
      merge(*map, *entry.value.as<Map>());
    } else if (array != nullptr && more != nullptr && holds_tables(*array) &&
               holds_tables(*more)) {
      array->insert(array->end(), more->begin(), more->end());
    } else {
      into.set(entry);
    }
  }
}

class Includer {
 public:
  Map read(std::string_view text, const std::string& name) {
    const auto file = std::make_shared<const std::string>(name);
    const auto id = std::filesystem::path(name).lexically_normal().string();
    files_.insert(id);
    refuse_stray_runes(text, file);
    Map map;
    try {
      map = convert_table(toml::parse(text, name), file);
    } catch (const toml::parse_error& error) {
      refuse(position(error.source(), file), error.description());
    }
    map = resolve(std::move(map), file);
    files_.erase(id);
    return map;
  }

 private:
  Map read_file(const std::string& name, const Position& at) {
    if (++count_ > includes_max) refuse(at, "too many includes");
    if (files_.contains(std::filesystem::path(name).lexically_normal().string())) {
      refuse(at, fmt::format("error parsing include file '{}', it includes itself", name));
    }
    const auto text = read_file_text(name);
    if (!text) {
      refuse(at, fmt::format("error parsing include file '{}', {}", name, text.error().text));
    }
    if (name.ends_with(".toml")) return read(*text, name);
    auto conf = read_conf_text(*text, name);
    if (!conf) {
      refuse(at, fmt::format("error parsing include file '{}', {}", name, conf.error().text));
    }
    return std::move(*conf);
  }

  // Puts what `include` names below the map's own keys; the same in the tables inside.
  Map resolve(Map map, const FileName& file) {
    Map own;
    Map base;
    for (const auto& entry : map.entries()) {
      if (entry.key == "include") {
        for (const auto& path : paths(entry)) {
          const auto directory = std::filesystem::path(*file).parent_path();
          merge(base, read_file((directory / path).lexically_normal().string(), entry.at));
        }
        continue;
      }
      Entry copy = entry;
      if (auto* inner = std::get_if<Map>(&copy.value.data)) {
        *inner = resolve(std::move(*inner), file);
      }
      own.set(std::move(copy));
    }
    merge(base, own);
    return base;
  }

  static std::vector<std::string> paths(const Entry& entry) {
    if (const auto* text = entry.value.as<std::string>()) return {*text};
    const auto* array = entry.value.as<Array>();
    if (array == nullptr) refuse(entry.at, "include must be a file name or a list of them");
    std::vector<std::string> out;
    for (const auto& element : *array) {
      const auto* text = element.as<std::string>();
      if (text == nullptr) refuse(element.at, "include must be a file name or a list of them");
      out.push_back(*text);
    }
    return out;
  }

  std::set<std::string> files_;
  int count_ = 0;
};

// ---- variables ---------------------------------------------------------------------------------

class Expander {
 public:
  explicit Expander(Map vars) : vars_(std::move(vars)) {}

  void expand(Map& map) {
    Map out;
    for (auto entry : map.entries()) {
      expand(entry.value, 0);
      out.set(std::move(entry));
    }
    map = std::move(out);
  }

 private:
  void expand(Value& value, int depth) {
    if (auto* map = std::get_if<Map>(&value.data)) {
      expand(*map);
    } else if (auto* array = std::get_if<Array>(&value.data)) {
      for (auto& element : *array) expand(element, depth);
    } else if (auto* text = std::get_if<std::string>(&value.data)) {
      expand_text(value, std::string(*text), depth);
    }
  }

  void expand_text(Value& value, const std::string& text, int depth) {
    if (text.find('$') == std::string::npos) return;
    if (text.starts_with("${") && text.find('}') == text.size() - 1) {
      const Position at = value.at;
      value = lookup(std::string_view(text).substr(2, text.size() - 3), at, depth);
      value.at = at;
      return;
    }
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const bool dollar = text[i] == '$' && i + 1 < text.size();
      const auto end = dollar && text[i + 1] == '{' ? text.find('}', i) : std::string::npos;
      if (dollar && text[i + 1] == '$') {
        out += '$';
        ++i;
      } else if (end != std::string::npos) {
        const auto name = std::string_view(text).substr(i + 2, end - i - 2);
        out += as_text(lookup(name, value.at, depth), value.at);
        i = end;
      } else {
        out += text[i];
      }
      if (out.size() > expanded_max) refuse(value.at, "variables expand to too much text");
    }
    value.data = std::move(out);
  }

  // The value of `NAME` or `NAME:-default`.
  Value lookup(std::string_view reference, const Position& at, int depth) {
    if (depth >= expansions_max || ++count_ > static_cast<int>(expanded_max)) {
      refuse(at, fmt::format("variable reference cycle for '{}'", reference));
    }
    const auto separator = reference.find(":-");
    const std::string name(reference.substr(0, separator));
    if (const auto* entry = vars_.find(name)) {
      Value value = entry->value;
      if (value.as<std::string>() != nullptr) expand(value, depth + 1);
      return value;
    }
    if (const char* text = std::getenv(name.c_str())) return typed(text, at);
    if (separator != std::string_view::npos) return typed(reference.substr(separator + 2), at);
    refuse(at, fmt::format("variable reference for '{}' can not be found", name));
  }

  // What the text would be if it stood in the file, or the text itself.
  static Value typed(std::string_view text, const Position& at) {
    try {
      const auto document = fmt::format("value = {}", text);
      refuse_stray_runes(document, at.file);
      const auto parsed = toml::parse(document);
      if (parsed.size() == 1 && parsed.contains("value")) {
        return convert(*parsed.get("value"), at.file);
      }
    } catch (const toml::parse_error&) {
      // Not a TOML value, so it is plain text.
    } catch (const Failure&) {
      // The same.
    }
    Value value;
    value.data = std::string(text);
    return value;
  }

  static std::string as_text(const Value& value, const Position& at) {
    if (const auto* text = value.as<std::string>()) return *text;
    if (const auto* flag = value.as<bool>()) return *flag ? "true" : "false";
    if (const auto* integer = value.as<std::int64_t>()) return std::to_string(*integer);
    if (const auto* number = value.as<double>()) return fmt::format("{}", *number);
    if (const auto* time = value.as<Datetime>()) return time->text;
    refuse(at, "only text and numbers can stand inside a longer text");
  }

  Map vars_;
  int count_ = 0;
};

}  // namespace

result<Map> read_toml_text(std::string_view text, const std::string& file) {
  try {
    Map map = Includer().read(text, file);
    Map vars;
    if (auto* entry = map.find("vars"); entry != nullptr && entry->value.as<Map>() != nullptr) {
      entry->used_variable = true;
      vars = *entry->value.as<Map>();
    }
    Expander(std::move(vars)).expand(map);
    return map;
  } catch (const Failure& failure) {
    return fail(failure.text);
  }
}

}  // namespace dunlin::config
