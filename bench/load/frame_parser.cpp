#include "bench/load/frame_parser.hpp"

#include <array>

namespace dunlin::bench {
namespace {

bool parse_size(std::string_view digits, std::size_t& value) noexcept {
  const char* end = digits.data() + digits.size();
  const auto [stop, status] = std::from_chars(digits.data(), end, value);
  return status == std::errc{} && stop == end;
}

}  // namespace

bool parse_message_line(std::string_view line, MessageLine& message) noexcept {
  const bool with_headers = line.starts_with("HMSG ");
  line.remove_prefix(with_headers ? 5 : 4);
  std::array<std::string_view, 5> fields;
  std::size_t count = 0;
  while (true) {
    const std::size_t space = line.find(' ');
    const std::string_view field = line.substr(0, space);
    if (field.empty() || count == fields.size()) return false;
    fields[count++] = field;
    if (space == std::string_view::npos) break;
    line.remove_prefix(space + 1);
  }
  const std::size_t sizes = with_headers ? 2 : 1;
  if (count != 2 + sizes && count != 3 + sizes) return false;
  message.subject = fields[0];
  message.sid = fields[1];
  message.reply = count == 3 + sizes ? fields[2] : std::string_view{};
  message.header_size = 0;
  if (with_headers && !parse_size(fields[count - 2], message.header_size)) return false;
  if (!parse_size(fields[count - 1], message.total_size)) return false;
  return message.header_size <= message.total_size;
}

}  // namespace dunlin::bench
