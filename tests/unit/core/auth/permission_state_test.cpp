#include "core/auth/permission_state.hpp"

#include <gtest/gtest.h>

#include <string>

#include "core/base/hash.hpp"

namespace dunlin::auth {
namespace {

using List = std::vector<std::string>;

constexpr std::int64_t second = 1'000'000'000;

bool may_publish(PermissionState& state, std::string_view subject, std::int64_t now = 0) {
  return state.check_publish(subject, hash_bytes(subject), now);
}

PermissionState answering(std::int64_t count_max, std::int64_t lifetime = 120 * second) {
  PermissionState state;
  state.set(Permissions::compile({.responses = ResponseRules{count_max, lifetime}}));
  return state;
}

TEST(permission_state, without_permissions_everything_is_allowed) {
  PermissionState state;
  EXPECT_FALSE(state.is_restricted());
  EXPECT_TRUE(may_publish(state, "a"));
  EXPECT_TRUE(state.check_subscribe("a", ""));
  EXPECT_FALSE(state.delivery_denied("a", ""));
}

TEST(permission_state, repeated_checks_agree) {
  PermissionState state;
  state.set(Permissions::compile({.publish = {.allow = List{"a.>"}, .deny = {"a.b"}}}));
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(may_publish(state, "a.c"));
    EXPECT_FALSE(may_publish(state, "a.b"));
    EXPECT_FALSE(may_publish(state, "b"));
  }
}

TEST(permission_state, new_permissions_take_effect_at_once) {
  PermissionState state;
  state.set(Permissions::compile({.publish = {.allow = List{"a"}}}));
  EXPECT_TRUE(may_publish(state, "a"));
  EXPECT_FALSE(may_publish(state, "b"));
  state.set(Permissions::compile({.publish = {.allow = List{"b"}}}));
  EXPECT_FALSE(may_publish(state, "a"));
  EXPECT_TRUE(may_publish(state, "b"));
  state.set(nullptr);
  EXPECT_TRUE(may_publish(state, "a"));
}

// TestClientSetPermissionsClearsStaleMsgDenyState
TEST(permission_state, delivery_is_filtered_once_a_subscription_is_wider_than_a_deny) {
  PermissionState state;
  state.set(Permissions::compile({.subscribe = {.deny = {"d.secret", "d.q q1"}}}));
  EXPECT_TRUE(state.check_subscribe("e.*", ""));
  EXPECT_FALSE(state.delivery_denied("d.secret", ""));
  EXPECT_TRUE(state.check_subscribe("d.*", ""));
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(state.delivery_denied("d.secret", ""));
    EXPECT_FALSE(state.delivery_denied("d.other", ""));
    EXPECT_TRUE(state.delivery_denied("d.q", "q1"));
    EXPECT_FALSE(state.delivery_denied("d.q", "q2"));
    EXPECT_FALSE(state.delivery_denied("d.q", ""));
  }
  state.set(Permissions::compile({.subscribe = {.deny = {"x"}}}));
  EXPECT_FALSE(state.delivery_denied("d.secret", ""));
}

TEST(permission_state, refused_subscription_turns_no_filter_on) {
  PermissionState state;
  state.set(Permissions::compile({.subscribe = {.allow = List{"a"}, .deny = {"d.secret"}}}));
  EXPECT_FALSE(state.check_subscribe("d.*", ""));
  EXPECT_FALSE(state.delivery_denied("d.secret", ""));
}

// TestResponsePermissions, TestUserAuthorizationAllowResponses
TEST(permission_state, one_answer_may_follow_a_request) {
  auto state = answering(1);
  EXPECT_FALSE(may_publish(state, "reply"));
  state.delivered("reply", 0);
  EXPECT_FALSE(may_publish(state, "other"));
  EXPECT_TRUE(may_publish(state, "reply"));
  EXPECT_FALSE(may_publish(state, "reply"));
  EXPECT_FALSE(may_publish(state, "reply"));
}

TEST(permission_state, several_answers_may_follow_when_granted) {
  auto state = answering(3);
  state.delivered("reply", 0);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(may_publish(state, "reply")) << i;
  EXPECT_FALSE(may_publish(state, "reply"));
}

TEST(permission_state, right_to_answer_expires) {
  auto state = answering(10, second);
  state.delivered("reply", 5);
  EXPECT_TRUE(may_publish(state, "reply", 5 + second));
  EXPECT_FALSE(may_publish(state, "reply", 6 + second));
}

// TestJWTUserResponsePermissionClaimsNegativeValues
TEST(permission_state, negative_limits_mean_none) {
  auto state = answering(-1, -1);
  state.delivered("reply", 0);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(may_publish(state, "reply", i * 1000 * second));
}

// The second delivery asks whether the reply may be published to, which spends the one answer.
TEST(permission_state, second_delivery_of_a_request_spends_the_only_answer) {
  auto state = answering(1);
  state.delivered("reply", 0);
  state.delivered("reply", 0);
  EXPECT_FALSE(may_publish(state, "reply"));
  // A third one finds nothing granted and grants anew.
  state.delivered("reply", 0);
  EXPECT_TRUE(may_publish(state, "reply"));
}

TEST(permission_state, reply_that_is_allowed_anyway_needs_no_grant) {
  PermissionState state;
  state.set(Permissions::compile(
      {.publish = {.allow = List{"inbox.*"}}, .responses = ResponseRules{}}));
  state.delivered("inbox.1", 0);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(may_publish(state, "inbox.1"));
}

TEST(permission_state, answer_never_stays_as_a_verdict) {
  auto state = answering(1);
  EXPECT_FALSE(may_publish(state, "reply"));
  state.delivered("reply", 0);
  EXPECT_TRUE(may_publish(state, "reply"));
}

TEST(permission_state, granted_answers_survive_new_permissions_with_the_same_rules) {
  auto state = answering(1);
  state.delivered("reply", 0);
  state.set(Permissions::compile({.publish = {.allow = List{"x"}}, .responses = ResponseRules{}}));
  EXPECT_TRUE(may_publish(state, "reply"));
  state.delivered("reply", 0);
  state.set(Permissions::compile({.responses = ResponseRules{2, second}}));
  EXPECT_FALSE(may_publish(state, "reply"));
}

TEST(response_permissions, old_and_used_replies_are_pruned) {
  ResponsePermissions responses(ResponseRules{1, second});
  for (int i = 0; i < 1000; ++i) responses.grant("old." + std::to_string(i), 10 * second);
  EXPECT_EQ(responses.size(), 1000u);
  responses.grant("new", 12 * second);
  EXPECT_EQ(responses.size(), 1u);
  EXPECT_TRUE(responses.use("new", 12 * second));
  responses.grant("newer", 14 * second);
  EXPECT_EQ(responses.size(), 1u);
}

TEST(response_permissions, table_without_any_limit_is_bounded) {
  ResponsePermissions responses(ResponseRules{-1, -1});
  for (std::size_t i = 0; i < ResponsePermissions::replies_max + 10; ++i)
    responses.grant(std::to_string(i), 0);
  EXPECT_EQ(responses.size(), ResponsePermissions::replies_max);
}

}  // namespace
}  // namespace dunlin::auth
