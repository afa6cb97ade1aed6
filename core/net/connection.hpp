// A connection: a socket on one shard, bytes in and bytes out. What the bytes mean is a subclass's
// business; TLS and the PROXY protocol are below it (see Transport).
//
// Input: on_readable() reads into the shard's buffer and offers everything held to consume(), which
// returns how much it took. Only what it left is kept here; a frame larger than the shard's buffer
// is collected in a block of exactly its size (wanted()).
// Output: append through output(), then mark dirty; the shard flushes once per turn.
//
// All calls are for the connection's shard. A connection is destroyed by its shard, after close()
// and once no other shard can hold it.

#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/net/outbound_queue.hpp"
#include "core/net/shard.hpp"
#include "core/net/timer_queue.hpp"
#include "core/net/transport.hpp"
#include "core/protocol/closed_reason.hpp"

namespace dunlin::net {

using protocol::ClosedReason;

struct PeerAddress {
  std::string ip;
  std::uint16_t port = 0;
};

struct OutboundLimits {
  std::size_t pending_max = 64 * 1024 * 1024;  // bytes; more is a slow consumer
  Nanoseconds write_deadline = 10 * seconds;
  bool retries_after_timeout = false;  // keep the connection when part of a batch went out
};

class Connection : private Timer {
 public:
  Connection(Shard& shard, int socket, std::uint64_t id, PeerAddress peer);
  virtual ~Connection();

  // Starts the transport, if there is one; on_open() and on_ready() follow.
  void open();
  [[nodiscard]] Shard& shard() const noexcept { return shard_; }
  [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
  [[nodiscard]] const PeerAddress& peer() const noexcept { return peer_; }
  [[nodiscard]] bool is_closed() const noexcept { return closed_; }
  [[nodiscard]] ClosedReason closed_reason() const noexcept { return reason_; }
  [[nodiscard]] Transport* transport() const noexcept { return transport_.get(); }
  // Before open(), or on an open one that has none: what stands between the socket and this.
  void set_transport(std::unique_ptr<Transport> transport) { transport_ = std::move(transport); }
  void set_peer(PeerAddress peer) { peer_ = std::move(peer); }
  void set_limits(const OutboundLimits& limits) noexcept { limits_ = limits; }
  [[nodiscard]] const OutboundLimits& limits() const noexcept { return limits_; }

  // Ends the connection: what is queued is flushed (unless the reason says otherwise, at most until
  // the flush deadline), then the socket is closed. on_closed() runs at once.
  void close(ClosedReason reason);

  [[nodiscard]] OutboundQueue& output() noexcept { return output_; }
  [[nodiscard]] std::size_t pending() const noexcept { return output_.pending(); }
  void send(std::string_view bytes);
  void mark_dirty() {
    if (dirty_) return;
    dirty_ = true;
    shard_.note_dirty(this);
  }
  // Bytes were appended: the limits, an early flush.  Returns false when that closed it.
  bool appended() {
    mark_dirty();
    if (__builtin_expect(output_.pending() >= shard_.flush_bound(), 0)) return appended_much();
    return true;
  }
  // True where `payload` may bypass the queue: nothing pending is stuck and no layer is below.
  [[nodiscard]] bool may_gather() const noexcept {
    return !waiting_to_write_ && transport_ == nullptr && !closed_;
  }
  // Sends what is pending, then `head` and `body`, keeping what the socket refuses.
  void gather(std::string_view head, std::string_view body);
  void flush();

  // The most one read may bring, together with what is kept: for peers nobody knows yet. Not 0.
  static constexpr std::uint32_t read_unlimited = UINT32_MAX;
  void set_read_limit(std::uint32_t bytes) noexcept { read_limit_ = bytes; }

  // Stops reading until resume() or until `until`.
  void pause(Nanoseconds until);
  void resume();
  [[nodiscard]] bool is_paused() const noexcept { return paused_until_ != 0; }

  // The shard's turn: what the reactor announced, then the flush at its end.
  void ready_turn();
  void flush_turn() {
    dirty_ = false;
    flush();
  }
  [[nodiscard]] bool is_releasable() const noexcept { return waits_ == 0; }

  // For the transport: the socket, its own deadline, and the end of its work below.
  [[nodiscard]] int socket() noexcept { return socket_.native_handle(); }
  void set_transport_timer(Nanoseconds due);
  void want_write() { arm_write(); }
  void transport_ready();            // greets the peer by on_open(), once
  void transport_complete();         // handshakes are over: on_ready(), once

 protected:
  // The peer may be greeted.
  virtual void on_open() = 0;
  // What is below the protocol is settled: its own deadlines may run.
  virtual void on_ready() = 0;
  // Takes complete frames from `size` bytes (with read_slack writable bytes behind) and returns
  // how many were consumed. After close() the result does not matter.
  virtual std::size_t consume(char* data, std::size_t size) = 0;
  // How many bytes consume() needs in total to make progress; 0 when any may do.
  [[nodiscard]] virtual std::size_t wanted() const noexcept { return 0; }
  // Called once: release everything other shards can reach.
  virtual void on_closed() = 0;
  // The connection's own timer (set_timer) is due.
  virtual void on_timer(Nanoseconds now) = 0;
  // Output was drained after having been stuck.
  virtual void on_drained() {}
  // Bytes waited longer than the write deadline; `again`: not for the first time. The connection
  // is closed after it unless it may try again and the peer took something.
  virtual void on_write_timeout([[maybe_unused]] bool again) {}

  void set_timer(Nanoseconds due);
  [[nodiscard]] Nanoseconds timer_due() const noexcept { return own_due_; }

 private:
  void on_due(Nanoseconds now) final;
  void reset_timer();
  void arm_read();
  void arm_write();
  bool appended_much();
  bool read_once();
  bool read_large();
  void offer_kept();
  void received(char* data, std::size_t size);
  void keep(const char* data, std::size_t size);
  Io receive_some(char* into, std::size_t room, std::size_t& got);
  Io send_some(const char* data, std::size_t size, std::size_t& sent);
  void stuck();
  void progressed(std::size_t sent);
  void check_write_deadline(Nanoseconds now);
  void finish_close();

  OutboundQueue output_;
  Shard& shard_;
  boost::asio::posix::stream_descriptor socket_;
  OutboundLimits limits_;
  std::uint64_t id_;
  PeerAddress peer_;
  std::unique_ptr<Transport> transport_;

  char* partial_ = nullptr;  // bytes consume() left
  std::uint32_t partial_size_ = 0;
  std::uint32_t partial_capacity_ = 0;
  std::uint32_t read_limit_ = read_unlimited;

  Nanoseconds own_due_ = never;
  Nanoseconds transport_due_ = never;
  Nanoseconds write_due_ = never;    // when a stuck write has missed its deadline
  Nanoseconds paused_until_ = 0;
  std::uint64_t sent_total_ = 0;
  std::uint64_t batch_end_ = 0;      // sent_total_ at which the stuck batch is out
  std::uint64_t batch_begin_ = 0;
  std::uint8_t waits_ = 0;           // reactor handlers that still refer to this
  ClosedReason reason_ = ClosedReason::client_closed;
  bool timed_out_ = false;  // a write has missed its deadline before
  bool dirty_ = false;
  bool closed_ = false;
  bool socket_closed_ = false;
  bool waiting_to_read_ = false;
  bool waiting_to_write_ = false;
  bool readable_ = false;            // the reactor said so; handled in the turn
  bool writable_ = false;
  bool noted_ = false;               // on the shard's ready list
  bool was_resumed_ = false;         // what was kept is to be offered again
  bool opened_ = false;
  bool completed_ = false;
};

}  // namespace dunlin::net
