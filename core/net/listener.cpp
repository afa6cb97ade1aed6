#include "core/net/listener.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <future>

#include "core/base/log.hpp"

namespace dunlin::net {

namespace {

constexpr int backlog = 4096;
// How long accepting pauses when the process has run out of descriptors or memory.
constexpr auto accept_pause = std::chrono::milliseconds(100);

bool is_wildcard(const std::string& host) {
  return host.empty() || host == "0.0.0.0" || host == "::" || host == "[::]";
}

std::string lower_case_error(int error) {
  std::string text = std::strerror(error);
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] | 32);
  return text;
}

int bind_and_listen(const addrinfo& address, int& error) {
  const int handle = ::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (handle < 0) {
    error = errno;
    return -1;
  }
  const int on = 1, off = 0;
  setsockopt(handle, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address.ai_family == AF_INET6)
    setsockopt(handle, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (::bind(handle, address.ai_addr, address.ai_addrlen) == 0 && ::listen(handle, backlog) == 0)
    return handle;
  error = errno;
  ::close(handle);
  return -1;
}

}  // namespace

PeerAddress address_of(const sockaddr* address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address->sa_family == AF_INET) {
    const auto* const v4 = reinterpret_cast<const sockaddr_in*>(address);
    inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
    return {text, ntohs(v4->sin_port)};
  }
  if (address->sa_family != AF_INET6) return {};
  const auto* const v6 = reinterpret_cast<const sockaddr_in6*>(address);
  if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
    inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], text, sizeof text);
  else
    inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
  return {text, ntohs(v6->sin6_port)};
}

result<std::unique_ptr<Listener>> Listener::open(const std::string& host, int port) {
  const std::string service = std::to_string(port == -1 ? 0 : port);
  std::vector<std::string> candidates{host};
  if (is_wildcard(host)) candidates = {"::", "0.0.0.0"};
  int error = 0;
  for (const std::string& candidate : candidates) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    std::string bare = candidate;
    if (bare.size() > 2 && bare.front() == '[' && bare.back() == ']')
      bare = bare.substr(1, bare.size() - 2);
    if (const int code = getaddrinfo(bare.c_str(), service.c_str(), &hints, &found); code != 0)
      return fail(fmt::format("listen tcp: lookup {}: {}", host, gai_strerror(code)));
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, freeaddrinfo);
    const int handle = bind_and_listen(*found, error);
    if (handle < 0) {
      if (error == EADDRINUSE) break;
      continue;
    }
    sockaddr_storage bound{};
    socklen_t size = sizeof bound;
    getsockname(handle, reinterpret_cast<sockaddr*>(&bound), &size);
    return std::unique_ptr<Listener>(
        new Listener(handle, address_of(reinterpret_cast<sockaddr*>(&bound)).port));
  }
  return fail(fmt::format("listen tcp {}:{}: bind: {}", host, port, lower_case_error(error)));
}

Listener::~Listener() {
  if (socket_ >= 0) ::close(socket_);
}

void Listener::start(Shard& shard, OnAccept on_accept) {
  shard_ = &shard;
  on_accept_ = std::move(on_accept);
  shard.post([this] {
    descriptor_ = std::make_unique<boost::asio::posix::stream_descriptor>(
        shard_->io(), std::exchange(socket_, -1));
    arm();
  });
}

void Listener::stop() {
  if (shard_ == nullptr) return;
  std::promise<void> stopped;
  shard_->post([this, &stopped] {
    descriptor_.reset();
    stopped.set_value();
  });
  stopped.get_future().wait();
  shard_ = nullptr;
}

void Listener::arm() {
  descriptor_->async_wait(descriptor_->wait_read, [this](const boost::system::error_code& error) {
    if (error) return;
    // Accepting is work: it belongs in the turn, not in the reactor's handler.
    shard_->post([this] {
      if (descriptor_ != nullptr) accept_all();
    });
  });
}

void Listener::accept_all() {
  for (int i = 0; i < 256; ++i) {
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    const int handle = ::accept4(descriptor_->native_handle(), reinterpret_cast<sockaddr*>(&peer),
                                 &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (handle >= 0) {
      on_accept_({handle, address_of(reinterpret_cast<sockaddr*>(&peer))});
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (errno == EAGAIN) break;
    log_error("Error accepting a connection: {}", std::strerror(errno));
    // Without a pause the loop would spin until a descriptor is free again.
    auto timer = std::make_shared<boost::asio::steady_timer>(shard_->io(), accept_pause);
    timer->async_wait([this, timer](const boost::system::error_code& error) {
      if (!error && descriptor_ != nullptr) arm();
    });
    return;
  }
  arm();
}

}  // namespace dunlin::net
