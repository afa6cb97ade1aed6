// Stream: one accepted socket, plain or with TLS, so that the rest of the listener is written once.
//
// All of it runs on the listener's thread. A handler is called once for each operation, never from
// inside the call that started it; at most one read and one write are under way. close() ends
// both with an error. A stream that is destroyed is closed.

#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <functional>
#include <memory>

#include "tls.hpp"

namespace dunlin::monitoring {

class Stream {
 public:
  using Error = boost::system::error_code;
  using Done = std::function<void(Error error, std::size_t size)>;

  virtual ~Stream() = default;
  // With TLS the handshake comes first.
  virtual void read_some(boost::asio::mutable_buffer into, Done done) = 0;
  virtual void write_some(boost::asio::const_buffer from, Done done) = 0;
  // After the last write, with no read under way: tells the other end that nothing follows, and
  // waits until it closes too. A close with its input unread would take the answer back.
  virtual void finish(Done done) = 0;
  virtual void close() = 0;
};

// `tls` may be null for a plain one.
[[nodiscard]] std::unique_ptr<Stream> make_stream(boost::asio::ip::tcp::socket socket,
                                                  TlsContext tls);

}  // namespace dunlin::monitoring
