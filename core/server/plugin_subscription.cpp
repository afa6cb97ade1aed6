#include "core/server/plugin_subscription.hpp"

#include "core/base/log.hpp"
#include "core/net/shard.hpp"
#include "core/plugin/shard_budget.hpp"

namespace dunlin::server {

namespace {

// An open batch this large is not kept until the end of the turn.
constexpr std::size_t open_bytes_max = 256 * 1024;
constexpr std::size_t open_messages_max = 1024;
// Batches delivered without a pause; the rest waits for the shard's next turn.
constexpr std::size_t batches_per_run = 64;

}  // namespace

PluginSubscription::~PluginSubscription() {
  for (MessageBatch* const batch : open_) delete batch;
  while (oldest_ != nullptr) delete std::exchange(oldest_, oldest_->next);
}

void PluginSubscription::unlink() {
  if (!unlinked_.exchange(true)) (void)wish_.account->sublist().remove(entry);
}

void PluginSubscription::free_entry() noexcept {
  if (!entry_freed_.exchange(true)) subject::Subscription::destroy(entry);
}

bool PluginSubscription::wants(const routing::Message& message, const routing::Origin& origin) {
  if (silenced_.load(std::memory_order_relaxed)) return false;
  if (wish_.connection == nullptr)
    return origin.echo || origin.connection != (internal_publisher | wish_.owner);
  routing::Endpoint& endpoint = wish_.connection->endpoint();
  if (endpoint.is_closed()) return false;
  if (!origin.echo && endpoint.id() == origin.connection) return false;
  return !endpoint.filters_deliveries() ||
         !endpoint.denies_delivery(message.subject, entry->queue());
}

void PluginSubscription::on_message(const routing::Message& message, const routing::Subscription&,
                                    const routing::Origin& origin) {
  if (!wants(message, origin)) return;
  const std::uint64_t most = wish_.messages_max;
  if (most == 0) {
    // Only shown; several shards may count at once, and then some may be missed.
    delivered_.store(delivered_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  } else {
    const std::uint64_t count = delivered_.fetch_add(1, std::memory_order_relaxed) + 1;
    if (count > most) return;
    if (count == most) host_.exhausted(*this);
  }
  MessageBatch*& open = open_[net::Shard::current()->index()];
  BatchMaker& maker = host_.batches();
  if (open == nullptr) {
    open = maker.take();
    host_.note_open(*this);
  }
  maker.add(*open, message, origin.connection);
  if (open->bytes >= open_bytes_max || open->messages.size() >= open_messages_max) flush_open();
}

void PluginSubscription::flush_open() {
  MessageBatch* const batch = std::exchange(open_[net::Shard::current()->index()], nullptr);
  if (batch != nullptr) put(batch, false);
}

void PluginSubscription::put_end(std::function<void()> last, bool in_place) {
  auto* const batch = new MessageBatch;
  batch->last = std::move(last);
  put(batch, in_place);
}

void PluginSubscription::put(MessageBatch* batch, bool in_place) {
  bool overflows = false;
  {
    const std::lock_guard lock(mutex_);
    if (batch->last == nullptr && waiting_bytes_ + batch->bytes > host_.pending_max()) {
      overflows = !std::exchange(overflowed_, true);
    } else {
      waiting_bytes_ += batch->bytes;
      batch->next = nullptr;
      (oldest_ == nullptr ? oldest_ : newest_->next) = batch;
      newest_ = batch;
      if (std::exchange(running_, true)) return;
      batch = nullptr;
    }
  }
  if (batch != nullptr) {
    delete batch;
    if (overflows)
      log_warning("A plugin does not keep up with its subscription to {}: messages are dropped",
                  entry->subject());
    return;
  }
  if (wish_.on_worker && !in_place)
    host_.post_run(true, [self = shared_from_this()] { self->run(); });
  else
    run();
}

void PluginSubscription::run() {
  // The end may drop the last reference that others hold.
  const auto keep_alive = shared_from_this();
  const bool on_shard = net::Shard::current() != nullptr;
  for (std::size_t count = 0;; ++count) {
    if (count == batches_per_run) {
      host_.post_run(!on_shard, [self = shared_from_this()] { self->run(); });
      return;
    }
    MessageBatch* batch = nullptr;
    {
      const std::lock_guard lock(mutex_);
      if (oldest_ == nullptr) {
        running_ = false;
        return;
      }
      batch = oldest_;
      oldest_ = batch->next;
      waiting_bytes_ -= batch->bytes;
      if (waiting_bytes_ == 0) overflowed_ = false;
    }
    run_batch(*batch);
    if (on_shard && batch->last == nullptr)
      host_.batches().give_back(batch);
    else
      delete batch;
  }
}

void PluginSubscription::run_batch(MessageBatch& batch) {
  const plugin::ShardCall call(wish_.owner, "on_msgs", net::Shard::current() != nullptr);
  if (batch.last != nullptr)
    batch.last();
  else if (!silenced_.load(std::memory_order_acquire))
    wish_.on_msgs(wish_.user, batch.messages.data(), batch.messages.size());
}

}  // namespace dunlin::server
