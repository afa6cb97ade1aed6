#include "tls_stream.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <string_view>
#include <utility>

namespace dunlin::monitoring {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Error = Stream::Error;
using Done = Stream::Done;

bool is_plain_http(std::string_view bytes) {
  for (const std::string_view method : {"GET /", "HEAD ", "POST ", "PUT /", "OPTIO"}) {
    if (bytes.starts_with(method)) return true;
  }
  return false;
}

}  // namespace

class TlsStream::Wire : public std::enable_shared_from_this<Wire> {
 public:
  Wire(tcp::socket socket, std::unique_ptr<dunlin::TlsSession> session)
      : socket_(std::move(socket)), session_(std::move(session)) {}

  void read(asio::mutable_buffer into, Done done) {
    into_ = into;
    reading_ = std::move(done);
    asio::post(socket_.get_executor(), [self = shared_from_this()] { self->go_on_reading(); });
  }

  void write(asio::const_buffer from, Done done) {
    const auto sealed =
        session_->write({static_cast<const char*>(from.data()), from.size()});
    if (sealed != DUNLIN_OK) {
      asio::post(socket_.get_executor(), [self = shared_from_this(), done = std::move(done)] {
        done(asio::error::connection_aborted, 0);
      });
      return;
    }
    written_ = std::move(done);
    written_size_ = from.size();
    send();
  }

  void finish(Done done) {
    finished_ = std::move(done);
    session_->close();
    send();
  }

  void close() {
    Error ignored;
    socket_.close(ignored);
  }

 private:
  void go_on_reading() {
    std::size_t got = 0;
    const auto status =
        session_->read({static_cast<std::uint8_t*>(into_.data()), into_.size()}, got);
    send();
    switch (status) {
      case DUNLIN_OK: return end_read({}, got);
      case DUNLIN_E_AGAIN: return receive();
      case DUNLIN_E_CLOSED: return end_read(asio::error::eof, 0);
      default: return end_read(asio::error::connection_aborted, 0);
    }
  }

  void receive() {
    socket_.async_read_some(
        asio::buffer(encrypted_), [self = shared_from_this()](Error error, std::size_t size) {
          if (error) return self->end_read(error, 0);
          const std::string_view bytes(self->encrypted_.data(), size);
          // The first bytes decide: someone who speaks plain HTTP is told so in plain HTTP.
          if (std::exchange(self->is_first_, false) && is_plain_http(bytes)) {
            self->refuse_plain();
            return;
          }
          // What is wrong with them, the read below says.
          static_cast<void>(self->session_->feed(bytes));
          self->go_on_reading();
        });
  }

  void refuse_plain() {
    static constexpr std::string_view text =
        "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
    asio::async_write(socket_, asio::buffer(text),
                      [self = shared_from_this()](Error, std::size_t) {
                        Error ignored;
                        self->socket_.shutdown(tcp::socket::shutdown_both, ignored);
                        self->end_read(asio::error::connection_aborted, 0);
                      });
  }

  void end_read(Error error, std::size_t size) {
    if (reading_) std::exchange(reading_, nullptr)(error, size);
  }

  // Sends what the session has to say, one write at a time.
  void send() {
    if (is_sending_) return;
    if (session_->output().empty()) return all_sent({});
    is_sending_ = true;
    sending_ = session_->output();
    session_->sent(sending_.size());
    asio::async_write(socket_, asio::buffer(sending_),
                      [self = shared_from_this()](Error error, std::size_t) {
                        self->is_sending_ = false;
                        if (error) return self->all_sent(error);
                        self->send();
                      });
  }

  void all_sent(Error error) {
    std::string().swap(sending_);
    if (written_) {
      std::exchange(written_, nullptr)(error, error ? 0 : written_size_);
    } else if (finished_ && error) {
      std::exchange(finished_, nullptr)(error, 0);
    } else if (finished_ && !std::exchange(is_discarding_, true)) {
      Error ignored;
      socket_.shutdown(tcp::socket::shutdown_send, ignored);
      discard();
    }
  }

  // Reads on until the other end closes.
  void discard() {
    socket_.async_read_some(asio::buffer(encrypted_),
                            [self = shared_from_this()](Error error, std::size_t) {
                              if (!error) return self->discard();
                              std::exchange(self->finished_, nullptr)(error, 0);
                            });
  }

  tcp::socket socket_;
  std::unique_ptr<dunlin::TlsSession> session_;
  std::array<char, 4096> encrypted_;
  std::string sending_;
  asio::mutable_buffer into_;
  Done reading_, written_, finished_;
  std::size_t written_size_ = 0;
  bool is_first_ = true;
  bool is_sending_ = false;
  bool is_discarding_ = false;
};

TlsStream::TlsStream(tcp::socket socket, std::unique_ptr<dunlin::TlsSession> session)
    : wire_(std::make_shared<Wire>(std::move(socket), std::move(session))) {}
TlsStream::~TlsStream() { wire_->close(); }

void TlsStream::read_some(asio::mutable_buffer into, Done done) {
  wire_->read(into, std::move(done));
}
void TlsStream::write_some(asio::const_buffer from, Done done) {
  wire_->write(from, std::move(done));
}
void TlsStream::finish(Done done) { wire_->finish(std::move(done)); }
void TlsStream::close() { wire_->close(); }

}  // namespace dunlin::monitoring
