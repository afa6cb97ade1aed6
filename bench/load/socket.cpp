#include "bench/load/socket.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <ctime>
#include <stdexcept>
#include <system_error>

namespace dunlin::bench {
namespace {

constexpr unsigned source_addresses = 16;

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

void set_option(int fd, int level, int name) {
  const int on = 1;
  if (::setsockopt(fd, level, name, &on, sizeof on) != 0) fail("setsockopt");
}

}  // namespace

sockaddr_in parse_endpoint(const std::string& text) {
  sockaddr_in endpoint{};
  endpoint.sin_family = AF_INET;
  const std::size_t colon = text.rfind(':');
  std::uint16_t port = 0;
  const char* end = text.data() + text.size();
  if (colon == std::string::npos ||
      ::inet_pton(AF_INET, text.substr(0, colon).c_str(), &endpoint.sin_addr) != 1 ||
      std::from_chars(text.data() + colon + 1, end, port).ptr != end) {
    throw std::invalid_argument("not an address and port: " + text);
  }
  endpoint.sin_port = htons(port);
  return endpoint;
}

Socket::~Socket() {
  if (fd_ >= 0) ::close(fd_);
}

Socket Socket::start_connect(const sockaddr_in& target, unsigned source) {
  Socket socket{::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (socket.fd_ < 0) fail("socket");
  set_option(socket.fd_, IPPROTO_TCP, TCP_NODELAY);
  if (source > 0) {
    // The port is chosen at connect(), when the kernel knows the whole pair of addresses.
    set_option(socket.fd_, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
    sockaddr_in local{};
    local.sin_family = AF_INET;
    local.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + source % source_addresses);
    if (::bind(socket.fd_, reinterpret_cast<sockaddr*>(&local), sizeof local) != 0) fail("bind");
  }
  if (::connect(socket.fd_, reinterpret_cast<const sockaddr*>(&target), sizeof target) != 0 &&
      errno != EINPROGRESS) {
    fail("connect");
  }
  return socket;
}

std::size_t Socket::send(std::string_view data) {
  const ssize_t sent = ::send(fd_, data.data(), data.size(), MSG_NOSIGNAL);
  if (sent >= 0) return static_cast<std::size_t>(sent);
  if (errno != EAGAIN && errno != EINTR) fail("send");
  return 0;
}

std::size_t Socket::receive(char* buffer, std::size_t size) {
  const ssize_t received = ::recv(fd_, buffer, size, 0);
  if (received > 0) return static_cast<std::size_t>(received);
  if (received == 0) throw std::runtime_error("the server closed a connection");
  if (errno != EAGAIN && errno != EINTR) fail("recv");
  return 0;
}

bool wait_for(int fd, short events, std::uint64_t deadline_ns) {
  while (true) {
    const std::uint64_t now = now_ns();
    if (now >= deadline_ns) return false;
    pollfd entry{.fd = fd, .events = events, .revents = 0};
    const int ready = ::poll(&entry, 1, static_cast<int>((deadline_ns - now) / 1'000'000 + 1));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) fail("poll");
  }
}

std::uint64_t now_ns() noexcept {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000u +
         static_cast<std::uint64_t>(time.tv_nsec);
}

void raise_file_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace dunlin::bench
