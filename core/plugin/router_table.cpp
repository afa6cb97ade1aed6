// dunlin.router/1 and dunlin.account/1 over the server's services.

#include <dunlin/ext/account.h>
#include <dunlin/ext/router.h>

#include "core/plugin/argument_checks.hpp"
#include "core/plugin/context.hpp"

namespace dunlin::plugin {
namespace {

RouterService& router_of(const dunlin_host* host) {
  return *context_of(host).shared.services.router;
}
AccountService& accounts_of(const dunlin_host* host) {
  return *context_of(host).shared.services.account;
}

bool is_sound_message(const dunlin_msg& message) {
  return is_sound(message.subject) && is_sound(message.reply) && is_sound(message.payload) &&
         message.reserved == 0 && is_publishable(view(message.subject)) &&
         is_reply(view(message.reply)) && is_header(message.header);
}

dunlin_status publish(const dunlin_host* host, dunlin_account* account, dunlin_conn* on_behalf_of,
                      const dunlin_msg* messages, std::size_t n, std::size_t* done) {
  auto& context = context_of(host);
  std::size_t routed = 0;
  if (done != nullptr) *done = 0;
  if (account == nullptr || (messages == nullptr && n > 0)) return DUNLIN_E_INVALID;
  if (context.stopped.load(std::memory_order_relaxed)) return DUNLIN_E_CLOSED;
  // What precedes a bad message is routed; nothing behind it is.
  std::size_t sound = 0;
  while (sound < n && is_sound_message(messages[sound])) ++sound;
  auto status = sound == 0 ? DUNLIN_OK
                           : router_of(host).publish(context.owner, account, on_behalf_of,
                                                     {messages, sound}, routed);
  if (status == DUNLIN_OK && sound < n) status = DUNLIN_E_INVALID;
  if (done != nullptr) *done = routed;
  return status;
}

dunlin_status subscribe(const dunlin_host* host, dunlin_account* account,
                        dunlin_conn* on_behalf_of, const dunlin_sub_options* options,
                        dunlin_on_msgs on_msgs, void* user, dunlin_sub_id* out) {
  auto& context = context_of(host);
  const auto copy = copy_sized(options);
  if (!copy || account == nullptr || on_msgs == nullptr || out == nullptr ||
      copy->reserved != 0 || !is_sound(copy->subject) || !is_sound(copy->queue) ||
      !is_sound(copy->sid) || !is_subscribable(view(copy->subject)) ||
      !is_queue(view(copy->queue)) || !is_queue(view(copy->sid))) {
    return DUNLIN_E_INVALID;
  }
  if (on_behalf_of == nullptr && copy->home_shard != Executor::no_shard &&
      copy->home_shard >= context.shared.executor.shard_count()) {
    return DUNLIN_E_INVALID;
  }
  if (context.stopped.load()) return DUNLIN_E_CLOSED;
  return router_of(host).subscribe(context.owner, account, on_behalf_of, *copy, on_msgs, user,
                                   *out);
}

dunlin_status request(const dunlin_host* host, dunlin_account* account, const dunlin_msg* message,
                      std::uint64_t timeout_ns, dunlin_on_reply on_reply, void* user,
                      dunlin_request_id* out) {
  auto& context = context_of(host);
  if (account == nullptr || message == nullptr || on_reply == nullptr) return DUNLIN_E_INVALID;
  auto copy = *message;
  copy.reply = {};
  if (!is_sound_message(copy)) return DUNLIN_E_INVALID;
  if (context.stopped.load()) return DUNLIN_E_CLOSED;
  dunlin_request_id id = 0;
  const auto status =
      router_of(host).request(context.owner, account, copy, timeout_ns, on_reply, user, id);
  if (out != nullptr) *out = id;
  return status;
}

dunlin_status reserve_prefix(const dunlin_host* host, dunlin_str prefix) {
  auto& context = context_of(host);
  const auto text = view(prefix);
  if (!text.ends_with('.') || !is_publishable(text.substr(0, text.size() - 1))) {
    return DUNLIN_E_INVALID;
  }
  if (!on_control(host, "router.reserve_prefix")) return DUNLIN_E_WRONG_THREAD;
  return router_of(host).reserve_prefix(context.owner, text);
}

dunlin_status buf_create(const dunlin_host* host, const dunlin_bytes* parts, std::size_t n,
                         dunlin_buf** out, dunlin_bytes* bytes) {
  if (out == nullptr || bytes == nullptr || (parts == nullptr && n > 0)) return DUNLIN_E_INVALID;
  return router_of(host).buf_create({parts, n}, *out, *bytes);
}

// retain and release have no host argument: one router serves the process.
RouterService* process_router = nullptr;

constexpr dunlin_router table = {
    sizeof(dunlin_router),
    0,
    publish,
    subscribe,
    [](const dunlin_host* host, dunlin_sub_id sub) {
      router_of(host).unsubscribe(context_of(host).owner, sub);
    },
    [](const dunlin_host* host, dunlin_sub_id sub, dunlin_task done, void* user) {
      router_of(host).unsubscribe_async(context_of(host).owner, sub, done, user);
    },
    request,
    [](const dunlin_host* host, dunlin_request_id request_id) {
      router_of(host).request_cancel(context_of(host).owner, request_id);
    },
    [](const dunlin_host* host, dunlin_account* account, dunlin_str subject) {
      return account != nullptr && is_publishable(view(subject)) &&
             router_of(host).interest(account, view(subject));
    },
    reserve_prefix,
    buf_create,
    [](dunlin_buf* buf) {
      if (buf != nullptr && process_router != nullptr) process_router->retain(buf);
    },
    [](dunlin_buf* buf) {
      if (buf != nullptr && process_router != nullptr) process_router->release(buf);
    }};

dunlin_status limit(const dunlin_host* host, dunlin_account* account, dunlin_str key,
                    std::int64_t* out) {
  if (account == nullptr || out == nullptr) return DUNLIN_E_INVALID;
  return accounts_of(host).limit(account, view(key), *out);
}

dunlin_status fetch(const dunlin_host* host, dunlin_str name, AccountService::Found found,
                    void* user) {
  auto& context = context_of(host);
  if (found == nullptr || !is_queue(view(name)) || name.size == 0) return DUNLIN_E_INVALID;
  if (context.stopped.load()) return DUNLIN_E_CLOSED;
  return accounts_of(host).fetch(context.owner, view(name), found, user);
}

void claims(const dunlin_host* host, dunlin_account* account,
            void (*visit)(void* user, dunlin_str claims), void* user) {
  if (account == nullptr || visit == nullptr) return;
  const auto text = accounts_of(host).claims(account);
  visit(user, str(text));
}

dunlin_status watch(const dunlin_host* host, AccountService::OnChange on_change, void* user,
                    dunlin_watch* out) {
  auto& context = context_of(host);
  if (on_change == nullptr || out == nullptr) return DUNLIN_E_INVALID;
  if (!on_control(host, "account.watch")) return DUNLIN_E_WRONG_THREAD;
  if (context.stopped.load()) return DUNLIN_E_CLOSED;
  return accounts_of(host).watch(context.owner, on_change, user, *out);
}

constexpr dunlin_account_api accounts = {
    sizeof(dunlin_account_api),
    0,
    [](const dunlin_host* host, dunlin_str name) { return accounts_of(host).find(view(name)); },
    fetch,
    [](const dunlin_host* host) { return accounts_of(host).global_account(); },
    [](const dunlin_host* host) { return accounts_of(host).system_account(); },
    [](const dunlin_host* host, dunlin_account* account) {
      return account != nullptr ? str(accounts_of(host).name(account)) : dunlin_str{};
    },
    limit,
    claims,
    [](const dunlin_host* host, bool (*visit)(void*, dunlin_account*), void* user) {
      if (visit != nullptr && on_control(host, "account.each")) {
        accounts_of(host).each(visit, user);
      }
    },
    watch,
    [](const dunlin_host* host, dunlin_watch id) {
      accounts_of(host).unwatch(context_of(host).owner, id);
    }};

}  // namespace

void set_process_router(RouterService* router) noexcept { process_router = router; }

const void* router_table() noexcept { return &table; }
const void* account_table() noexcept { return &accounts; }

}  // namespace dunlin::plugin
