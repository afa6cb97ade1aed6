#include "label.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <charconv>

namespace dunlin::storage_file {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";
constexpr std::string_view version = "1";

template <class T>
std::string hex(T value) {
  std::string out(2 * sizeof value, '0');
  for (auto at = out.rbegin(); at != out.rend(); ++at, value = static_cast<T>(value >> 4)) {
    *at = hex_digits[value & 0xf];
  }
  return out;
}

std::string hex(const StoreId& id) {
  std::string out;
  for (const auto byte : id) out += hex(byte);
  return out;
}

template <class T>
bool parse_hex(std::string_view text, T& out) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), out, 16);
  return text.size() == 2 * sizeof out && parsed.ec == std::errc() &&
         parsed.ptr == text.data() + text.size();
}

bool parse_hex(std::string_view text, StoreId& out) {
  if (text.size() != 2 * out.size()) return false;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (!parse_hex(text.substr(2 * i, 2), out[i])) return false;
  }
  return true;
}

bool parse_number(std::string_view text, std::uint64_t& out) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), out);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
}

std::string summed(std::string text) {
  return text + "sum " + hex(std::uint64_t{XXH3_64bits(text.data(), text.size())}) + "\n";
}

using Fields = std::map<std::string, std::string, std::less<>>;

Error corrupt() { return fail(DUNLIN_E_CORRUPT, "it is damaged (checksum)"); }

// The lines between the first and the sum.
result<Fields> read_fields(std::string_view kind, std::string_view text) {
  const auto sum_at = text.rfind("sum ");
  std::uint64_t sum = 0;
  if (sum_at == std::string_view::npos || !text.ends_with('\n') ||
      !parse_hex(text.substr(sum_at + 4, text.size() - sum_at - 5), sum) ||
      sum != XXH3_64bits(text.data(), sum_at)) {
    return corrupt();
  }
  auto rest = text.substr(0, sum_at);
  const auto next_line = [&rest] {
    const auto end = std::min(rest.find('\n'), rest.size());
    const auto line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return line;
  };
  const auto head = next_line();
  if (!head.starts_with(kind)) return corrupt();
  if (head.substr(kind.size()) != version) {
    return fail(DUNLIN_E_UNSUPPORTED, "it was written by a newer version");
  }
  Fields fields;
  while (!rest.empty()) {
    const auto line = next_line();
    const auto blank = line.find(' ');
    if (blank == std::string_view::npos) return corrupt();
    fields.emplace(line.substr(0, blank), line.substr(blank + 1));
  }
  return fields;
}

std::string_view field(const Fields& fields, std::string_view name) {
  const auto found = fields.find(name);
  return found != fields.end() ? std::string_view(found->second) : std::string_view();
}

constexpr std::string_view store_kind = "dunlin store ";
constexpr std::string_view log_kind = "dunlin log ";

}  // namespace

std::string write_label(const StoreLabel& label) {
  return summed(std::string(store_kind) + std::string(version) + "\nid " + hex(label.id) +
                "\nkey " + hex(label.key_id) + "\nolder-key " + hex(label.older_key_id) + "\n");
}

std::string write_label(const LogLabel& label) {
  // A name has no control characters, so it fits on a line as it is.
  return summed(std::string(log_kind) + std::string(version) + "\nstore " + hex(label.store) +
                "\nid " + hex(label.id) + "\nfirst " + std::to_string(label.first_seq) +
                "\nsubjects " + (label.has_subjects ? "1" : "0") + "\nname " + label.name + "\n");
}

result<StoreLabel> read_store_label(std::string_view text) {
  auto fields = read_fields(store_kind, text);
  if (!fields) return fields.error();
  StoreLabel label;
  if (!parse_hex(field(*fields, "id"), label.id) ||
      !parse_hex(field(*fields, "key"), label.key_id) ||
      !parse_hex(field(*fields, "older-key"), label.older_key_id)) {
    return corrupt();
  }
  return label;
}

result<LogLabel> read_log_label(std::string_view text) {
  auto fields = read_fields(log_kind, text);
  if (!fields) return fields.error();
  LogLabel label;
  label.name = field(*fields, "name");
  label.has_subjects = field(*fields, "subjects") == "1";
  if (!parse_hex(field(*fields, "store"), label.store) ||
      !parse_hex(field(*fields, "id"), label.id) || label.id == 0 || label.name.empty() ||
      !parse_number(field(*fields, "first"), label.first_seq)) {
    return corrupt();
  }
  return label;
}

}  // namespace dunlin::storage_file
