// A subscription: one subject (maybe with wildcards), maybe a queue group, and who wants it.
//
// One heap block holds everything: fixed fields, then the rendered "<sid> ", the subject and the
// queue name. It is created on its owner's shard, linked into an account's Sublist, read by every
// shard, and freed on its owner's shard when Quiescence says that no shard can still hold it.
//
// Text and identity never change after creation. `delivered`, `max` are written by its shard.
// `queue_weight` and `closed` are read by every shard.

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/base/counter.hpp"

namespace dunlin::subject {

// Who owns a subscription, and where a message came from. The numbers are nats-server's: they
// appear in trace events.
enum class Kind : std::uint8_t { client = 0, router, gateway, system, leaf, jetstream, account };
inline constexpr std::size_t kind_count = 7;

class Subscription {
 public:
  static constexpr std::size_t text_max = 65535;  // per part; bounded by max_control_line before
  // More members than this behind one route get no larger share of the group's messages.
  static constexpr std::int32_t weight_max = 65536;

  struct Parts {
    std::string_view subject, queue, sid;
    void* owner = nullptr;  // Connection or InternalSubscriber, as `kind` says
    std::uint16_t shard = 0;
    Kind kind = Kind::client;
    std::int32_t queue_weight = 1;  // members a routed queue subscription stands for
  };
  // Never fails (allocation failure ends the process).
  static Subscription* create(const Parts& parts);
  static void destroy(Subscription* subscription) noexcept;

  [[nodiscard]] std::string_view subject() const noexcept {
    return {text() + sid_size_ + 1u, subject_size_};
  }
  [[nodiscard]] std::string_view queue() const noexcept {
    return {text() + sid_size_ + 1u + subject_size_, queue_size_};
  }
  [[nodiscard]] std::string_view sid() const noexcept { return {text(), sid_size_}; }
  // "<sid> " as it stands in a MSG line.
  [[nodiscard]] std::string_view rendered_sid() const noexcept { return {text(), sid_size_ + 1u}; }

  [[nodiscard]] void* owner() const noexcept { return owner_; }
  [[nodiscard]] std::uint16_t shard() const noexcept { return shard_; }
  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  [[nodiscard]] bool is_queue() const noexcept { return queue_size_ != 0; }

  [[nodiscard]] std::int32_t queue_weight() const noexcept {
    return queue_weight_.load(std::memory_order_relaxed);
  }
  void set_queue_weight(std::int32_t weight) noexcept {
    queue_weight_.store(weight, std::memory_order_relaxed);
  }
  // Set on the owner's shard before it is unlinked; a shard with an old match skips it.
  [[nodiscard]] bool is_closed() const noexcept { return closed_.load(std::memory_order_relaxed); }
  void close() noexcept { closed_.store(true, std::memory_order_relaxed); }
  // Members this counts for in its queue group: only routers and leafs speak for several.
  [[nodiscard]] std::int32_t weight() const noexcept {
    if (kind_ != Kind::router && kind_ != Kind::leaf) return 1;
    const auto weight = queue_weight();
    return weight < 0 ? 0 : weight < weight_max ? weight : weight_max;
  }

  // Written on the owner's shard, read by everybody.
  Counter delivered;  // messages delivered since SUB
  Counter max;        // auto-unsubscribe after this many; 0 for none

 private:
  Subscription() = default;
  [[nodiscard]] const char* text() const noexcept {
    return reinterpret_cast<const char*>(this + 1);
  }

  void* owner_ = nullptr;
  std::atomic<std::int32_t> queue_weight_{1};
  std::uint16_t subject_size_ = 0;
  std::uint16_t queue_size_ = 0;
  std::uint16_t sid_size_ = 0;
  std::uint16_t shard_ = 0;
  Kind kind_ = Kind::client;
  std::atomic<bool> closed_{false};
};
static_assert(sizeof(Subscription) == 40);

}  // namespace dunlin::subject
