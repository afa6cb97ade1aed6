// `--list-plugins`: what is linked in and what lies in the plugin directory.

#include <dirent.h>
#include <fmt/format.h>

#include <algorithm>

#include "core/plugin/plugin_host.hpp"

namespace dunlin::plugin {
namespace {

PluginListing line_of(const Identity& identity, std::string status) {
  PluginListing line;
  line.id = identity.id;
  line.version = identity.version;
  line.built = identity.built;
  line.needed = identity.needed;
  line.status = std::move(status);
  return line;
}

// The ids of the files in the directory that are named like plugins.
std::vector<std::string> ids_in(const std::string& directory) {
  std::vector<std::string> ids;
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(directory.c_str()), &::closedir);
  if (open == nullptr) return ids;
  while (const auto* entry = ::readdir(open.get())) {
    const std::string_view name = entry->d_name;
    if (!name.ends_with(".so")) continue;
    const auto id = name.substr(0, name.size() - 3);
    if (is_plugin_id(id)) ids.emplace_back(id);
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

}  // namespace

std::vector<PluginListing> list_available(const PluginHostOptions& options) {
  std::vector<PluginListing> out;
  for (auto entry = options.static_entries; entry != nullptr && *entry != nullptr; ++entry) {
    const auto descriptor = read_descriptor((*entry)(), "static");
    if (!descriptor) continue;
    auto line = line_of(descriptor->identity, "available");
    line.summary = descriptor->summary;
    line.license = descriptor->license;
    line.is_static = true;
    line.origin = "static";
    out.push_back(std::move(line));
  }
  for (const auto& id : ids_in(options.loader.directory)) {
    PluginRequest request;
    request.id = id;
    // Hashes and signatures are asked for by the configuration, file by file; here the file rules
    // and the note decide.
    auto loader = options.loader;
    loader.verify = Verify::permissions;
    const auto found = inspect_plugin(request, loader);
    PluginListing line;
    if (found) {
      line = line_of(found->identity, "available");
      line.sha256 = found->sha256;
    } else {
      line.id = id;
      line.status = "refused: " + found.error().text;
    }
    line.origin = options.loader.directory + "/" + id + ".so";
    out.push_back(std::move(line));
  }
  return out;
}

std::string list_text(const std::vector<PluginListing>& plugins) {
  if (plugins.empty()) return "no plugins\n";
  std::size_t id_width = 2;
  std::size_t version_width = 7;
  for (const auto& plugin : plugins) {
    id_width = std::max(id_width, plugin.id.size());
    version_width = std::max(version_width, plugin.version.size());
  }
  auto out = fmt::format("{:<{}}  {:<{}}  {:<9}  {:<12}  {}\n", "id", id_width, "version",
                         version_width, "SDK", "sha256", "origin, status");
  for (const auto& plugin : plugins) {
    const auto sdk = plugin.built == 0 ? std::string("-")
                                       : fmt::format("{}..{}", abi_text(plugin.needed),
                                                     abi_text(plugin.built));
    out += fmt::format("{:<{}}  {:<{}}  {:<9}  {:<12}  {}, {}\n", plugin.id, id_width,
                       plugin.version.empty() ? "-" : plugin.version, version_width, sdk,
                       plugin.sha256.empty() ? "-" : plugin.sha256.substr(0, 12), plugin.origin,
                       plugin.status);
  }
  return out;
}

}  // namespace dunlin::plugin
