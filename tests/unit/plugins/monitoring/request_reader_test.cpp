// Bytes into requests: any split gives the same, and what is no request is answered as by
// nats-server.

#include "plugins/monitoring/request_reader.hpp"

#include <gtest/gtest.h>

#include "plugins/monitoring/limits.hpp"

namespace dunlin::monitoring {
namespace {

using Status = RequestReader::Status;

std::string first_line(const std::string& text) { return text.substr(0, text.find('\r')); }

std::string failure_of(std::string_view bytes) {
  RequestReader reader;
  EXPECT_EQ(reader.feed(bytes), Status::broken) << bytes.substr(0, 60);
  return first_line(reader.failure());
}

TEST(RequestReader, any_split_gives_the_same_request) {
  const std::string text =
      "GET /connz?subs=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nX-A: b\r\n\r\nabc";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    RequestReader reader;
    auto status = Status::need_more;
    for (std::size_t at = 0; at < text.size(); at += piece) {
      ASSERT_EQ(status, Status::need_more);
      status = reader.feed(std::string_view(text).substr(at, piece));
    }
    ASSERT_EQ(status, Status::complete) << piece;
    const auto request = reader.take();
    EXPECT_EQ(request.method, "GET");
    EXPECT_EQ(request.path, "/connz");
    EXPECT_EQ(request.query, "subs=1");
    EXPECT_EQ(request.body, "abc");
    EXPECT_TRUE(request.keep_alive);
    ASSERT_EQ(request.headers.size(), 3u);
    EXPECT_EQ(request.headers[2].second, "b");
    EXPECT_TRUE(reader.is_idle());
  }
}

TEST(RequestReader, requests_behind_one_another_come_in_order) {
  RequestReader reader;
  ASSERT_EQ(reader.feed("GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.0\r\n\r\nGE"),
            Status::complete);
  EXPECT_EQ(reader.take().path, "/a");
  ASSERT_EQ(reader.feed(""), Status::complete);
  const auto second = reader.take();
  EXPECT_EQ(second.path, "/b");
  EXPECT_EQ(second.minor_version, 0u);
  EXPECT_FALSE(second.keep_alive);
  EXPECT_EQ(reader.feed(""), Status::need_more);
  EXPECT_FALSE(reader.is_idle());
}

// Odd trailers made the library's chunk parser assert; no chunk reaches it any more.
TEST(RequestReader, a_chunked_body_is_not_read_and_ends_the_connection) {
  const std::string text =
      "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nab\r\nT?P/";
  for (const std::size_t piece : {text.size(), std::size_t{1}, std::size_t{7}}) {
    RequestReader reader;
    auto status = Status::need_more;
    for (std::size_t at = 0; status == Status::need_more && at < text.size(); at += piece) {
      status = reader.feed(std::string_view(text).substr(at, piece));
    }
    ASSERT_EQ(status, Status::complete) << piece;
    const auto request = reader.take();
    EXPECT_EQ(request.body, "");
    EXPECT_FALSE(request.keep_alive);
  }
}

TEST(RequestReader, a_target_may_name_the_host_and_encode_the_path) {
  RequestReader reader;
  ASSERT_EQ(reader.feed("GET http://h:1/%76arz?a=%20 HTTP/1.1\r\nHost: x\r\n\r\n"),
            Status::complete);
  auto request = reader.take();
  EXPECT_EQ(request.path, "/varz");
  EXPECT_EQ(request.query, "a=%20");
  ASSERT_EQ(reader.feed("GET http://h HTTP/1.1\r\nHost: x\r\n\r\n"), Status::complete);
  EXPECT_EQ(reader.take().path, "/");
  ASSERT_EQ(reader.feed("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"), Status::complete);
  EXPECT_EQ(reader.take().path, "*");
}

TEST(RequestReader, whoever_waits_for_leave_to_send_a_body_is_answered_without_it) {
  RequestReader reader;
  ASSERT_EQ(reader.feed("PUT /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                        "Content-Length: 5\r\n\r\n"),
            Status::complete);
  EXPECT_FALSE(reader.take().keep_alive);
}

TEST(RequestReader, what_is_no_request_is_rejected) {
  EXPECT_EQ(failure_of("GARBAGE\r\n\r\n"), "HTTP/1.1 400 Bad Request");
  EXPECT_EQ(failure_of("GET healthz HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 400 Bad Request");
  EXPECT_EQ(failure_of("GET /he%zz HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 400 Bad Request");
  EXPECT_EQ(failure_of("GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"),
            "HTTP/1.1 400 Bad Request");
  EXPECT_EQ(failure_of("GET / HTTP/1.1\r\n\r\n"),
            "HTTP/1.1 400 Bad Request: missing required Host header");
  EXPECT_EQ(failure_of("GET / HTTP/1.1\r\nHost: x\r\nFoo Bar: x\r\n\r\n"),
            "HTTP/1.1 400 Bad Request: invalid header name");
  EXPECT_EQ(failure_of("GET / HTTP/3.1\r\nHost: x\r\n\r\n"),
            "HTTP/1.1 505 HTTP Version Not Supported: unsupported protocol version");
}

TEST(RequestReader, more_than_anyone_sends_is_rejected_before_it_is_kept) {
  const std::string head = "GET / HTTP/1.1\r\nHost: x\r\n";
  EXPECT_EQ(failure_of(head + "X: " + std::string(limits::header_bytes_max, 'a')),
            "HTTP/1.1 431 Request Header Fields Too Large");
  EXPECT_EQ(failure_of(head + "Content-Length: 99999999\r\n\r\n"),
            "HTTP/1.1 413 Payload Too Large");
}

}  // namespace
}  // namespace dunlin::monitoring
