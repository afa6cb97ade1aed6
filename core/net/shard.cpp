#include "core/net/shard.hpp"

#include <malloc.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "core/base/ensure.hpp"
#include "core/net/connection.hpp"

namespace dunlin::net {

namespace {

thread_local Shard* current_shard = nullptr;

// After this long without work a shard gives its caches of memory back.
constexpr Nanoseconds rest_after = seconds;
// How soon to look again whether retired objects can be freed.
constexpr Nanoseconds reclaim_again = 5 * milliseconds;
// The output of all touched connections should stay in a core's second-level cache.
constexpr std::size_t dirty_bytes_total = 1024 * 1024;
constexpr std::size_t flush_bound_least = 32 * 1024;
// A frame that is copied (less than 64 KiB) still fits into the pool's largest buffer behind this.
constexpr std::size_t flush_bound_most = 192 * 1024;
// Wake-ups between two looks for more than one ready connection.
constexpr unsigned look_again = 16;
// Connections read between two flushes of what they caused.
constexpr std::size_t reads_per_flush = 32;

Nanoseconds monotonic_now() {
  return static_cast<Nanoseconds>(
      std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1));
}

}  // namespace

Shard* Shard::current() noexcept { return current_shard; }

Shard::Shard(const Settings& settings, Quiescence& quiescence)
    : settings_(settings),
      quiescence_(quiescence),
      reader_(quiescence.enter()),
      io_(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE),
      wake_(io_, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      alarm_(io_),
      now_(monotonic_now()),
      outgoing_(settings.count, nullptr) {}

Shard::~Shard() {
  connections_.clear();
  released_.clear();
  for (const auto& entry : retired_) entry.release(entry.object);
  for (Batch* const batch : outgoing_)
    if (batch != nullptr) Batch::destroy(batch);
  while (free_batches_ != nullptr) {
    Batch* const next = free_batches_->next;
    Batch::destroy(free_batches_);
    free_batches_ = next;
  }
  quiescence_.leave(reader_);
}

void Shard::start(std::vector<std::unique_ptr<Shard>>& all) {
  all_ = &all;
  thread_ = std::thread([this] { run(); });
}

void Shard::join() {
  if (thread_.joinable()) thread_.join();
}

void Shard::stop() {
  post([this] { stopping_ = true; });
}

void Shard::run() {
  current_shard = this;
  quiescence_.online(reader_);
  arm_wake();
  while (!stopping_) {
    wait();
    turn();
  }
  std::vector<Connection*> open;  // closing one takes it out of the map
  for (const auto& [id, connection] : connections_) open.push_back(connection.get());
  for (Connection* const connection : open) connection->close(ClosedReason::server_shutdown);
  hand_over();
  quiescence_.offline(reader_);
  current_shard = nullptr;
}

void Shard::wait() {
  if (!ready_.empty()) {
    io_.poll();
    return;
  }
  arm_timer();
  quiescence_.offline(reader_);
  sleeping_.store(true, std::memory_order_seq_cst);
  if (mailbox_.empty()) io_.run_one();
  sleeping_.store(false, std::memory_order_relaxed);
  quiescence_.online(reader_);
  // Collecting everything that is ready makes larger batches, but asks the kernel once more; while
  // connections are ready one at a time only now and then.
  if (alone_ != 0 && --alone_ != 0) return;
  if (io_.poll() == 0) alone_ = look_again;
}

void Shard::turn() {
  now_ = monotonic_now();
  const std::uint64_t epoch = quiescence_.current();
  take_mail();
  read_ready();
  timers_.run(now_);
  do {
    if (records_ != nullptr) records_->on_turn_end();
    hand_over();
    flush_dirty();
  } while (records_ != nullptr && records_->has_unsent());
  // Deliveries caused by a flush (a resumed publisher, a closed connection) leave as well.
  hand_over();
  quiescence_.announce(reader_, epoch);
  free_connections();
  free_retired();
  if (!rested_ && now_ >= busy_until_) rest();
}

void Shard::read_ready() {
  if (ready_.empty()) return;
  rested_ = false;
  busy_until_ = now_ + rest_after;
  reading_.swap(ready_);
  std::size_t since_flush = 0;
  for (Connection* const connection : reading_) {
    connection->ready_turn();
    if (++since_flush == reads_per_flush) {
      since_flush = 0;
      hand_over();
      flush_dirty();
    }
  }
  reading_.clear();
}

void Shard::flush_dirty() {
  // Closing a connection while flushing may touch others: the list can grow while it is walked.
  for (std::size_t i = 0; i < dirty_.size(); ++i) dirty_[i]->flush_turn();
  if (!dirty_.empty())
    flush_bound_ = std::clamp(dirty_bytes_total / dirty_.size(), flush_bound_least,
                              flush_bound_most);
  dirty_.clear();
}

char* Shard::read_buffer() {
  if (!read_buffer_)
    read_buffer_ = std::make_unique_for_overwrite<char[]>(settings_.read_buffer_size + read_slack);
  return read_buffer_.get();
}

// ---- mail --------------------------------------------------------------------------------------

void Shard::receive(Batch* batch) noexcept {
  mailbox_.push(batch);
  if (sleeping_.load(std::memory_order_seq_cst) && sleeping_.exchange(false)) {
    const std::uint64_t one = 1;
    // Only fails when the counter is full, and then the shard is being woken already.
    [[maybe_unused]] const auto written = ::write(wake_.native_handle(), &one, sizeof one);
  }
}

void Shard::arm_wake() {
  wake_.async_wait(wake_.wait_read, [this](const boost::system::error_code& error) {
    if (error) return;
    std::uint64_t count;
    [[maybe_unused]] const auto taken = ::read(wake_.native_handle(), &count, sizeof count);
    arm_wake();
  });
}

void Shard::post_erased(void* argument, void (*run_task)(void*, bool runs)) {
  Batch* const batch = Batch::create(nullptr, 0);
  batch->run_task = run_task;
  batch->data = static_cast<char*>(argument);
  receive(batch);
}

void Shard::drain_mailbox() {
  rested_ = false;
  busy_until_ = now_ + rest_after;
  for (Batch* batch = mailbox_.take_all_in_order(); batch != nullptr;) {
    Batch* const next = batch->next;
    if (batch->run_task != nullptr) {
      batch->run_task(std::exchange(batch->data, nullptr), true);
      Batch::destroy(batch);
    } else {
      records_->on_records(*batch);
      batch->sender->returned_.push(batch);
    }
    batch = next;
  }
}

Batch* Shard::fresh_batch(std::size_t size) {
  if (size > Batch::capacity_usual) return Batch::create(this, size);
  if (free_batches_ == nullptr) free_batches_ = returned_.take_all();
  while (free_batches_ != nullptr) {
    Batch* const batch = free_batches_;
    free_batches_ = batch->next;
    if (batch->capacity != Batch::capacity_usual) {
      Batch::destroy(batch);
      continue;
    }
    batch->size = 0;
    batch->next = nullptr;
    return batch;
  }
  return Batch::create(this, Batch::capacity_usual);
}

char* Shard::reserve_record(std::uint16_t receiver, std::size_t size) {
  size = (size + 7) & ~std::size_t{7};
  Batch* batch = outgoing_[receiver];
  if (batch != nullptr && (batch->size + size > batch->capacity || batch->size > Batch::full)) {
    hand_over(receiver);
    batch = nullptr;
  }
  if (batch == nullptr) {
    batch = fresh_batch(size);
    if (outgoing_[receiver] == nullptr) {
      outgoing_[receiver] = batch;
      touched_.push_back(receiver);
    }
  }
  char* const record = batch->data + batch->size;
  batch->size += size;
  return record;
}

// The receiver stays in touched_ when its batch was full: hand_over() skips what has left already.
void Shard::hand_over(std::uint16_t receiver) {
  Batch* const batch = std::exchange(outgoing_[receiver], nullptr);
  if (batch != nullptr) (*all_)[receiver]->receive(batch);
}

void Shard::hand_over() {
  for (const std::uint16_t receiver : touched_) hand_over(receiver);
  touched_.clear();
}

// ---- connections and memory --------------------------------------------------------------------

void Shard::adopt(std::unique_ptr<Connection> connection) {
  Connection* const adopted = connection.get();
  connections_.emplace(adopted->id(), std::move(connection));
  adopted->open();
}

Connection* Shard::find(std::uint64_t id) const {
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : found->second.get();
}

void Shard::release(Connection& connection) {
  const auto found = connections_.find(connection.id());
  if (found == connections_.end()) return;
  released_.push_back(std::move(found->second));
  connections_.erase(found);
  load_.fetch_sub(1, std::memory_order_relaxed);
}

void Shard::free_connections() {
  if (released_.empty()) return;
  std::erase_if(released_, [this](std::unique_ptr<Connection>& connection) {
    if (!connection->is_releasable()) return false;
    retire(connection.release(), [](void* object) { delete static_cast<Connection*>(object); });
    return true;
  });
}

void Shard::retire(void* object, void (*free_object)(void*)) {
  retired_.push_back({0, object, free_object});
}

// What was retired in this turn gets an epoch. What every shard had left behind when the previous
// turn ended is freed now: the mail they sent before has been taken at the start of this one.
void Shard::free_retired() {
  if (retired_.empty()) return;
  std::size_t freed = 0;
  while (freed < retired_before_turn_ && retired_[freed].epoch < safe_epoch_) {
    retired_[freed].release(retired_[freed].object);
    ++freed;
  }
  retired_.erase(retired_.begin(), retired_.begin() + static_cast<std::ptrdiff_t>(freed));
  retired_before_turn_ -= freed;
  if (retired_before_turn_ < retired_.size()) {
    const std::uint64_t epoch = quiescence_.advance();
    while (retired_before_turn_ < retired_.size()) retired_[retired_before_turn_++].epoch = epoch;
  }
  if (retired_.empty() && retired_.capacity() > 1024) retired_.shrink_to_fit();
  safe_epoch_ = quiescence_.oldest_seen();
  quiescence_.collect();
}

void Shard::arm_timer() {
  Nanoseconds due = timers_.next();
  if (!retired_.empty() || !released_.empty()) due = std::min(due, now_ + reclaim_again);
  if (!rested_) due = std::min(due, busy_until_);
  if (due >= alarm_due_) return;
  alarm_due_ = due;
  alarm_.expires_at(std::chrono::steady_clock::time_point(std::chrono::nanoseconds(due)));
  alarm_.async_wait([this](const boost::system::error_code& error) {
    if (!error) alarm_due_ = never;
  });
}

void Shard::rest() {
  rested_ = true;
  buffers_.trim();
  read_buffer_.reset();
  ready_.shrink_to_fit();
  reading_.shrink_to_fit();
  dirty_.shrink_to_fit();
  for (Batch* list : {free_batches_, returned_.take_all()}) {
    while (list != nullptr) {
      Batch* const next = list->next;
      Batch::destroy(list);
      list = next;
    }
  }
  free_batches_ = nullptr;
  quiescence_.collect();
  malloc_trim(0);
}

}  // namespace dunlin::net
