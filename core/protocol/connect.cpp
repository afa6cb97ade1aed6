// The JSON text drives a handler (Boost.JSON's event parser) that knows where it stands by depth:
// 1 is the CONNECT object, whose members go into ConnectOptions; below that only `import` and
// `export` are looked at, and everything else is skipped.

#include "core/protocol/connect.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json/basic_parser_impl.hpp>

#include "core/protocol/utf8.hpp"

namespace dunlin::protocol {
namespace {

namespace json = boost::json;

struct Field {
  std::string_view key;  // in the case-folded form
  bool ConnectOptions::* flag = nullptr;
  std::string ConnectOptions::* text = nullptr;
  std::int64_t ConnectOptions::* number = nullptr;
  bool is_permission = false;
};

constexpr Field flag_field(std::string_view key, bool ConnectOptions::* member) {
  return {.key = key, .flag = member};
}
constexpr Field text_field(std::string_view key, std::string ConnectOptions::* member) {
  return {.key = key, .text = member};
}

constexpr std::array fields = {
    flag_field("ECHO", &ConnectOptions::echo),
    flag_field("VERBOSE", &ConnectOptions::verbose),
    flag_field("PEDANTIC", &ConnectOptions::pedantic),
    flag_field("TLS_REQUIRED", &ConnectOptions::tls_required),
    flag_field("NEW_ACCOUNT", &ConnectOptions::new_account),
    flag_field("HEADERS", &ConnectOptions::headers),
    flag_field("NO_RESPONDERS", &ConnectOptions::no_responders),
    text_field("NKEY", &ConnectOptions::nkey),
    text_field("JWT", &ConnectOptions::jwt),
    text_field("SIG", &ConnectOptions::sig),
    text_field("AUTH_TOKEN", &ConnectOptions::auth_token),
    text_field("USER", &ConnectOptions::user),
    text_field("PASS", &ConnectOptions::pass),
    text_field("NAME", &ConnectOptions::name),
    text_field("LANG", &ConnectOptions::lang),
    text_field("VERSION", &ConnectOptions::version),
    text_field("ACCOUNT", &ConnectOptions::account),
    text_field("REMOTE_ACCOUNT", &ConnectOptions::remote_account),
    text_field("PROXY_SIG", &ConnectOptions::proxy_sig),
    Field{.key = "PROTOCOL", .number = &ConnectOptions::protocol},
    Field{.key = "IMPORT", .is_permission = true},
    Field{.key = "EXPORT", .is_permission = true},
};

// Upper case, where two letters outside ASCII fold into it: Unicode's simple case folding.
std::string fold(std::string_view key) {
  std::string out;
  while (!key.empty()) {
    const Rune rune = decode_rune(key);
    constexpr char32_t long_s = 0x17f, kelvin = 0x212a;
    if (rune.value == long_s) out += 'S';
    else if (rune.value == kelvin) out += 'K';
    else if (rune.value >= 'a' && rune.value <= 'z') out += static_cast<char>(rune.value - 32);
    else out += key.substr(0, rune.width);
    key.remove_prefix(rune.width);
  }
  return out;
}

enum class ValueType { object, array, text, number, flag, null };

struct Handler {
  static constexpr std::size_t max_object_size = std::size_t(-1);
  static constexpr std::size_t max_array_size = std::size_t(-1);
  static constexpr std::size_t max_key_size = std::size_t(-1);
  static constexpr std::size_t max_string_size = std::size_t(-1);

  using error_code = json::error_code;
  using string_view = json::string_view;

  explicit Handler(ConnectOptions& target) : options(target) {}

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code& failure) {
    if (!accepts(ValueType::object, failure)) return false;
    ++depth;
    return true;
  }
  bool on_object_end(std::size_t, error_code&) {
    --depth;
    return true;
  }
  bool on_array_begin(error_code& failure) {
    if (!accepts(ValueType::array, failure)) return false;
    ++depth;
    return true;
  }
  bool on_array_end(std::size_t, error_code&) {
    --depth;
    return true;
  }

  bool on_key_part(string_view part, std::size_t, error_code&) {
    buffer.append(part.data(), part.size());
    return true;
  }
  bool on_key(string_view part, std::size_t, error_code&) {
    buffer.append(part.data(), part.size());
    if (depth == 1) enter_member();
    else if (depth == 2 && field && field->is_permission) enter_permission_member();
    buffer.clear();
    return true;
  }
  bool on_string_part(string_view part, std::size_t, error_code&) {
    if (field && field->text) buffer.append(part.data(), part.size());
    return true;
  }
  bool on_string(string_view part, std::size_t, error_code& failure) {
    if (!accepts(ValueType::text, failure)) return false;
    if (depth == 1 && field) {
      buffer.append(part.data(), part.size());
      options.*field->text = replace_invalid_utf8(buffer);
    }
    buffer.clear();
    return true;
  }

  bool on_number_part(string_view, error_code&) { return true; }
  bool on_int64(std::int64_t value, string_view, error_code& failure) {
    if (!accepts(ValueType::number, failure)) return false;
    if (depth == 1 && field) options.*field->number = value;
    return true;
  }
  bool on_uint64(std::uint64_t value, string_view, error_code& failure) {
    if (!accepts(ValueType::number, failure)) return false;
    if (depth != 1 || !field) return true;
    if (value > INT64_MAX) return refuse(failure);
    options.*field->number = static_cast<std::int64_t>(value);
    return true;
  }
  bool on_double(double, string_view, error_code& failure) {
    if (!accepts(ValueType::number, failure)) return false;
    return depth == 1 && field ? refuse(failure) : true;
  }
  bool on_bool(bool value, error_code& failure) {
    if (!accepts(ValueType::flag, failure)) return false;
    if (depth == 1 && field) options.*field->flag = value;
    return true;
  }
  bool on_null(error_code& failure) { return accepts(ValueType::null, failure); }
  bool on_comment_part(string_view, error_code&) { return true; }
  bool on_comment(string_view, error_code&) { return true; }

  void enter_member() {
    const std::string key = fold(buffer);
    const auto* found = std::find_if(fields.begin(), fields.end(),
                                     [&](const Field& candidate) { return candidate.key == key; });
    field = found == fields.end() ? nullptr : &*found;
    checks_permission_list = false;
  }
  void enter_permission_member() {
    const std::string key = fold(buffer);
    checks_permission_list = key == "ALLOW" || key == "DENY";
  }

  // Whether a value of this type may stand here.
  bool accepts(ValueType type, error_code& failure) {
    const bool allowed = type == ValueType::null || fits(type);
    return allowed || refuse(failure);
  }
  [[nodiscard]] bool fits(ValueType type) const {
    if (depth == 0) return type == ValueType::object;
    if (!field) return true;
    if (depth == 1) {
      if (field->flag) return type == ValueType::flag;
      if (field->text) return type == ValueType::text;
      if (field->number) return type == ValueType::number;
      return type == ValueType::object;
    }
    if (!checks_permission_list) return true;
    if (depth == 2) return type == ValueType::array;
    if (depth == 3) return type == ValueType::text;
    return true;
  }
  bool refuse(error_code& failure) {
    has_wrong_type = true;
    failure = json::error::syntax;
    return false;
  }

  ConnectOptions& options;
  const Field* field = nullptr;  // the member of the CONNECT object being read, if it is known
  bool checks_permission_list = false;
  bool has_wrong_type = false;
  std::size_t depth = 0;
  std::string buffer;  // a key or a text that arrives in parts
};

bool is_hex(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// The code unit of `\uXXXX` at `at`, or -1 when none stands there.
int escaped_unit(std::string_view text, std::size_t at) noexcept {
  constexpr std::size_t size = 6;
  if (text.size() - at < size || text[at] != '\\' || text[at + 1] != 'u') return -1;
  int unit = 0;
  for (std::size_t i = at + 2; i < at + size; ++i) {
    if (!is_hex(text[i])) return -1;
    const int digit = text[i] <= '9' ? text[i] - '0' : (text[i] | 0x20) - 'a' + 10;
    unit = unit * 16 + digit;
  }
  return unit;
}

// Half of a surrogate pair means U+FFFD to Go and an error to the JSON library: writes the escape
// that both read alike. In valid JSON a backslash stands only inside strings.
std::string mend_lone_surrogates(std::string_view text) {
  std::string out(text);
  for (std::size_t at = out.find('\\'); at != std::string::npos; at = out.find('\\', at)) {
    const int unit = escaped_unit(out, at);
    const bool is_high = unit >= 0xd800 && unit < 0xdc00;
    const bool is_low = unit >= 0xdc00 && unit < 0xe000;
    const int next = is_high ? escaped_unit(out, at + 6) : -1;
    if (is_high && next >= 0xdc00 && next < 0xe000) {
      at += 12;
      continue;
    }
    if (is_high || is_low) out.replace(at + 2, 4, "fffd");
    at += unit >= 0 ? 6 : 2;
  }
  return out;
}

}  // namespace

result<> parse_connect(std::string_view text, ConnectOptions& options) {
  std::string mended;
  if (text.find("\\u") != std::string_view::npos) text = mended = mend_lone_surrogates(text);

  json::parse_options rules;
  rules.max_depth = connect_depth_max;
  rules.allow_invalid_utf8 = true;
  ConnectOptions parsed = options;
  json::basic_parser<Handler> parser(rules, parsed);
  json::error_code failure;
  const auto used = parser.write_some(false, text.data(), text.size(), failure);
  if (!failure && used < text.size()) failure = json::error::extra_data;
  if (parser.handler().has_wrong_type) {
    return fail(fmt::format("CONNECT has a value of the wrong type in byte {}.", used));
  }
  if (failure)
    return fail(fmt::format("CONNECT is not valid JSON: {} in byte {}.", failure.message(), used));
  options = std::move(parsed);
  return {};
}

}  // namespace dunlin::protocol
