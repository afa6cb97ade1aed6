// Health of components, of plugins and of the core.  [any thread]

#pragma once

#include <dunlin/ext/health.h>

#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace dunlin::plugin {

class HealthService {
 public:
  // `plugin` is empty for the core.
  void set(std::string_view plugin, std::string_view component, std::uint32_t state,
           std::string_view reason);
  void forget(std::string_view plugin);
  [[nodiscard]] std::uint32_t overall() const;
  void each(bool (*visit)(void* user, const dunlin_health_item* item), void* user) const;

 private:
  struct Component {
    std::uint32_t state;
    std::string reason;
  };
  mutable std::mutex mutex_;  // guards components_
  std::map<std::pair<std::string, std::string>, Component> components_;
};

}  // namespace dunlin::plugin
