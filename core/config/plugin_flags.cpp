#include "core/config/plugin_flags.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/protocol/go_quote.hpp"

namespace dunlin::config {
namespace {

struct Row {
  std::string_view flag, section;
  std::string_view key;  // in the section; empty: the section itself
};

constexpr Row rows[] = {
    {"jetstream", "jetstream", ""},
    {"cluster", "cluster", "listen"},
    {"routes", "cluster", "routes"},
    {"cluster_name", "cluster", "name"},
    {"cluster_advertise", "cluster", "advertise"},
    {"no_advertise", "cluster", "no_advertise"},
    {"connect_retries", "cluster", "connect_retries"},
};

const Row* find_row(std::string_view flag) noexcept {
  const auto* row = std::find_if(std::begin(rows), std::end(rows),
                                 [flag](const Row& one) { return one.flag == flag; });
  return row == std::end(rows) ? nullptr : row;
}

// Values of flags stand in no file: their position stays unknown.
Value value_of(decltype(Value::data) data) { return {std::move(data), {}}; }

Entry entry_of(std::string_view key, decltype(Value::data) data) {
  Entry entry;
  entry.key = key;
  entry.value = value_of(std::move(data));
  return entry;
}

std::vector<Section>::iterator find_section(Options& options, std::string_view name) {
  return std::find_if(options.sections.begin(), options.sections.end(),
                      [name](const Section& one) { return one.name == name; });
}

bool has_section(Options& options, std::string_view name) {
  return find_section(options, name) != options.sections.end();
}

void remove_section(Options& options, std::string_view name) {
  std::erase_if(options.sections, [name](const Section& one) { return one.name == name; });
}

// The section as a map that may be changed; another kind of value gives way to the flags.
Map map_of(Options& options, std::string_view name) {
  const auto present = find_section(options, name);
  const auto* map =
      present == options.sections.end() ? nullptr : present->entry->value.as<Map>();
  return map == nullptr ? Map() : *map;
}

void set_section(Options& options, std::string_view name, Map map) {
  auto present = find_section(options, name);
  if (present == options.sections.end()) {
    options.sections.push_back({std::string(name), nullptr});
    present = std::prev(options.sections.end());
  }
  Entry entry = present->entry == nullptr ? entry_of(name, Map()) : *present->entry;
  entry.value.data = std::move(map);
  present->entry = std::make_shared<const Entry>(std::move(entry));
}

// `nats://user:password@host:port`; the URL says all there is to say about who may come.
result<> set_listen(Map& cluster, std::string_view url) {
  auto rest = url;
  if (const auto scheme = rest.find("://"); scheme != std::string_view::npos) {
    rest.remove_prefix(scheme + 3);
  }
  rest = rest.substr(0, rest.find('/'));
  const auto at = rest.rfind('@');
  Map access;
  if (at != std::string_view::npos) {
    const auto who = rest.substr(0, at);
    const auto colon = who.find(':');
    if (colon == std::string_view::npos) return fail("expected cluster password to be set");
    access.set(entry_of("user", std::string(who.substr(0, colon))));
    access.set(entry_of("password", std::string(who.substr(colon + 1))));
    rest.remove_prefix(at + 1);
  }
  if (rest.rfind(':') == std::string_view::npos) {
    return fail(fmt::format("address {}: missing port in address", rest));
  }
  cluster.set(entry_of("listen", std::string(rest)));
  if (!access.empty() || cluster.find("authorization") != nullptr) {
    cluster.set(entry_of("authorization", std::move(access)));
  }
  return {};
}

Array list_of(std::string_view text) {
  Array list;
  for (std::size_t at = 0; at <= text.size();) {
    const auto end = std::min(text.find(',', at), text.size());
    list.push_back(value_of(std::string(text.substr(at, end - at))));
    at = end + 1;
  }
  return list;
}

result<> set_key(Map& cluster, const Row& row, const std::string& value) {
  if (row.key == "listen") return set_listen(cluster, value);
  if (row.key == "routes") {
    cluster.set(entry_of(row.key, list_of(value)));
  } else if (row.key == "no_advertise") {
    cluster.set(entry_of(row.key, value == "true"));
  } else if (row.key == "connect_retries") {
    std::int64_t number = 0;
    std::from_chars(value.data(), value.data() + value.size(), number);
    cluster.set(entry_of(row.key, number));
  } else {
    cluster.set(entry_of(row.key, value));
  }
  return {};
}

bool listens(const Map& cluster) {
  return cluster.find("listen") != nullptr || cluster.find("port") != nullptr ||
         cluster.find("host") != nullptr || cluster.find("net") != nullptr;
}

}  // namespace

result<> apply_plugin_flags(const CommandLine& command, Options& options,
                            const SectionProvided& provided) {
  bool solicits_routes = false;
  for (const auto& [name, value] : command.flags) {
    const auto* row = find_row(name);
    if (row == nullptr) continue;
    const bool is_switch = row->key.empty();
    if ((is_switch && value == "false") || (row->key == "listen" && value.empty())) {
      remove_section(options, row->section);
      continue;
    }
    if (value == "false" && !has_section(options, row->section)) continue;
    if (!provided || !provided(row->section)) {
      return fail(fmt::format("--{} is not available in this server yet: needs the plugin {} "
                              "(package dunlin-plugin-{}), which was not found",
                              name, protocol::go_quote(row->section), row->section));
    }
    if (is_switch) {
      if (!has_section(options, row->section)) {
        options.sections.push_back({std::string(row->section),
                                    std::make_shared<const Entry>(entry_of(row->section, true))});
      }
      continue;
    }
    Map section = map_of(options, row->section);
    if (auto set = set_key(section, *row, value); !set) return set;
    set_section(options, row->section, std::move(section));
    solicits_routes = solicits_routes || row->key == "routes";
  }
  if (solicits_routes && !listens(map_of(options, "cluster"))) {
    return fail("solicited routes require cluster capabilities, e.g. --cluster");
  }
  return {};
}

}  // namespace dunlin::config
