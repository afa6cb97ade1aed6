// Answers as bytes.

#include "plugins/monitoring/http_message.hpp"

#include <gtest/gtest.h>

namespace dunlin::monitoring {
namespace {

TEST(HeadOf, states_type_length_and_date) {
  const Response response{200, "application/json", "{}", {{"Access-Control-Allow-Origin", "*"}}};
  EXPECT_EQ(head_of(response, {}, true, "today"),
            "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nContent-Type: "
            "application/json\r\nDate: today\r\nContent-Length: 2\r\n\r\n");
}

TEST(HeadOf, says_whether_the_connection_stays) {
  Request request;
  EXPECT_NE(head_of({}, request, false, "d").find("Connection: close\r\n"), std::string::npos);
  EXPECT_EQ(head_of({}, request, true, "d").find("Connection:"), std::string::npos);
  request.minor_version = 0;
  const auto old = head_of({}, request, true, "d");
  EXPECT_TRUE(old.starts_with("HTTP/1.0 200 OK\r\n"));
  EXPECT_NE(old.find("Connection: keep-alive\r\n"), std::string::npos);
}

TEST(HeadOf, leaves_out_headers_that_would_break_the_message) {
  const Response response{200, "a\r\nb: c", "", {{"X", "1\r\nY: 2"}, {"A B", "1"}, {"Fine", "1"}}};
  const auto head = head_of(response, {}, true, "d");
  EXPECT_EQ(head, "HTTP/1.1 200 OK\r\nFine: 1\r\nDate: d\r\nContent-Length: 0\r\n\r\n");
}

TEST(Rejection, repeats_its_status_as_the_body) {
  EXPECT_EQ(rejection(400, "missing required Host header"),
            "HTTP/1.1 400 Bad Request: missing required Host header\r\nContent-Type: text/plain; "
            "charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request: missing required Host "
            "header");
}

}  // namespace
}  // namespace dunlin::monitoring
