// Authentication by what the configuration lists: a single user, a token, or users with passwords.
// With none of them everybody is let in.
//
// Immutable after create(); always answers at once.  [any thread]

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/auth/authenticator.hpp"
#include "core/base/hash.hpp"
#include "core/base/result.hpp"

namespace dunlin::auth {

struct UserSettings {
  std::string user = {};
  std::string password = {};
  std::string account{global_account};
  std::optional<PermissionRules> permissions = {};
  ConnectionTypes connection_types = {};  // empty allows all
  bool proxy_required = false;
};

struct AuthSettings {
  // A single user or a token; not both, and not together with `users`.
  std::string user = {};
  std::string password = {};
  std::string token = {};
  std::vector<UserSettings> users = {};
  std::optional<PermissionRules> default_permissions = {};  // of users without their own
  std::string no_auth_user = {};  // whom a client without credentials is taken for
  bool proxy_required = false;    // of the single user and the token
};

// Whether a configured password is a bcrypt hash.
[[nodiscard]] bool is_bcrypt(std::string_view password) noexcept;

class ConfiguredUsers final : public Authenticator {
 public:
  // Fails, with nats-server's texts, on contradictory settings, users named twice, invalid
  // permissions and an unknown no_auth_user.
  static result<std::shared_ptr<const ConfiguredUsers>> create(const AuthSettings& settings);

  // Never pending.
  Decision authenticate(const Credentials& credentials, Completion completion) const override;

  [[nodiscard]] bool is_required() const noexcept override {
    return !users_.empty() || !single_user_.empty() || !token_.empty();
  }
  [[nodiscard]] bool wants_nonce() const noexcept override { return false; }
  [[nodiscard]] bool has_no_auth_user() const noexcept override { return !no_auth_user_.empty(); }
  [[nodiscard]] bool may_begin_without_connect(ConnectionType type) const noexcept override;

 private:
  struct User {
    std::string password;
    std::string account;
    std::shared_ptr<const Permissions> permissions;
    ConnectionTypes connection_types;
    bool proxy_required = false;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return hash_bytes(text); }
  };

  ConfiguredUsers() = default;

  result<> add(const UserSettings& user, const std::shared_ptr<const Permissions>& defaults);
  [[nodiscard]] Decision check_single(const Credentials& credentials) const;
  [[nodiscard]] Decision check_user(const Credentials& credentials) const;

  std::unordered_map<std::string, User, Hash, std::equal_to<>> users_;
  std::string single_user_, password_, token_;
  std::string no_auth_user_;
  bool proxy_required_ = false;
};

}  // namespace dunlin::auth
