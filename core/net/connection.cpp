#include "core/net/connection.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <new>
#include <utility>

namespace dunlin::net {

namespace {

// What a closing connection may still need to hand its last bytes to the peer.
constexpr Nanoseconds close_flush_deadline = 100 * milliseconds;
// Reads per connection and turn: a large burst must not starve the other connections.
constexpr int reads_per_turn = 2;

}  // namespace

Connection::Connection(Shard& shard, int socket, std::uint64_t id, PeerAddress peer)
    : shard_(shard), socket_(shard.io(), socket), id_(id), peer_(std::move(peer)) {
  const int on = 1;
  // Fails harmlessly on sockets that are not TCP.
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  socket_.native_non_blocking(true);
}

Connection::~Connection() {
  std::free(partial_);
  output_.release(shard_.buffers());
}

void Connection::open() {
  if (transport_ != nullptr) {
    transport_->start(*this);
  } else {
    transport_ready();
    transport_complete();
  }
  if (!closed_) arm_read();
}

void Connection::transport_ready() {
  if (opened_ || closed_) return;
  opened_ = true;
  on_open();
}

void Connection::transport_complete() {
  if (completed_ || closed_) return;
  completed_ = true;
  on_ready();
}

void Connection::send(std::string_view bytes) {
  if (closed_) return;
  output_.append(shard_.buffers(), bytes);
  appended();
}

// ---- reactor -----------------------------------------------------------------------------------

void Connection::arm_read() {
  if (waiting_to_read_ || closed_ || paused_until_ != 0) return;
  waiting_to_read_ = true;
  ++waits_;
  socket_.async_wait(socket_.wait_read, [this](const boost::system::error_code& error) {
    --waits_;
    waiting_to_read_ = false;
    if (error || socket_closed_) return;
    readable_ = true;
    if (!noted_) shard_.note_readable(this);
    noted_ = true;
  });
}

void Connection::arm_write() {
  if (waiting_to_write_ || socket_closed_) return;
  waiting_to_write_ = true;
  ++waits_;
  socket_.async_wait(socket_.wait_write, [this](const boost::system::error_code& error) {
    --waits_;
    waiting_to_write_ = false;
    if (error || socket_closed_) return;
    writable_ = true;
    if (!noted_) shard_.note_readable(this);
    noted_ = true;
  });
}

void Connection::ready_turn() {
  noted_ = false;
  if (writable_) {
    writable_ = false;
    flush();
  }
  if (!readable_ || closed_ || paused_until_ != 0) return;
  readable_ = false;
  if (std::exchange(was_resumed_, false)) offer_kept();
  if (closed_ || paused_until_ != 0) return;
  for (int i = 0; i < reads_per_turn; ++i) {
    const bool more = read_once();
    if (closed_ || paused_until_ != 0) return;
    if (!more) {
      arm_read();
      return;
    }
  }
  readable_ = true;
  noted_ = true;
  shard_.note_readable(this);
}

// ---- input -------------------------------------------------------------------------------------

Io Connection::receive_some(char* into, std::size_t room, std::size_t& got) {
  if (transport_ != nullptr) {
    const Io outcome = transport_->read(*this, into, room, got);
    if (transport_->is_finished()) transport_.reset();
    return outcome;
  }
  const ssize_t n = ::recv(socket(), into, room, MSG_DONTWAIT);
  if (n > 0) {
    got = static_cast<std::size_t>(n);
    return Io::done;
  }
  if (n == 0) return Io::end_of_file;
  return errno == EAGAIN || errno == EINTR ? Io::would_block : Io::failed;
}

// Reads once and parses. True when more bytes are likely to be there already.
bool Connection::read_once() {
  const std::size_t room = std::min<std::size_t>(shard_.read_buffer_size(), read_limit_);
  if (wanted() > room || partial_size_ >= room) return read_large();
  char* const buffer = shard_.read_buffer();
  if (partial_size_ != 0) std::memcpy(buffer, partial_, partial_size_);
  std::size_t got = 0;
  const Io outcome = receive_some(buffer + partial_size_, room - partial_size_, got);
  if (outcome == Io::would_block || closed_) return false;
  if (outcome != Io::done) {
    close(outcome == Io::failed ? ClosedReason::read_error : ClosedReason::client_closed);
    return false;
  }
  if (got == 0) return true;
  shard_.take_mail();
  if (closed_) return false;
  const bool filled = got == room - partial_size_ || transport_ != nullptr;
  const std::size_t held = partial_size_ + got;
  partial_size_ = 0;
  received(buffer, held);
  return filled;
}

// A frame larger than the shard's buffer: collected in a block of exactly its size. A line of
// unknown length is offered to the parser as it grows.
bool Connection::read_large() {
  const std::size_t known = wanted();
  const std::size_t goal = known != 0 ? known : partial_size_ + shard_.read_buffer_size();
  if (partial_capacity_ < goal + Shard::read_slack) {
    partial_ = static_cast<char*>(std::realloc(partial_, goal + Shard::read_slack));
    if (partial_ == nullptr) throw std::bad_alloc();
    partial_capacity_ = static_cast<std::uint32_t>(goal + Shard::read_slack);
  }
  std::size_t got = 0;
  const Io outcome = receive_some(partial_ + partial_size_, goal - partial_size_, got);
  if (outcome == Io::would_block || closed_) return false;
  if (outcome != Io::done) {
    close(outcome == Io::failed ? ClosedReason::read_error : ClosedReason::client_closed);
    return false;
  }
  partial_size_ += static_cast<std::uint32_t>(got);
  if (partial_size_ < known) return true;
  shard_.take_mail();
  if (closed_) return false;
  char* const block = partial_;
  const std::size_t held = partial_size_;
  partial_ = nullptr;
  partial_size_ = partial_capacity_ = 0;
  received(block, held);
  std::free(block);
  return true;
}

// What was left when reading was paused may hold whole frames, and no new byte has to follow them.
void Connection::offer_kept() {
  if (partial_size_ == 0) return;
  const std::size_t held = std::exchange(partial_size_, 0);
  partial_capacity_ = 0;
  char* const kept = std::exchange(partial_, nullptr);
  auto* const block = static_cast<char*>(std::realloc(kept, held + Shard::read_slack));
  if (block == nullptr) throw std::bad_alloc();
  received(block, held);
  std::free(block);
}

void Connection::received(char* data, std::size_t size) {
  const std::size_t used = consume(data, size);
  if (!closed_ && used < size) {
    keep(data + used, size - used);
  } else if (partial_ != nullptr && partial_size_ == 0) {
    std::free(partial_);
    partial_ = nullptr;
    partial_capacity_ = 0;
  }
}

void Connection::keep(const char* data, std::size_t size) {
  if (partial_capacity_ < size) {
    std::free(partial_);
    partial_ = static_cast<char*>(std::malloc(size));
    if (partial_ == nullptr) throw std::bad_alloc();
    partial_capacity_ = static_cast<std::uint32_t>(size);
  }
  std::memcpy(partial_, data, size);
  partial_size_ = static_cast<std::uint32_t>(size);
}

void Connection::pause(Nanoseconds until) {
  const bool was_paused = paused_until_ != 0;
  paused_until_ = until;
  if (!was_paused) readable_ = false;
  reset_timer();
}

void Connection::resume() {
  if (paused_until_ == 0 || closed_) return;
  paused_until_ = 0;
  was_resumed_ = true;
  reset_timer();
  // Bytes may have been there all along; the reactor reports only what is new.
  readable_ = true;
  if (!noted_) shard_.note_readable(this);
  noted_ = true;
}

// ---- output ------------------------------------------------------------------------------------

Io Connection::send_some(const char* data, std::size_t size, std::size_t& sent) {
  if (transport_ != nullptr) return transport_->write(*this, data, size, sent);
  const ssize_t n = ::send(socket(), data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (n >= 0) {
    sent = static_cast<std::size_t>(n);
    return Io::done;
  }
  return errno == EAGAIN || errno == EINTR ? Io::would_block : Io::failed;
}

void Connection::flush() {
  if (waiting_to_write_ || socket_closed_) return;
  if (write_due_ == never) batch_begin_ = sent_total_;
  while (!output_.empty()) {
    std::size_t sent = 0;
    const Io outcome = send_some(output_.pending_data(), output_.pending(), sent);
    if (outcome == Io::failed) {
      output_.release(shard_.buffers());
      if (closed_)
        finish_close();
      else
        close(ClosedReason::write_error);
      return;
    }
    progressed(sent);
    output_.consume(sent);
    if (outcome == Io::held) return;
    if (outcome == Io::would_block) {
      stuck();
      return;
    }
  }
  output_.release(shard_.buffers());
  if (transport_ != nullptr && transport_->flush(*this) == Io::would_block) {
    stuck();
    return;
  }
  const bool was_stuck = write_due_ != never;
  write_due_ = never;
  if (was_stuck) reset_timer();
  if (closed_)
    finish_close();
  else if (was_stuck)
    on_drained();
}

// The socket takes no more for now: the deadline runs for everything that is queued at this moment.
void Connection::stuck() {
  if (write_due_ == never) {
    batch_end_ = sent_total_ + output_.pending();
    write_due_ = shard_.now() + (closed_ ? close_flush_deadline : limits_.write_deadline);
    reset_timer();
  }
  arm_write();
}

void Connection::progressed(std::size_t sent) {
  sent_total_ += sent;
  if (write_due_ == never || sent_total_ < batch_end_) return;
  batch_begin_ = sent_total_;
  batch_end_ = sent_total_ + output_.pending() - sent;
  write_due_ = shard_.now() + (closed_ ? close_flush_deadline : limits_.write_deadline);
  reset_timer();
}

void Connection::check_write_deadline(Nanoseconds now) {
  if (now < write_due_) return;
  if (closed_) {
    finish_close();
    return;
  }
  // It may be the shard that was late: what the socket takes now was not taken too late.
  std::size_t sent = 0;
  if (transport_ == nullptr && !output_.empty() &&
      send_some(output_.pending_data(), output_.pending(), sent) == Io::done) {
    progressed(sent);
    output_.consume(sent);
    if (now < write_due_) return;
  }
  on_write_timeout(std::exchange(timed_out_, true));
  if (!limits_.retries_after_timeout || sent_total_ == batch_begin_) {
    close(ClosedReason::slow_consumer_write_deadline);
    return;
  }
  batch_begin_ = sent_total_;
  write_due_ = now + limits_.write_deadline;
}

bool Connection::appended_much() {
  if (!waiting_to_write_) {
    shard_.hand_over();
    flush();
  }
  if (closed_) return false;
  if (output_.pending() <= limits_.pending_max) return true;
  close(ClosedReason::slow_consumer_pending_bytes);
  return false;
}

void Connection::gather(std::string_view head, std::string_view body) {
  iovec parts[3] = {{const_cast<char*>(output_.pending_data()), output_.pending()},
                    {const_cast<char*>(head.data()), head.size()},
                    {const_cast<char*>(body.data()), body.size()}};
  const std::size_t first = output_.empty() ? 1 : 0;
  msghdr message{};
  message.msg_iov = parts + first;
  message.msg_iovlen = 3 - first;
  const ssize_t n = ::sendmsg(socket(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (n < 0 && errno != EAGAIN && errno != EINTR) {
    close(ClosedReason::write_error);
    return;
  }
  std::size_t sent = n > 0 ? static_cast<std::size_t>(n) : 0;
  if (write_due_ == never) batch_begin_ = sent_total_;
  sent_total_ += sent;
  const std::size_t from_queue = std::min(sent, output_.pending());
  output_.consume(from_queue);
  sent -= from_queue;
  const std::size_t from_head = std::min(sent, head.size());
  sent -= from_head;
  if (from_head == head.size() && sent == body.size()) {
    output_.release(shard_.buffers());
    return;
  }
  output_.append(shard_.buffers(), head.substr(from_head));
  output_.append(shard_.buffers(), body.substr(sent));
  stuck();
}

// ---- timers and the end ------------------------------------------------------------------------

void Connection::set_timer(Nanoseconds due) {
  own_due_ = due;
  reset_timer();
}

void Connection::set_transport_timer(Nanoseconds due) {
  transport_due_ = due;
  reset_timer();
}

void Connection::reset_timer() {
  Nanoseconds due = std::min(own_due_, std::min(write_due_, transport_due_));
  if (paused_until_ != 0) due = std::min(due, paused_until_);
  shard_.timers().set(*this, due);
}

void Connection::on_due(Nanoseconds now) {
  if (paused_until_ != 0 && now >= paused_until_) resume();
  check_write_deadline(now);
  if (!closed_ && now >= transport_due_) {
    transport_due_ = never;
    if (transport_ != nullptr) transport_->on_timer(*this, now);
  }
  if (!closed_ && now >= own_due_) {
    own_due_ = never;
    on_timer(now);
  }
  if (!socket_closed_) reset_timer();
}

void Connection::close(ClosedReason reason) {
  if (closed_) return;
  closed_ = true;
  reason_ = reason;
  own_due_ = transport_due_ = write_due_ = never;
  paused_until_ = 0;
  on_closed();
  const bool skips_flush = protocol::skips_flush(reason);
  if (skips_flush) output_.release(shard_.buffers());
  if (!waiting_to_write_) {
    flush();
  } else if (skips_flush) {
    // The socket may never take another byte: a peer that does not read must not hold it open.
    finish_close();
  } else {
    write_due_ = shard_.now() + close_flush_deadline;
    reset_timer();
  }
}

void Connection::finish_close() {
  if (socket_closed_) return;
  socket_closed_ = true;
  // Who sees the close may rely on what this connection published being on its way.
  shard_.hand_over();
  shard_.timers().cancel(*this);
  // Unread input would turn the close into a reset, which could overtake the last bytes sent.
  ::shutdown(socket(), SHUT_WR);
  char discarded[4096];
  for (int i = 0; i < 16 && ::recv(socket(), discarded, sizeof discarded, MSG_DONTWAIT) > 0; ++i) {
  }
  boost::system::error_code ignored;
  socket_.close(ignored);
  output_.release(shard_.buffers());
  shard_.release(*this);
}

}  // namespace dunlin::net
