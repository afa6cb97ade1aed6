// Plugins in the life of the server: when something asks for one, they are loaded before anything
// listens, and they end before the shards do.

#include <chrono>

#include "core/base/log.hpp"
#include "core/server/plugin_wiring.hpp"
#include "core/server/server.hpp"

namespace dunlin::server {

result<> Server::load_plugins() {
  if (!asks_for_plugins(options_)) return {};
  plugins_ = std::make_unique<PluginWiring>(*this, static_plugins_);
  const auto loaded = plugins_->load(options_);
  if (loaded) return {};
  exit_code_ = loaded.error().exit_code();
  return fail(loaded.error().text());
}

result<> Server::start_plugins() {
  if (plugins_ == nullptr) return {};
  const auto started = plugins_->start();
  if (!started) {
    exit_code_ = started.error().exit_code();
    return fail(started.error().text());
  }
  for (const plugin::PluginListing& one : plugins_->host().list())
    log_info("Plugin {} {}: {} ({})", one.id, one.version, one.status, one.origin);
  return {};
}

// Every plugin is asked about the options a reload brings; nothing has changed when one refuses.
result<> Server::prepare_plugins(const config::Options& next) {
  if (plugins_ == nullptr) {
    if (asks_for_plugins(next)) return fail("the first plugin needs a restart of the server");
    return {};
  }
  const auto prepared = plugins_->reload_prepare(next);
  if (!prepared) return fail(prepared.error().text());
  return {};
}

void Server::finish_plugins(bool commit) {
  if (plugins_ != nullptr) plugins_->reload_finish(commit);
  if (!commit) return;
  config_loaded_wall_ns_ = std::chrono::duration_cast<std::chrono::nanoseconds>(
                               std::chrono::system_clock::now().time_since_epoch())
                               .count();
}

// The shards have ended. What they and the plugins left on the control queue runs first.
void Server::end_plugins() {
  if (plugins_ == nullptr) return;
  control_.restart();
  control_.poll();
  plugins_->destroy();
}

}  // namespace dunlin::server
