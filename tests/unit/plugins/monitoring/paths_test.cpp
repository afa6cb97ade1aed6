// Which endpoint a path means.

#include "plugins/monitoring/paths.hpp"

#include <gtest/gtest.h>

namespace dunlin::monitoring {
namespace {

TEST(Paths, roundabout_ways_lead_to_the_same_place) {
  EXPECT_EQ(clean_path("//varz"), "/varz");
  EXPECT_EQ(clean_path("/varz/../connz"), "/connz");
  EXPECT_EQ(clean_path("/./varz/"), "/varz/");
  EXPECT_EQ(clean_path("/../.."), "/");
  EXPECT_EQ(clean_path("/"), "/");
}

TEST(Paths, a_base_may_be_written_with_or_without_slashes) {
  for (const char* written : {"mon", "mon/", "/mon", "/mon/", "//mon//"}) {
    EXPECT_EQ(normal_base(written), "/mon") << written;
  }
  EXPECT_EQ(normal_base("/"), "");
  EXPECT_EQ(normal_base(""), "");
  EXPECT_EQ(normal_base("a/b/"), "/a/b");
}

TEST(Paths, endpoints_are_found_below_the_base_alone) {
  EXPECT_EQ(below_base("", "/varz"), "/varz");
  EXPECT_EQ(below_base("", "/"), "/");
  EXPECT_EQ(below_base("/mon", "/mon/varz"), "/varz");
  EXPECT_EQ(below_base("/mon", "/mon"), "/");
  EXPECT_FALSE(below_base("/mon", "/mon/"));
  EXPECT_FALSE(below_base("/mon", "/monitor"));
  EXPECT_FALSE(below_base("/mon", "/varz"));
}

TEST(Paths, an_unclean_path_is_redirected_with_its_query) {
  Request request;
  request.method = "GET";
  request.path = "//varz";
  request.query = "a=1";
  const auto response = redirection(request);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 301u);
  EXPECT_EQ(response->headers.at(0).second, "/varz?a=1");
  EXPECT_EQ(response->body, "<a href=\"/varz?a=1\">Moved Permanently</a>.\n\n");
  request.path = "/varz";
  EXPECT_FALSE(redirection(request));
}

TEST(Paths, a_redirection_cannot_carry_html_or_headers_of_the_requester) {
  Request request;
  request.method = "GET";
  request.path = "//x\"<b>\r\nSet-Cookie: a";
  request.query = "\"><script>";
  const auto response = redirection(request);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->body.find('<', 1), response->body.find("</a>"));
  EXPECT_EQ(response->headers.at(0).second.find('\n'), std::string::npos);
}

}  // namespace
}  // namespace dunlin::monitoring
