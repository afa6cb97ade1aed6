// A message on its way through the router: views into whoever holds the bytes.

#pragma once

#include <cstdint>
#include <string_view>

#include "core/subject/subscription.hpp"

namespace dunlin::routing {

using subject::Kind;
using subject::Subscription;

struct Message {
  std::string_view subject, reply;
  // "[reply ][header size ]size CRLF payload CRLF": what follows "<subject> <sid> " in the frame a
  // subscriber gets. The digits are the publisher's own.
  std::string_view tail;
  std::uint32_t payload_offset = 0;  // into tail
  std::uint32_t header_size = 0;     // 0: delivered as MSG, otherwise as HMSG
  std::uint32_t size = 0;            // header and payload

  [[nodiscard]] std::string_view content() const noexcept {
    return tail.substr(payload_offset, size);
  }
  [[nodiscard]] std::string_view header() const noexcept {
    return tail.substr(payload_offset, header_size);
  }
  [[nodiscard]] std::string_view payload() const noexcept {
    return tail.substr(payload_offset + header_size, size - header_size);
  }
};

// Where a message came from; decides who may get it (delivery.hpp).
struct Origin {
  std::uint64_t connection = 0;  // id; 0 for the server itself
  std::uint16_t shard = 0;
  Kind kind = Kind::system;
  bool echo = true;              // false: not to the publisher's own subscriptions
  bool is_spoke = false;         // a leaf connection whose other end is our hub
  std::string_view leaf_cluster; // origin mark of a message that entered by a leafnode
  // A message from another server names the queue groups this server shall serve; null: all.
  const std::string_view* queues = nullptr;
  std::size_t queue_count = 0;
  bool restricts_queues = false;
  // A gateway's reply that came in by a route or gateway: may leave by the next one.
  bool forwards = false;
};

}  // namespace dunlin::routing
