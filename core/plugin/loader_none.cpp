// The loader of a build with PLUGIN_LOADER=OFF: there is none, and the server says so.

#include <fmt/format.h>

#include "core/plugin/loader.hpp"

namespace dunlin::plugin {

Checked<LoadedFile> inspect_plugin(const PluginRequest& request, const LoaderOptions&) {
  Problem problem{fmt::format("{} cannot be loaded: this server was built without a plugin loader, "
                              "and {} is not linked into it",
                              request.id, request.id),
                  {"use a build with the loader, or one with this plugin in DUNLIN_STATIC_PLUGINS"},
                  ExitCode::configuration};
  if (!request.asked_by.empty()) {
    problem.hints.push_back(fmt::format("asked for by {}", request.asked_by));
  }
  return problem;
}

Checked<LoadedFile> load_plugin(const PluginRequest& request, const LoaderOptions& options) {
  return inspect_plugin(request, options);
}

}  // namespace dunlin::plugin
