#include "core/config/option_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "core/config/conf_scalar.hpp"
#include "core/protocol/go_duration.hpp"
#include "core/protocol/go_quote.hpp"

namespace dunlin::config {
namespace {

using protocol::go_quote;

const OptionRow* find_row(std::span<const OptionRow> rows, std::string_view name) {
  for (const auto& row : rows) {
    if (row.named(name)) return &row;
  }
  return nullptr;
}

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const auto above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1] ? 1u : 0u)});
      diagonal = above;
    }
  }
  return row.back();
}

bool OptionRow::named(std::string_view name) const noexcept {
  if (name.empty()) return false;
  return key == name || std::find(aliases.begin(), aliases.end(), name) != aliases.end();
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

std::string_view nearest_option(std::span<const OptionRow> rows, std::string_view name) {
  if (name.size() > 64) return {};
  std::string_view nearest;
  std::size_t least = std::max<std::size_t>(1, name.size() / 3) + 1;
  const auto consider = [&](std::string_view candidate) {
    if (candidate.empty()) return;
    const auto distance = edit_distance(name, candidate);
    if (distance >= least) return;
    least = distance;
    nearest = candidate;
  };
  for (const auto& row : rows) {
    consider(row.key);
    for (const auto alias : row.aliases) consider(alias);
  }
  return nearest;
}

void OptionReader::read(const Map& tree) {
  read_block(top_level_options(), &options_, tree, [](OptionReader& reader, const Entry& entry,
                                                      std::span<const OptionRow> rows) {
    // A plugin may own a section this table knows nothing of.
    if (reader.provided(entry.key)) {
      reader.options().sections.push_back({entry.key, std::make_shared<const Entry>(entry)});
    } else {
      unknown_field(reader, entry, rows);
    }
  });
  if (dialect_ == Dialect::toml && tree.find("listen") != nullptr) {
    for (const auto* key : {"host", "net", "port"}) {
      if (const auto* entry = tree.find(key)) {
        error(entry->at, fmt::format("{} cannot be set beside \"listen\"", go_quote(key)));
      }
    }
  }
}

void OptionReader::read_block(std::span<const OptionRow> rows, void* target, const Map& map,
                              Unknown unknown) {
  std::map<const OptionRow*, const Entry*> seen;
  for (const auto& entry : map.entries()) {
    const auto* row =
        find_row(rows, dialect_ == Dialect::conf ? lower_case(entry.key) : entry.key);
    if (row == nullptr) {
      unknown(*this, entry, rows);
      continue;
    }
    const auto [earlier, first] = seen.emplace(row, &entry);
    if (!first) {
      warn_use(entry.at, entry.key, fmt::format("{} at {} sets the same option; the last one wins",
                                                go_quote(earlier->second->key),
                                                earlier->second->at.text()));
    }
    apply(*row, target, entry);
  }
}

void OptionReader::apply(const OptionRow& row, void* target, const Entry& entry) {
  if (row.owner != "core" && row.type != OptionType::any && provided_ && !provided_(row.owner)) {
    refuse_plugin(entry, row.owner);
    return;
  }
  row.access.apply(*this, row, target, entry);
}

void OptionReader::unknown_field(OptionReader& reader, const Entry& entry,
                                 std::span<const OptionRow> rows) {
  if (entry.used_variable) return;
  std::string reason = fmt::format("unknown field {}", go_quote(entry.key));
  if (const auto near = nearest_option(rows, lower_case(entry.key)); !near.empty()) {
    reason += fmt::format(" (did you mean {}?)", go_quote(near));
  }
  reader.error(entry.at, reason);
}

void OptionReader::mismatch(const Value& value, std::string_view wanted) {
  error(value.at, fmt::format("interface conversion: interface {{}} is {}, not {}",
                              type_name(value), wanted));
}

void OptionReader::warn_use(const Position& at, std::string_view field, std::string_view reason) {
  diagnostics_.warning(at,
                       fmt::format("invalid use of field {}: {}", go_quote(field), reason));
}

void OptionReader::refuse_feature(const Entry& entry, std::string_view feature) {
  error(entry.at, fmt::format("{} is not available in this server yet: it needs {}",
                              go_quote(entry.key), feature));
}

void OptionReader::refuse_plugin(const Entry& entry, std::string_view plugin) {
  error(entry.at, fmt::format("{} is not available in this server yet: needs the plugin {} "
                              "(package dunlin-plugin-{}), which was not found",
                              go_quote(entry.key), go_quote(plugin), plugin));
}

void OptionReader::store(const OptionRow&, const Entry& entry, bool& out) {
  if (const auto* value = expect<bool>(entry.value)) out = *value;
}

void OptionReader::store(const OptionRow& row, const Entry& entry, std::int64_t& out) {
  if (const auto* text = entry.value.as<std::string>();
      text != nullptr && row.type == OptionType::size && dialect_ == Dialect::toml) {
    const auto size = parse_size(*text);
    if (size) {
      out = *size;
    } else {
      error(entry.at, fmt::format("error parsing {}: {}", row.key, size.error().text));
    }
    return;
  }
  if (const auto* value = expect<std::int64_t>(entry.value)) out = *value;
}

void OptionReader::store(const OptionRow& row, const Entry& entry, int& out) {
  const auto before = error_count();
  std::int64_t wide = out;
  store(row, entry, wide);
  if (error_count() != before) return;
  if (wide > std::numeric_limits<int>::max()) {
    error(entry.at, fmt::format("{} value is too big", row.key));
  } else if (wide < std::numeric_limits<int>::min()) {
    error(entry.at, fmt::format("{} value is too small", row.key));
  } else {
    out = static_cast<int>(wide);
  }
}

void OptionReader::store(const OptionRow& row, const Entry& entry, double& out) {
  if (const auto* whole = entry.value.as<std::int64_t>()) {
    out = static_cast<double>(*whole);
  } else if (const auto* number = entry.value.as<double>()) {
    out = *number;
  } else if (const auto* text = entry.value.as<std::string>()) {
    const auto duration = parse_duration(*text);
    if (duration) {
      out = std::chrono::duration<double>(*duration).count();
    } else {
      error(entry.at, fmt::format("error parsing {} config, '{}' {}", row.field, row.key,
                                  duration.error().text));
    }
  } else {
    error(entry.at, fmt::format("error parsing {} config, '{}' wrong type", row.field, row.key));
  }
}

void OptionReader::store(const OptionRow&, const Entry& entry, std::string& out) {
  if (const auto* value = expect<std::string>(entry.value)) out = *value;
}

void OptionReader::store(const OptionRow& row, const Entry& entry, Duration& out) {
  if (const auto* text = entry.value.as<std::string>()) {
    const auto duration = parse_duration(*text);
    if (duration) {
      out = *duration;
    } else {
      error(entry.at, fmt::format("error parsing {}: {}", row.key, duration.error().text));
    }
    return;
  }
  if (row.type == OptionType::duration_text || dialect_ == Dialect::toml) {
    mismatch(entry.value, "string");
    return;
  }
  warn_use(entry.at, row.key, fmt::format("{} should be converted to a duration", row.key));
  const auto* seconds = expect<std::int64_t>(entry.value);
  if (seconds == nullptr) return;
  std::int64_t nanoseconds = 0;
  if (__builtin_mul_overflow(*seconds, std::int64_t{1'000'000'000}, &nanoseconds)) {
    error(entry.at, fmt::format("{} value is too big", row.key));
    return;
  }
  out = Duration(nanoseconds);
}

bool OptionReader::texts(std::string_view what, const Value& value,
                         std::vector<std::string>& out) {
  if (const auto* text = value.as<std::string>()) {
    out = {*text};
    return true;
  }
  const auto* array = value.as<Array>();
  if (array == nullptr) {
    error(value.at, fmt::format("error parsing {}: unsupported type {}", what, type_name(value)));
    return false;
  }
  out.clear();
  bool good = true;
  for (const auto& element : *array) {
    if (const auto* text = element.as<std::string>()) {
      out.push_back(*text);
    } else {
      error(element.at, fmt::format("error parsing {}: unsupported type in array {}", what,
                                    type_name(element)));
      good = false;
    }
  }
  return good;
}

void OptionReader::store(const OptionRow& row, const Entry& entry, std::vector<std::string>& out) {
  texts(row.key, entry.value, out);
}

bool OptionReader::address(const Entry& entry, std::string& host, int& port) {
  if (const auto* number = entry.value.as<std::int64_t>()) {
    if (*number < -1 || *number > 65535) {
      error(entry.at, fmt::format("could not parse port \"{}\"", *number));
      return false;
    }
    host.clear();
    port = static_cast<int>(*number);
    return true;
  }
  const auto* text = entry.value.as<std::string>();
  if (text == nullptr) {
    error(entry.at, fmt::format("expected port or host:port, got {}", type_name(entry.value)));
    return false;
  }
  const auto parsed = parse_address(*text);
  if (!parsed) {
    error(entry.at, parsed.error().text);
    return false;
  }
  host = parsed->host;
  port = parsed->port;
  return true;
}

std::string print_value(bool value) { return value ? "true" : "false"; }
std::string print_value(std::int64_t value) { return std::to_string(value); }
std::string print_value(double value) { return fmt::format("{}", value); }
std::string print_value(Duration value) { return protocol::go_duration(value); }
std::string print_value(const std::vector<std::string>& value) {
  return fmt::format("[{}]", fmt::join(value, " "));
}

}  // namespace dunlin::config
