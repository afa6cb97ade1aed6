// Who is at the other end of a plugin's connection, what it may do, and how it is shown.

#include <netinet/in.h>
#include <sys/socket.h>

#include "core/base/hash.hpp"
#include "core/net/listener.hpp"
#include "core/plugin/shard_budget.hpp"
#include "core/server/link_connection.hpp"
#include "core/server/protocol_connection.hpp"
#include "core/server/router_service.hpp"

namespace dunlin::server {

namespace {

auth::ConnectionType type_of(std::string_view type, routing::Kind kind) {
  const bool leaf = kind == routing::Kind::leaf;
  if (type == "websocket")
    return leaf ? auth::ConnectionType::leafnode_ws : auth::ConnectionType::websocket;
  if (leaf) return auth::ConnectionType::leafnode;
  return auth::connection_type_of(type).value_or(auth::ConnectionType::standard);
}

const char* shown_kind(routing::Kind kind) {
  switch (kind) {
    case routing::Kind::router: return "Router";
    case routing::Kind::gateway: return "Gateway";
    case routing::Kind::leaf: return "Leafnode";
    default: return "Client";
  }
}

}  // namespace

dunlin_status ProtocolConnection::authenticate(const dunlin_credentials& given,
                                               dunlin_on_auth on_auth, void* state) {
  if (!is_usable()) return DUNLIN_E_CLOSED;
  // A user of clients is nobody among servers.
  if (kind() == routing::Kind::router || kind() == routing::Kind::gateway) return DUNLIN_E_DENIED;
  if (account() != nullptr || is_authenticating_) return DUNLIN_E_EXISTS;
  is_authenticating_ = true;
  auth::Credentials credentials;
  credentials.user = view(given.user);
  credentials.pass = view(given.password.reveal);
  credentials.auth_token = view(given.token.reveal);
  credentials.nkey = view(given.nkey);
  credentials.jwt = view(given.jwt);
  credentials.sig = view(given.signature);
  credentials.nonce = view(given.nonce);
  credentials.client_ip = peer().ip;
  credentials.type = type_of(view(given.type), kind());
  type_ = view(given.type);
  describe(view(given.name), view(given.lang), view(given.version));
  // The answer may come from another thread, after a reload has replaced the authenticator.
  const auto authenticator = room_.clients.policy().authenticator;
  const auto completion = [where = &shard(), id = id(), authenticator, on_auth,
                           state](auth::Decision decision) {
    where->post([where, id, decision = std::move(decision), on_auth, state]() mutable {
      net::Connection* const found = where->find(id);
      if (found == nullptr || found->is_closed()) return;
      static_cast<ProtocolConnection*>(found)->authenticated(std::move(decision), on_auth, state);
    });
  };
  auth::Decision decision = authenticator->authenticate(credentials, completion);
  if (decision.outcome != auth::Decision::Outcome::pending) completion(std::move(decision));
  return DUNLIN_OK;
}

void ProtocolConnection::authenticated(auth::Decision decision, dunlin_on_auth on_auth,
                                       void* state) {
  is_authenticating_ = false;
  if (!is_usable() || !is_called()) return;
  const plugin::ShardCall call(settings_->owner, "on_auth");
  if (decision.outcome != auth::Decision::Outcome::accepted) {
    on_auth(state, handle(), DUNLIN_E_DENIED, nullptr);
    bound_early();
    return;
  }
  if (decision.identity.expires_at != 0)
    expiry_due_ = shard().now() + client::time_left(decision.identity.expires_at);
  user_ = std::move(decision.identity.user);
  const auto scope = kind() == routing::Kind::leaf ? auth::PermissionScope::link
                     : type_ == "mqtt"             ? auth::PermissionScope::mqtt
                                                   : auth::PermissionScope::client;
  permissions_.set(std::move(decision.identity.permissions), scope);
  filter_.store(permissions_.permissions(), std::memory_order_release);
  filters_deliveries_.store(permissions_.is_restricted(), std::memory_order_release);
  tracks_replies_ = permissions_.tracks_replies();
  enter(room_.clients.account(decision.identity.account));
  on_auth(state, handle(), DUNLIN_OK, handle_of(account()));
  // What the protocol would not take before it knew the answer.
  if (!held_.empty() && !is_held_ && is_usable()) feed_held();
}

dunlin_status ProtocolConnection::bind_account(routing::Account& account) {
  if (!is_usable()) return DUNLIN_E_CLOSED;
  if (kind() == routing::Kind::client) return DUNLIN_E_DENIED;
  if (this->account() != nullptr || is_authenticating_) return DUNLIN_E_EXISTS;
  enter(account);
  return DUNLIN_OK;
}

void ProtocolConnection::enter(routing::Account& account) {
  bind(&account);
  if (kind() == routing::Kind::client) account.clients.fetch_add(1, std::memory_order_relaxed);
  if (kind() == routing::Kind::leaf) account.leafnodes.fetch_add(1, std::memory_order_relaxed);
  establish();
}

// ---- permissions -------------------------------------------------------------------------------

bool ProtocolConnection::may_publish(std::string_view subject) {
  return !permissions_.is_restricted() ||
         permissions_.check_publish(subject, hash_bytes(subject),
                                    static_cast<std::int64_t>(shard().now()));
}

bool ProtocolConnection::may_subscribe(std::string_view subject, std::string_view queue) {
  return !permissions_.is_restricted() || permissions_.check_subscribe(subject, queue);
}

bool ProtocolConnection::denies_delivery(std::string_view subject, std::string_view queue) {
  return denies_member(subject, queue);
}

// A leafnode's messages are checked one by one; its interest may be wider than what it may get.
bool ProtocolConnection::denies_member(std::string_view subject, std::string_view queue) const {
  const auth::Permissions* const permissions = filter_.load(std::memory_order_acquire);
  if (permissions == nullptr) return false;
  if (kind() == routing::Kind::leaf &&
      !permissions->check_subscribe(subject, queue, auth::PermissionScope::link))
    return true;
  return permissions->delivery_denied(subject, queue);
}

void ProtocolConnection::reply_delivered(std::string_view reply) {
  permissions_.delivered(reply, static_cast<std::int64_t>(shard().now()));
}

// ---- listings ----------------------------------------------------------------------------------

void ProtocolConnection::describe(std::string_view name, std::string_view lang,
                                  std::string_view version) {
  client_name_ = name;
  lang_ = lang;
  version_ = version;
}

void ProtocolConnection::fill_peer(dunlin_peer& out) {
  out.address = str(peer().ip);
  out.port = peer().port;
  out.outbound = settings_->is_outbound ? 1 : 0;
  sockaddr_storage local{};
  socklen_t size = sizeof local;
  if (!is_closed() && getsockname(socket(), reinterpret_cast<sockaddr*>(&local), &size) == 0) {
    net::PeerAddress address = net::address_of(reinterpret_cast<sockaddr*>(&local));
    local_ip_ = std::move(address.ip);
    out.local_address = str(local_ip_);
    out.local_port = address.port;
  }
  const net::TlsSession* const session = tls();
  if (session == nullptr) return;
  out.tls_version = str(session->version());
  out.tls_cipher = str(session->cipher_suite());
  if (!transport_settings_->tls->verifies()) return;
  const auto certificates = session->peer_certificates();
  if (!certificates.empty()) tls_subject_ = certificates.front().subject;
  out.tls_subject = str(tls_subject_);
}

observe::ConnectionSnapshot ProtocolConnection::snapshot(bool with_subscriptions) {
  observe::ConnectionSnapshot shown;
  shown.id = id();
  shown.shard = shard().index();
  shown.kind = shown_kind(kind());
  shown.type = type_.empty() ? settings_->name : type_;
  shown.ip = peer().ip;
  shown.port = peer().port;
  shown.start = started_wall_ns_;
  shown.last_activity =
      started_wall_ns_ + static_cast<std::int64_t>(last_activity_ - started_);
  shown.reason = is_closed() ? reason_ : std::string();
  shown.pending_bytes = pending();
  shown.in_messages = in_messages.get();
  shown.in_bytes = in_bytes.get();
  shown.out_messages = out_messages.get();
  shown.out_bytes = out_bytes.get();
  shown.stalls = stalls.get();
  shown.name = client_name_;
  shown.lang = lang_;
  shown.version = version_;
  if (account() != nullptr) shown.account = account()->name();
  shown.user = user_;
  if (const net::TlsSession* const session = tls()) {
    shown.tls_first = settings_->starts_with_tls;
    shown.tls_version = session->version();
    shown.tls_cipher = session->cipher_suite();
  }
  if (const LinkConnection* const link = this->link()) {
    shown.round_trip = link->distance();
    shown.subscription_count = link->subscription_count();
  }
  if (with_subscriptions && !is_closed()) {
    shown.subscriptions = room_.router_service.subscriptions_of(*this);
    shown.subscription_count += shown.subscriptions.size();
  }
  return shown;
}

}  // namespace dunlin::server
