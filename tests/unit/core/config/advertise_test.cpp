// What clients are told about the server's address, with the outcomes of nats-server 2.15.1.

#include "core/config/advertise.hpp"

#include <gtest/gtest.h>

namespace dunlin::config {
namespace {

std::string outcome_of(std::string_view text) {
  const auto told = parse_advertise(text, 4222);
  return told ? told->host + " " + std::to_string(told->port) : told.error().text;
}

TEST(ClientAdvertise, is_a_host_with_or_without_a_port) {
  EXPECT_EQ(outcome_of("h"), "h 4222");
  EXPECT_EQ(outcome_of("h:55"), "h 55");
  EXPECT_EQ(outcome_of("[::1]"), "::1 4222");
  EXPECT_EQ(outcome_of("[::1]:55"), "::1 55");
  EXPECT_EQ(outcome_of(" h : 77 "), "h 77");
  EXPECT_EQ(outcome_of("h:-5"), "h -5");
}

TEST(ClientAdvertise, takes_the_servers_port_for_0_and_minus_1) {
  EXPECT_EQ(outcome_of("h:0"), "h 4222");
  EXPECT_EQ(outcome_of("h:-1"), "h 4222");
}

TEST(ClientAdvertise, fails_in_the_words_of_the_reference) {
  EXPECT_EQ(outcome_of("h:abc"), "strconv.Atoi: parsing \"abc\": invalid syntax");
  EXPECT_EQ(outcome_of("h:"), "strconv.Atoi: parsing \"\": invalid syntax");
  EXPECT_EQ(outcome_of("h:1x"), "strconv.Atoi: parsing \"1x\": invalid syntax");
  EXPECT_EQ(outcome_of("h:99999999999999999999"),
            "strconv.Atoi: parsing \"99999999999999999999\": value out of range");
  EXPECT_EQ(outcome_of("a:b:c"), "address a:b:c: too many colons in address");
  EXPECT_EQ(outcome_of("::1"), "address ::1: too many colons in address");
  EXPECT_EQ(outcome_of("[::1"), "address [::1: missing ']' in address");
  EXPECT_EQ(outcome_of("[::1]x"), "address [::1]x:4222: missing port in address");
  EXPECT_EQ(outcome_of("[::1]:5:6"), "address [::1]:5:6: too many colons in address");
  EXPECT_EQ(outcome_of("h[:5"), "address h[:5: unexpected '[' in address");
  EXPECT_EQ(outcome_of("h]:5"), "address h]:5: unexpected ']' in address");
}

}  // namespace
}  // namespace dunlin::config
