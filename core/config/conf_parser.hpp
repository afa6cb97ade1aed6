// The reader behind read_conf_text(): its parts are in conf_structure.cpp (keys, maps, arrays,
// includes) and conf_values.cpp (scalars, variables). Private to those files and conf_reader.cpp.

#pragma once

#include <fmt/format.h>

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/conf_cursor.hpp"
#include "core/config/tree.hpp"

namespace dunlin::config::conf {

inline constexpr int nesting_max = 200;

// Ends reading; caught by read_conf_text().
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

// Whether `text` is the word, whatever its case.
[[nodiscard]] bool equals_folded(std::string_view text, std::string_view lower_case);
// A rune in quotes, for messages.
[[nodiscard]] std::string shown(std::string_view rune);

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

}  // namespace dunlin::config::conf
