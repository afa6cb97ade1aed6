// A shard: one thread, one event loop, its connections, timers, buffers and caches.
//
// A turn of the loop:
//   1. wait for the reactor (asleep: offline for Quiescence, flagged so that senders wake it)
//   2. take the mailbox: deliveries and tasks from other shards
//   3. read each ready connection once into the shard's read buffer, and parse
//   4. run due timers
//   5. flush every touched connection, hand over every touched outgoing batch, announce the turn,
//      free what no shard can still see
// The reactor's handlers only note what is ready; all work happens in the turn.
//
// Everything here is for the shard's own thread unless marked [any thread].

#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <thread>
#include <unordered_map>
#include <vector>

#include "core/base/quiescence.hpp"
#include "core/net/buffer_pool.hpp"
#include "core/net/mailbox.hpp"
#include "core/net/timer_queue.hpp"

namespace dunlin::net {

class Connection;

// Takes the records other shards send; implemented by routing.
class RecordHandler {
 public:
  virtual void on_records(const Batch& batch) = 0;
  // Before batches leave and queues are flushed at the end of a turn.
  virtual void on_turn_end() = 0;
  // Something came up after on_turn_end(): it is to be called again before the shard sleeps.
  [[nodiscard]] virtual bool has_unsent() const noexcept = 0;

 protected:
  ~RecordHandler() = default;
};

class Shard {
 public:
  struct Settings {
    std::uint16_t index = 0;
    std::uint16_t count = 1;
    std::size_t read_buffer_size = 256 * 1024;
  };
  static constexpr std::size_t read_slack = 64;  // ClientParser::slack

  Shard(const Settings& settings, Quiescence& quiescence);
  ~Shard();
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  // Life cycle, from the thread that owns the server.  [any thread]
  void start(std::vector<std::unique_ptr<Shard>>& all);
  void join();

  // Runs `task` on the shard, in the order posted by one thread.  [any thread]
  template <class Task>
  void post(Task task) {
    auto* const copy = new Task(std::move(task));
    post_erased(copy, [](void* erased, bool runs) {
      const std::unique_ptr<Task> owned(static_cast<Task*>(erased));
      if (runs) (*owned)();
    });
  }
  // Ends run() after the current turn.  [any thread]
  void stop();
  [[nodiscard]] std::uint16_t index() const noexcept { return settings_.index; }
  [[nodiscard]] std::uint16_t count() const noexcept { return settings_.count; }
  [[nodiscard]] bool is_current() const noexcept { return current() == this; }
  static Shard* current() noexcept;
  // Connections living here or on their way; how listeners choose the least busy shard.
  // [any thread]
  [[nodiscard]] std::uint64_t load() const noexcept {
    return load_.load(std::memory_order_relaxed);
  }
  // A listener is about to post a connection to this shard.  [any thread]
  void expect_connection() noexcept { load_.fetch_add(1, std::memory_order_relaxed); }

  // The monotonic clock, read once per turn.
  [[nodiscard]] Nanoseconds now() const noexcept { return now_; }
  [[nodiscard]] boost::asio::io_context& io() noexcept { return io_; }
  [[nodiscard]] BufferPool& buffers() noexcept { return buffers_; }
  [[nodiscard]] TimerQueue& timers() noexcept { return timers_; }
  [[nodiscard]] char* read_buffer();
  [[nodiscard]] std::size_t read_buffer_size() const noexcept {
    return settings_.read_buffer_size;
  }
  void set_record_handler(RecordHandler* handler) noexcept { records_ = handler; }

  // Connections of this shard by id. Whoever adopts one has called expect_connection() before.
  void adopt(std::unique_ptr<Connection> connection);
  // The connection's socket is closed: forgets it, and frees it when nothing can refer to it.
  void release(Connection& connection);
  [[nodiscard]] Connection* find(std::uint64_t id) const;
  template <class Visit>
  void for_each_connection(Visit visit) const {
    for (const auto& [id, connection] : connections_) visit(*connection);
  }

  // `connection` has bytes to read, or room to write.
  void note_readable(Connection* connection) { ready_.push_back(connection); }
  // `connection` has output to flush at the end of the turn (it keeps the flag).
  void note_dirty(Connection* connection) { dirty_.push_back(connection); }
  // A queue this long is flushed before the turn ends (performance bound, see ARCHITECTURE.md).
  [[nodiscard]] std::size_t flush_bound() const noexcept { return flush_bound_; }

  // Room for a record of `size` bytes in the batch for `receiver`; it leaves at the end of the turn
  // or when full. Records are 8-byte aligned.
  char* reserve_record(std::uint16_t receiver, std::size_t size);
  // Hands over every touched batch now. Must come before any flush: a peer that saw the answer to
  // its PING may rely on what it published before being on its way.
  void hand_over();
  // Takes what other shards sent, when there is something. Called after each read, so that what was
  // sent before a peer's bytes were is seen before those bytes are parsed.
  void take_mail() {
    if (!mailbox_.empty()) drain_mailbox();
  }

  // Frees `object` on this shard once no shard can still hold a pointer to it.
  void retire(void* object, void (*release)(void*));

 private:
  void run();
  void wait();
  void turn();
  void drain_mailbox();
  void read_ready();
  void flush_dirty();
  void hand_over(std::uint16_t receiver);
  void free_connections();
  void free_retired();
  void arm_timer();
  void arm_wake();
  void rest();
  void post_erased(void* argument, void (*run_task)(void*, bool runs));
  void receive(Batch* batch) noexcept;  // [any thread]
  Batch* fresh_batch(std::size_t size);

  Settings settings_;
  Quiescence& quiescence_;
  Quiescence::Reader reader_ = 0;
  boost::asio::io_context io_;
  boost::asio::posix::stream_descriptor wake_;
  boost::asio::steady_timer alarm_;
  Nanoseconds alarm_due_ = never;
  TimerQueue timers_;
  BufferPool buffers_;
  std::unique_ptr<char[]> read_buffer_;
  Nanoseconds now_ = 0;
  Nanoseconds busy_until_ = 0;
  unsigned alone_ = 0;  // wake-ups left in which one ready connection is expected
  bool stopping_ = false;
  bool rested_ = true;

  std::unordered_map<std::uint64_t, std::unique_ptr<Connection>> connections_;
  std::vector<Connection*> ready_, reading_;
  std::vector<Connection*> dirty_;
  std::vector<std::unique_ptr<Connection>> released_;
  std::size_t flush_bound_ = 192 * 1024;
  RecordHandler* records_ = nullptr;

  std::vector<std::unique_ptr<Shard>>* all_ = nullptr;
  std::vector<Batch*> outgoing_;        // by receiver; null when nothing is to be sent
  std::vector<std::uint16_t> touched_;  // receivers with an outgoing batch
  Batch* free_batches_ = nullptr;

  struct Retired {
    std::uint64_t epoch;
    void* object;
    void (*release)(void*);
  };
  std::vector<Retired> retired_;
  std::size_t retired_before_turn_ = 0;  // tagged with an epoch already
  std::uint64_t safe_epoch_ = 0;

  std::thread thread_;
  std::atomic<std::uint64_t> load_{0};
  BatchStack mailbox_;
  BatchStack returned_;  // this shard's batches, given back by their receivers
  alignas(64) std::atomic<bool> sleeping_{false};
};

}  // namespace dunlin::net
