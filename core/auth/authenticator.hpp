// From credentials to identity: who a connection is, which account it belongs to, what it may do.
//
// An Authenticator is one way to decide. It never changes: a reload makes a new one. It answers at
// once where it can; one that has to hash, look up or ask somebody answers `pending` and completes
// later. The connection stays unauthenticated until then, and may be gone by then.  [any thread]

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/auth/connection_type.hpp"
#include "core/auth/permissions.hpp"
#include "core/protocol/closed_reason.hpp"

namespace dunlin::auth {

inline constexpr std::string_view global_account = "$G";

// What a certificate that a TLS client presented says; valid while the session lives.
struct PeerCertificate {
  std::string_view subject;
  std::string_view der;
};

// Everything known about a connection when its CONNECT arrives. Views need to live only for the
// call; an authenticator that answers later copies what it needs.
struct Credentials {
  std::string_view user = {};
  std::string_view pass = {};
  std::string_view auth_token = {};
  std::string_view nkey = {};
  std::string_view jwt = {};
  std::string_view sig = {};
  std::string_view nonce = {};  // what INFO offered to sign
  std::string_view proxy_sig = {};
  std::string_view client_ip = {};
  ConnectionType type = ConnectionType::standard;
  const PeerCertificate* certificate = nullptr;  // null without TLS or without a certificate
};

struct Identity {
  std::string user;  // the configured user that matched; empty when no user was needed
  std::string account{global_account};
  std::shared_ptr<const Permissions> permissions;  // null allows everything
  std::int64_t expires_at = 0;  // Unix time in nanoseconds after which it has to end; 0 for never
};

struct Decision {
  enum class Outcome : std::uint8_t { accepted, refused, pending };

  Outcome outcome = Outcome::refused;
  Identity identity = {};  // of an accepted connection
  // Of a refused one: what monitoring shows. The client is told `Authorization Violation`.
  protocol::ClosedReason closed_reason = protocol::ClosedReason::authentication_failure;

  static Decision accept(Identity identity) {
    return {.outcome = Outcome::accepted, .identity = std::move(identity)};
  }
  static Decision refuse(
      protocol::ClosedReason reason = protocol::ClosedReason::authentication_failure) {
    return {.outcome = Outcome::refused, .closed_reason = reason};
  }
  static Decision wait() { return {.outcome = Outcome::pending}; }
};

class Authenticator {
 public:
  // Called at most once, on any thread, and only after `pending`; accepted or refused.
  using Completion = std::function<void(Decision)>;

  virtual ~Authenticator() = default;

  virtual Decision authenticate(const Credentials& credentials, Completion completion) const = 0;

  // Whether a connection has to authenticate at all: `auth_required` of INFO.
  [[nodiscard]] virtual bool is_required() const noexcept = 0;
  // Whether INFO carries a nonce to sign.
  [[nodiscard]] virtual bool wants_nonce() const noexcept = 0;
  // Whether a connection without credentials is let in as some user. Its first INFO does not say
  // that authentication is required then.
  [[nodiscard]] virtual bool has_no_auth_user() const noexcept = 0;
  // Whether such a connection may begin without sending CONNECT; it is authenticated with empty
  // credentials first.
  [[nodiscard]] virtual bool may_begin_without_connect(ConnectionType type) const noexcept = 0;
};

}  // namespace dunlin::auth
