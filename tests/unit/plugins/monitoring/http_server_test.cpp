// The listener on loopback: keep-alive, HEAD, rejections, slow clients, the limit on connections,
// TLS, and its end.
//
// Method: answers come from the test; time is moved by hand, so that what takes seconds in life
// takes one sweep of the listener here.

#include "plugins/monitoring/http_server.hpp"

#include <gmock/gmock.h>
#include <openssl/ssl.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "plugins/monitoring/limits.hpp"
#include "tests/server/harness/certificates.hpp"
#include "tests/server/harness/temp_dir.hpp"
#include "tests/unit/plugins/monitoring/http_client.hpp"

namespace dunlin::plugin {
// Of core/plugin/context.hpp, which cannot be included beside the C++ layer of the SDK.
const void* tls_table() noexcept;
}  // namespace dunlin::plugin

namespace dunlin::monitoring::test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class HttpServerTest : public ::testing::Test {
 protected:
  std::uint16_t start(TlsContext tls = nullptr) {
    HttpServerOptions options;
    options.host = "127.0.0.1";
    options.tls = std::move(tls);
    options.wall_ns = [] { return std::int64_t{784'111'777'000'000'000}; };
    options.monotonic_ns = [this] { return now_ns_.load(); };
    options.answer_request = [this](Request request, Reply reply) {
      const std::lock_guard lock(mutex_);
      if (request.path == "/held") {
        held_.push_back(std::move(reply));
        held_grew_.notify_all();
      } else if (request.path == "/large") {
        reply({200, "text/plain", std::string(large_size, 'x'), {}});
      } else {
        reply({200, "text/plain", request.method + " " + request.path, {}});
      }
    };
    auto port = server_.start(std::move(options));
    EXPECT_TRUE(port) << (port ? "" : port.error().text);
    return *port;
  }

  // Lets the time pass, again if the listener had not yet seen what the client did.
  bool ends_after(HttpClient& client, std::uint64_t ns) {
    for (int attempt = 0; attempt < 5; ++attempt) {
      now_ns_ += ns + 1;
      if (client.has_ended(std::chrono::seconds(2))) return true;
    }
    return false;
  }
  void wait_for_held(std::size_t count) {
    std::unique_lock lock(mutex_);
    const bool came = held_grew_.wait_for(lock, std::chrono::seconds(10),
                                          [&] { return held_.size() >= count; });
    ASSERT_TRUE(came);
  }

  static constexpr std::size_t large_size = 3'000'000;
  std::atomic<std::uint64_t> now_ns_ = 1;
  std::mutex mutex_;  // guards held_
  std::condition_variable held_grew_;
  std::vector<Reply> held_;
  HttpServer server_;
};

TEST_F(HttpServerTest, a_connection_serves_one_request_after_another) {
  HttpClient client(start());
  client.send(get("/a"));
  EXPECT_EQ(client.read_answer(),
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
            "Content-Length: 6\r\n\r\nGET /a");
  client.send(get("/b") + get("/c"));
  EXPECT_EQ(body_of(client.read_answer()), "GET /b");
  EXPECT_EQ(body_of(client.read_answer()), "GET /c");
}

TEST_F(HttpServerTest, requests_may_arrive_byte_by_byte) {
  HttpClient client(start());
  for (const char byte : get("/a")) client.send({&byte, 1});
  EXPECT_EQ(body_of(client.read_answer()), "GET /a");
}

TEST_F(HttpServerTest, the_connection_closes_when_asked_to) {
  const auto port = start();
  HttpClient client(port);
  client.send("GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.read_to_end(), HasSubstr("Connection: close\r\n"));
  HttpClient old(port);
  old.send("GET /a HTTP/1.0\r\n\r\n");
  EXPECT_THAT(old.read_to_end(), StartsWith("HTTP/1.0 200 OK\r\n"));
}

TEST_F(HttpServerTest, head_has_the_length_but_not_the_body) {
  HttpClient client(start());
  client.send("HEAD /abc HTTP/1.1\r\nHost: x\r\n\r\n" + get("/next"));
  const auto head = client.read_answer(false);
  EXPECT_THAT(head, HasSubstr("Content-Length: 9\r\n"));
  EXPECT_THAT(client.read_answer(), ::testing::EndsWith("GET /next"));
}

TEST_F(HttpServerTest, a_large_body_arrives_whole) {
  HttpClient client(start());
  client.send(get("/large") + get("/a"));
  EXPECT_EQ(body_of(client.read_answer()).size(), large_size);
  EXPECT_EQ(body_of(client.read_answer()), "GET /a");
}

TEST_F(HttpServerTest, what_is_no_request_is_answered_and_ends_the_connection) {
  HttpClient client(start());
  client.send("GARBAGE\r\n\r\n");
  EXPECT_EQ(client.read_to_end(),
            "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: "
            "close\r\n\r\n400 Bad Request");
}

TEST_F(HttpServerTest, an_endless_header_is_answered_before_it_ends) {
  HttpClient client(start());
  client.send("GET / HTTP/1.1\r\nX: " + std::string(4 * limits::header_bytes_max, 'a'));
  EXPECT_THAT(client.read_to_end(), StartsWith("HTTP/1.1 431 "));
}

TEST_F(HttpServerTest, a_request_that_does_not_come_to_its_end_loses_the_connection) {
  const auto port = start();
  HttpClient client(port), silent(port);
  client.send("GET / HTTP/1.1\r\n");
  EXPECT_TRUE(ends_after(client, limits::request_ns));
  EXPECT_TRUE(ends_after(silent, limits::request_ns));
}

TEST_F(HttpServerTest, an_idle_connection_is_kept_longer_than_a_begun_request) {
  HttpClient client(start());
  client.send(get("/a"));
  ASSERT_EQ(body_of(client.read_answer()), "GET /a");
  now_ns_ += limits::request_ns + 1;
  client.send(get("/b"));
  EXPECT_EQ(body_of(client.read_answer()), "GET /b");
  EXPECT_TRUE(ends_after(client, limits::idle_ns));
}

TEST_F(HttpServerTest, an_answer_that_never_comes_ends_the_connection) {
  HttpClient client(start());
  client.send(get("/held"));
  wait_for_held(1);
  now_ns_ += limits::answer_ns + 1;
  EXPECT_TRUE(client.has_ended());
  // Too late for this one, and no harm to others.
  held_[0]({200, "text/plain", "late", {}});
}

TEST_F(HttpServerTest, idle_connections_make_room_for_new_ones) {
  const auto port = start();
  std::vector<std::unique_ptr<HttpClient>> clients;
  for (std::size_t i = 0; i < 2 * limits::connections_max; ++i) {
    clients.push_back(std::make_unique<HttpClient>(port));
    clients.back()->send(get("/a"));
    ASSERT_EQ(body_of(clients.back()->read_answer()), "GET /a") << i;
  }
  EXPECT_TRUE(clients.front()->has_ended());
  clients.back()->send(get("/b"));
  EXPECT_EQ(body_of(clients.back()->read_answer()), "GET /b");
}

TEST_F(HttpServerTest, who_comes_while_all_places_are_busy_waits_for_one) {
  const auto port = start();
  std::vector<std::unique_ptr<HttpClient>> busy;
  for (std::size_t i = 0; i < limits::connections_max; ++i) {
    busy.push_back(std::make_unique<HttpClient>(port));
    busy.back()->send(get("/held"));
  }
  wait_for_held(limits::connections_max);
  HttpClient late(port);
  late.send(get("/a"));
  for (auto& reply : held_) reply({200, "text/plain", "done", {}});
  EXPECT_EQ(body_of(late.read_answer()), "GET /a");
}

TEST_F(HttpServerTest, the_end_closes_connections_and_drops_late_replies) {
  HttpClient client(start());
  client.send(get("/held"));
  wait_for_held(1);
  server_.stop();
  EXPECT_TRUE(client.has_ended());
  held_[0]({200, "text/plain", "late", {}});
}

TEST_F(HttpServerTest, a_port_in_use_is_told_as_the_reference_tells_it) {
  const auto port = start();
  HttpServer second;
  HttpServerOptions options;
  options.host = "127.0.0.1";
  options.port = port;
  const auto result = second.start(std::move(options));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().text, "can't listen to the monitor port: listen tcp 127.0.0.1:" +
                                     std::to_string(port) + ": bind: address already in use");
}

// ---- TLS ----

class HttpsServerTest : public HttpServerTest {
 protected:
  HttpsServerTest() : certificates_(dunlin::testing::make_certificates(dir_.path())) {}

  TlsContext context() {
    auto made = make_tls_context(tls_, {certificates_.server_cert, certificates_.server_key});
    EXPECT_TRUE(made);
    return *made;
  }

  // One request over TLS; the answer, or what OpenSSL said.
  std::string ask(std::uint16_t port, const std::string& request) {
    const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context(SSL_CTX_new(TLS_client_method()),
                                                               SSL_CTX_free);
    SSL_CTX_load_verify_locations(context.get(), certificates_.ca.c_str(), nullptr);
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    BIO* const raw = BIO_new_ssl_connect(context.get());
    const std::unique_ptr<BIO, void (*)(BIO*)> bio(raw, BIO_free_all);
    BIO_set_conn_hostname(raw, ("127.0.0.1:" + std::to_string(port)).c_str());
    if (BIO_do_handshake(raw) != 1) return "no handshake";
    BIO_write(raw, request.data(), static_cast<int>(request.size()));
    std::string out;
    char bytes[4096];
    for (int size; (size = BIO_read(raw, bytes, sizeof bytes)) > 0;) {
      out.append(bytes, static_cast<std::size_t>(size));
    }
    return out;
  }

  const dunlin::Tls tls_{nullptr, dunlin::plugin::tls_table()};
  dunlin::testing::TempDir dir_;
  dunlin::testing::Certificates certificates_;
};

TEST_F(HttpsServerTest, requests_are_served_over_tls) {
  const auto port = start(context());
  const std::string request = "GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  EXPECT_EQ(body_of(ask(port, request)), "GET /a");
  const std::string large = "GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  EXPECT_EQ(body_of(ask(port, large)).size(), large_size);
}

TEST_F(HttpsServerTest, plain_http_is_told_where_it_is) {
  HttpClient client(start(context()));
  client.send(get("/a"));
  EXPECT_EQ(client.read_to_end(),
            "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n");
}

TEST_F(HttpsServerTest, a_handshake_that_does_not_come_to_its_end_loses_the_connection) {
  HttpClient client(start(context()));
  client.send("\x16\x03\x01");
  EXPECT_TRUE(ends_after(client, limits::request_ns));
}

TEST_F(HttpsServerTest, stopping_with_open_handshakes_leaves_nothing_behind) {
  HttpClient client(start(context()));
  client.send("\x16\x03\x01");
  server_.stop();
  EXPECT_TRUE(client.has_ended());
}

TEST(MakeTlsContext, a_missing_file_is_named) {
  const dunlin::Tls tls(nullptr, dunlin::plugin::tls_table());
  const auto made = make_tls_context(tls, {"/nowhere/cert.pem", "/nowhere/key.pem"});
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().text, HasSubstr("/nowhere/cert.pem"));
  EXPECT_EQ(make_tls_context(tls, {}).error().text, "TLS cert and key required for HTTPS");
}

}  // namespace
}  // namespace dunlin::monitoring::test
