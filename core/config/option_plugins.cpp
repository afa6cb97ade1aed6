// The plugins block: which shared objects to load.

#include <fmt/format.h>

#include <algorithm>

#include "core/config/option_reader.hpp"
#include "core/protocol/go_quote.hpp"

namespace dunlin::config {
namespace {

using enum OptionType;
using Reader = OptionReader;
using Row = OptionRow;

constexpr auto no = Reload::no;

void apply_sha256(Reader& reader, const Row& row, void* target, const Entry& entry) {
  std::string written;
  reader.store(row, entry, written);
  const auto hash = lower_case(written);
  if (hash.size() != 64 || hash.find_first_not_of("0123456789abcdef") != std::string::npos) {
    reader.error(entry.at, "sha256 must be 64 hexadecimal digits");
    return;
  }
  static_cast<PluginEntry*>(target)->sha256 = hash;
}

void apply_verify(Reader& reader, const Row&, void* target, const Entry& entry) {
  const auto* word = reader.expect<std::string>(entry.value);
  if (word == nullptr) return;
  auto& verify = static_cast<Plugins*>(target)->verify;
  if (*word == "permissions") {
    verify = PluginVerify::permissions;
  } else if (*word == "sha256") {
    verify = PluginVerify::sha256;
  } else if (*word == "signature") {
    verify = PluginVerify::signature;
  } else {
    reader.error(entry.at, "plugins.verify must be \"permissions\", \"sha256\" or \"signature\"");
  }
}

// As the loader compares them: a file's name up to its ".so".
void apply_libraries(Reader& reader, const Row& row, void* target, const Entry& entry) {
  auto& libraries = static_cast<Plugins*>(target)->libraries;
  if (!reader.texts(row.key, entry.value, libraries)) return;
  for (auto& library : libraries) {
    library.erase(std::min(library.find(".so"), library.size()));
    if (library.empty() || library.find('/') != std::string::npos) {
      reader.error(entry.at, "plugins.libraries are names of libraries, such as \"libcurl\"");
    }
  }
}

const OptionRow load_rows[] = {
    {"id", {"name"}, text, "", no, "", "Name of the plugin.", stored<&PluginEntry::id>()},
    {"path", {}, text, "in directory", no, "", "Its file.", stored<&PluginEntry::path>()},
    {"sha256", {}, text, "not checked", no, "", "What the file must hash to.",
     {apply_sha256, nullptr}},
    {"required", {}, boolean, "true", no, "", "Whether the server refuses to start without it.",
     stored<&PluginEntry::required>()},
};

// A list of names, or of maps that say more.
void apply_load(Reader& reader, const Row&, void* target, const Entry& entry) {
  const auto* array = reader.expect<Array>(entry.value);
  if (array == nullptr) return;
  auto& load = static_cast<Plugins*>(target)->load;
  for (const auto& element : *array) {
    PluginEntry plugin;
    plugin.at = element.at;
    if (const auto* id = element.as<std::string>()) {
      plugin.id = *id;
    } else if (const auto* map = reader.expect<Map>(element)) {
      reader.read_block(load_rows, &plugin, *map);
    } else {
      continue;
    }
    const bool twice = std::any_of(load.begin(), load.end(), [&](const PluginEntry& other) {
      return other.id == plugin.id;
    });
    if (plugin.id.empty()) {
      reader.error(element.at, "a plugin to load needs an \"id\"");
    } else if (twice) {
      reader.error(element.at, fmt::format("plugin {} is listed twice",
                                           protocol::go_quote(plugin.id)));
    } else {
      load.push_back(std::move(plugin));
    }
  }
}

const OptionRow rows[] = {
    {"directory", {"dir"}, text, "as built", no, "", "Where plugins are looked up.",
     stored<&Plugins::directory>()},
    {"verify", {}, text, "permissions", no, "",
     "What must hold of a plugin's file: permissions, sha256 (its hash is in load) or signature.",
     {apply_verify, nullptr}},
    {"libraries", {}, texts, "", no, "",
     "Libraries that plugins may need beside the usual ones of the system.",
     {apply_libraries, nullptr}},
    {"load", {}, list, "what the configuration asks for", no, "",
     "Plugins to load: names, or maps with id, path, sha256 and required.", {apply_load, nullptr},
     load_rows},
    {"trusted_keys", {}, texts, "", no, "", "Public keys whose signatures count.",
     stored<&Plugins::trusted_keys>()},
};

}  // namespace

void apply_plugins(Reader& reader, const Row&, void* target, const Entry& entry) {
  const auto* map = reader.expect<Map>(entry.value);
  if (map == nullptr) return;
  auto& plugins = static_cast<Options*>(target)->plugins;
  plugins = {};
  reader.read_block(rows, &plugins, *map);
}

std::span<const OptionRow> plugins_options() noexcept { return rows; }

}  // namespace dunlin::config
