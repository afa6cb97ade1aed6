#include "core/protocol/header.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace dunlin::protocol {
namespace {

constexpr std::string_view line_break = "\r\n";
constexpr std::size_t none = std::string_view::npos;

// Where a line begins that starts with `name` and a colon, at or after `from`.
std::size_t find_line(std::string_view block, std::string_view name, std::size_t from) noexcept {
  if (name.empty()) return none;
  // The first line is the version, so a key always stands behind a line break.
  for (auto at = block.find(line_break, from); at != none; at = block.find(line_break, at)) {
    at += line_break.size();
    const auto line = block.substr(at);
    if (line.starts_with(name) && line.size() > name.size() && line[name.size()] == ':') return at;
  }
  return none;
}

bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }

std::string_view trim(std::string_view text) noexcept {
  const auto blank = [](char c) { return is_blank(c) || c == '\r' || c == '\n'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

std::optional<std::string_view> find_header(std::string_view block,
                                            std::string_view name) noexcept {
  const auto line = find_line(block, name, 0);
  if (line == none) return std::nullopt;
  auto value = block.substr(line + name.size() + 1);
  value = value.substr(0, value.find(line_break));
  value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
  return value;
}

std::string remove_header(std::string_view block, std::string_view name) {
  std::string out;
  std::size_t copied = 0, from = 0, line;
  while ((line = find_line(block, name, from)) != none) {
    const auto end = block.find(line_break, line);
    if (end == none) break;  // A line without an end is no header; it stays as it is.
    out += block.substr(copied, line - copied);
    copied = end + line_break.size();
    from = end;  // The break that ended this line is the one before the next.
  }
  out += block.substr(copied);
  const bool removed = copied != 0;
  if (removed && out.size() <= header_line.size() + line_break.size()) out.clear();
  return out;
}

std::string set_header(std::string_view block, std::string_view name, std::string_view value) {
  // The empty line at the end comes off first and back on at last.
  if (block.size() > line_break.size()) block.remove_suffix(line_break.size());
  else block = {};
  std::string out = remove_header(block, name);
  if (out.empty()) out = header_line;
  out.append(name).append(": ");
  const auto value_start = static_cast<std::ptrdiff_t>(out.size());
  out += trim(value);
  std::replace_if(
      out.begin() + value_start, out.end(), [](char c) { return c == '\r' || c == '\n'; }, ' ');
  out.append(line_break).append(line_break);
  return out;
}

void append_no_responders(std::string& out, std::string_view reply, std::string_view sid,
                          std::string_view subject) {
  constexpr std::string_view before_subject = "NATS/1.0 503\r\nNats-Subject: ";
  constexpr std::string_view after_subject = "\r\n\r\n";
  const auto size = before_subject.size() + subject.size() + after_subject.size();
  fmt::format_to(std::back_inserter(out), "HMSG {} {} {} {}\r\n", reply, sid, size, size);
  out.append(before_subject).append(subject).append(after_subject).append(line_break);
}

}  // namespace dunlin::protocol
