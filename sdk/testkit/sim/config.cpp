#include "sdk/testkit/sim/config.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>

namespace dunlin::testkit {
namespace {

std::unique_ptr<ConfigNode> value_of(std::string_view text) {
  auto node = std::make_unique<ConfigNode>();
  node->text = text;
  if (text.size() < 2 || text.front() != '[' || text.back() != ']') return node;
  node->list = true;
  std::string_view rest = text.substr(1, text.size() - 2);
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    std::string_view item = rest.substr(0, comma);
    while (!item.empty() && (item.front() == ' ' || item.front() == '"')) item.remove_prefix(1);
    while (!item.empty() && (item.back() == ' ' || item.back() == '"')) item.remove_suffix(1);
    node->items.push_back(value_of(item));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return node;
}

dunlin_status refuse_text(dunlin_error* err, const std::string& text) {
  if (err != nullptr) {
    err->status = DUNLIN_E_CONFIG;
    std::snprintf(err->text, sizeof err->text, "%s", text.c_str());
  }
  return DUNLIN_E_CONFIG;
}

bool names_key(const dunlin_key& key, const std::string& name) {
  if (name == key.name) return true;
  const std::string aliases = key.aliases == nullptr ? "" : cat(" ", key.aliases, " ");
  return aliases.find(cat(" ", name, " ")) != std::string::npos;
}

bool is_choice(const dunlin_key& key, const std::string& text) {
  if (key.choices == nullptr) return true;
  return cat(" ", key.choices, " ").find(cat(" ", text, " ")) != std::string::npos;
}

dunlin_status declare(ConfigNode& table, std::span<const dunlin_key> keys, dunlin_error* err) {
  for (const auto& [name, value] : table.keys) {
    const dunlin_key* found = nullptr;
    for (const auto& key : keys) {
      if (names_key(key, name)) found = &key;
    }
    if (found == nullptr) return refuse_text(err, cat("unknown key \"", name, "\""));
    if (!is_choice(*found, value->text)) {
      return refuse_text(err, cat("\"", value->text, "\" is no choice for ", name));
    }
  }
  for (const auto& key : keys) {
    ConfigNode* written = nullptr;
    for (auto& [name, value] : table.keys) {
      if (names_key(key, name)) written = value.get();
    }
    if (key.type == DUNLIN_KEY_TABLE && key.child_count != 0) {
      if (written == nullptr) {
        auto& fallback = table.defaults[key.name];
        fallback = std::make_unique<ConfigNode>();
        fallback->table = true;
        written = fallback.get();
      }
      const auto status = declare(*written, {key.children, key.child_count}, err);
      if (status != DUNLIN_OK) return status;
      continue;
    }
    if (written != nullptr) {
      if (!table.keys.contains(key.name)) table.defaults[key.name] = value_of(written->text);
    } else if (key.fallback != nullptr) {
      table.defaults[key.name] = value_of(key.fallback);
    } else if ((key.flags & DUNLIN_KEY_REQUIRED) != 0) {
      return refuse_text(err, cat("the key ", key.name, " is missing: --set ", key.name, "=..."));
    }
  }
  return DUNLIN_OK;
}

dunlin_status declare_keys(const dunlin_host*, const dunlin_config* tree, const dunlin_key* keys,
                           size_t n, dunlin_error* err) {
  return declare(const_cast<ConfigNode&>(*ConfigNode::of(tree)), {keys, n}, err);
}

const dunlin_config* get(const dunlin_host*, const dunlin_config* table, dunlin_str key) {
  const std::string name(key.data, key.size);
  const auto& node = *ConfigNode::of(table);
  if (const auto at = node.keys.find(name); at != node.keys.end()) return at->second->raw();
  const auto at = node.defaults.find(name);
  return at == node.defaults.end() ? nullptr : at->second->raw();
}

bool parse_number(const std::string& text, double& out, std::string& unit) {
  char* end = nullptr;
  out = std::strtod(text.c_str(), &end);
  unit = end;
  while (!unit.empty() && unit.front() == ' ') unit.erase(0, 1);
  return end != text.c_str();
}

uint32_t type(const dunlin_host*, const dunlin_config* node) {
  const auto& value = *ConfigNode::of(node);
  if (value.table) return DUNLIN_KEY_TABLE;
  if (value.list) return DUNLIN_KEY_LIST;
  if (value.text == "true" || value.text == "false") return DUNLIN_KEY_BOOLEAN;
  double number = 0;
  std::string unit;
  if (!parse_number(value.text, number, unit) || !unit.empty()) return DUNLIN_KEY_TEXT;
  return value.text.find('.') == std::string::npos ? DUNLIN_KEY_INTEGER : DUNLIN_KEY_NUMBER;
}

dunlin_status each(const dunlin_host*, const dunlin_config* node,
                   bool (*visit)(void*, dunlin_str, const dunlin_config*), void* user) {
  const auto& value = *ConfigNode::of(node);
  for (const auto& item : value.items) {
    if (!visit(user, {nullptr, 0}, item->raw())) return DUNLIN_OK;
  }
  for (const auto& [name, item] : value.keys) {
    if (!visit(user, {name.data(), name.size()}, item->raw())) return DUNLIN_OK;
  }
  return DUNLIN_OK;
}

dunlin_status text(const dunlin_host*, const dunlin_config* node, dunlin_str* out) {
  const auto& value = *ConfigNode::of(node);
  if (value.table || value.list) return DUNLIN_E_CONFIG;
  *out = {value.text.data(), value.text.size()};
  return DUNLIN_OK;
}

dunlin_status secret(const dunlin_host*, const dunlin_config* node, dunlin_secret* out) {
  const auto& value = ConfigNode::of(node)->text;
  out->reveal = {reinterpret_cast<const std::uint8_t*>(value.data()), value.size()};
  return DUNLIN_OK;
}

dunlin_status number(const dunlin_host*, const dunlin_config* node, double* out) {
  std::string unit;
  const bool ok = parse_number(ConfigNode::of(node)->text, *out, unit) && unit.empty();
  return ok ? DUNLIN_OK : DUNLIN_E_CONFIG;
}

dunlin_status integer(const dunlin_host* host, const dunlin_config* node, int64_t* out) {
  double value = 0;
  if (number(host, node, &value) != DUNLIN_OK) return DUNLIN_E_CONFIG;
  *out = std::strtoll(ConfigNode::of(node)->text.c_str(), nullptr, 10);
  return DUNLIN_OK;
}

dunlin_status boolean(const dunlin_host*, const dunlin_config* node, bool* out) {
  const auto& value = ConfigNode::of(node)->text;
  *out = value == "true" || value == "yes" || value == "on";
  return *out || value == "false" || value == "no" || value == "off" ? DUNLIN_OK
                                                                      : DUNLIN_E_CONFIG;
}

dunlin_status duration_ns(const dunlin_host*, const dunlin_config* node, int64_t* out) {
  static constexpr std::pair<const char*, double> units[] = {
      {"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"", 1e9}, {"m", 60e9}, {"h", 3600e9}};
  double total = 0;
  std::string rest = ConfigNode::of(node)->text;
  do {
    double value = 0;
    std::string unit;
    if (!parse_number(rest, value, unit)) return DUNLIN_E_CONFIG;
    const std::size_t word = std::min(unit.find_first_of("0123456789"), unit.size());
    rest = unit.substr(word);
    unit.resize(word);
    bool known = false;
    for (const auto& [name, ns] : units) {
      if (unit != name) continue;
      total += value * ns;
      known = true;
    }
    if (!known) return DUNLIN_E_CONFIG;
  } while (!rest.empty());
  *out = static_cast<int64_t>(total);
  return DUNLIN_OK;
}

dunlin_status size_bytes(const dunlin_host*, const dunlin_config* node, uint64_t* out) {
  static constexpr std::pair<const char*, double> units[] = {
      {"", 1},         {"B", 1},          {"KB", 1e3},         {"MB", 1e6},
      {"GB", 1e9},     {"TB", 1e12},      {"KiB", 1024.},      {"MiB", 1048576.},
      {"K", 1024.},    {"M", 1048576.},   {"GiB", 1073741824.}, {"G", 1073741824.}};
  double value = 0;
  std::string unit;
  if (!parse_number(ConfigNode::of(node)->text, value, unit)) return DUNLIN_E_CONFIG;
  for (const auto& [name, factor] : units) {
    if (unit != name) continue;
    *out = static_cast<uint64_t>(value * factor);
    return DUNLIN_OK;
  }
  return DUNLIN_E_CONFIG;
}

void position(const dunlin_host*, const dunlin_config*, dunlin_position* out) {
  static constexpr char where[] = "--set";
  *out = {{where, sizeof where - 1}, 1, 1};
}

dunlin_status refuse(const dunlin_host*, const dunlin_config*, dunlin_str sentence,
                     dunlin_error* err) {
  return refuse_text(err, cat(std::string_view(sentence.data, sentence.size), " at --set"));
}

}  // namespace

std::unique_ptr<ConfigNode> make_section(const std::vector<std::string>& settings) {
  auto section = std::make_unique<ConfigNode>();
  section->table = true;
  for (const auto& setting : settings) {
    const std::size_t equals = setting.find('=');
    if (equals == std::string::npos) throw Failure("usage", cat("--set ", setting, ": no \"=\""));
    ConfigNode* at = section.get();
    std::string name = setting.substr(0, equals);
    for (std::size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.')) {
      auto& below = at->keys[name.substr(0, dot)];
      if (below == nullptr) below = std::make_unique<ConfigNode>();
      below->table = true;
      at = below.get();
      name.erase(0, dot + 1);
    }
    at->keys[name] = value_of(setting.substr(equals + 1));
  }
  return section;
}

const dunlin_config_api config_table = {
    sizeof(dunlin_config_api), 0,       declare_keys, get,         type,       each,     text,
    secret,                    integer, number,       boolean,     duration_ns, size_bytes,
    position,                  refuse};

}  // namespace dunlin::testkit
