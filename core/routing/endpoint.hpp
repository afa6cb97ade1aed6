// An endpoint: a connection that messages are delivered to. Clients are endpoints; so are links to
// other servers, which frame messages in their own way.
//
// The router writes frames for clients itself, straight into the output queue; everything that is
// not on that path is a virtual call here. All calls are for the endpoint's shard, except where
// marked.

#pragma once

#include <memory>
#include <vector>

#include "core/net/connection.hpp"
#include "core/base/counter.hpp"
#include "core/routing/account.hpp"
#include "core/routing/message.hpp"

namespace dunlin::routing {

class Endpoint : public net::Connection {
 public:
  Endpoint(net::Shard& shard, int socket, std::uint64_t id, net::PeerAddress peer, Kind kind)
      : Connection(shard, socket, id, std::move(peer)), kind_(kind) {}

  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  // Null before authentication.
  [[nodiscard]] Account* account() const noexcept { return account_; }

  [[nodiscard]] bool wants_headers() const noexcept { return wants_headers_; }
  [[nodiscard]] bool filters_deliveries() const noexcept {
    return filters_deliveries_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] bool tracks_replies() const noexcept { return tracks_replies_; }
  [[nodiscard]] bool traces_deliveries() const noexcept { return traces_; }

  // May this subject not be delivered to it? Asked only when filters_deliveries().
  [[nodiscard]] virtual bool denies_delivery(std::string_view subject, std::string_view queue) = 0;
  // The same, asked by a publisher's shard before it picks a queue member elsewhere.  [any shard]
  [[nodiscard]] virtual bool denies_member(std::string_view subject,
                                           std::string_view queue) const = 0;
  // A message with a reply subject was delivered, and tracks_replies().
  virtual void reply_delivered(std::string_view reply) = 0;
  // A subscription got the last message it asked for: unlink it.
  virtual void auto_unsubscribe(Subscription* subscription) = 0;
  // A message of its own, on whose way a reply subject stood, turned out to have reached nobody.
  virtual void no_responders(const Message&) {}
  // A message was written to it, and traces_deliveries().
  virtual void trace_delivery(const Message&, const Subscription&) {}
  // Takes the message for another server: `queues` names the groups it shall serve there.
  virtual void deliver_to_link(Account& account, const Message& message, const Origin& origin,
                               const std::vector<std::string_view>& queues) = 0;
  // The turn ends: writes out what deliver_to_link() took (see ShardRouter::note_link).
  virtual void flush_link() {}
  // The cluster at the other end of a leafnode link, so that nothing is sent back to it.
  // [any shard]
  [[nodiscard]] virtual std::string_view link_cluster() const noexcept { return {}; }
  // For a leafnode link: are we the spoke?  [any shard]
  [[nodiscard]] virtual bool is_spoke() const noexcept { return false; }
  // How far away the other side is, for choosing the nearest gateway.  [any shard]
  [[nodiscard]] virtual std::uint64_t link_distance() const noexcept { return 0; }

  // Written by this shard, read by monitoring.
  Counter in_messages, in_bytes, out_messages, out_bytes;
  // How often publishers were held back for its sake.
  Counter stalls;

  // The output is long: the publisher with this id, on that shard, waits for it to drain, at most
  // until `until`. False when it has been told so and still waits.
  bool hold_back(std::uint64_t publisher, std::uint16_t its_shard, net::Nanoseconds until);

 protected:
  void on_drained() override;
  void bind(Account* account) noexcept { account_ = account; }

  std::atomic<bool> filters_deliveries_{false};
  bool wants_headers_ = false;
  bool tracks_replies_ = false;
  bool traces_ = false;

 private:
  struct HeldBack {
    std::uint64_t publisher;
    net::Nanoseconds until;
    std::uint16_t shard;
  };

  const Kind kind_;
  Account* account_ = nullptr;
  std::vector<HeldBack> held_back_;  // publishers waiting for this endpoint to drain
};

}  // namespace dunlin::routing
