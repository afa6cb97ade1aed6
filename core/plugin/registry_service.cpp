#include "core/plugin/registry_service.hpp"

#include <algorithm>

#include "core/plugin/context.hpp"
#include "core/plugin/dependency.hpp"

namespace dunlin::plugin {

dunlin_status RegistryService::offer(std::string_view plugin, std::string_view capability,
                                     const void* table, void* self) {
  const std::lock_guard lock(mutex_);
  for (const auto& offer : offers_) {
    if (offer->capability == capability) return DUNLIN_E_EXISTS;
  }
  offers_.push_back(std::make_unique<Offer>(
      Offer{std::string(plugin), std::string(capability), table, self}));
  return DUNLIN_OK;
}

void RegistryService::forget(std::string_view plugin) {
  const std::lock_guard lock(mutex_);
  std::erase_if(offers_, [&](const auto& offer) { return offer->plugin == plugin; });
}

std::vector<dunlin_offer> RegistryService::find(std::string_view capability) const {
  const std::lock_guard lock(mutex_);
  std::vector<dunlin_offer> out;
  for (const auto& offer : offers_) {
    if (!meets(offer->capability, capability)) continue;
    out.push_back({str(offer->capability), str(offer->plugin), offer->table, offer->self});
  }
  return out;
}

namespace {

bool declares_need(const PluginContext& context, std::string_view capability) {
  const auto& needs = context.identity.needs;
  return std::any_of(needs.begin(), needs.end(),
                     [&](const Need& need) { return meets(capability, need.capability); });
}

dunlin_status offer(const dunlin_host* host, const char* capability, const void* table,
                    void* self) {
  auto& context = context_of(host);
  if (capability == nullptr || table == nullptr) return DUNLIN_E_INVALID;
  if (!on_control(host, "registry.offer")) return DUNLIN_E_WRONG_THREAD;
  const auto& provides = context.identity.provides;
  if (std::find(provides.begin(), provides.end(), capability) == provides.end()) {
    return DUNLIN_E_DENIED;
  }
  if (context.stopped.load()) return DUNLIN_E_CLOSED;
  return context.shared.registry.offer(context.identity.id, capability, table, self);
}

dunlin_status each(const dunlin_host* host, const char* capability,
                   bool (*visit)(void* user, const dunlin_offer* offer), void* user) {
  const auto& context = context_of(host);
  if (capability == nullptr || visit == nullptr) return DUNLIN_E_INVALID;
  if (!declares_need(context, capability)) return DUNLIN_E_DENIED;
  for (const auto& offer : context.shared.registry.find(capability)) {
    if (!visit(user, &offer)) break;
  }
  return DUNLIN_OK;
}

dunlin_status find(const dunlin_host* host, const char* capability, dunlin_offer* out) {
  if (out == nullptr) return DUNLIN_E_INVALID;
  *out = {};
  const auto status = each(
      host, capability,
      [](void* user, const dunlin_offer* offer) {
        *static_cast<dunlin_offer*>(user) = *offer;
        return false;
      },
      out);
  if (status != DUNLIN_OK) return status;
  return out->table != nullptr ? DUNLIN_OK : DUNLIN_E_NOT_FOUND;
}

constexpr dunlin_registry table = {sizeof(dunlin_registry), 0, offer, find, each};

}  // namespace

const void* registry_table() noexcept { return &table; }

}  // namespace dunlin::plugin
