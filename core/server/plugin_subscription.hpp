// A plugin's subscription: an owner of a Subscription in an account's Sublist that collects what is
// delivered during a shard's turn and hands it to the plugin in batches, never two at a time.
//
// Shards put batches into the inbox. Whoever puts one into an idle inbox runs it: in place, on the
// shard, or, when the plugin asked for that, on a worker. The end is a batch like any other, so it
// comes after every message and runs where messages ran.
//
// Shared by the service's table, by what is under way, and by shards' lists of open batches.

#pragma once

#include <dunlin/ext/router.h>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/plugin/host_services.hpp"
#include "core/routing/internal_subscriber.hpp"
#include "core/server/handles.hpp"
#include "core/server/message_batch.hpp"

namespace dunlin::server {

class PluginSubscription;

// What a subscription needs of the service around it.
class SubscriptionHost {
 public:
  // The current shard's.
  [[nodiscard]] virtual BatchMaker& batches() = 0;
  // `subscription` has an open batch on the current shard: deliver it before the turn ends.
  virtual void note_open(PluginSubscription& subscription) = 0;
  // Runs `task` elsewhere: on a worker, or on the current shard in a later turn.
  virtual void post_run(bool on_worker, std::function<void()> task) = 0;
  // It got the last message it asked for.
  virtual void exhausted(PluginSubscription& subscription) = 0;
  // Bytes that may wait for a worker.
  [[nodiscard]] virtual std::size_t pending_max() const = 0;

 protected:
  ~SubscriptionHost() = default;
};

class PluginSubscription final : public routing::InternalSubscriber,
                                 public std::enable_shared_from_this<PluginSubscription> {
 public:
  struct Wish {
    plugin::Owner owner = 0;
    dunlin_sub_id id = 0;
    routing::Account* account = nullptr;
    ActingConnection* connection = nullptr;  // null: the plugin itself
    std::uint32_t home = 0;                  // a shard, or no_shard for any
    bool on_worker = false;
    std::uint64_t messages_max = 0;
    dunlin_on_msgs on_msgs = nullptr;
    void* user = nullptr;
  };
  PluginSubscription(SubscriptionHost& host, const Wish& wish, std::size_t shards)
      : host_(host), wish_(wish), open_(shards, nullptr) {}
  ~PluginSubscription();

  [[nodiscard]] const Wish& wish() const noexcept { return wish_; }
  // The entry in the Sublist; made and inserted by the service.
  subject::Subscription* entry = nullptr;
  // Takes the entry out of the Sublist, once.  [any thread]
  void unlink();
  // After unlink() and a fence: frees the entry, once.
  void free_entry() noexcept;
  // Messages counted so far.  [any thread]
  [[nodiscard]] std::uint64_t delivered() const noexcept {
    return delivered_.load(std::memory_order_relaxed);
  }

  void on_message(const routing::Message& message, const routing::Subscription& entry,
                  const routing::Origin& origin) override;
  // Delivers what the current shard has collected.
  void flush_open();
  // From now on nothing is delivered; a callback may still be running.  [any thread]
  void silence() noexcept { silenced_.store(true, std::memory_order_release); }
  // Puts the end into the inbox, after silence() and a fence. `in_place` runs it on this thread
  // even if the plugin asked for workers.
  void put_end(std::function<void()> last, bool in_place);

 private:
  bool wants(const routing::Message& message, const routing::Origin& origin);
  void put(MessageBatch* batch, bool in_place);
  void run();
  void run_batch(MessageBatch& batch);

  SubscriptionHost& host_;
  const Wish wish_;
  std::atomic<std::uint64_t> delivered_{0};
  std::atomic<bool> silenced_{false};
  std::atomic<bool> unlinked_{false};
  std::atomic<bool> entry_freed_{false};
  std::vector<MessageBatch*> open_;  // by shard; each shard touches its own

  std::mutex mutex_;  // guards the inbox
  MessageBatch* oldest_ = nullptr;
  MessageBatch* newest_ = nullptr;
  std::size_t waiting_bytes_ = 0;
  bool running_ = false;  // somebody runs the inbox, or was asked to
  bool overflowed_ = false;
};

}  // namespace dunlin::server
