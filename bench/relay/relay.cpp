// dunlin-relay: copies bytes from one connection to another and does nothing else.
//
// The ceiling a message server on one core can be measured against: what the kernel alone costs.
// Accepts pairs of connections on 127.0.0.1; the first of a pair receives what the second sends.
// One thread, one buffer, one epoll; a pair ends when either side closes, then the next is taken.
//
//   dunlin-relay -p PORT [-b BUFFER_KIB]

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

int listen_on(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(fd, 16) != 0) {
    std::perror("dunlin-relay: listen");
    std::exit(1);
  }
  return fd;
}

bool wait_for(int fd, short events) {
  pollfd entry{.fd = fd, .events = events, .revents = 0};
  return ::poll(&entry, 1, -1) == 1 || errno == EINTR;
}

bool write_all(int fd, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t sent = ::send(fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN) return false;
    if (sent < 0 && !wait_for(fd, POLLOUT)) return false;
    if (sent > 0) {
      data += sent;
      size -= static_cast<std::size_t>(sent);
    }
  }
  return true;
}

void relay(int source, int sink, std::vector<char>& buffer) {
  while (wait_for(source, POLLIN)) {
    const ssize_t received = ::recv(source, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (received == 0 || (received < 0 && errno != EAGAIN)) return;
    if (received > 0 && !write_all(sink, buffer.data(), static_cast<std::size_t>(received))) {
      return;
    }
  }
}

int accept_one(int listener) {
  const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint16_t port = 0;
  std::size_t buffer_kib = 256;
  for (int i = 1; i + 1 < argc; i += 2) {
    const long value = std::strtol(argv[i + 1], nullptr, 10);
    if (std::strcmp(argv[i], "-p") == 0 && value > 0) port = static_cast<std::uint16_t>(value);
    if (std::strcmp(argv[i], "-b") == 0 && value > 0) buffer_kib = static_cast<std::size_t>(value);
  }
  if (port == 0) {
    std::fputs("dunlin-relay -p PORT [-b BUFFER_KIB]\n", stderr);
    return 2;
  }
  const int listener = listen_on(port);
  std::vector<char> buffer(buffer_kib * 1024);
  while (true) {
    const int sink = accept_one(listener);
    const int source = accept_one(listener);
    relay(source, sink, buffer);
    ::close(sink);
    ::close(source);
  }
}
