// A subscriber inside the server: a plugin, a $SYS service. No socket, a function call.

#pragma once

#include "core/routing/message.hpp"

namespace dunlin::routing {

class InternalSubscriber {
 public:
  // Its Subscription carries this shard when deliveries may happen on any shard: they then run on
  // the publisher's, without a hop.
  static constexpr std::uint16_t any_shard = 0xffff;

  // Runs on the subscription's home shard, or on the publisher's with any_shard. Must not block.
  // Views are good until it returns.
  virtual void on_message(const Message& message, const Subscription& subscription,
                          const Origin& origin) = 0;

 protected:
  ~InternalSubscriber() = default;
};

}  // namespace dunlin::routing
