// What the options ask for, as the plugin host understands it.  [control]

#pragma once

#include <vector>

#include "core/config/options.hpp"
#include "core/plugin/plugin_host.hpp"
#include "core/server/config_nodes.hpp"

namespace dunlin::server {

// The plugin that reads a section: mostly of the same name.
[[nodiscard]] std::string_view plugin_of_section(std::string_view section) noexcept;

// `nodes` keeps the sections the result points to; the options must stay as long.
[[nodiscard]] std::vector<plugin::Asked> plugins_asked_for(const config::Options& options,
                                                           ConfigNodes& nodes);

[[nodiscard]] plugin::PluginHostOptions plugin_host_options(const config::Options& options,
                                                            const dunlin_entry_fn* static_plugins);

}  // namespace dunlin::server
