// A listener hears the present interest in a literal subject, then first and last subscriptions.
// Ports the behaviour of TestSublistRegisterInterestNotification.

#include "core/subject/interest_notification.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/core/subject/support.hpp"

namespace dunlin::subject {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class interest_notification : public testing::Test {
 protected:
  void listen(std::string_view subject, std::string_view queue = {}, std::uint64_t id = 1) {
    ASSERT_TRUE(notification.add(subject, queue, id, [this](bool on) { heard.push_back(on); }));
  }
  std::vector<bool> take() { return std::exchange(heard, {}); }

  Quiescence quiescence;
  Sublist sublist{quiescence};
  InterestNotification notification{sublist};
  std::vector<bool> heard;
};

TEST_F(interest_notification, refuses_wildcards) {
  for (const auto* subject : {"foo.*", ">"}) {
    const auto added = notification.add(subject, "", 1, [](bool) {});
    ASSERT_FALSE(added);
    EXPECT_EQ(added.error().text, "sublist: invalid subject");
  }
}

TEST_F(interest_notification, refuses_the_same_listener_twice) {
  listen("foo");
  const auto again = notification.add("foo", "", 1, [](bool) {});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().text, "sublist: notification already registered");
  listen("foo", "", 2);
  listen("foo", "q", 1);
}

TEST_F(interest_notification, tells_the_present_state_then_first_and_last) {
  listen("foo");
  EXPECT_THAT(take(), ElementsAre(false));
  const auto one = make_subscription("foo"), two = make_subscription("foo", "", Kind::router);
  const auto deeper = make_subscription("foo.bar");
  ASSERT_TRUE(sublist.insert(one.get()));
  EXPECT_THAT(take(), ElementsAre(true));
  ASSERT_TRUE(sublist.insert(two.get()));
  ASSERT_TRUE(sublist.insert(deeper.get()));
  ASSERT_TRUE(sublist.remove(one.get()));
  EXPECT_THAT(take(), IsEmpty());
  ASSERT_TRUE(sublist.remove(two.get()));
  EXPECT_THAT(take(), ElementsAre(false));
  listen("foo.bar");
  EXPECT_THAT(take(), ElementsAre(true));
  ASSERT_TRUE(sublist.remove(deeper.get()));
  EXPECT_THAT(take(), ElementsAre(false));
}

TEST_F(interest_notification, wildcard_subscriptions_do_not_count) {
  const auto star = make_subscription("*"), full = make_subscription(">");
  ASSERT_TRUE(sublist.insert(star.get()));
  listen("foo");
  EXPECT_THAT(take(), ElementsAre(false));
  ASSERT_TRUE(sublist.insert(full.get()));
  ASSERT_TRUE(sublist.remove(std::vector{star.get(), full.get()}));
  EXPECT_THAT(take(), IsEmpty());
}

TEST_F(interest_notification, a_batch_removal_is_told_once) {
  const auto one = make_subscription("foo"), two = make_subscription("foo");
  ASSERT_TRUE(sublist.insert(one.get()));
  ASSERT_TRUE(sublist.insert(two.get()));
  listen("foo");
  EXPECT_THAT(take(), ElementsAre(true));
  ASSERT_TRUE(sublist.remove(std::vector{one.get(), two.get()}));
  EXPECT_THAT(take(), ElementsAre(false));
}

TEST_F(interest_notification, queue_groups_are_watched_by_name) {
  listen("foo", "q");
  const auto plain = make_subscription("foo"), other = make_subscription("foo", "other");
  const auto member = make_subscription("foo", "q");
  EXPECT_THAT(take(), ElementsAre(false));
  ASSERT_TRUE(sublist.insert(plain.get()));
  ASSERT_TRUE(sublist.insert(other.get()));
  EXPECT_THAT(take(), IsEmpty());
  ASSERT_TRUE(sublist.insert(member.get()));
  EXPECT_THAT(take(), ElementsAre(true));
  ASSERT_TRUE(sublist.remove(member.get()));
  EXPECT_THAT(take(), ElementsAre(false));
  ASSERT_TRUE(sublist.remove(std::vector{plain.get(), other.get()}));
}

TEST_F(interest_notification, a_removed_listener_hears_nothing) {
  EXPECT_FALSE(notification.remove("foo", "", 1));
  listen("foo");
  take();
  EXPECT_TRUE(notification.remove("foo", "", 1));
  EXPECT_FALSE(notification.remove("foo", "", 1));
  const auto one = make_subscription("foo");
  ASSERT_TRUE(sublist.insert(one.get()));
  EXPECT_THAT(take(), IsEmpty());
  ASSERT_TRUE(sublist.remove(one.get()));
}

}  // namespace
}  // namespace dunlin::subject
