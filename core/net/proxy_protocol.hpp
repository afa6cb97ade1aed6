// The PROXY protocol header, versions 1 and 2: who a connection behind a proxy really comes from.
//
// A listener with `proxy_protocol` gives every byte of a new connection to feed() until it has an
// answer. A connection that does not begin with a header is an ordinary client, and its bytes go on
// to the client parser. What was recognised as a header but is broken ends the connection.
//
// One object per connection, on its shard; keeps at most one version 1 line, however long the
// header that arrives. No I/O, no clock: the owner bounds the time.
//
// Source: the PROXY protocol specification (HAProxy), narrowed to what nats-server accepts.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dunlin::net {

class ProxyHeader {
 public:
  enum class Status : std::uint8_t {
    need_more,  // everything given was taken
    not_proxy,  // nothing of this piece was taken; held() and then the piece belong to the client
    done,       // `consumed` bytes of this piece were taken, the rest belongs to the client
    broken,     // close; reason() says why
  };
  struct Step {
    Status status;
    std::size_t consumed;
  };
  struct Source {
    std::string ip;  // an IPv4 address mapped into IPv6 is given as IPv4
    std::uint16_t port;
  };

  // The next piece of the connection's bytes; not to be called again after done, not_proxy or
  // broken.
  [[nodiscard]] Step feed(std::string_view piece);

  // What earlier pieces took of a connection that turned out not_proxy.
  [[nodiscard]] std::string_view held() const noexcept { return {buffer_.data(), size_}; }
  // After done: where the client is, or nothing when the proxy speaks for itself (a health check)
  // and the socket's own address stands.
  [[nodiscard]] const std::optional<Source>& source() const noexcept { return source_; }
  [[nodiscard]] std::string_view reason() const noexcept { return reason_; }

 private:
  enum class Stage : std::uint8_t { detect, line, binary, skip, finished };

  bool take(std::string_view& piece, std::size_t until);
  Status advance(std::string_view& piece);
  std::optional<Status> detect(std::string_view& piece);
  std::optional<Status> read_line(std::string_view& piece);
  std::optional<Status> read_binary(std::string_view& piece);
  std::optional<Status> skip_rest(std::string_view& piece);
  Status parse_line(std::string_view line);
  [[nodiscard]] std::optional<Status> check_binary_head();
  void read_binary_address();
  Status refuse(std::string_view reason) noexcept;

  static constexpr std::size_t line_size_max = 107;  // by the specification, with its CRLF

  std::array<char, line_size_max> buffer_;
  std::uint8_t size_ = 0;
  Stage stage_ = Stage::detect;
  std::uint8_t address_size_ = 0;  // of a binary header, as far as it is kept
  std::uint16_t skip_size_ = 0;    // of a binary header, what follows that
  std::string_view reason_;
  std::optional<Source> source_;
};

}  // namespace dunlin::net
