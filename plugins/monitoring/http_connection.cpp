#include "http_connection.hpp"

#include "go_format.hpp"

namespace dunlin::monitoring {

HttpConnection::HttpConnection(std::unique_ptr<Stream> stream, std::string remote,
                               const Owner& owner)
    : stream_(std::move(stream)), remote_(std::move(remote)), owner_(owner) {
  // A fresh connection must come to its first request as soon as a begun one to its end.
  enter(Phase::idle, limits::request_ns);
}

void HttpConnection::enter(Phase phase, std::uint64_t allowed_ns) {
  phase_ = phase;
  deadline_ns_ = owner_.monotonic_ns() + allowed_ns;
}

void HttpConnection::read() {
  stream_->read_some(boost::asio::buffer(input_),
                     [self = shared_from_this()](Stream::Error error, std::size_t size) {
                       if (self->phase_ == Phase::closed) return;
                       if (error) return self->close();
                       self->handle(self->reader_.feed({self->input_.data(), size}));
                     });
}

void HttpConnection::handle(RequestReader::Status status) {
  switch (status) {
    case RequestReader::Status::need_more:
      // The time runs from the first byte of a request; trickling does not extend it.
      if (phase_ == Phase::idle && !reader_.is_idle()) {
        enter(Phase::reading, limits::request_ns);
      } else if (phase_ == Phase::writing) {
        enter(reader_.is_idle() ? Phase::idle : Phase::reading,
              reader_.is_idle() ? limits::idle_ns : limits::request_ns);
      }
      read();
      return;
    case RequestReader::Status::broken:
      asked_ = {};
      write(reader_.failure(), {}, false);
      return;
    case RequestReader::Status::complete:
      break;
  }
  auto request = reader_.take();
  request.remote = remote_;
  asked_.method = request.method;
  asked_.minor_version = request.minor_version;
  asked_.keep_alive = request.keep_alive;
  enter(Phase::answering, limits::answer_ns);
  owner_.on_request(*this, std::move(request));
}

void HttpConnection::answer(Response response) {
  if (phase_ != Phase::answering) return;
  const bool keep_alive = asked_.keep_alive;
  auto head = head_of(response, asked_, keep_alive, http_date(owner_.wall_ns()));
  if (asked_.method == "HEAD") response.body.clear();
  write(std::move(head), std::move(response.body), keep_alive);
}

void HttpConnection::write(std::string head, std::string body, bool keep_alive) {
  head_ = std::move(head);
  body_ = std::move(body);
  // Short bodies leave in one packet with their head.
  if (body_.size() <= limits::read_bytes) head_ += std::exchange(body_, {});
  sent_ = 0;
  stays_ = keep_alive;
  write_rest();
}

void HttpConnection::write_rest() {
  if (sent_ == head_.size()) {
    if (body_.empty()) return written();
    head_ = std::exchange(body_, {});
    sent_ = 0;
  }
  enter(Phase::writing, limits::write_ns);
  stream_->write_some(boost::asio::buffer(head_) + sent_,
                      [self = shared_from_this()](Stream::Error error, std::size_t size) {
                        if (self->phase_ == Phase::closed) return;
                        if (error) return self->close();
                        self->sent_ += size;
                        self->write_rest();
                      });
}

void HttpConnection::written() {
  std::string().swap(head_);
  sent_ = 0;
  ++served_;
  if (stays_) {
    handle(reader_.feed({}));
  } else {
    enter(Phase::ending, limits::ending_ns);
    stream_->finish([self = shared_from_this()](Stream::Error, std::size_t) { self->close(); });
  }
}

void HttpConnection::close() {
  if (phase_ == Phase::closed) return;
  const auto self = shared_from_this();
  phase_ = Phase::closed;
  stream_->close();
  owner_.on_end(*this);
}

void HttpConnection::close_if_late(std::uint64_t now_ns) {
  if (phase_ != Phase::closed && now_ns >= deadline_ns_) close();
}

}  // namespace dunlin::monitoring
