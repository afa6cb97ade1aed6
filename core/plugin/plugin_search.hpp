// Finding a plugin by what it provides instead of by its name: for commands, where nothing in a
// configuration asks for it.
//
// Looked at are the plugins a configuration names, those linked in, and the files of the loader's
// directory; of files only the note is read, no code runs. A file that may not be loaded is passed
// over here: --list-plugins tells why.  [control]

#pragma once

#include <string_view>
#include <vector>

#include "core/plugin/plugin_host.hpp"

namespace dunlin::plugin {

struct Candidature {
  Identity identity;
  PluginRequest request;  // what loads it
  bool needed = true;     // false: only wanted by another
};

// `named` are requests with a path; they win over what is found under the same id.
[[nodiscard]] std::vector<Candidature> plugins_found(const PluginHostOptions& options,
                                                     const std::vector<PluginRequest>& named);

// The first provider of exactly this capability, and behind it every plugin it needs or wants, and
// so on. Empty when nobody provides it; what is needed and not there, loading reports.
[[nodiscard]] std::vector<Candidature> provider_and_needs(const std::vector<Candidature>& found,
                                                          std::string_view capability);

}  // namespace dunlin::plugin
