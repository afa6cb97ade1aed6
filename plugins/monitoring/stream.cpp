#include "stream.hpp"

#include <boost/asio/ssl/stream.hpp>

#include <array>
#include <string_view>

namespace dunlin::monitoring {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

void close_socket(tcp::socket& socket) {
  Stream::Error ignored;
  socket.close(ignored);
}

class PlainStream final : public Stream {
 public:
  explicit PlainStream(tcp::socket socket) : socket_(std::move(socket)) {}

  void read_some(asio::mutable_buffer into, Done done) override {
    socket_.async_read_some(into, std::move(done));
  }
  void write_some(asio::const_buffer from, Done done) override {
    socket_.async_write_some(from, std::move(done));
  }
  void finish(Done done) override {
    Error ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    discard(std::move(done));
  }
  void close() override { close_socket(socket_); }

 private:
  // Reads on until the other end closes; `done` keeps this object alive.
  void discard(Done done) {
    socket_.async_read_some(asio::buffer(discarded_),
                            [this, done = std::move(done)](Error error, std::size_t size) mutable {
                              if (error) return done(error, size);
                              discard(std::move(done));
                            });
  }

  tcp::socket socket_;
  std::array<char, 512> discarded_;
};

// The first bytes decide: someone who speaks plain HTTP to this port is told so in plain HTTP.
class TlsStream final : public Stream {
 public:
  TlsStream(tcp::socket socket, TlsContext context)
      : context_(std::move(context)), stream_(std::move(socket), *context_) {}

  void read_some(asio::mutable_buffer into, Done done) override {
    if (is_open_) {
      stream_.async_read_some(into, std::move(done));
      return;
    }
    into_ = into;
    done_ = std::move(done);
    stream_.next_layer().async_read_some(
        asio::buffer(first_), [this](Error error, std::size_t size) { begin(error, size); });
  }
  void write_some(asio::const_buffer from, Done done) override {
    stream_.async_write_some(from, std::move(done));
  }
  void finish(Done done) override {
    stream_.async_shutdown([done = std::move(done)](Error error) { done(error, 0); });
  }
  void close() override { close_socket(stream_.next_layer()); }

 private:
  static bool is_plain_http(std::string_view bytes) {
    for (const std::string_view method : {"GET /", "HEAD ", "POST ", "PUT /", "OPTIO"}) {
      if (bytes.starts_with(method)) return true;
    }
    return false;
  }

  void begin(Error error, std::size_t size) {
    if (error) return end(error, 0);
    if (is_plain_http({first_.data(), size})) {
      refuse_plain();
      return;
    }
    stream_.async_handshake(asio::ssl::stream_base::server, asio::buffer(first_.data(), size),
                            [this](Error failed, std::size_t) {
                              if (failed) return end(failed, 0);
                              is_open_ = true;
                              stream_.async_read_some(into_, std::exchange(done_, nullptr));
                            });
  }

  void refuse_plain() {
    static constexpr std::string_view text =
        "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
    asio::async_write(stream_.next_layer(), asio::buffer(text), [this](Error, std::size_t) {
      Error ignored;
      stream_.next_layer().shutdown(tcp::socket::shutdown_both, ignored);
      end(asio::error::connection_aborted, 0);
    });
  }

  void end(Error error, std::size_t size) { std::exchange(done_, nullptr)(error, size); }

  TlsContext context_;
  asio::ssl::stream<tcp::socket> stream_;
  std::array<char, 512> first_{};
  asio::mutable_buffer into_;
  Done done_;
  bool is_open_ = false;
};

}  // namespace

std::unique_ptr<Stream> make_stream(tcp::socket socket, TlsContext tls) {
  if (tls) return std::make_unique<TlsStream>(std::move(socket), std::move(tls));
  return std::make_unique<PlainStream>(std::move(socket));
}

}  // namespace dunlin::monitoring
