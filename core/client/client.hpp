// A client connection: the client protocol's state, permissions and subscriptions.
//
// The parser calls back into this class (it is the parser's sink); publishing goes straight to the
// shard's router. Everything belongs to the connection's shard, except denies_delivery().

#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "core/auth/permission_state.hpp"
#include "core/client/client_host.hpp"
#include "core/client/subscription_table.hpp"
#include "core/protocol/client_parser.hpp"
#include "core/routing/endpoint.hpp"
#include "core/routing/router.hpp"

namespace dunlin::client {

using net::ClosedReason;
using net::Nanoseconds;
using protocol::Publish;
using protocol::Violation;

class Client final : public routing::Endpoint {
 public:
  Client(net::Shard& shard, int socket, std::uint64_t id, net::PeerAddress peer, ClientHost& host,
         routing::ShardRouter& router);
  ~Client() override;

  // For monitoring and the server, on the client's shard.
  [[nodiscard]] const protocol::ConnectOptions& options() const noexcept { return options_; }
  [[nodiscard]] const std::string& user() const noexcept { return user_; }
  [[nodiscard]] const SubscriptionTable& subscriptions() const noexcept { return subscriptions_; }
  [[nodiscard]] Nanoseconds started() const noexcept { return started_; }
  [[nodiscard]] std::int64_t started_wall_ns() const noexcept { return started_wall_ns_; }
  [[nodiscard]] Nanoseconds last_activity() const noexcept { return last_activity_; }
  [[nodiscard]] Nanoseconds round_trip() const noexcept { return round_trip_; }
  [[nodiscard]] bool is_counted() const noexcept { return counted_; }
  [[nodiscard]] bool has_connected() const noexcept { return connected_; }
  [[nodiscard]] std::string label() const;

  // Tells a client that understands it that the server is going away.
  void announce_lame_duck();
  // After a reload: the settings anew; and, when users changed, who this is and what it may do.
  void settings_changed();
  void reauthorize();
  // Which question to the host is open; its late answer names it, and any other comes to nothing.
  [[nodiscard]] std::uint32_t question() const noexcept { return question_; }
  void decided(std::uint32_t question, Admission admission);
  void send_error(std::string_view text);
  void refuse(std::string_view text, ClosedReason reason);

  // ---- the parser's sink ----
  [[nodiscard]] bool awaiting_connect() const noexcept { return awaiting_connect_; }
  bool begin_without_connect();
  [[nodiscard]] bool accepts_headers() const noexcept { return wants_headers_; }
  [[nodiscard]] std::size_t max_control_line() const noexcept {
    return settings_->max_control_line;
  }
  [[nodiscard]] std::size_t max_payload() const noexcept { return settings_->max_payload; }
  [[nodiscard]] std::uint64_t hash(std::string_view subject) const noexcept {
    return hash_bytes(subject);
  }
  void prefetch(std::uint64_t hash) const noexcept { router_.prefetch(*account(), hash); }
  bool publish(const Publish* frames, std::size_t count);
  bool connect(std::string_view json);
  bool subscribe(std::string_view subject, std::string_view queue, std::string_view sid);
  bool unsubscribe(std::string_view sid, std::uint64_t max);
  bool ping();
  bool pong();
  bool info(std::string_view json);
  void violation(Violation violation);

  // ---- Endpoint ----
  bool denies_delivery(std::string_view subject, std::string_view queue) override;
  bool denies_member(std::string_view subject, std::string_view queue) const override;
  void reply_delivered(std::string_view reply) override;
  void auto_unsubscribe(subject::Subscription* subscription) override;
  void no_responders(const routing::Message& message) override;
  void trace_delivery(const routing::Message& message,
                      const subject::Subscription& subscription) override;
  void deliver_to_link(routing::Account&, const routing::Message&, const routing::Origin&,
                       const std::vector<std::string_view>&) override;

 protected:
  void on_open() override;
  void on_ready() override;
  std::size_t consume(char* data, std::size_t size) override;
  [[nodiscard]] std::size_t wanted() const noexcept override { return parser_.need; }
  void on_closed() override;
  void on_timer(Nanoseconds now) override;
  void on_write_timeout(bool again) override;

 private:
  using Subscription = subject::Subscription;

  // What waits for the host to decide who this is.
  enum class Waiting : std::uint8_t { none, opening, connect, reload };

  Admission ask(bool without_connect);
  void wait(Waiting what);
  bool admitted(Admission admission);
  bool finish_connect(Admission admission);
  void reauthorized(Admission admission);
  void become(Admission admission);
  [[nodiscard]] std::string user_label() const;
  bool check_connect_options();
  void send_first_info();
  void push_info(const protocol::InfoOverrides& values);
  [[nodiscard]] protocol::InfoOverrides overrides() const;
  void arm_first_ping();
  void arm_timer();
  void ping_due(Nanoseconds now);
  bool may_publish(const Publish& frame);
  bool may_subscribe(std::string_view subject, std::string_view queue, std::string_view sid);
  [[nodiscard]] bool publishes_plainly() const noexcept;
  bool publish_plain(const Publish& frame, const routing::Origin& origin);
  bool publish_one(const Publish& frame, const routing::Origin& origin);
  bool publish_mapped(const Publish& frame, const routing::Origin& origin,
                      const routing::Mappings& mappings);
  bool publish_to(const Publish& frame, const routing::Origin& origin);
  routing::Message message_of(const Publish& frame);
  void drop(Subscription* subscription);
  void drop_all();
  void drop_forbidden();
  void refresh_filter();
  void trace_in(std::string_view operation, std::string_view argument) const;
  void trace_out(std::string_view operation, std::string_view argument) const;
  void trace_publish(const Publish& frame) const;
  void trace_content(std::string_view direction, std::string_view content,
                     std::size_t header_size) const;

  ClientHost& host_;
  routing::ShardRouter& router_;
  const ClientSettings* settings_;
  protocol::ClientParserState parser_;
  bool awaiting_connect_ = false;
  bool connected_ = false;        // CONNECT was received
  bool verbose_ = true;
  bool pedantic_ = true;
  bool echo_ = true;
  bool first_pong_sent_ = false;
  bool counted_ = false;
  Waiting waiting_ = Waiting::none;
  std::uint32_t question_ = 0;
  int pings_out_ = 0;

  auth::PermissionState permissions_;
  // The same permissions once deliveries have to be filtered, for publishers on other shards.
  std::atomic<const auth::Permissions*> filter_{nullptr};
  SubscriptionTable subscriptions_;
  protocol::ConnectOptions options_;
  std::string user_;
  std::string details_;  // `"v1.2:go:name" - "$G/user:x"` as log lines show it

  Nanoseconds started_;
  std::int64_t started_wall_ns_;
  Nanoseconds last_activity_ = 0;
  Nanoseconds ping_sent_ = 0;
  Nanoseconds round_trip_ = 0;
  Nanoseconds auth_due_ = net::never;
  Nanoseconds ping_due_ = net::never;
  Nanoseconds expiry_due_ = net::never;
};

}  // namespace dunlin::client
