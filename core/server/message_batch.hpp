// Messages on their way to a plugin: copied once, out of the memory of whoever sent them, into
// blocks that the plugin may keep a reference to.
//
// Each shard has one BatchMaker: it fills batches, and takes back those that were delivered here.
// A batch belongs to one thread at a time and may be recycled on another shard than it came from.

#pragma once

#include <dunlin/ext/router.h>

#include <functional>
#include <vector>

#include "core/routing/message.hpp"
#include "core/server/handles.hpp"

namespace dunlin::server {

struct MessageBatch {
  MessageBatch* next = nullptr;
  std::vector<dunlin_msg> messages;
  std::vector<SharedBuffer*> blocks;  // one reference each; what the messages point into
  std::size_t bytes = 0;
  std::function<void()> last;  // no messages: the end of a subscription, and what to do there

  MessageBatch() = default;
  ~MessageBatch() { drop(); }
  MessageBatch(const MessageBatch&) = delete;
  MessageBatch& operator=(const MessageBatch&) = delete;
  // Gives the blocks back and forgets the messages.
  void drop() noexcept;
};

// The origin that plugins see: the connection's id, or 0 for what the server itself sent.
// Publishers inside the server have ids of their own, so that they can ask not to hear themselves.
inline constexpr std::uint64_t internal_publisher = std::uint64_t{1} << 63;
[[nodiscard]] constexpr std::uint64_t shown_origin(std::uint64_t connection) noexcept {
  return (connection & internal_publisher) != 0 ? 0 : connection;
}

// Copies one message into `buffer`, which has room for it, and describes it as plugins see it.
// `at` is where in the buffer.
[[nodiscard]] std::size_t room_for(const routing::Message& message) noexcept;
[[nodiscard]] dunlin_msg copy_message(const routing::Message& message, std::uint64_t origin,
                                      SharedBuffer& buffer, std::size_t at) noexcept;

// [one shard]
class BatchMaker {
 public:
  BatchMaker() = default;
  ~BatchMaker();
  BatchMaker(const BatchMaker&) = delete;
  BatchMaker& operator=(const BatchMaker&) = delete;

  [[nodiscard]] MessageBatch* take();
  void give_back(MessageBatch* batch);
  void add(MessageBatch& batch, const routing::Message& message, std::uint64_t origin);

 private:
  SharedBuffer* block_ = nullptr;
  std::size_t used_ = 0;
  std::vector<MessageBatch*> spare_;
};

}  // namespace dunlin::server
