// Line by line: a known key, one space, a value. Unknown keys are errors: the descriptor decides
// what a host understands, and a note of a later revision has another magic line.

#include "core/plugin/note.hpp"

#include <dunlin/abi.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace dunlin::plugin {
namespace {

constexpr std::size_t id_max = 64;
constexpr std::size_t value_max = 128;
constexpr std::size_t items_max = 64;

bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= value_max &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_' || c == '.' || c == '+';
         });
}

std::optional<std::uint32_t> parse_number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "major.minor"
std::optional<std::uint32_t> parse_abi(std::string_view text) {
  const auto dot = text.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto major = parse_number(text.substr(0, dot));
  const auto minor = parse_number(text.substr(dot + 1));
  if (!major || !minor || *major > 0xffff || *minor > 0xffff) return std::nullopt;
  return DUNLIN_ABI_MAKE(*major, *minor);
}

// A number, or several joined by " | " as an expression of the C macro leaves them.
std::optional<std::uint32_t> parse_flags(std::string_view text) {
  std::uint32_t flags = 0;
  while (true) {
    const auto bar = text.find(" | ");
    const auto one = parse_number(text.substr(0, bar));
    if (!one) return std::nullopt;
    flags |= *one;
    if (bar == std::string_view::npos) return flags;
    text.remove_prefix(bar + 3);
  }
}

struct NoteParser {
  Identity identity;
  bool has_build = false;
  bool has_flags = false;

  bool put(std::string_view key, std::string_view value) {
    const auto text = [&](std::string& member, bool fine) {
      if (!fine || !member.empty()) return false;
      member = value;
      return true;
    };
    const auto number = [&](std::uint32_t& member, std::optional<std::uint32_t> parsed) {
      if (!parsed || member != 0) return false;
      member = *parsed;
      return true;
    };
    if (key == "id") return text(identity.id, is_plugin_id(value));
    if (key == "version") return text(identity.version, is_word(value));
    if (key == "built") return number(identity.built, parse_abi(value));
    if (key == "needed") return number(identity.needed, parse_abi(value));
    if (key == "flags") return !std::exchange(has_flags, true) &&
                               number(identity.flags, parse_flags(value));
    if (key == "build") return !std::exchange(has_build, true) &&
                               text(identity.build, value.empty() || is_word(value));
    if (!is_capability(value)) return false;
    if (identity.provides.size() + identity.needs.size() >= items_max) return false;
    if (key == "provides") {
      identity.provides.emplace_back(value);
    } else if (key == "need" || key == "want") {
      identity.needs.push_back({std::string(value), key == "want"});
    } else {
      return false;
    }
    return true;
  }
};

}  // namespace

bool is_plugin_id(std::string_view id) noexcept {
  if (id.empty() || id.size() > id_max || id.front() == '.' || id.back() == '.') return false;
  if (id.find("..") != std::string_view::npos) return false;
  return std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

bool is_capability(std::string_view capability) noexcept {
  const auto slash = capability.find('/');
  if (slash == std::string_view::npos || !is_word(capability.substr(0, slash))) return false;
  auto revision = capability.substr(slash + 1);
  const auto colon = revision.find(':');
  if (colon != std::string_view::npos) {
    if (!is_word(revision.substr(colon + 1))) return false;
    revision = revision.substr(0, colon);
  }
  return capability.size() <= value_max && parse_number(revision).value_or(0) > 0;
}

result<Identity> parse_note(std::string_view text) {
  // The section may be followed by the terminator of the string, or by padding.
  while (!text.empty() && text.back() == '\0') text.remove_suffix(1);
  constexpr std::string_view magic = DUNLIN_NOTE_MAGIC;
  if (!text.starts_with(magic)) return fail("its plugin note begins with something unknown");
  text.remove_prefix(magic.size());

  NoteParser parser;
  while (text != "end\n") {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return fail("its plugin note has no end");
    const auto line = text.substr(0, end);
    text.remove_prefix(end + 1);
    const auto space = line.find(' ');
    if (space == std::string_view::npos ||
        !parser.put(line.substr(0, space), line.substr(space + 1))) {
      return fail(fmt::format("its plugin note has a wrong line: {:?}", line.substr(0, value_max)));
    }
  }
  const auto& identity = parser.identity;
  if (identity.id.empty()) return fail("its plugin note has no id");
  if (identity.version.empty()) return fail("its plugin note has no version");
  if (identity.built == 0 || identity.needed == 0) {
    return fail("its plugin note has no SDK version");
  }
  return std::move(parser.identity);
}

}  // namespace dunlin::plugin
