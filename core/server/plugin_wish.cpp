#include "core/server/plugin_wish.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/server/plugin_wiring.hpp"

namespace dunlin::server {

namespace {

constexpr std::string_view monitoring_plugin = "monitoring";

plugin::Verify verify_of(config::PluginVerify verify) {
  switch (verify) {
    case config::PluginVerify::sha256: return plugin::Verify::sha256;
    case config::PluginVerify::signature: return plugin::Verify::signature;
    case config::PluginVerify::permissions: break;
  }
  return plugin::Verify::permissions;
}

config::Entry entry_of(std::string key, decltype(config::Value::data) data) {
  config::Entry entry;
  entry.key = std::move(key);
  entry.value.data = std::move(data);
  return entry;
}

config::Map certificate_of(const std::string& cert_file, const std::string& key_file) {
  config::Map map;
  map.set(entry_of("cert_file", cert_file));
  map.set(entry_of("key_file", key_file));
  return map;
}

// Monitoring is configured by options of the server, which stand in no section.
config::Map monitoring_section(const config::Options& options) {
  const config::Monitoring& given = options.monitoring;
  config::Map map;
  map.set(entry_of("host", given.host.empty() ? options.host : given.host));
  if (given.port != 0) map.set(entry_of("http_port", std::int64_t{given.port}));
  if (given.https_port != 0) map.set(entry_of("https_port", std::int64_t{given.https_port}));
  map.set(entry_of("http_base_path", given.base_path));
  if (!options.tls) return map;
  config::Map tls = certificate_of(options.tls->cert_file, options.tls->key_file);
  config::Array pairs;
  for (const auto& pair : options.tls->certs) {
    config::Value& element = pairs.emplace_back();
    element.data = certificate_of(pair.cert_file, pair.key_file);
  }
  if (!pairs.empty()) tls.set(entry_of("certs", std::move(pairs)));
  map.set(entry_of("tls", std::move(tls)));
  return map;
}

plugin::Asked& asked_for(std::vector<plugin::Asked>& all, std::string_view id) {
  const auto found = std::find_if(all.begin(), all.end(), [id](const plugin::Asked& one) {
    return one.request.id == id;
  });
  if (found != all.end()) return *found;
  plugin::Asked& added = all.emplace_back();
  added.request.id = id;
  return added;
}

}  // namespace

std::string_view plugin_of_section(std::string_view section) noexcept {
  return section == "leafnodes" ? "leafnode" : section;
}

std::vector<plugin::Asked> plugins_asked_for(const config::Options& options, ConfigNodes& nodes) {
  std::vector<plugin::Asked> all;
  for (const config::Section& section : options.sections) {
    plugin::Asked& one = asked_for(all, plugin_of_section(section.name));
    one.section = nodes.add_section(*section.entry);
    one.request.asked_by =
        section.entry->at.known()
            ? fmt::format("[{}] at {}", section.name, section.entry->at.text())
            : fmt::format("the command line's flags for {}", section.name);
  }
  if (options.monitoring.port != 0 || options.monitoring.https_port != 0) {
    plugin::Asked& one = asked_for(all, monitoring_plugin);
    one.section = nodes.add_table(monitoring_section(options));
    one.request.asked_by = "the monitoring port";
  }
  for (const config::PluginEntry& entry : options.plugins.load) {
    plugin::Asked& one = asked_for(all, entry.id);
    one.request.path = entry.path;
    one.request.sha256 = entry.sha256;
    one.required = entry.required;
    if (one.request.asked_by.empty())
      one.request.asked_by = fmt::format("plugins.load at {}", entry.at.text());
  }
  return all;
}

plugin::PluginHostOptions plugin_host_options(const config::Options& options,
                                              const dunlin_entry_fn* static_plugins) {
  plugin::PluginHostOptions host;
  host.product = fmt::format("{} {}", config::program_name, config::compatible_version);
  host.static_entries = static_plugins;
  host.config = ConfigNodes::helpers();
  host.loader.directory = options.plugins.directory.empty() ? default_plugin_directory()
                                                            : options.plugins.directory;
  host.loader.trusted_keys = options.plugins.trusted_keys;
  host.loader.allowed_libraries = options.plugins.libraries;
  host.loader.verify = verify_of(options.plugins.verify);
  return host;
}

}  // namespace dunlin::server
