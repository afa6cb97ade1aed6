#include "http_server.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <set>
#include <thread>

#include "go_format.hpp"
#include "http_connection.hpp"
#include "limits.hpp"

namespace dunlin::monitoring {
namespace asio = boost::asio;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;

namespace {

// As the reference words it: the system's text, beginning in lower case.
std::string listen_failure(const std::string& address, const char* call, const ErrorCode& error) {
  auto reason = error.message();
  if (!reason.empty() && reason[0] >= 'A' && reason[0] <= 'Z') {
    reason[0] = static_cast<char>(reason[0] - 'A' + 'a');
  }
  return "can't listen to the monitor port: listen tcp " + address + ": " + call + ": " + reason;
}

}  // namespace

struct HttpServer::Implementation : std::enable_shared_from_this<Implementation> {
  HttpServerOptions options;
  asio::io_context io{1};
  tcp::acceptor acceptor{io};
  asio::steady_timer sweep_timer{io};
  HttpConnection::Owner owner;
  std::set<std::shared_ptr<HttpConnection>> connections;
  bool is_accepting = false, is_sweeping = false, is_stopping = false;
  std::thread thread;

  dunlin::result<std::uint16_t> open();
  void run();
  void accept();
  void accepted(tcp::socket socket);
  bool make_room();
  void sweep();
  void ended(HttpConnection& connection);
  void request(HttpConnection& from, Request request);
  void end();
};

dunlin::result<std::uint16_t> HttpServer::Implementation::open() {
  const auto address = join_host_port(options.host, options.port);
  ErrorCode error;
  tcp::resolver resolver(io);
  const auto found = resolver.resolve(options.host, std::to_string(options.port),
                                      tcp::resolver::passive, error);
  if (error || found.empty()) {
    return dunlin::fail(DUNLIN_E_IO, listen_failure(address, "lookup", error), error.value());
  }
  const tcp::endpoint endpoint = *found.begin();
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  const char* call = error ? "socket" : "bind";
  if (!error) acceptor.bind(endpoint, error);
  if (!error) {
    call = "listen";
    acceptor.listen(asio::socket_base::max_listen_connections, error);
  }
  const auto bound = error ? tcp::endpoint() : acceptor.local_endpoint(error);
  if (error) {
    return dunlin::fail(DUNLIN_E_IO, listen_failure(address, call, error), error.value());
  }
  return bound.port();
}

void HttpServer::Implementation::run() {
  // An exception here is running out of memory; the connection that met it is lost, no more.
  for (;;) {
    try {
      io.run();
      return;
    } catch (const std::exception&) {
      continue;
    }
  }
}

void HttpServer::Implementation::accept() {
  if (is_accepting || is_stopping || !make_room()) return;
  is_accepting = true;
  acceptor.async_accept([self = shared_from_this()](ErrorCode error, tcp::socket socket) {
    self->is_accepting = false;
    if (self->is_stopping) return;
    if (error) {
      // Out of descriptors, most likely: the next sweep tries again.
      self->sweep();
      return;
    }
    self->accepted(std::move(socket));
    self->accept();
  });
}

// When all places are taken, whoever only holds one for later gives it up. Without such a one the
// newcomer waits in the backlog.
bool HttpServer::Implementation::make_room() {
  if (connections.size() < limits::connections_max) return true;
  std::shared_ptr<HttpConnection> longest;
  for (const auto& connection : connections) {
    if (!connection->is_idle()) continue;
    if (!longest || connection->deadline_ns() < longest->deadline_ns()) longest = connection;
  }
  if (longest) longest->close();
  return connections.size() < limits::connections_max;
}

void HttpServer::Implementation::accepted(tcp::socket socket) {
  ErrorCode error;
  const auto remote = socket.remote_endpoint(error);
  if (error) return;
  socket.set_option(tcp::no_delay(true), error);
  const auto connection = std::make_shared<HttpConnection>(
      make_stream(std::move(socket), options.tls),
      join_host_port(remote.address().to_string(), remote.port()), owner);
  connections.insert(connection);
  connection->start();
  if (!is_sweeping) sweep();
}

// Once a second while there is anything to watch.
void HttpServer::Implementation::sweep() {
  is_sweeping = true;
  sweep_timer.expires_after(std::chrono::seconds(1));
  sweep_timer.async_wait([self = shared_from_this()](ErrorCode error) {
    if (error || self->is_stopping) return;
    self->is_sweeping = false;
    const auto now = self->options.monotonic_ns();
    const auto watched = self->connections;
    for (const auto& connection : watched) connection->close_if_late(now);
    if (!self->connections.empty() && !self->is_sweeping) self->sweep();
    self->accept();
  });
}

void HttpServer::Implementation::ended(HttpConnection& connection) {
  connections.erase(connection.shared_from_this());
  accept();
}

void HttpServer::Implementation::request(HttpConnection& from, Request request) {
  const std::weak_ptr<HttpConnection> to = from.weak_from_this();
  options.answer_request(std::move(request), [weak = weak_from_this(), to](Response response) {
    const auto self = weak.lock();
    if (!self) return;
    asio::post(self->io, [to, answer = std::move(response)]() mutable {
      if (const auto connection = to.lock()) connection->answer(std::move(answer));
    });
  });
}

// Closes everything; run() returns when the last handler has run.
void HttpServer::Implementation::end() {
  is_stopping = true;
  ErrorCode ignored;
  acceptor.close(ignored);
  sweep_timer.cancel();
  const auto open = std::move(connections);
  connections.clear();
  for (const auto& connection : open) connection->close();
}

HttpServer::HttpServer() = default;
HttpServer::~HttpServer() { stop(); }

dunlin::result<std::uint16_t> HttpServer::start(HttpServerOptions options) {
  auto made = std::make_shared<Implementation>();
  made->options = std::move(options);
  auto* const raw = made.get();
  made->owner.on_request = [raw](HttpConnection& from, Request request) {
    raw->request(from, std::move(request));
  };
  made->owner.on_end = [raw](HttpConnection& connection) { raw->ended(connection); };
  made->owner.monotonic_ns = made->options.monotonic_ns;
  made->owner.wall_ns = made->options.wall_ns;
  auto port = made->open();
  if (!port) return port;
  made->accept();
  // Signals are the server's own affair: none may arrive on this thread.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  made->thread = std::thread([raw] { raw->run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_setname_np(made->thread.native_handle(), "monitoring");
  implementation_ = std::move(made);
  return port;
}

void HttpServer::stop() noexcept {
  const auto running = std::exchange(implementation_, nullptr);
  if (!running) return;
  asio::post(running->io, [running] { running->end(); });
  running->thread.join();
}

void HttpServer::set_tls(TlsContext tls) {
  if (!implementation_) return;
  asio::post(implementation_->io, [self = implementation_, made = std::move(tls)]() mutable {
    self->options.tls = std::move(made);
  });
}

}  // namespace dunlin::monitoring
