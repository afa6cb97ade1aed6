#include "core/auth/permissions.hpp"

#include <gtest/gtest.h>

namespace dunlin::auth {
namespace {

using List = std::vector<std::string>;

std::shared_ptr<const Permissions> publishing(std::optional<List> allow, List deny = {}) {
  return Permissions::compile({.publish = {.allow = std::move(allow), .deny = std::move(deny)}});
}

std::shared_ptr<const Permissions> subscribing(std::optional<List> allow, List deny = {}) {
  return Permissions::compile({.subscribe = {.allow = std::move(allow), .deny = std::move(deny)}});
}

TEST(permissions, empty_rules_allow_everything) {
  const auto permissions = Permissions::compile({});
  EXPECT_TRUE(permissions->check_publish("a"));
  EXPECT_TRUE(permissions->check_subscribe(">", ""));
  EXPECT_FALSE(permissions->delivery_denied("a", ""));
  EXPECT_FALSE(permissions->restricts_publish());
}

// TestUserAuthorizationProto
TEST(permissions, publish_needs_an_allowed_subject) {
  const auto permissions = publishing(List{"foo", "bar.*", "baz.>"});
  for (const auto* subject : {"foo", "bar.a", "baz.a", "baz.a.b"})
    EXPECT_TRUE(permissions->check_publish(subject)) << subject;
  for (const auto* subject : {"fo", "foo.a", "bar", "bar.a.b", "baz", "other", ""})
    EXPECT_FALSE(permissions->check_publish(subject)) << subject;
}

TEST(permissions, publish_deny_wins) {
  const auto permissions = publishing(List{">"}, {"a.*", "b"});
  EXPECT_FALSE(permissions->check_publish("a.x"));
  EXPECT_FALSE(permissions->check_publish("b"));
  EXPECT_TRUE(permissions->check_publish("a.x.y"));
  EXPECT_FALSE(publishing({}, {"b"})->check_publish("b"));
  EXPECT_TRUE(publishing({}, {"b"})->check_publish("c"));
}

TEST(permissions, empty_publish_allow_list_allows_nothing) {
  EXPECT_FALSE(publishing(List{})->check_publish("a"));
}

TEST(permissions, empty_subscribe_allow_list_allows_everything) {
  EXPECT_TRUE(subscribing(List{})->check_subscribe("a", ""));
}

TEST(permissions, wildcard_tokens_of_a_published_subject_are_plain_text) {
  EXPECT_TRUE(publishing(List{"x.*"})->check_publish("x.>"));
  EXPECT_FALSE(publishing(List{"x.a"})->check_publish("x.*"));
}

TEST(permissions, subject_with_an_empty_token_matches_no_entry) {
  EXPECT_FALSE(publishing(List{">"})->check_publish("a..b"));
  EXPECT_TRUE(publishing({}, {">"})->check_publish("a..b"));
}

TEST(permissions, wildcards_of_a_subscription_are_plain_tokens_for_the_allow_list) {
  const auto permissions = subscribing(List{"t.*"});
  for (const auto* subject : {"t.a", "t.*", "t.>"})
    EXPECT_TRUE(permissions->check_subscribe(subject, "")) << subject;
  for (const auto* subject : {"t.a.b", "*.a", ">", "t"})
    EXPECT_FALSE(permissions->check_subscribe(subject, "")) << subject;
}

TEST(permissions, subscribe_deny_matches_the_same_way) {
  const auto permissions = subscribing({}, {"d.*"});
  for (const auto* subject : {"d.x", "d.*", "d.>"})
    EXPECT_FALSE(permissions->check_subscribe(subject, "")) << subject;
  EXPECT_TRUE(permissions->check_subscribe(">", ""));
}

// TestQueueSubscribePermissions
TEST(permissions, plain_allow_entry_holds_for_any_queue) {
  const auto permissions = subscribing(List{"foo"});
  EXPECT_TRUE(permissions->check_subscribe("foo", ""));
  EXPECT_TRUE(permissions->check_subscribe("foo", "v1"));
}

TEST(permissions, allow_entry_with_queue_holds_for_that_queue_alone) {
  const auto permissions = subscribing(List{"foo v1"});
  EXPECT_TRUE(permissions->check_subscribe("foo", "v1"));
  EXPECT_FALSE(permissions->check_subscribe("foo", "v2"));
  EXPECT_FALSE(permissions->check_subscribe("foo", ""));
}

TEST(permissions, queue_entries_narrow_a_plain_entry) {
  const auto permissions = subscribing(List{"foo", "foo v1"});
  EXPECT_TRUE(permissions->check_subscribe("foo", ""));
  EXPECT_TRUE(permissions->check_subscribe("foo", "v1"));
  EXPECT_FALSE(permissions->check_subscribe("foo", "v2"));
}

TEST(permissions, queue_of_an_entry_may_have_wildcards) {
  const auto permissions = subscribing(List{"foo.> v2.*", "bar v1.>"});
  EXPECT_TRUE(permissions->check_subscribe("foo.a", "v2.x"));
  EXPECT_TRUE(permissions->check_subscribe("foo.a", "v2.*"));
  EXPECT_FALSE(permissions->check_subscribe("foo.a", "v2"));
  EXPECT_FALSE(permissions->check_subscribe("foo.a", "v2.x.y"));
  EXPECT_TRUE(permissions->check_subscribe("bar", "v1.x.y"));
}

TEST(permissions, deny_entry_with_queue_refuses_that_queue_alone) {
  const auto permissions = subscribing({}, {"foo v1", "bar *.prod"});
  EXPECT_FALSE(permissions->check_subscribe("foo", "v1"));
  EXPECT_TRUE(permissions->check_subscribe("foo", "v2"));
  EXPECT_TRUE(permissions->check_subscribe("foo", ""));
  EXPECT_FALSE(permissions->check_subscribe("bar", "v2.prod"));
}

// TestClientSubscribeDenyWildcardOverlapBlocksDelivery
TEST(permissions, wider_subscription_is_filtered_at_delivery) {
  const auto permissions = subscribing({}, {"d.secret"});
  EXPECT_TRUE(permissions->check_subscribe("d.*", ""));
  EXPECT_TRUE(permissions->filters_delivery("d.*", ""));
  EXPECT_FALSE(permissions->filters_delivery("e.*", ""));
  EXPECT_FALSE(permissions->filters_delivery("d.other", ""));
  EXPECT_TRUE(permissions->delivery_denied("d.secret", ""));
  EXPECT_FALSE(permissions->delivery_denied("d.other", ""));
}

// TestClientQueueScopedSubscribeDenyBlocksOnlyMatchingQueue
TEST(permissions, queue_deny_filters_that_queue_alone) {
  const auto permissions = subscribing({}, {"d.secret q1"});
  EXPECT_TRUE(permissions->filters_delivery("d.*", "q1"));
  EXPECT_TRUE(permissions->filters_delivery("d.secret", "q2"));
  EXPECT_TRUE(permissions->delivery_denied("d.secret", "q1"));
  EXPECT_FALSE(permissions->delivery_denied("d.secret", "q2"));
  EXPECT_FALSE(permissions->delivery_denied("d.secret", ""));
}

TEST(permissions, own_subjects_of_mqtt_and_links_pass_allow_but_not_deny) {
  const auto permissions = Permissions::compile(
      {.publish = {.allow = List{"a"}, .deny = {"$MQTT.x"}},
       .subscribe = {.allow = List{"a"}, .deny = {"$MQTT.sub.no"}}});
  EXPECT_FALSE(permissions->check_publish("$MQTT.y"));
  EXPECT_TRUE(permissions->check_publish("$MQTT.y", PermissionScope::link));
  EXPECT_FALSE(permissions->check_publish("$MQTT.x", PermissionScope::link));
  EXPECT_FALSE(permissions->check_publish("$MQTT.y", PermissionScope::mqtt));
  EXPECT_FALSE(permissions->check_subscribe("$MQTT.sub.a", ""));
  EXPECT_TRUE(permissions->check_subscribe("$MQTT.sub.a", "", PermissionScope::mqtt));
  EXPECT_FALSE(permissions->check_subscribe("$MQTT.sub.no", "", PermissionScope::mqtt));
  EXPECT_FALSE(permissions->check_subscribe("$MQTT.msgs", "", PermissionScope::mqtt));
  EXPECT_TRUE(permissions->check_subscribe("$MQTT.msgs", "", PermissionScope::link));
}

// TestClientSetPermissionsPublishDenyQueueQualifierFailsClosed
TEST(permissions, publish_deny_with_a_queue_keeps_its_subject) {
  EXPECT_FALSE(publishing({}, {"foo q"})->check_publish("foo"));
}

TEST(permissions, invalid_entries_are_left_out) {
  EXPECT_FALSE(publishing(List{"a..b"})->check_publish("a"));
  EXPECT_TRUE(subscribing({}, {"a b c", ""})->check_subscribe("a", "b"));
}

// TestUserAuthorizationAllowResponses, TestJWTUserResponsePermissionClaimsDefaultValues
TEST(permissions, right_to_answer_takes_other_publishing_away) {
  const auto permissions = Permissions::compile({.responses = ResponseRules{0, 0}});
  EXPECT_FALSE(permissions->check_publish("a"));
  EXPECT_EQ(permissions->responses()->count_max, 1);
  EXPECT_EQ(permissions->responses()->lifetime, 120'000'000'000);
  const auto both = Permissions::compile(
      {.publish = {.allow = List{"a"}}, .responses = ResponseRules{}});
  EXPECT_TRUE(both->check_publish("a"));
}

TEST(permissions, generations_differ) {
  EXPECT_NE(publishing({})->generation(), publishing({})->generation());
}

// TestSplitSubjectQueue, TestQueuePermissions configuration checks
TEST(permissions, validation_names_what_is_wrong) {
  const auto text_of = [](const PermissionRules& rules) {
    const auto outcome = validate(rules);
    return outcome.has_error() ? outcome.error().text : "";
  };
  EXPECT_EQ(text_of({.publish = {.allow = List{"a.*", "b.>"}},
                     .subscribe = {.allow = List{"a q", "b"}, .deny = {"c *.x"}}}),
            "");
  EXPECT_EQ(text_of({.publish = {.allow = List{"foo..bar"}}}),
            "subject \"foo..bar\" is not a valid subject");
  EXPECT_EQ(text_of({.publish = {.deny = {"foo q"}}}), "subject \"foo q\" is not a valid subject");
  EXPECT_EQ(text_of({.subscribe = {.allow = List{"foo q x"}}}),
            "subject \"foo q x\" is not a valid subject");
  EXPECT_EQ(text_of({.subscribe = {.deny = {"foo. q"}}}),
            "subject \"foo.\" is not a valid subject");
  EXPECT_EQ(text_of({.subscribe = {.deny = {"foo q."}}}), "queue \"q.\" is not a valid queue");
}

}  // namespace
}  // namespace dunlin::auth
