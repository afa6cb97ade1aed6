// dunlin.tls/1: TlsContext and TlsSession of the net room, for plugins' own sockets.

#include <dunlin/ext/tls.h>

#include "core/net/tls_context.hpp"
#include "core/net/tls_session.hpp"
#include "core/plugin/argument_checks.hpp"
#include "core/plugin/context.hpp"

struct dunlin_tls_context {
  std::shared_ptr<const dunlin::net::TlsContext> context;
};
struct dunlin_tls_session {
  std::unique_ptr<dunlin::net::TlsSession> session;
};

namespace dunlin::plugin {
namespace {

using net::TlsSession;

dunlin_status status_of(TlsSession::Status status) noexcept {
  switch (status) {
    case TlsSession::Status::ready: return DUNLIN_OK;
    case TlsSession::Status::need_more: return DUNLIN_E_AGAIN;
    case TlsSession::Status::closed: return DUNLIN_E_CLOSED;
    case TlsSession::Status::failed: break;
  }
  return DUNLIN_E_IO;
}

std::span<const char> span_of(dunlin_bytes bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data), bytes.size};
}

dunlin_status context_create(const dunlin_host*, const dunlin_tls_options* options,
                             dunlin_tls_context** out, dunlin_error* err) {
  const auto copy = copy_sized(options);
  if (!copy || out == nullptr || copy->reserved != 0 || !is_sound(copy->cert_file) ||
      !is_sound(copy->key_file))
    return DUNLIN_E_INVALID;
  net::TlsSettings settings;
  settings.cert_file = view(copy->cert_file);
  settings.key_file = view(copy->key_file);
  auto made = net::TlsContext::create(settings, net::TlsRole::server);
  if (!made) return set_error(err, DUNLIN_E_CONFIG, made.error().text);
  *out = new dunlin_tls_context{std::move(*made)};
  return DUNLIN_OK;
}

dunlin_status session_create(const dunlin_host*, const dunlin_tls_context* context,
                             dunlin_tls_session** out) {
  if (context == nullptr || out == nullptr) return DUNLIN_E_INVALID;
  *out = new dunlin_tls_session{context->context->new_session()};
  static_cast<void>((*out)->session->start());
  return DUNLIN_OK;
}

dunlin_status feed(const dunlin_host*, dunlin_tls_session* session, dunlin_bytes encrypted) {
  if (!is_sound(encrypted)) return DUNLIN_E_INVALID;
  const auto status = session->session->feed(span_of(encrypted));
  session->session->keep_input();
  // What is still to come of a handshake is not the feeder's concern.
  return status == TlsSession::Status::need_more ? DUNLIN_OK : status_of(status);
}

dunlin_status read(const dunlin_host*, dunlin_tls_session* session, std::uint8_t* into,
                   std::size_t room, std::size_t* got) {
  if (into == nullptr || room == 0 || got == nullptr) return DUNLIN_E_INVALID;
  const auto read = session->session->read(reinterpret_cast<char*>(into), room);
  *got = read.size;
  return status_of(read.status);
}

dunlin_status write(const dunlin_host*, dunlin_tls_session* session, dunlin_bytes plain) {
  if (!is_sound(plain)) return DUNLIN_E_INVALID;
  auto& tls = *session->session;
  if (!tls.is_established() && tls.error().empty()) return DUNLIN_E_AGAIN;
  return status_of(tls.write(span_of(plain)));
}

constexpr dunlin_tls table = {
    sizeof(dunlin_tls),
    0,
    context_create,
    [](const dunlin_host*, dunlin_tls_context* context) { delete context; },
    session_create,
    [](const dunlin_host*, dunlin_tls_session* session) { delete session; },
    feed,
    read,
    write,
    [](const dunlin_host*, dunlin_tls_session* session) { session->session->close(); },
    [](const dunlin_host*, const dunlin_tls_session* session) {
      const auto pending = session->session->pending_output();
      return dunlin_bytes{reinterpret_cast<const std::uint8_t*>(pending.data()), pending.size()};
    },
    [](const dunlin_host*, dunlin_tls_session* session, std::size_t count) {
      session->session->sent(count);
    },
    [](const dunlin_host*, const dunlin_tls_session* session) {
      return str(session->session->error());
    }};

}  // namespace

const void* tls_table() noexcept { return &table; }

}  // namespace dunlin::plugin
