#include "core/plugin/plugin_search.hpp"

#include <algorithm>

#include "core/plugin/dependency.hpp"

namespace dunlin::plugin {
namespace {

bool has_id(const std::vector<Candidature>& all, std::string_view id) {
  return std::any_of(all.begin(), all.end(),
                     [id](const Candidature& one) { return one.identity.id == id; });
}

bool provides(const Identity& identity, std::string_view needed) {
  return std::any_of(identity.provides.begin(), identity.provides.end(),
                     [needed](const std::string& one) { return meets(one, needed); });
}

void add_needs(const std::vector<Candidature>& found, const Candidature& of,
               std::vector<Candidature>& chosen) {
  for (const Need& need : of.identity.needs) {
    for (const Candidature& one : found) {
      if (!provides(one.identity, need.capability) || has_id(chosen, one.identity.id)) continue;
      chosen.push_back(one);
      chosen.back().needed = of.needed && !need.optional;
      add_needs(found, one, chosen);
    }
  }
}

}  // namespace

std::vector<Candidature> plugins_found(const PluginHostOptions& options,
                                       const std::vector<PluginRequest>& named) {
  std::vector<Candidature> found;
  for (auto entry = options.static_entries; entry != nullptr && *entry != nullptr; ++entry) {
    const auto descriptor = read_descriptor((*entry)(), "static");
    if (descriptor) found.push_back({descriptor->identity, {descriptor->identity.id, {}, {}, {}}});
  }
  const auto add_file = [&](const PluginRequest& request) {
    if (has_id(found, request.id)) return;
    // Loading checks hash and signature; here the file rules and the note decide.
    auto loader = options.loader;
    loader.verify = Verify::permissions;
    const auto inspected = inspect_plugin(request, loader);
    if (inspected) found.push_back({inspected->identity, request});
  };
  for (const PluginRequest& request : named) add_file(request);
  for (const PluginListing& line : list_available(options)) {
    if (line.status == "available" && !line.is_static) add_file({line.id, {}, {}, {}});
  }
  return found;
}

std::vector<Candidature> provider_and_needs(const std::vector<Candidature>& found,
                                            std::string_view capability) {
  std::vector<Candidature> chosen;
  for (const Candidature& one : found) {
    const auto& provided = one.identity.provides;
    if (std::find(provided.begin(), provided.end(), capability) == provided.end()) continue;
    chosen.push_back(one);
    add_needs(found, one, chosen);
    break;
  }
  return chosen;
}

}  // namespace dunlin::plugin
