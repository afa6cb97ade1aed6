// PluginHost: the plugins of this process, from the configuration's wish to their end.
//
//   load       find, check and open what is asked for; resolve needs; create    [control]
//   configure  each plugin reads its section and may refuse                      [control]
//   start      in order of needs; on a failure those started are stopped         [control]
//   reload_prepare, reload_finish                                                [control]
//   drain, stop in reverse order                                                 [control]
//   destroy    when no thread can run a plugin's code any more: the server's shards, workers and
//              control queue have run dry and ended                              [control]
//
// `-t` is load + configure + destroy. Everything is on control except list(), which may be called
// from any thread after load.

#pragma once

#include <dunlin/ext/metrics.h>
#include <dunlin/ext/registry.h>

#include <memory>
#include <string>
#include <vector>

#include "core/plugin/config_node.hpp"
#include "core/plugin/executor.hpp"
#include "core/plugin/host_services.hpp"
#include "core/plugin/loader.hpp"
#include "core/plugin/problem.hpp"

namespace dunlin::plugin {

struct Asked {
  PluginRequest request;
  const ConfigNode* section = nullptr;  // must live until configure (or reload_finish) returned
  bool required = true;                 // false: its failure is a warning, readiness degraded
};

struct PluginHostOptions {
  std::string product;                                    // "dunlin-server 0.1.0"
  const dunlin_entry_fn* static_entries = nullptr;        // ended by nullptr; may be NULL
  LoaderOptions loader;
  ConfigHelpers config;
};

// What --list-plugins and the monitoring endpoint show.
struct PluginListing {
  std::string id, version, summary, license;
  std::uint32_t built = 0, needed = 0;
  bool is_static = false;
  std::string origin;  // the path, or "static"
  std::string sha256;
  std::string status;  // "loaded", "configured", "started", "stopped", "failed: ..."
};

class PluginHost {
 public:
  // The interfaces must outlive the host. `services` members may be NULL.
  PluginHost(PluginHostOptions options, Executor& executor, TimeSource& time,
             const HostServices& services);
  ~PluginHost();  // as destroy()
  PluginHost(const PluginHost&) = delete;
  PluginHost& operator=(const PluginHost&) = delete;

  // All problems at once. Plugins that are not asked for are not touched.
  Outcome load(const std::vector<Asked>& asked);
  Outcome configure();
  Outcome start();

  // Adds plugins flagged DUNLIN_ENTRY_HOT_ADD; every other change of the list is a refusal. Then
  // each plugin is asked; when one refuses, all are told to keep what they have.
  Outcome reload_prepare(const std::vector<Asked>& asked);
  void reload_finish(bool commit);

  void drain(std::uint64_t deadline_ns);
  void stop();
  void destroy();

  [[nodiscard]] std::vector<PluginListing> list() const;

  // What a started plugin offers under this capability; `table` is NULL when nobody does. Valid
  // until stop.  [any thread]
  [[nodiscard]] dunlin_offer find_offer(std::string_view capability) const;

  // Core components and core metrics take part through the same registries as plugins.
  // Component state of the core; see dunlin/ext/health.h.  [any thread]
  void set_health(std::string_view component, std::uint32_t state, std::string_view reason);
  // A counter or gauge of the core, shown without a plugin's label; lives as long as the host.
  dunlin_cell* core_cell(bool is_counter, std::string_view name, std::string_view help);

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

// The text of `--list-plugins`: a table with one line per plugin.
[[nodiscard]] std::string list_text(const std::vector<PluginListing>& plugins);

// Every plugin that could be loaded: those linked in, and the files in the loader's directory that
// pass the checks (inspected, not run). Files that do not are listed with the reason.
[[nodiscard]] std::vector<PluginListing> list_available(const PluginHostOptions& options);

}  // namespace dunlin::plugin
