// Router and Account: publishing and subscribing inside the server.

#pragma once

#include <dunlin/executor.hpp>
#include <dunlin/ext/account.h>
#include <dunlin/ext/router.h>

#include <functional>
#include <span>

namespace dunlin {
inline namespace sdk {

class Accounts : public Table<dunlin_account_api> {
 public:
  DUNLIN_TABLE_WRAPPER(Accounts, dunlin_account_api, DUNLIN_EXT_ACCOUNT)

  [[nodiscard]] dunlin_account* find(std::string_view name) const noexcept {
    return api_.find(host_, detail::str(name));
  }
  [[nodiscard]] dunlin_account* global() const noexcept { return api_.global_account(host_); }
  [[nodiscard]] dunlin_account* system() const noexcept { return api_.system_account(host_); }
  [[nodiscard]] std::string_view name(dunlin_account* account) const noexcept {
    return detail::view(api_.name(host_, account));
  }
  [[nodiscard]] result<std::int64_t> limit(dunlin_account* account, std::string_view key) const {
    std::int64_t out = 0;
    const auto status = detail::invoke(api_.limit, host_, account, detail::str(key), &out);
    if (status != DUNLIN_OK) return detail::take(status, "reading a limit").error();
    return out;
  }
};

// Ends the subscription when destroyed; the callback is freed after its last run.
class Subscription {
 public:
  using OnMessages = std::function<void(std::span<const dunlin_msg>)>;

  Subscription() = default;
  Subscription(Subscription&& other) noexcept
      : api_(other.api_), id_(other.id_), state_(std::exchange(other.state_, nullptr)) {}
  Subscription& operator=(Subscription&& other) noexcept {
    if (this != &other) {
      end();
      api_ = other.api_;
      id_ = other.id_;
      state_ = std::exchange(other.state_, nullptr);
    }
    return *this;
  }
  ~Subscription() { end(); }

  // May be called anywhere; a delivery may still be running on another thread when it returns.
  void end() noexcept {
    if (state_ == nullptr) return;
    const auto state = std::exchange(state_, nullptr);
    api_.unsubscribe_async(
        state->host, id_, [](void* user) { delete static_cast<State*>(user); }, state);
  }
  [[nodiscard]] dunlin_sub_id id() const noexcept { return id_; }

 private:
  friend class Router;
  struct State {
    const dunlin_host* host;
    OnMessages on_messages;
  };
  dunlin_router api_{};
  dunlin_sub_id id_ = 0;
  State* state_ = nullptr;
};

class Router : public Table<dunlin_router> {
 public:
  DUNLIN_TABLE_WRAPPER(Router, dunlin_router, DUNLIN_EXT_ROUTER)

  result<> publish(dunlin_account* account, std::span<const dunlin_msg> messages,
                   dunlin_conn* on_behalf_of = nullptr) const {
    return detail::take(detail::invoke(api_.publish, host_, account, on_behalf_of,
                                       messages.data(), messages.size(),
                                       static_cast<std::size_t*>(nullptr)),
                        "publish");
  }
  result<> publish(dunlin_account* account, std::string_view subject, std::string_view payload,
                   std::string_view reply = {}) const {
    dunlin_msg message{};
    message.subject = detail::str(subject);
    message.reply = detail::str(reply);
    message.payload = detail::bytes(payload);
    return publish(account, {&message, 1});
  }

  [[nodiscard]] result<Subscription> subscribe(dunlin_account* account,
                                               const dunlin_sub_options& options,
                                               Subscription::OnMessages on_messages,
                                               dunlin_conn* on_behalf_of = nullptr) const {
    std::unique_ptr<Subscription::State> state(
        new Subscription::State{host_, std::move(on_messages)});
    Subscription out;
    const dunlin_on_msgs run = [](void* user, const dunlin_msg* messages, std::size_t n) {
      auto& self = *static_cast<Subscription::State*>(user);
      detail::contain(self.host, "a subscription", [&] { self.on_messages({messages, n}); });
    };
    const auto status = detail::invoke(api_.subscribe, host_, account, on_behalf_of, &options,
                                       run, static_cast<void*>(state.get()), &out.id_);
    if (status != DUNLIN_OK) return detail::take(status, "subscribe").error();
    out.api_ = api_;
    out.state_ = state.release();
    return out;
  }
  [[nodiscard]] result<Subscription> subscribe(dunlin_account* account, std::string_view subject,
                                               Subscription::OnMessages on_messages) const {
    dunlin_sub_options options{};
    options.struct_size = sizeof options;
    options.home_shard = DUNLIN_SHARD_NONE;
    options.subject = detail::str(subject);
    return subscribe(account, options, std::move(on_messages));
  }

  // `on_reply(dunlin_status, const dunlin_msg*)`, once, on control.
  template <class OnReply>
  result<dunlin_request_id> request(dunlin_account* account, const dunlin_msg& message,
                                    std::uint64_t timeout_ns, OnReply&& on_reply) const {
    struct Pending {
      const dunlin_host* host;
      std::decay_t<OnReply> on_reply;
    };
    std::unique_ptr<Pending> pending(new Pending{host_, std::forward<OnReply>(on_reply)});
    const dunlin_on_reply run = [](void* user, dunlin_status status, const dunlin_msg* reply) {
      const std::unique_ptr<Pending> self(static_cast<Pending*>(user));
      detail::contain(self->host, "a reply", [&] { self->on_reply(status, reply); });
    };
    dunlin_request_id id = 0;
    const auto status = detail::invoke(api_.request, host_, account, &message, timeout_ns, run,
                                       static_cast<void*>(pending.get()), &id);
    if (status != DUNLIN_OK) return detail::take(status, "request").error();
    static_cast<void>(pending.release());
    return id;
  }
  [[nodiscard]] bool interest(dunlin_account* account, std::string_view subject) const noexcept {
    return api_.interest(host_, account, detail::str(subject));
  }
  result<> reserve_prefix(std::string_view prefix) const {
    return detail::take(detail::invoke(api_.reserve_prefix, host_, detail::str(prefix)),
                        "reserving a prefix");
  }
};

}  // namespace sdk
}  // namespace dunlin
