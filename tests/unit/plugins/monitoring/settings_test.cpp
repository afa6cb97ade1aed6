// The addresses operators write, and what cannot be served.

#include "plugins/monitoring/settings.hpp"

#include <gtest/gtest.h>

namespace dunlin::monitoring {
namespace {

TEST(ParseListen, a_port_keeps_the_host) {
  std::string host = "0.0.0.0";
  int port = 0;
  ASSERT_TRUE(parse_listen("8222", host, port));
  EXPECT_EQ(port, 8222);
  ASSERT_TRUE(parse_listen(":8223", host, port));
  EXPECT_EQ(port, 8223);
  ASSERT_TRUE(parse_listen(":-1", host, port));
  EXPECT_EQ(port, port_any);
  EXPECT_EQ(host, "0.0.0.0");
}

TEST(ParseListen, a_host_may_be_a_name_or_an_address) {
  std::string host;
  int port = 0;
  ASSERT_TRUE(parse_listen("localhost:1", host, port));
  EXPECT_EQ(host, "localhost");
  ASSERT_TRUE(parse_listen("[::1]:65535", host, port));
  EXPECT_EQ(host, "::1");
  EXPECT_EQ(port, 65535);
}

TEST(ParseListen, what_is_no_address_is_refused) {
  std::string host;
  int port = 0;
  for (const char* wrong : {"", "localhost", "localhost:", "a:b", "a:65536", "a:-2", "a:1x"}) {
    EXPECT_FALSE(parse_listen(wrong, host, port)) << wrong;
  }
}

TEST(StartProblem, http_and_https_exclude_each_other) {
  Settings settings;
  settings.http_port = 8222;
  settings.https_port = 8223;
  EXPECT_EQ(start_problem(settings), "can't specify both HTTP (8222) and HTTPs (8223) ports");
  settings.http_port = port_off;
  EXPECT_EQ(start_problem(settings), "TLS cert and key required for HTTPS");
  settings.tls = {"cert.pem", "key.pem"};
  EXPECT_EQ(start_problem(settings), "");
}

}  // namespace
}  // namespace dunlin::monitoring
