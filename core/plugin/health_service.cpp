#include "core/plugin/health_service.hpp"

#include <algorithm>

#include "core/plugin/context.hpp"

namespace dunlin::plugin {

void HealthService::set(std::string_view plugin, std::string_view component, std::uint32_t state,
                        std::string_view reason) {
  const std::lock_guard lock(mutex_);
  components_[{std::string(plugin), std::string(component)}] = {
      std::min(state, DUNLIN_HEALTH_FAILED), std::string(reason)};
}

void HealthService::forget(std::string_view plugin) {
  const std::lock_guard lock(mutex_);
  std::erase_if(components_, [&](const auto& entry) { return entry.first.first == plugin; });
}

std::uint32_t HealthService::overall() const {
  const std::lock_guard lock(mutex_);
  std::uint32_t worst = DUNLIN_HEALTH_OK;
  for (const auto& [key, component] : components_) worst = std::max(worst, component.state);
  return worst;
}

void HealthService::each(bool (*visit)(void* user, const dunlin_health_item* item),
                         void* user) const {
  // A copy, so that a visitor may set health itself.
  const auto components = [this] {
    const std::lock_guard lock(mutex_);
    return components_;
  }();
  for (const auto& [key, component] : components) {
    const dunlin_health_item item{str(key.first), str(key.second), component.state, 0,
                                  str(component.reason)};
    if (!visit(user, &item)) return;
  }
}

namespace {

constexpr dunlin_health table = {
    sizeof(dunlin_health),
    0,
    [](const dunlin_host* host, dunlin_str component, std::uint32_t state, dunlin_str reason) {
      auto& context = context_of(host);
      if (context.stopped.load()) return;
      context.shared.health.set(context.identity.id, view(component), state, view(reason));
    },
    [](const dunlin_host* host) { return context_of(host).shared.health.overall(); },
    [](const dunlin_host* host, bool (*visit)(void*, const dunlin_health_item*), void* user) {
      if (visit != nullptr) context_of(host).shared.health.each(visit, user);
    }};

}  // namespace

const void* health_table() noexcept { return &table; }

}  // namespace dunlin::plugin
