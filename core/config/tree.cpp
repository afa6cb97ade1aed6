#include "core/config/tree.hpp"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/base/ensure.hpp"
#include "core/protocol/go_quote.hpp"

namespace dunlin::config {
namespace {

// The shortest digits that give the value back; an exponent only for very small and large values,
// and without a leading zero in it.
void append_double(std::string& out, double value) {
  const double size = std::fabs(value);
  const bool exponent = size != 0 && (size < 1e-6 || size >= 1e21);
  char buffer[400];
  const auto end =
      std::to_chars(buffer, buffer + sizeof(buffer), value,
                    exponent ? std::chars_format::scientific : std::chars_format::fixed);
  std::string text(buffer, end.ptr);
  if (const auto e = text.find('e'); e != std::string::npos && e + 2 < text.size() &&
                                     text[e + 1] == '-' && text[e + 2] == '0') {
    text.erase(e + 2, 1);
  }
  out += text;
}

void append_map(std::string& out, const Map& map);

void append_value(std::string& out, const Value& value) {
  if (const auto* flag = value.as<bool>()) {
    out += *flag ? "true" : "false";
  } else if (const auto* integer = value.as<std::int64_t>()) {
    out += std::to_string(*integer);
  } else if (const auto* number = value.as<double>()) {
    append_double(out, *number);
  } else if (const auto* text = value.as<std::string>()) {
    protocol::append_json_string(out, *text);
  } else if (const auto* time = value.as<Datetime>()) {
    protocol::append_json_string(out, time->text);
  } else if (const auto* array = value.as<Array>()) {
    out += '[';
    for (const auto& element : *array) {
      if (&element != array->data()) out += ',';
      append_value(out, element);
    }
    out += ']';
  } else if (const auto* map = value.as<Map>()) {
    append_map(out, *map);
  } else {
    out += "null";
  }
}

void append_map(std::string& out, const Map& map) {
  std::vector<const Entry*> sorted;
  sorted.reserve(map.size());
  for (const auto& entry : map.entries()) sorted.push_back(&entry);
  std::sort(sorted.begin(), sorted.end(),
            [](const Entry* a, const Entry* b) { return a->key < b->key; });
  out += '{';
  for (const auto* entry : sorted) {
    if (entry != sorted.front()) out += ',';
    protocol::append_json_string(out, entry->key);
    out += ':';
    append_value(out, entry->value);
  }
  out += '}';
}

}  // namespace

std::string Position::text() const {
  return known() ? fmt::format("{}:{}:{}", *file, line, column) : std::string();
}

const Entry* Map::find(std::string_view key) const noexcept {
  const auto found = index_.find(std::string(key));
  return found == index_.end() ? nullptr : &entries_[found->second];
}

Entry* Map::find(std::string_view key) noexcept {
  const auto found = index_.find(std::string(key));
  return found == index_.end() ? nullptr : &entries_[found->second];
}

Entry& Map::set(Entry entry) {
  const auto [place, added] = index_.emplace(entry.key, entries_.size());
  if (added) return entries_.emplace_back(std::move(entry));
  return entries_[place->second] = std::move(entry);
}

std::string_view type_name(const Value& value) noexcept {
  constexpr std::string_view names[] = {
      "nil", "bool", "int64", "float64", "string", "time.Time", "[]interface {}",
      "map[string]interface {}"};
  return names[value.data.index()];
}

std::string canonical_json(const Map& tree) {
  std::string out;
  append_map(out, tree);
  return out;
}

std::string digest(const Map& tree) {
  const std::string text = canonical_json(tree) + "\n";
  // Not OpenSSL's: its first digest costs a process two megabytes of resident memory.
  unsigned char hash[crypto_hash_sha256_BYTES];
  crypto_hash_sha256(hash, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  std::string out = "sha256:";
  for (const unsigned char byte : hash) fmt::format_to(std::back_inserter(out), "{:02x}", byte);
  return out;
}

}  // namespace dunlin::config
