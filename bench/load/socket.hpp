// Non-blocking TCP sockets, just enough for a load generator.
//
// Failures are std::system_error: a benchmark that loses a socket has failed as a whole, and
// main() prints why. One thread per socket.

#pragma once

#include <netinet/in.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace dunlin::bench {

// Reads "127.0.0.1:4222"; throws std::invalid_argument for anything but IPv4 digits and a port.
sockaddr_in parse_endpoint(const std::string& text);

class Socket {
 public:
  Socket() = default;
  explicit Socket(int fd) noexcept : fd_{fd} {}
  Socket(Socket&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Socket();

  // Starts to connect. Loopback connections leave from 127.0.0.2, .3, ... by `source`, so that a
  // storm does not run out of ports; 0 lets the kernel choose.
  static Socket start_connect(const sockaddr_in& target, unsigned source = 0);

  // The number of bytes the kernel took; 0 when it takes none now.
  std::size_t send(std::string_view data);
  // The number of bytes read; 0 when there are none now. A closed connection throws.
  std::size_t receive(char* buffer, std::size_t size);

  [[nodiscard]] int fd() const noexcept { return fd_; }

 private:
  int fd_ = -1;
};

// Waits until `events` (POLLIN, POLLOUT) hold or `deadline_ns` of now_ns() passes; false then.
bool wait_for(int fd, short events, std::uint64_t deadline_ns);

// Nanoseconds of the monotonic clock.
std::uint64_t now_ns() noexcept;

// Lets the process open as many files as the system allows.
void raise_file_limit() noexcept;

}  // namespace dunlin::bench
