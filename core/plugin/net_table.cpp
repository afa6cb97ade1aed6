// dunlin.net/1 over the server's NetService.

#include <dunlin/ext/net.h>

#include "core/base/ensure.hpp"
#include "core/base/log.hpp"
#include "core/plugin/argument_checks.hpp"
#include "core/plugin/context.hpp"

namespace dunlin::plugin {
namespace {

constexpr std::uint64_t preauth_bytes_most = 64 * 1024;

NetService& net_of(const dunlin_host* host) { return *context_of(host).shared.services.net; }

bool is_wire_kind(std::uint32_t kind) {
  return kind == DUNLIN_KIND_CLIENT || kind == DUNLIN_KIND_ROUTER ||
         kind == DUNLIN_KIND_GATEWAY || kind == DUNLIN_KIND_LEAF;
}

// The members every protocol must have.
bool is_complete(const dunlin_protocol& protocol) {
  return protocol.name != nullptr && protocol.open != nullptr && protocol.bytes != nullptr &&
         protocol.close != nullptr && protocol.reserved == 0;
}

dunlin_status listen(const dunlin_host* host, const dunlin_listener_options* options,
                     dunlin_listener* out, dunlin_error* err) {
  auto& context = context_of(host);
  if (!on_control(host, "net.listen")) return DUNLIN_E_WRONG_THREAD;
  const auto copy = copy_sized(options);
  const auto protocol = copy ? copy_sized(copy->protocol) : std::nullopt;
  if (!protocol || out == nullptr || !is_complete(*protocol) || !is_wire_kind(copy->kind) ||
      copy->tls_mode > DUNLIN_TLS_BY_PROTOCOL || copy->preauth_bytes_max > preauth_bytes_most) {
    return set_error(err, DUNLIN_E_INVALID, "the listener's options break the rules of net.h");
  }
  if (copy->tls_mode != DUNLIN_TLS_NONE && copy->tls == nullptr) {
    return set_error(err, DUNLIN_E_INVALID, "a listener with TLS needs a tls section");
  }
  if (context.stopped.load()) return set_error(err, DUNLIN_E_CLOSED, "the plugin has stopped");
  const ListenRequest request{*copy, *protocol, ConfigService::node(copy->tls)};
  std::string why;
  const auto status = net_of(host).listen(context.owner, request, *out, why);
  return status == DUNLIN_OK ? status : set_error(err, status, why);
}

dunlin_status connect(const dunlin_host* host, const dunlin_connect_options* options,
                      dunlin_connector* out, dunlin_error* err) {
  auto& context = context_of(host);
  if (!on_control(host, "net.connect")) return DUNLIN_E_WRONG_THREAD;
  const auto copy = copy_sized(options);
  const auto protocol = copy ? copy_sized(copy->protocol) : std::nullopt;
  if (!protocol || out == nullptr || !is_complete(*protocol) || !is_wire_kind(copy->kind) ||
      copy->kind == DUNLIN_KIND_CLIENT || copy->tls_mode > DUNLIN_TLS_BY_PROTOCOL ||
      copy->addresses == nullptr || copy->address_count == 0) {
    return set_error(err, DUNLIN_E_INVALID, "the connector's options break the rules of net.h");
  }
  if (context.stopped.load()) return set_error(err, DUNLIN_E_CLOSED, "the plugin has stopped");
  const ConnectRequest request{*copy, *protocol, ConfigService::node(copy->tls)};
  std::string why;
  const auto status = net_of(host).connect(context.owner, request, *out, why);
  return status == DUNLIN_OK ? status : set_error(err, status, why);
}

// What is called on the connection's shard only. Asking costs time on every message, so release
// builds trust the plugin; debug and sanitizer builds end with its name.
NetService& net_at(const dunlin_host* host, [[maybe_unused]] dunlin_conn* conn,
                   [[maybe_unused]] const char* function) {
  NetService& net = net_of(host);
#if !defined(NDEBUG) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  const auto& context = context_of(host);
  const bool is_there = net.shard(conn) == context.shared.executor.shard_index();
  if (!is_there) {
    log_error("plugin {} misbehaves: it called {} outside of the connection's shard",
              context.identity.id, function);
  }
  ensure(is_there);
#endif
  return net;
}

dunlin_status peer(const dunlin_host* host, dunlin_conn* conn, dunlin_peer* out) {
  if (conn == nullptr || out == nullptr) return DUNLIN_E_INVALID;
  dunlin_peer full{};
  full.struct_size = sizeof full;
  const auto status = net_of(host).peer(conn, full);
  // The caller's struct may be shorter than ours: it gets what it has room for.
  const auto room = out->struct_size;
  if (room < sizeof room || room > struct_size_max) return DUNLIN_E_INVALID;
  std::memcpy(static_cast<void*>(out), &full, std::min<std::size_t>(room, sizeof full));
  out->struct_size = room;
  return status;
}

bool are_sound(const dunlin_part* parts, std::size_t n) {
  if (parts == nullptr) return n == 0;
  for (std::size_t i = 0; i < n; ++i) {
    if (!is_sound(parts[i].bytes)) return false;
  }
  return true;
}

dunlin_status write(const dunlin_host* host, dunlin_conn* conn, const dunlin_part* parts,
                    std::size_t n) {
  if (conn == nullptr || !are_sound(parts, n)) return DUNLIN_E_INVALID;
  return net_at(host, conn, "net.write").write(conn, {parts, n});
}

dunlin_status deliver(const dunlin_host* host, dunlin_conn* conn, dunlin_str subject,
                      const dunlin_part* parts, std::size_t n) {
  if (conn == nullptr || !are_sound(parts, n) || !is_publishable(view(subject))) {
    return DUNLIN_E_INVALID;
  }
  return net_at(host, conn, "net.deliver").deliver(conn, view(subject), {parts, n});
}

dunlin_status authenticate(const dunlin_host* host, dunlin_conn* conn,
                           const dunlin_credentials* credentials, dunlin_on_auth on_auth,
                           void* state) {
  const auto copy = copy_sized(credentials);
  if (!copy || conn == nullptr || on_auth == nullptr) return DUNLIN_E_INVALID;
  // A user for one kind of connection is not asked about another.
  if (copy->kind != net_of(host).kind(conn)) return DUNLIN_E_DENIED;
  return net_at(host, conn, "net.authenticate").authenticate(conn, *copy, on_auth, state);
}

dunlin_status bind_account(const dunlin_host* host, dunlin_conn* conn, dunlin_account* account) {
  if (conn == nullptr || account == nullptr) return DUNLIN_E_INVALID;
  if (net_of(host).kind(conn) == DUNLIN_KIND_CLIENT) return DUNLIN_E_DENIED;
  return net_at(host, conn, "net.bind_account").bind_account(conn, account);
}

constexpr dunlin_net table = {
    sizeof(dunlin_net),
    0,
    listen,
    [](const dunlin_host* host, dunlin_listener id) { return net_of(host).listener_port(id); },
    [](const dunlin_host* host, dunlin_listener id) {
      if (on_control(host, "net.unlisten")) net_of(host).unlisten(context_of(host).owner, id);
    },
    [](const dunlin_host* host, dunlin_listener id, dunlin_task done, void* user) {
      net_of(host).unlisten_async(context_of(host).owner, id, done, user);
    },
    connect,
    [](const dunlin_host* host, dunlin_connector id) {
      if (on_control(host, "net.disconnect")) net_of(host).disconnect(context_of(host).owner, id);
    },
    [](const dunlin_host* host, dunlin_conn* conn) { return net_of(host).id(conn); },
    [](const dunlin_host* host, dunlin_conn* conn) { return net_of(host).kind(conn); },
    [](const dunlin_host* host, dunlin_conn* conn) { return net_of(host).shard(conn); },
    peer,
    write,
    deliver,
    [](const dunlin_host* host, dunlin_conn* conn, std::uint64_t msgs, std::uint64_t bytes) {
      net_at(host, conn, "net.count_in").count_in(conn, msgs, bytes);
    },
    [](const dunlin_host* host, dunlin_conn* conn) {
      return net_at(host, conn, "net.start_tls").start_tls(conn);
    },
    authenticate,
    bind_account,
    [](const dunlin_host* host, dunlin_conn* conn) {
      return net_at(host, conn, "net.account").account(conn);
    },
    [](const dunlin_host* host, dunlin_conn* conn, dunlin_str subject) {
      return is_publishable(view(subject)) &&
             net_at(host, conn, "net.may_publish").may_publish(conn, view(subject));
    },
    [](const dunlin_host* host, dunlin_conn* conn, dunlin_str subject, dunlin_str queue) {
      return is_subscribable(view(subject)) && is_queue(view(queue)) &&
             net_at(host, conn, "net.may_subscribe")
                 .may_subscribe(conn, view(subject), view(queue));
    },
    [](const dunlin_host* host, dunlin_conn* conn, dunlin_str name, dunlin_str lang,
       dunlin_str version) {
      net_at(host, conn, "net.describe").describe(conn, view(name), view(lang), view(version));
    },
    [](const dunlin_host* host, dunlin_conn* conn, std::uint64_t interval_ns) {
      net_at(host, conn, "net.set_tick").set_tick(conn, interval_ns);
    },
    [](const dunlin_host* host, dunlin_conn* conn) { net_at(host, conn, "net.pause").pause(conn); },
    [](const dunlin_host* host, dunlin_conn* conn) {
      net_at(host, conn, "net.resume").resume(conn);
    },
    [](const dunlin_host* host, dunlin_conn* conn, dunlin_status why, dunlin_str reason) {
      net_at(host, conn, "net.shut").shut(conn, why, view(reason));
    }};

}  // namespace

const void* net_table() noexcept { return &table; }

}  // namespace dunlin::plugin
