// Health: what this plugin tells the readiness endpoint, and the sum of all.

#pragma once

#include <dunlin/ext/health.h>
#include <dunlin/host.hpp>

namespace dunlin {
inline namespace sdk {

class Health : public Table<dunlin_health> {
 public:
  DUNLIN_TABLE_WRAPPER(Health, dunlin_health, DUNLIN_EXT_HEALTH)

  void set(std::string_view component, std::uint32_t state,
           std::string_view reason = {}) const noexcept {
    api_.set(host_, detail::str(component), state, detail::str(reason));
  }
  [[nodiscard]] std::uint32_t overall() const noexcept { return api_.overall(host_); }
  // `visit(const dunlin_health_item&)`
  template <class Visit>
  void each(Visit&& visit) const {
    api_.each(
        host_,
        [](void* user, const dunlin_health_item* item) {
          (*static_cast<std::remove_reference_t<Visit>*>(user))(*item);
          return true;
        },
        const_cast<void*>(static_cast<const void*>(&visit)));
  }
};

}  // namespace sdk
}  // namespace dunlin
