// A blocking HTTP client for loopback tests: sends bytes as they are and reads whole answers.

#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace dunlin::monitoring::test {

class HttpClient {
 public:
  explicit HttpClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    set_patience(std::chrono::seconds(10));
    is_connected_ =
        ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    EXPECT_TRUE(is_connected_);
  }
  ~HttpClient() { ::close(socket_); }
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  void send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  // One answer with its head; of a HEAD request pass false. Shorter when the connection ends.
  std::string read_answer(bool has_body = true) {
    std::size_t head = std::string::npos;
    while ((head = input_.find("\r\n\r\n")) == std::string::npos) {
      if (!receive()) return std::exchange(input_, {});
    }
    std::size_t size = head + 4;
    const auto length = input_.find("Content-Length: ");
    if (has_body && length < head) size += std::strtoul(input_.c_str() + length + 16, nullptr, 10);
    while (input_.size() < size && receive()) {
    }
    const auto answer = input_.substr(0, size);
    input_.erase(0, size);
    return answer;
  }
  // Everything until the other end closes.
  std::string read_to_end() {
    while (receive()) {
    }
    return std::exchange(input_, {});
  }
  // Does the other end close, with nothing more to read?
  bool has_ended(std::chrono::seconds limit = std::chrono::seconds(10)) {
    set_patience(limit);
    return input_.empty() && !receive() && ended_;
  }

 private:
  void set_patience(std::chrono::seconds limit) const {
    const timeval value{limit.count(), 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &value, sizeof value);
  }
  bool receive() {
    char bytes[4096];
    const auto size = ::recv(socket_, bytes, sizeof bytes, 0);
    ended_ = size == 0 || (size < 0 && errno == ECONNRESET);
    if (size > 0) input_.append(bytes, static_cast<std::size_t>(size));
    return size > 0;
  }

  int socket_;
  bool is_connected_ = false, ended_ = false;
  std::string input_;
};

inline std::string get(std::string_view path) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n\r\n";
}
inline std::string body_of(const std::string& answer) {
  const auto head = answer.find("\r\n\r\n");
  return head == std::string::npos ? "" : answer.substr(head + 4);
}

}  // namespace dunlin::monitoring::test
