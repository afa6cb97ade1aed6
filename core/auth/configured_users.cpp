#include "core/auth/configured_users.hpp"

#include <fmt/format.h>

#include "core/protocol/go_quote.hpp"

namespace dunlin::auth {
namespace {

using protocol::ClosedReason;
using protocol::go_quote;

// Takes the same time whether the texts differ early, late or not at all; their sizes may show.
bool same_secret(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  volatile unsigned char difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    difference = static_cast<unsigned char>(difference | (a[i] ^ b[i]));
  return difference == 0;
}

result<> check_plain(std::string_view password, std::string_view whose) {
  if (!is_bcrypt(password)) return {};
  return fail(fmt::format("The password of {} is a bcrypt hash, which this version cannot check "
                          "yet; configure the plain password.",
                          whose));
}

result<> check_exclusive(const AuthSettings& settings) {
  if (!settings.user.empty() && !settings.token.empty())
    return fail("Cannot have a user/pass and token");
  if (!settings.user.empty() && !settings.users.empty())
    return fail("Can not have a single user/pass and a users array");
  if (!settings.token.empty() && !settings.users.empty())
    return fail("Can not have a token and a users array");
  return {};
}

result<std::shared_ptr<const Permissions>> compile(const std::optional<PermissionRules>& rules) {
  if (!rules) return std::shared_ptr<const Permissions>();
  if (auto checked = validate(*rules); !checked) return checked.error();
  return Permissions::compile(*rules);
}

}  // namespace

bool is_bcrypt(std::string_view password) noexcept {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  constexpr std::string_view versions = "abxy";
  return password.size() >= 7 && password.starts_with("$2") &&
         versions.find(password[2]) != std::string_view::npos && password[3] == '$' &&
         is_digit(password[4]) && is_digit(password[5]) && password[6] == '$';
}

result<std::shared_ptr<const ConfiguredUsers>> ConfiguredUsers::create(
    const AuthSettings& settings) {
  if (auto checked = check_exclusive(settings); !checked) return checked.error();
  if (auto checked = check_plain(settings.password, "the single user"); !checked)
    return checked.error();
  if (auto checked = check_plain(settings.token, "the token"); !checked) return checked.error();
  auto defaults = compile(settings.default_permissions);
  if (!defaults) return defaults.error();

  std::shared_ptr<ConfiguredUsers> made(new ConfiguredUsers);
  made->single_user_ = settings.user;
  made->password_ = settings.password;
  made->token_ = settings.token;
  made->no_auth_user_ = settings.no_auth_user;
  made->proxy_required_ = settings.proxy_required;
  for (const auto& user : settings.users)
    if (auto added = made->add(user, *defaults); !added) return added.error();

  const auto& no_auth_user = settings.no_auth_user;
  if (!no_auth_user.empty() && made->users_.empty())
    return fail(fmt::format("no_auth_user: \"{}\" present, but users/nkeys are not defined",
                            no_auth_user));
  if (!no_auth_user.empty() && !made->users_.contains(no_auth_user))
    return fail(fmt::format("no_auth_user: \"{}\" not present as user or nkey in authorization "
                            "block or account configuration",
                            no_auth_user));
  return std::shared_ptr<const ConfiguredUsers>(std::move(made));
}

result<> ConfiguredUsers::add(const UserSettings& user,
                              const std::shared_ptr<const Permissions>& defaults) {
  if (user.user.empty()) return fail("User entry requires a user");
  if (auto checked = check_plain(user.password, fmt::format("user {}", go_quote(user.user)));
      !checked)
    return checked;
  auto permissions = compile(user.permissions);
  if (!permissions)
    return fail(fmt::format("invalid permissions for user {}: {}", go_quote(user.user),
                            permissions.error().text));
  const bool is_new =
      users_
          .emplace(user.user, User{.password = user.password,
                                   .account = user.account,
                                   .permissions = *permissions ? *permissions : defaults,
                                   .connection_types = user.connection_types,
                                   .proxy_required = user.proxy_required})
          .second;
  if (!is_new) return fail(fmt::format("Duplicate user {} detected", go_quote(user.user)));
  return {};
}

Decision ConfiguredUsers::authenticate(const Credentials& credentials, Completion) const {
  if (!is_required()) return Decision::accept({});
  return users_.empty() ? check_single(credentials) : check_user(credentials);
}

Decision ConfiguredUsers::check_single(const Credentials& credentials) const {
  if (proxy_required_) return Decision::refuse(ClosedReason::proxy_required);
  if (!token_.empty()) {
    if (!same_secret(token_, credentials.auth_token)) return Decision::refuse();
    return Decision::accept({});
  }
  if (single_user_ != credentials.user || !same_secret(password_, credentials.pass))
    return Decision::refuse();
  Identity identity;
  identity.user = single_user_;
  return Decision::accept(std::move(identity));
}

Decision ConfiguredUsers::check_user(const Credentials& credentials) const {
  const bool is_anonymous =
      credentials.user.empty() && credentials.pass.empty() && credentials.auth_token.empty();
  const bool stands_in = is_anonymous && !no_auth_user_.empty();
  const std::string_view name = stands_in ? std::string_view(no_auth_user_) : credentials.user;
  const auto found = users_.find(name);
  if (found == users_.end()) return Decision::refuse();
  const User& user = found->second;
  if (!user.connection_types.allows(credentials.type)) return Decision::refuse();
  if (user.proxy_required) return Decision::refuse(ClosedReason::proxy_required);
  if (!stands_in && !same_secret(user.password, credentials.pass)) return Decision::refuse();
  Identity identity;
  identity.user = found->first;
  identity.account = user.account;
  identity.permissions = user.permissions;
  return Decision::accept(std::move(identity));
}

bool ConfiguredUsers::may_begin_without_connect(ConnectionType type) const noexcept {
  const auto found = users_.find(no_auth_user_);
  return found != users_.end() && !found->second.proxy_required &&
         found->second.connection_types.allows(type);
}

}  // namespace dunlin::auth
