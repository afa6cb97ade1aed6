// Plugins and the server they run in: which ones the options ask for, where their files are, the
// services they are given, and when each step of their life happens.
//
// Exists only when something asks for a plugin, so a node without plugins pays nothing. All of it
// is for the control thread.
//
//   load       before listeners open: files, needs, configuration
//   start      when the shards run, before clients are accepted
//   reload_prepare, reload_finish
//   drain, stop, then the shards end, then destroy

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/config/load.hpp"
#include "core/plugin/plugin_host.hpp"
#include "core/server/config_nodes.hpp"

namespace dunlin::server {

class Server;

// Does anything in the options ask for a plugin?
[[nodiscard]] bool asks_for_plugins(const config::Options& options);

// The directory of the plugins that came with this executable: "plugins" beside its folder in a
// build tree, "lib/dunlin/plugins" where it is installed.
[[nodiscard]] std::string default_plugin_directory();

// Which sections of a configuration some plugin reads. Those of this project's own plugins always
// are: a missing plugin is reported when it is loaded, with the file that was looked for. Another
// is, when a plugin of that name is linked in, listed in plugins.load, or lies in the directory.
[[nodiscard]] config::SectionProvided sections_provided(std::string config_file,
                                                        const dunlin_entry_fn* static_plugins);

// `-t`: every plugin checks its section. Returns the exit code; the text is for standard error.
[[nodiscard]] int check_plugins(const config::Options& options,
                                const dunlin_entry_fn* static_plugins, std::string& text);

// `--list-plugins`.
[[nodiscard]] std::string list_plugins_text(const config::Options& options,
                                            const dunlin_entry_fn* static_plugins);

class PluginWiring {
 public:
  // The server's shards, routers and directory exist and outlive this.
  PluginWiring(Server& server, const dunlin_entry_fn* static_plugins);
  ~PluginWiring();
  PluginWiring(const PluginWiring&) = delete;
  PluginWiring& operator=(const PluginWiring&) = delete;

  plugin::Outcome load(const config::Options& options);
  plugin::Outcome start();
  // Nothing has changed yet when prepare fails; otherwise finish must follow.
  plugin::Outcome reload_prepare(const config::Options& options);
  void reload_finish(bool commit);
  void drain(std::chrono::nanoseconds time_left);
  // Ends every plugin and runs what they still had posted. The shards must be running.
  void stop();
  // The shards have ended, and the control queue has run dry.
  void destroy();

  [[nodiscard]] plugin::PluginHost& host() noexcept { return *host_; }

 private:
  struct Services;

  std::unique_ptr<Services> services_;
  std::unique_ptr<plugin::PluginHost> host_;
  std::unique_ptr<ConfigNodes> nodes_;  // until plugins have started, or a reload is over
};

}  // namespace dunlin::server
