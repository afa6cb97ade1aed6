// Links (draft): a connection that carries other servers' interest and messages.

#pragma once

#include <dunlin/ext/draft/links.h>
#include <dunlin/host.hpp>

#include <span>

namespace dunlin {
inline namespace sdk {

class Links : public Table<dunlin_links> {
 public:
  DUNLIN_TABLE_WRAPPER(Links, dunlin_links, DUNLIN_EXT_LINKS)

  [[nodiscard]] result<dunlin_link*> attach(dunlin_conn* conn,
                                            const dunlin_link_options& options) const {
    dunlin_link* link = nullptr;
    const auto status = detail::invoke(api_.attach, host_, conn, &options, &link);
    if (status != DUNLIN_OK) return detail::take(status, "attaching a link").error();
    return link;
  }
  void detach(dunlin_link* link) const noexcept { api_.detach(host_, link); }
  result<> subscribe(dunlin_link* link, std::span<const dunlin_remote_sub> subs) const {
    return detail::take(detail::invoke(api_.subscribe, host_, link, subs.data(), subs.size(),
                                       static_cast<std::size_t*>(nullptr)),
                        "remote interest");
  }
  result<> publish(dunlin_link* link, std::span<const dunlin_routed_msg> messages) const {
    return detail::take(detail::invoke(api_.publish, host_, link, messages.data(),
                                       messages.size(), static_cast<std::size_t*>(nullptr)),
                        "routed publish");
  }
  [[nodiscard]] result<dunlin_observer> observe(const dunlin_interest_options& options) const {
    dunlin_observer out = 0;
    const auto status = detail::invoke(api_.observe, host_, &options, &out);
    if (status != DUNLIN_OK) return detail::take(status, "observing interest").error();
    return out;
  }
  void unobserve(dunlin_observer observer) const noexcept { api_.unobserve(host_, observer); }
};

}  // namespace sdk
}  // namespace dunlin
