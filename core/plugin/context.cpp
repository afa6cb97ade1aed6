#include "core/plugin/context.hpp"

#include <dunlin/ext/clock.h>
#include <dunlin/ext/config.h>
#include <dunlin/ext/executor.h>
#include <dunlin/ext/fs.h>
#include <dunlin/ext/http.h>
#include <dunlin/ext/log.h>
#include <dunlin/ext/random.h>
#include <dunlin/ext/registry.h>
#include <dunlin/ext/tls.h>

#include <algorithm>
#include <cstring>

#include "core/base/log.hpp"

namespace dunlin::plugin {
namespace {

struct Extension {
  const char* id;
  const void* (*table)() noexcept;
  bool (*offered)(const PluginContext& context);
};

bool always(const PluginContext&) { return true; }

constexpr Extension extensions[] = {
    {DUNLIN_EXT_LOG, log_table, always},
    {DUNLIN_EXT_CONFIG, config_table, always},
    {DUNLIN_EXT_CLOCK, clock_table, always},
    {DUNLIN_EXT_EXECUTOR, executor_table, always},
    {DUNLIN_EXT_RANDOM, random_table, always},
    {DUNLIN_EXT_METRICS, metrics_table, always},
    {DUNLIN_EXT_REGISTRY, registry_table, always},
    {DUNLIN_EXT_HEALTH, health_table, always},
    {DUNLIN_EXT_HTTP, http_table, always},
    {DUNLIN_EXT_FS, fs_table, always},
    {DUNLIN_EXT_TLS, tls_table, always},
    {DUNLIN_EXT_ROUTER, router_table,
     [](const PluginContext& c) { return c.shared.services.router != nullptr; }},
    {DUNLIN_EXT_ACCOUNT, account_table,
     [](const PluginContext& c) { return c.shared.services.account != nullptr; }},
    {DUNLIN_EXT_NET, net_table,
     [](const PluginContext& c) { return c.shared.services.net != nullptr; }},
    {DUNLIN_EXT_OBSERVE, observe_table,
     [](const PluginContext& c) { return c.shared.services.observe != nullptr; }},
    {DUNLIN_EXT_LINKS, links_table,
     [](const PluginContext& c) {
       return c.may_use_drafts && c.shared.services.links != nullptr;
     }},
};

const void* find_extension(const dunlin_host* host, const char* id) {
  if (id == nullptr) return nullptr;
  const auto& context = context_of(host);
  for (const auto& extension : extensions) {
    if (std::strcmp(extension.id, id) == 0) {
      return extension.offered(context) ? extension.table() : nullptr;
    }
  }
  return nullptr;
}

}  // namespace

PluginContext::PluginContext(Shared& used_shared, Owner used_owner, Identity used_identity,
                             const std::string& product_text, const HostVersion& version)
    : dunlin_host{},
      shared(used_shared),
      owner(used_owner),
      identity(std::move(used_identity)),
      product_storage(product_text),
      build_storage(version.build),
      may_use_drafts((identity.flags & DUNLIN_ENTRY_DRAFT) != 0),
      config(used_shared.config) {
  struct_size = sizeof(dunlin_host);
  abi_version = version.abi;
  product = product_storage.c_str();
  build_id = build_storage.c_str();
  extension = find_extension;
}

bool on_control(const dunlin_host* host, const char* function) {
  const auto& context = context_of(host);
  if (context.shared.executor.thread() == ThreadKind::control) return true;
  log_error("plugin {} misbehaves: it called {} outside of the control thread",
            context.identity.id, function);
  return false;
}

dunlin_status set_error(dunlin_error* err, dunlin_status status, std::string_view text) noexcept {
  if (err == nullptr) return status;
  std::uint32_t size = 0;
  std::memcpy(&size, err, sizeof size);
  if (size < sizeof(dunlin_error)) return status;
  err->status = status;
  err->os_error = 0;
  const auto length = std::min(text.size(), sizeof err->text - 1);
  std::memcpy(err->text, text.data(), length);
  err->text[length] = '\0';
  return status;
}

}  // namespace dunlin::plugin
