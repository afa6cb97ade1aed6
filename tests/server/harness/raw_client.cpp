#include "tests/server/harness/raw_client.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <utility>

namespace dunlin::testing {

namespace {

int milliseconds_left(Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
  return left.count() < 0 ? 0 : static_cast<int>(left.count());
}

bool wait_readable(int descriptor, Clock::time_point deadline) {
  ::pollfd entry{descriptor, POLLIN, 0};
  return ::poll(&entry, 1, milliseconds_left(deadline)) > 0;
}

bool wait_writable(int descriptor) {
  ::pollfd entry{descriptor, POLLOUT, 0};
  return ::poll(&entry, 1, static_cast<int>(patience.count())) > 0;
}

// Bytes in the receive queue of the server's end of a connection, from one inet_diag query; zero
// also when the connection is gone.
unsigned unread_by_server(std::uint16_t server_port, std::uint16_t client_port) {
  struct {
    ::nlmsghdr header{};
    ::inet_diag_req_v2 body{};
  } request;
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.body.sdiag_family = AF_INET;
  request.body.sdiag_protocol = IPPROTO_TCP;
  request.body.idiag_states = ~0U;
  request.body.id.idiag_sport = htons(server_port);
  request.body.id.idiag_dport = htons(client_port);
  request.body.id.idiag_src[0] = htonl(INADDR_LOOPBACK);
  request.body.id.idiag_dst[0] = htonl(INADDR_LOOPBACK);
  request.body.id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
  request.body.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
  const int query = ::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  struct {
    ::nlmsghdr header{};
    ::inet_diag_msg body{};
    char rest[1024]{};
  } answer;
  const bool answered = ::send(query, &request, sizeof request, 0) > 0 &&
                        ::recv(query, &answer, sizeof answer, 0) > 0 &&
                        answer.header.nlmsg_type == SOCK_DIAG_BY_FAMILY;
  ::close(query);
  return answered && answer.body.idiag_state != TCP_LISTEN ? answer.body.idiag_rqueue : 0;
}

}  // namespace

std::string err(std::string_view text) { return "-ERR '" + std::string(text) + "'\r\n"; }

std::string msg(std::string_view head, std::string_view payload) {
  return "MSG " + std::string(head) + " " + std::to_string(payload.size()) + "\r\n" +
         std::string(payload) + "\r\n";
}

RawClient RawClient::open(std::uint16_t port) {
  ::signal(SIGPIPE, SIG_IGN);
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ::sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  RawClient client(descriptor);
  if (::connect(descriptor, reinterpret_cast<::sockaddr*>(&address), sizeof address) != 0) {
    throw std::runtime_error("cannot connect to port " + std::to_string(port));
  }
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return client;
}

RawClient RawClient::connect(const ServerProcess& server) {
  RawClient client = open(server.port());
  EXPECT_TRUE(client.read_info());
  return client;
}

RawClient RawClient::connect(const ServerProcess& server, std::string_view connect_json) {
  RawClient client = connect(server);
  client.send("CONNECT " + std::string(connect_json) + "\r\nPING\r\n");
  std::string answer = client.read_to_pong();
  EXPECT_TRUE(answer.empty() || answer == "+OK\r\n") << answer;
  return client;
}

RawClient::RawClient(RawClient&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      tls_context_(std::exchange(other.tls_context_, nullptr)),
      tls_(std::exchange(other.tls_, nullptr)),
      buffer_(std::move(other.buffer_)),
      closed_(other.closed_),
      info_(std::move(other.info_)) {}

RawClient::~RawClient() { close(); }

void RawClient::close() {
  SSL_free(std::exchange(tls_, nullptr));
  SSL_CTX_free(std::exchange(tls_context_, nullptr));
  if (descriptor_ >= 0) {
    ::close(std::exchange(descriptor_, -1));
  }
}

void RawClient::abort() {
  const ::linger now{1, 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close();
}

void RawClient::finish_sending() { ::shutdown(descriptor_, SHUT_WR); }

void RawClient::shrink_receive_buffer() {
  const int bytes = 1;
  ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

std::uint16_t RawClient::local_port() const {
  ::sockaddr_in address{};
  ::socklen_t size = sizeof address;
  ::getsockname(descriptor_, reinterpret_cast<::sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

void RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    ::ssize_t sent;
    if (tls_ != nullptr) {
      sent = SSL_write(tls_, bytes.data(), static_cast<int>(bytes.size()));
    } else {
      sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    }
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (tls_ != nullptr || errno != EINTR || !wait_writable(descriptor_)) {
      return;  // The server closed; what it said before that is what the test looks at.
    }
  }
}

void RawClient::send_piece(std::string_view bytes, const ServerProcess& server) {
  send(bytes);
  const std::uint16_t own_port = local_port();
  EXPECT_TRUE(eventually([&] { return unread_by_server(server.port(), own_port) == 0; }))
      << "the server did not read what it was sent";
}

bool RawClient::fill(Clock::time_point deadline) {
  if (closed_) {
    return false;
  }
  std::array<char, 65536> chunk;
  for (;;) {
    const bool buffered_in_tls = tls_ != nullptr && SSL_pending(tls_) > 0;
    if (!buffered_in_tls && !wait_readable(descriptor_, deadline)) {
      return false;
    }
    const ::ssize_t got = tls_ != nullptr
                              ? SSL_read(tls_, chunk.data(), static_cast<int>(chunk.size()))
                              : ::recv(descriptor_, chunk.data(), chunk.size(), 0);
    if (got > 0) {
      buffer_.append(chunk.data(), static_cast<std::size_t>(got));
      return true;
    }
    if (tls_ != nullptr &&
        SSL_get_error(tls_, static_cast<int>(got)) == SSL_ERROR_WANT_READ) {
      continue;
    }
    if (tls_ == nullptr && got < 0 && errno == EINTR) {
      continue;
    }
    closed_ = true;
    return false;
  }
}

std::string RawClient::read_line(std::chrono::milliseconds limit) {
  const Clock::time_point deadline = Clock::now() + limit;
  std::size_t end = buffer_.find('\n');
  while (end == std::string::npos) {
    if (!fill(deadline)) {
      return {};
    }
    end = buffer_.find('\n');
  }
  std::string line = buffer_.substr(0, end + 1);
  buffer_.erase(0, end + 1);
  return line;
}

std::string RawClient::read_bytes(std::size_t count, std::chrono::milliseconds limit) {
  const Clock::time_point deadline = Clock::now() + limit;
  while (buffer_.size() < count && fill(deadline)) {
  }
  std::string bytes = buffer_.substr(0, count);
  buffer_.erase(0, bytes.size());
  return bytes;
}

std::string RawClient::read_to_close(std::chrono::milliseconds limit) {
  const Clock::time_point deadline = Clock::now() + limit;
  while (fill(deadline)) {
  }
  EXPECT_TRUE(closed_) << "the server did not close; it said: " << buffer_.substr(0, 200);
  return std::exchange(buffer_, {});
}

std::string RawClient::read_to_pong() {
  static constexpr std::string_view pong = "PONG\r\n";
  const Clock::time_point deadline = Clock::now() + patience;
  std::size_t from = 0;
  for (;;) {
    std::size_t at = buffer_.find(pong, from);
    // A PONG counts only at the start of a line.
    while (at != std::string::npos && at != 0 && buffer_[at - 1] != '\n') {
      at = buffer_.find(pong, at + 1);
    }
    if (at != std::string::npos) {
      std::string before = buffer_.substr(0, at);
      buffer_.erase(0, at + pong.size());
      return before;
    }
    from = buffer_.size() > pong.size() ? buffer_.size() - pong.size() : 0;
    if (!fill(deadline)) {
      EXPECT_TRUE(closed_) << "no PONG; the server said: " << buffer_.substr(0, 200);
      return std::exchange(buffer_, {});
    }
  }
}

std::string RawClient::barrier() {
  send("PING\r\n");
  return read_to_pong();
}

::testing::AssertionResult RawClient::read_info() {
  const std::string line = read_line();
  if (line.rfind("INFO {", 0) != 0) {
    return ::testing::AssertionFailure() << "expected INFO, got \"" << line << "\"";
  }
  info_ = line.substr(0, line.size() - 2);
  return ::testing::AssertionSuccess();
}

::testing::AssertionResult RawClient::receives(std::string_view bytes,
                                               std::chrono::milliseconds limit) {
  const std::string got = read_bytes(bytes.size(), limit);
  if (got == bytes) {
    return ::testing::AssertionSuccess();
  }
  return ::testing::AssertionFailure()
         << "expected " << ::testing::PrintToString(std::string(bytes)) << "\n  received "
         << ::testing::PrintToString(got) << (closed_ ? " and the close" : "");
}

::testing::AssertionResult RawClient::receives_and_closes(std::string_view bytes,
                                                          std::chrono::milliseconds limit) {
  const std::string got = read_to_close(limit);
  if (got == bytes) {
    return ::testing::AssertionSuccess();
  }
  return ::testing::AssertionFailure()
         << "expected " << ::testing::PrintToString(std::string(bytes))
         << " and the close\n  received " << ::testing::PrintToString(got);
}

bool RawClient::has_unread() const {
  return !buffer_.empty() || wait_readable(descriptor_, Clock::now());
}

bool RawClient::start_tls(const TlsOptions& options) {
  tls_context_ = SSL_CTX_new(TLS_client_method());
  SSL_CTX_load_verify_locations(tls_context_, options.ca_file.c_str(), nullptr);
  SSL_CTX_set_verify(tls_context_, SSL_VERIFY_PEER, nullptr);
  if (!options.cert_file.empty()) {
    SSL_CTX_use_certificate_file(tls_context_, options.cert_file.c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_use_PrivateKey_file(tls_context_, options.key_file.c_str(), SSL_FILETYPE_PEM);
  }
  const ::timeval limit{patience.count() / 1000, 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  tls_ = SSL_new(tls_context_);
  SSL_set_fd(tls_, descriptor_);
  return SSL_connect(tls_) == 1;
}

}  // namespace dunlin::testing
