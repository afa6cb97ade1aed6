// HttpServer: the monitoring listener with its connections, on one thread of its own.
//
//     accept -> read a request -> answer_request(request, reply) -> [any thread] reply(response)
//            -> write -> the next request of the connection, or close
//
// The thread does nothing but bytes; what a request means is decided by whoever answers. It holds
// no lock and takes no signal. start() and stop() are called on control; after stop() nothing is
// called any more, and replies that come later are dropped.

#pragma once

#include <dunlin/result.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "http_message.hpp"
#include "tls.hpp"

namespace dunlin::monitoring {

// Answers one request: to be called once, from any thread. Without it the connection ends when
// limits::answer_ns have passed.
using Reply = std::function<void(Response response)>;

struct HttpServerOptions {
  std::string host;
  std::uint16_t port = 0;  // 0 for any free one
  TlsContext tls;          // null for plain HTTP
  // On the listener's thread; must not throw.
  std::function<void(Request request, Reply reply)> answer_request;
  std::function<std::int64_t()> wall_ns;          // [any]
  std::function<std::uint64_t()> monotonic_ns;    // [any]
};

class HttpServer {
 public:
  HttpServer();
  ~HttpServer();  // as stop()
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // The bound port. On failure the text says what could not be listened to, and why.
  [[nodiscard]] dunlin::result<std::uint16_t> start(HttpServerOptions options);
  void stop() noexcept;
  // For connections accepted from now on.
  void set_tls(TlsContext tls);

 private:
  struct Implementation;
  std::shared_ptr<Implementation> implementation_;
};

}  // namespace dunlin::monitoring
