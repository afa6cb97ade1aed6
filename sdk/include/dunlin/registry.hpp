// Registry: offering tables to other plugins and finding theirs.

#pragma once

#include <dunlin/ext/registry.h>
#include <dunlin/host.hpp>

#include <vector>

namespace dunlin {
inline namespace sdk {

class Registry : public Table<dunlin_registry> {
 public:
  DUNLIN_TABLE_WRAPPER(Registry, dunlin_registry, DUNLIN_EXT_REGISTRY)

  result<> offer(const char* capability, const void* table, void* self) const {
    return detail::take(detail::invoke(api_.offer, host_, capability, table, self), "offer");
  }
  [[nodiscard]] result<dunlin_offer> find(const char* capability) const {
    dunlin_offer out{};
    const auto status = detail::invoke(api_.find, host_, capability, &out);
    if (status != DUNLIN_OK) return detail::take(status, "find").error();
    return out;
  }
  [[nodiscard]] std::vector<dunlin_offer> all(const char* capability) const {
    std::vector<dunlin_offer> out;
    detail::invoke(
        api_.each, host_, capability,
        +[](void* user, const dunlin_offer* offer) {
          static_cast<std::vector<dunlin_offer>*>(user)->push_back(*offer);
          return true;
        },
        static_cast<void*>(&out));
    return out;
  }
};

}  // namespace sdk
}  // namespace dunlin
