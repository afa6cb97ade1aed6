#include "core/auth/configured_users.hpp"

#include <gtest/gtest.h>

namespace dunlin::auth {
namespace {

using protocol::ClosedReason;
using Outcome = Decision::Outcome;

std::shared_ptr<const ConfiguredUsers> made(const AuthSettings& settings) {
  auto outcome = ConfiguredUsers::create(settings);
  EXPECT_TRUE(outcome.has_value()) << outcome.error().text;
  return *outcome;
}

std::string error_of(const AuthSettings& settings) {
  const auto outcome = ConfiguredUsers::create(settings);
  return outcome.has_error() ? outcome.error().text : "";
}

Decision ask(const AuthSettings& settings, const Credentials& credentials) {
  return made(settings)->authenticate(credentials, {});
}

bool accepts(const AuthSettings& settings, const Credentials& credentials) {
  return ask(settings, credentials).outcome == Outcome::accepted;
}

AuthSettings two_users() {
  AuthSettings settings;
  settings.users = {{.user = "alice", .password = "a"},
                    {.user = "bob",
                     .password = "b",
                     .account = "B",
                     .permissions = PermissionRules{
                         .publish = {.allow = std::vector<std::string>{"x"}}}}};
  return settings;
}

// TestNoAuthClient
TEST(configured_users, without_settings_everybody_is_let_in) {
  const auto users = made({});
  EXPECT_FALSE(users->is_required());
  const auto decision = users->authenticate({.user = "whoever", .pass = "p"}, {});
  EXPECT_EQ(decision.outcome, Outcome::accepted);
  EXPECT_EQ(decision.identity.account, "$G");
  EXPECT_EQ(decision.identity.user, "");
  EXPECT_EQ(decision.identity.permissions, nullptr);
}

// TestPasswordClientGoodConnect, TestBadPasswordClient, TestBadUserClient,
// TestNoUserOrPasswordClient
TEST(configured_users, single_user_needs_name_and_password) {
  const AuthSettings settings{.user = "derek", .password = "s3cr3t"};
  EXPECT_TRUE(made(settings)->is_required());
  EXPECT_TRUE(accepts(settings, {.user = "derek", .pass = "s3cr3t"}));
  EXPECT_FALSE(accepts(settings, {.user = "derek", .pass = "s3cr3"}));
  EXPECT_FALSE(accepts(settings, {.user = "derek", .pass = "s3cr3T"}));
  EXPECT_FALSE(accepts(settings, {.user = "Derek", .pass = "s3cr3t"}));
  EXPECT_FALSE(accepts(settings, {.auth_token = "s3cr3t"}));
  EXPECT_FALSE(accepts(settings, {}));
  EXPECT_EQ(ask(settings, {}).closed_reason, ClosedReason::authentication_failure);
}

// TestAuthClientGoodConnect, TestAuthClientBadToken, TestTokenInConfig
TEST(configured_users, token_must_match) {
  const AuthSettings settings{.token = "t0k"};
  EXPECT_TRUE(accepts(settings, {.auth_token = "t0k"}));
  EXPECT_FALSE(accepts(settings, {.auth_token = "t0"}));
  EXPECT_FALSE(accepts(settings, {.user = "t0k"}));
  EXPECT_FALSE(accepts(settings, {}));
}

// TestMultipleUserAuth
TEST(configured_users, listed_user_gets_account_and_permissions) {
  const auto decision = ask(two_users(), {.user = "bob", .pass = "b"});
  ASSERT_EQ(decision.outcome, Outcome::accepted);
  EXPECT_EQ(decision.identity.user, "bob");
  EXPECT_EQ(decision.identity.account, "B");
  ASSERT_NE(decision.identity.permissions, nullptr);
  EXPECT_FALSE(decision.identity.permissions->check_publish("y"));
  EXPECT_EQ(ask(two_users(), {.user = "alice", .pass = "a"}).identity.permissions, nullptr);
  EXPECT_FALSE(accepts(two_users(), {.user = "bob", .pass = "a"}));
  EXPECT_FALSE(accepts(two_users(), {.user = "carol", .pass = "a"}));
  EXPECT_FALSE(accepts(two_users(), {}));
}

TEST(configured_users, permissions_are_shared_between_connections) {
  const auto users = made(two_users());
  const auto one = users->authenticate({.user = "bob", .pass = "b"}, {});
  const auto other = users->authenticate({.user = "bob", .pass = "b"}, {});
  EXPECT_EQ(one.identity.permissions, other.identity.permissions);
}

TEST(configured_users, default_permissions_hold_for_users_without_their_own) {
  auto settings = two_users();
  settings.default_permissions = PermissionRules{.publish = {.deny = {"z"}}};
  const auto alice = ask(settings, {.user = "alice", .pass = "a"});
  EXPECT_FALSE(alice.identity.permissions->check_publish("z"));
  const auto bob = ask(settings, {.user = "bob", .pass = "b"});
  EXPECT_TRUE(bob.identity.permissions->check_publish("x"));
  EXPECT_FALSE(bob.identity.permissions->check_publish("z"));
}

// TestNoAuthUser
TEST(configured_users, client_without_credentials_is_taken_for_the_no_auth_user) {
  auto settings = two_users();
  settings.no_auth_user = "bob";
  EXPECT_TRUE(made(settings)->has_no_auth_user());
  EXPECT_EQ(ask(settings, {}).identity.user, "bob");
  EXPECT_FALSE(accepts(settings, {.user = "bob"}));
  EXPECT_FALSE(accepts(settings, {.auth_token = "t"}));
  EXPECT_FALSE(accepts(settings, {.pass = "b"}));
  EXPECT_TRUE(accepts(settings, {.user = "alice", .pass = "a"}));
}

// TestParsePingNoAuthUserExceptionsAndRestrictions
TEST(configured_users, only_a_usable_no_auth_user_may_begin_without_connect) {
  auto settings = two_users();
  EXPECT_FALSE(made(settings)->may_begin_without_connect(ConnectionType::standard));
  settings.no_auth_user = "bob";
  EXPECT_TRUE(made(settings)->may_begin_without_connect(ConnectionType::standard));
  settings.users[1].connection_types.add(ConnectionType::websocket);
  EXPECT_FALSE(made(settings)->may_begin_without_connect(ConnectionType::standard));
  EXPECT_TRUE(made(settings)->may_begin_without_connect(ConnectionType::websocket));
  settings.users[1].proxy_required = true;
  EXPECT_FALSE(made(settings)->may_begin_without_connect(ConnectionType::websocket));
}

// TestInProcessAllowedConnectionType
TEST(configured_users, connection_type_must_be_allowed) {
  auto settings = two_users();
  settings.users[0].connection_types.add(ConnectionType::mqtt);
  settings.users[0].connection_types.add(ConnectionType::in_process);
  Credentials credentials{.user = "alice", .pass = "a"};
  EXPECT_FALSE(accepts(settings, credentials));
  credentials.type = ConnectionType::in_process;
  EXPECT_TRUE(accepts(settings, credentials));
}

// TestAuthProxyRequired
TEST(configured_users, user_behind_a_required_proxy_is_refused) {
  auto settings = two_users();
  settings.users[0].proxy_required = true;
  EXPECT_EQ(ask(settings, {.user = "alice", .pass = "a"}).closed_reason,
            ClosedReason::proxy_required);
  EXPECT_EQ(ask({.token = "t", .proxy_required = true}, {.auth_token = "t"}).closed_reason,
            ClosedReason::proxy_required);
}

TEST(configured_users, user_without_password_is_let_in_with_none) {
  AuthSettings settings;
  settings.users = {{.user = "open"}};
  EXPECT_TRUE(accepts(settings, {.user = "open"}));
  EXPECT_FALSE(accepts(settings, {.user = "open", .pass = "x"}));
}

TEST(configured_users, contradictory_settings_are_refused) {
  EXPECT_EQ(error_of({.user = "u", .token = "t"}), "Cannot have a user/pass and token");
  auto settings = two_users();
  settings.user = "u";
  EXPECT_EQ(error_of(settings), "Can not have a single user/pass and a users array");
  settings = two_users();
  settings.token = "t";
  EXPECT_EQ(error_of(settings), "Can not have a token and a users array");
  settings = two_users();
  settings.users[1].user = "alice";
  EXPECT_EQ(error_of(settings), "Duplicate user \"alice\" detected");
  settings.users[1].user = "";
  EXPECT_EQ(error_of(settings), "User entry requires a user");
  EXPECT_EQ(error_of({.no_auth_user = "x"}),
            "no_auth_user: \"x\" present, but users/nkeys are not defined");
  settings = two_users();
  settings.no_auth_user = "x";
  EXPECT_NE(error_of(settings).find("no_auth_user: \"x\" not present as user"), std::string::npos);
  settings = two_users();
  settings.users[0].permissions = PermissionRules{.publish = {.deny = {"a."}}};
  EXPECT_NE(error_of(settings).find("\"a.\" is not a valid subject"), std::string::npos);
}

// A hash compared as if it were the password would let in whoever has read the configuration.
TEST(configured_users, bcrypt_hashes_are_refused_in_words) {
  const std::string hash = "$2a$11$hash";
  EXPECT_TRUE(is_bcrypt(hash));
  EXPECT_FALSE(is_bcrypt("$2c$11$hash"));
  EXPECT_FALSE(is_bcrypt("$2a$1"));
  EXPECT_NE(error_of({.token = hash}).find("bcrypt"), std::string::npos);
  EXPECT_NE(error_of({.user = "u", .password = hash}).find("bcrypt"), std::string::npos);
  auto settings = two_users();
  settings.users[0].password = hash;
  EXPECT_NE(error_of(settings).find("\"alice\""), std::string::npos);
}

// TestUserUnknownAllowedConnectionType
TEST(connection_type, names_are_read_in_any_letter_case) {
  EXPECT_EQ(connection_type_of("websocket"), ConnectionType::websocket);
  EXPECT_EQ(connection_type_of("In_Process"), ConnectionType::in_process);
  EXPECT_EQ(connection_type_of("other"), std::nullopt);
  EXPECT_EQ(connection_type_of(""), std::nullopt);
  EXPECT_EQ(text_of(ConnectionType::leafnode_ws), "LEAFNODE_WS");
}

}  // namespace
}  // namespace dunlin::auth
