// Observe: asynchronous snapshots of the server's state.
//
//     observe.connections(query, [](dunlin_status status, dunlin::Snapshot snapshot) { ... });
//
// The callback runs once on control; the snapshot is valid until it returns.

#pragma once

#include <dunlin/executor.hpp>
#include <dunlin/ext/observe.h>

namespace dunlin {
inline namespace sdk {

class Snapshot {
 public:
  Snapshot(const dunlin_observe* api, const dunlin_snapshot* raw) noexcept
      : api_(api), raw_(raw) {}
  explicit operator bool() const noexcept { return raw_ != nullptr; }

  // NULL when it was not asked for.
  [[nodiscard]] const dunlin_server_info* server() const noexcept {
    return api_->server_info(raw_);
  }
  [[nodiscard]] const dunlin_subscriptions_info* subscriptions() const noexcept {
    return api_->subscriptions_info(raw_);
  }
  // `visit(const dunlin_connection_info&)`
  template <class Visit>
  void each_connection(Visit&& visit) const {
    each<dunlin_connection_info>(api_->each_connection, visit);
  }
  template <class Visit>
  void each_account(Visit&& visit) const {
    each<dunlin_account_info>(api_->each_account, visit);
  }
  template <class Visit>
  void each_subscription(Visit&& visit) const {
    each<dunlin_sub_info>(api_->each_subscription, visit);
  }

 private:
  template <class Info, class Function, class Visit>
  void each(Function function, Visit& visit) const {
    function(
        raw_,
        [](void* user, const Info* info) {
          (*static_cast<Visit*>(user))(*info);
          return true;
        },
        const_cast<void*>(static_cast<const void*>(&visit)));
  }
  const dunlin_observe* api_;
  const dunlin_snapshot* raw_;
};

class Observe : public Table<dunlin_observe> {
 public:
  DUNLIN_TABLE_WRAPPER(Observe, dunlin_observe, DUNLIN_EXT_OBSERVE)

  template <class Done>
  result<> server(Done&& done) const {
    return ask(std::forward<Done>(done), [this](dunlin_on_snapshot run, void* user) {
      return detail::invoke(api_.server, host_, run, user);
    });
  }
  template <class Done>
  result<> connections(const dunlin_connections_query& query, Done&& done) const {
    return ask(std::forward<Done>(done), [&](dunlin_on_snapshot run, void* user) {
      return detail::invoke(api_.connections, host_, &query, run, user);
    });
  }
  template <class Done>
  result<> accounts(std::string_view name, Done&& done) const {
    return ask(std::forward<Done>(done), [&](dunlin_on_snapshot run, void* user) {
      return detail::invoke(api_.accounts, host_, detail::str(name), run, user);
    });
  }
  template <class Done>
  result<> subscriptions(const dunlin_subscriptions_query& query, Done&& done) const {
    return ask(std::forward<Done>(done), [&](dunlin_on_snapshot run, void* user) {
      return detail::invoke(api_.subscriptions, host_, &query, run, user);
    });
  }
  // `visit(const dunlin_plugin_info&)`; on control, at once.
  template <class Visit>
  void each_plugin(Visit&& visit) const {
    if (api_.each_plugin == nullptr) return;
    api_.each_plugin(
        host_,
        [](void* user, const dunlin_plugin_info* info) {
          (*static_cast<std::remove_reference_t<Visit>*>(user))(*info);
          return true;
        },
        const_cast<void*>(static_cast<const void*>(&visit)));
  }

 private:
  template <class Done, class Ask>
  result<> ask(Done&& done, Ask&& ask) const {
    struct Pending {
      const dunlin_host* host;
      dunlin_observe api;
      std::decay_t<Done> done;
    };
    std::unique_ptr<Pending> pending(new Pending{host_, api_, std::forward<Done>(done)});
    const dunlin_on_snapshot run = [](void* user, dunlin_status status,
                                      const dunlin_snapshot* raw) {
      const std::unique_ptr<Pending> self(static_cast<Pending*>(user));
      detail::contain(self->host, "a snapshot's reader",
                      [&] { self->done(status, Snapshot(&self->api, raw)); });
    };
    const dunlin_status status = ask(run, static_cast<void*>(pending.get()));
    if (status != DUNLIN_OK) return detail::take(status, "asking for a snapshot");
    static_cast<void>(pending.release());
    return {};
  }
};

}  // namespace sdk
}  // namespace dunlin
