#include "core/server/plugin_wiring.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>

#include "core/plugin/crash_report.hpp"
#include "core/server/account_service.hpp"
#include "core/server/link_service.hpp"
#include "core/server/net_service.hpp"
#include "core/server/link_service.hpp"
#include "core/server/net_service.hpp"
#include "core/server/observe_service.hpp"
#include "core/server/plugin_executor.hpp"
#include "core/server/plugin_wish.hpp"
#include "core/server/router_service.hpp"
#include "core/server/server.hpp"

namespace dunlin::server {

namespace {

// Sections that belong to plugins of this project.
constexpr std::array<std::string_view, 8> own_sections = {
    "cluster", "gateway", "jetstream", "leafnodes", "monitoring", "mqtt", "operator", "websocket"};
constexpr std::string_view default_system_account = "$SYS";

bool is_directory(const std::string& path) {
  struct stat found {};
  return ::stat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode);
}

std::string executable_directory() {
  char path[PATH_MAX];
  const ssize_t size = ::readlink("/proc/self/exe", path, sizeof path);
  if (size <= 0) return "/";
  const std::string_view text(path, static_cast<std::size_t>(size));
  return std::string(text.substr(0, text.rfind('/')));
}

bool is_linked_in(std::string_view id, const dunlin_entry_fn* static_plugins) {
  for (auto entry = static_plugins; entry != nullptr && *entry != nullptr; ++entry)
    if ((*entry)()->id == id) return true;
  return false;
}

// What the file says about plugins, whatever else may be wrong with it.
config::Plugins plugins_of_file(const std::string& config_file) {
  if (config_file.empty()) return {};
  const auto loaded = config::load_file(config_file, [](std::string_view) { return true; });
  return loaded ? loaded->options.plugins : config::Plugins{};
}

}  // namespace

bool asks_for_plugins(const config::Options& options) {
  return !options.sections.empty() || !options.plugins.load.empty() ||
         options.monitoring.port != 0 || options.monitoring.https_port != 0;
}

std::string default_plugin_directory() {
  const std::string here = executable_directory();
  const std::string prefix = here.substr(0, here.rfind('/'));
  const std::string built = prefix + "/plugins";
  return is_directory(built) ? built : prefix + "/lib/dunlin/plugins";
}

config::SectionProvided sections_provided(std::string config_file,
                                          const dunlin_entry_fn* static_plugins) {
  return [config_file = std::move(config_file), static_plugins](std::string_view section) {
    if (std::find(own_sections.begin(), own_sections.end(), section) != own_sections.end() ||
        std::find_if(own_sections.begin(), own_sections.end(), [section](std::string_view own) {
          return plugin_of_section(own) == section;
        }) != own_sections.end())
      return true;
    if (is_linked_in(section, static_plugins)) return true;
    const config::Plugins given = plugins_of_file(config_file);
    for (const config::PluginEntry& entry : given.load)
      if (entry.id == section) return true;
    const std::string directory =
        given.directory.empty() ? default_plugin_directory() : given.directory;
    return section.find('/') == std::string_view::npos &&
           ::access((directory + "/" + std::string(section) + ".so").c_str(), F_OK) == 0;
  };
}

int check_plugins(const config::Options& options, const dunlin_entry_fn* static_plugins,
                  std::string& text) {
  if (!asks_for_plugins(options)) return 0;
  boost::asio::io_context control(1);
  PluginExecutor::Shards shards;
  PluginExecutor executor(control, shards);
  const auto time = plugin::make_system_time();
  const plugin::HostServices services;
  plugin::PluginHost host(plugin_host_options(options, static_plugins), executor, *time,
                          services);
  ConfigNodes nodes;
  auto outcome = host.load(plugins_asked_for(options, nodes));
  if (outcome) outcome = host.configure();
  executor.close();
  control.poll();
  host.destroy();
  if (outcome) return 0;
  text = outcome.error().text();
  return outcome.error().exit_code();
}

std::string list_plugins_text(const config::Options& options,
                              const dunlin_entry_fn* static_plugins) {
  return plugin::list_text(
      plugin::list_available(plugin_host_options(options, static_plugins)));
}

// ---- the running server ------------------------------------------------------------------------

struct PluginWiring::Services {
  Services(Server& used_server, const dunlin_entry_fn* used_static_plugins)
      : server(used_server),
        static_plugins(used_static_plugins),
        time(plugin::make_system_time()),
        executor(server.control(), server.shards()),
        router(executor, server.routers(), server.clients(), server.quiescence(),
               server.control()),
        account(executor, server.clients(), system_account(server.options())),
        net(executor, server.shards(), server.routers(), server.clients(), router,
            server.control()),
        observe(server, executor),
        links(executor, server.shards(), server.clients(), net) {}

  static std::string system_account(const config::Options& options) {
    if (options.no_system_account) return {};
    return options.system_account.empty() ? std::string(default_system_account)
                                          : options.system_account;
  }

  [[nodiscard]] plugin::HostServices table() {
    plugin::HostServices services;
    services.router = &router;
    services.account = &account;
    services.net = &net;
    services.observe = &observe;
    services.links = &links;
    services.plugin_stopped_context = this;
    services.plugin_stopped = [](void* context, plugin::Owner owner) {
      auto& self = *static_cast<Services*>(context);
      // Observers first: connections that end change interest.
      self.links.plugin_stopped(owner);
      self.net.plugin_stopped(owner);
      self.router.plugin_stopped(owner);
      self.account.plugin_stopped(owner);
      self.observe.plugin_stopped(owner);
    };
    return services;
  }

  Server& server;
  const dunlin_entry_fn* const static_plugins;
  const std::unique_ptr<plugin::TimeSource> time;
  PluginExecutor executor;
  RouterService router;
  AccountService account;
  NetService net;
  ObserveService observe;
  LinkService links;
};

PluginWiring::PluginWiring(Server& server, const dunlin_entry_fn* static_plugins)
    : services_(std::make_unique<Services>(server, static_plugins)) {
  plugin::install_crash_report();
}

PluginWiring::~PluginWiring() = default;

plugin::Outcome PluginWiring::load(const config::Options& options) {
  host_ = std::make_unique<plugin::PluginHost>(
      plugin_host_options(options, services_->static_plugins), services_->executor,
      *services_->time, services_->table());
  nodes_ = std::make_unique<ConfigNodes>();
  if (auto loaded = host_->load(plugins_asked_for(options, *nodes_)); !loaded) return loaded;
  return host_->configure();
}

plugin::Outcome PluginWiring::start() {
  auto outcome = host_->start();
  nodes_.reset();
  return outcome;
}

plugin::Outcome PluginWiring::reload_prepare(const config::Options& options) {
  nodes_ = std::make_unique<ConfigNodes>();
  auto outcome = host_->reload_prepare(plugins_asked_for(options, *nodes_));
  if (!outcome) nodes_.reset();
  return outcome;
}

void PluginWiring::reload_finish(bool commit) {
  host_->reload_finish(commit);
  nodes_.reset();
}

void PluginWiring::drain(std::chrono::nanoseconds time_left) {
  const std::uint64_t deadline =
      services_->time->monotonic_ns() + static_cast<std::uint64_t>(time_left.count());
  services_->net.drain(deadline);
  host_->drain(deadline);
}

void PluginWiring::stop() {
  if (host_ != nullptr) host_->stop();
  services_->executor.close();
}

void PluginWiring::destroy() {
  if (host_ != nullptr) host_->destroy();
}

}  // namespace dunlin::server
