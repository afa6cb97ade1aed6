#include "stream.hpp"

#include <array>

#include "tls_stream.hpp"

namespace dunlin::monitoring {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

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
  void close() override {
    Error ignored;
    socket_.close(ignored);
  }

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

}  // namespace

std::unique_ptr<Stream> make_stream(tcp::socket socket, TlsContext tls) {
  if (tls) return std::make_unique<TlsStream>(std::move(socket), tls->session());
  return std::make_unique<PlainStream>(std::move(socket));
}

}  // namespace dunlin::monitoring
