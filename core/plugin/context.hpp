// What stands behind a `dunlin_host *`: one PluginContext per plugin, and what all of them share.
// Internal to this room.

#pragma once

#include <dunlin/abi.h>

#include <atomic>
#include <functional>
#include <string>
#include <string_view>

#include "core/plugin/config_service.hpp"
#include "core/plugin/descriptor.hpp"
#include "core/plugin/executor.hpp"
#include "core/plugin/health_service.hpp"
#include "core/plugin/host_services.hpp"
#include "core/plugin/http_service.hpp"
#include "core/plugin/metrics_service.hpp"
#include "core/plugin/note.hpp"
#include "core/plugin/registry_service.hpp"
#include "core/plugin/struct_size.hpp"
#include "core/plugin/timers.hpp"

namespace dunlin::plugin {

struct PluginListing;

struct Shared {
  Shared(Executor& used_executor, TimeSource& used_time, const HostServices& used_services,
         const ConfigHelpers& used_config)
      : executor(used_executor),
        time(used_time),
        services(used_services),
        config(used_config),
        timers(used_executor, used_time),
        http(used_executor) {}

  Executor& executor;
  TimeSource& time;
  const HostServices services;
  const ConfigHelpers config;
  Timers timers;
  MetricsService metrics;
  HealthService health;
  HttpService http;
  RegistryService registry;
  std::function<std::vector<PluginListing>()> list;
};

// Derives from the C struct, so that the pointer a plugin passes back is the context's.
struct PluginContext : dunlin_host {
  PluginContext(Shared& used_shared, Owner used_owner, Identity used_identity,
                const std::string& product_text, const HostVersion& version);

  Shared& shared;
  const Owner owner;
  const Identity identity;
  const std::string product_storage, build_storage;
  const bool may_use_drafts;
  ConfigService config;
  // Set when stop() returned: nothing new is accepted from the plugin.
  std::atomic<bool> stopped{false};
};

inline PluginContext& context_of(const dunlin_host* host) noexcept {
  return *const_cast<PluginContext*>(static_cast<const PluginContext*>(host));
}

// True on the control thread. Otherwise the plugin broke the header's rule: logged.
bool on_control(const dunlin_host* host, const char* function);

inline std::string_view view(dunlin_str text) noexcept {
  return text.data == nullptr ? std::string_view() : std::string_view(text.data, text.size);
}
inline dunlin_str str(std::string_view text) noexcept { return {text.data(), text.size()}; }

// Fills `err` (which may be NULL) and returns `status`.
dunlin_status set_error(dunlin_error* err, dunlin_status status, std::string_view text) noexcept;

// retain and release carry no host: the one router of the process.
void set_process_router(RouterService* router) noexcept;

// The tables, one function per file of this room.
const void* log_table() noexcept;
const void* config_table() noexcept;
const void* clock_table() noexcept;
const void* executor_table() noexcept;
const void* random_table() noexcept;
const void* metrics_table() noexcept;
const void* registry_table() noexcept;
const void* health_table() noexcept;
const void* http_table() noexcept;
const void* router_table() noexcept;
const void* account_table() noexcept;
const void* net_table() noexcept;
const void* observe_table() noexcept;
const void* fs_table() noexcept;
const void* tls_table() noexcept;
const void* links_table() noexcept;

}  // namespace dunlin::plugin
