// The life of a client connection: greeting, CONNECT, pings, the end. Publishing and subscriptions
// are in client_publish.cpp and client_subscribe.cpp.

#include "core/client/client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "core/base/log.hpp"
#include "core/protocol/go_duration.hpp"
#include "core/protocol/go_quote.hpp"
#include "core/protocol/redact.hpp"

namespace dunlin::client {

namespace {

// The first PING comes soon after CONNECT, so that a round trip is known early.
constexpr Nanoseconds first_ping_interval = 2 * net::seconds;
// What may be read at once from a client that has to say who it is, and has not.
constexpr std::size_t unknown_read_most = 64 * 1024;
// A round trip older than this is measured again even when the client is busy.
constexpr Nanoseconds round_trip_lifetime = 3600 * net::seconds;

std::int64_t wall_now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

Nanoseconds time_left(std::int64_t unix_ns) {
  return static_cast<Nanoseconds>(std::max<std::int64_t>(unix_ns - wall_now_ns(), 0));
}

Client::Client(net::Shard& shard, int socket, std::uint64_t id, net::PeerAddress peer,
               ClientHost& host, routing::ShardRouter& router)
    : Endpoint(shard, socket, id, std::move(peer), routing::Kind::client),
      host_(host),
      router_(router),
      settings_(&host.settings()),
      started_(shard.now()),
      started_wall_ns_(wall_now_ns()),
      last_activity_(started_) {}

Client::~Client() = default;

std::string Client::label() const {
  std::string label = fmt::format("{}:{} - cid:{}", peer().ip, peer().port, id());
  if (!details_.empty()) label += " - " + details_;
  return label;
}

void Client::on_open() {
  settings_ = &host_.settings();
  traces_ = settings_->traces;
  awaiting_connect_ = settings_->auth_required;
  if (awaiting_connect_)
    set_read_limit(static_cast<std::uint32_t>(
        std::max(unknown_read_most, settings_->max_control_line + 1024)));
  log_debug("{} - Client connection created", label());
  send_first_info();
  counted_ = host_.count_client();
  if (!counted_) {
    refuse("maximum connections exceeded", ClosedReason::maximum_connections_exceeded);
    return;
  }
  if (awaiting_connect_) return;
  Admission admission = ask(true);
  if (admission.pending)
    wait(Waiting::opening);
  else
    admitted(std::move(admission));
}

// After a TLS handshake, so that no deadline of the protocol writes into the middle of one.
void Client::on_ready() {
  if (awaiting_connect_ || waiting_ == Waiting::opening)
    auth_due_ = shard().now() + settings_->auth_timeout;
  if (!connected_) ping_due_ = shard().now() + settings_->ping_interval;
  arm_timer();
}

protocol::InfoOverrides Client::overrides() const {
  protocol::InfoOverrides values;
  values.client_id = id();
  values.client_ip = peer().ip;
  return values;
}

void Client::send_first_info() {
  protocol::InfoOverrides values = overrides();
  // With a user for clients that present nothing, none need to present anything.
  if (settings_->has_no_auth_user) values.auth_required = false;
  host_.adjust_first_info(*this, values);
  push_info(values);
}

void Client::push_info(const protocol::InfoOverrides& values) {
  std::string line;
  protocol::render_info(settings_->info, values, line);
  if (traces_) trace_out("INFO", std::string_view(line).substr(5, line.size() - 8));
  send(line);
}

void Client::announce_lame_duck() {
  // Only after the first PONG does a client expect INFO at any time.
  if (options_.protocol < 1 || !first_pong_sent_ || is_closed()) return;
  settings_ = &host_.settings();
  protocol::InfoOverrides values = overrides();
  values.lame_duck_mode = true;
  const std::vector<std::string> no_other_servers;
  values.connect_urls = &no_other_servers;
  push_info(values);
}

void Client::send_error(std::string_view text) {
  if (traces_) trace_out("-ERR", text);
  send(fmt::format("-ERR '{}'\r\n", text));
}

void Client::refuse(std::string_view text, ClosedReason reason) {
  send_error(text);
  close(reason);
}

std::size_t Client::consume(char* data, std::size_t size) {
  settings_ = &host_.settings();
  last_activity_ = shard().now();
  if (__builtin_expect(waiting_ == Waiting::opening || waiting_ == Waiting::connect, 0)) {
    pause(net::never);  // something else, such as a receiver that has drained, resumed it
    return 0;
  }
  return protocol::ClientParser<Client>(*this, parser_).parse(data, size);
}

// ---- CONNECT -----------------------------------------------------------------------------------

bool Client::begin_without_connect() {
  if (!settings_->has_no_auth_user) return false;
  Admission admission = ask(true);
  if (!admission.accepted) return false;  // such a user is decided on at once
  auth_due_ = net::never;
  awaiting_connect_ = false;
  connected_ = true;
  become(std::move(admission));
  arm_timer();
  return true;
}

bool Client::connect(std::string_view json) {
  if (traces_) trace_in("CONNECT", protocol::redact_connect(json));
  if (const auto parsed = protocol::parse_connect(json, options_); !parsed) {
    log_error("{} - Error processing CONNECT: {}", label(), parsed.error().text);
    close(ClosedReason::protocol_violation);
    return false;
  }
  const bool again = std::exchange(connected_, true);
  const Nanoseconds auth_due = std::exchange(auth_due_, net::never);
  round_trip_ = std::max<Nanoseconds>(shard().now() - started_, 1);
  arm_first_ping();
  echo_ = options_.echo;
  verbose_ = options_.verbose;
  pedantic_ = options_.pedantic;
  wants_headers_ = settings_->info.headers && options_.headers;
  options_.jwt.clear();  // only operators' servers read tokens
  if (again) drop_all();
  Admission admission = ask(false);
  if (!admission.pending) return finish_connect(std::move(admission));
  auth_due_ = auth_due != net::never ? auth_due : shard().now() + settings_->auth_timeout;
  arm_timer();
  wait(Waiting::connect);
  return false;
}

Admission Client::ask(bool without_connect) {
  ++question_;
  waiting_ = Waiting::none;
  return host_.admit(*this, options_, without_connect);
}

// What it sends meanwhile stays where it is.
void Client::wait(Waiting what) {
  waiting_ = what;
  if (what != Waiting::reload) pause(net::never);
}

void Client::decided(std::uint32_t question, Admission admission) {
  if (is_closed() || question != question_) return;
  settings_ = &host_.settings();
  const Waiting what = std::exchange(waiting_, Waiting::none);
  if (what == Waiting::opening || what == Waiting::connect) auth_due_ = net::never;
  switch (what) {
    case Waiting::none: return;
    case Waiting::reload: reauthorized(std::move(admission)); return;
    case Waiting::opening:
      if (admitted(std::move(admission))) resume();
      return;
    case Waiting::connect:
      if (finish_connect(std::move(admission))) resume();
      return;
  }
}

// False when that closed the connection.
bool Client::finish_connect(Admission admission) {
  if (admission.accepted && (options_.new_account || !options_.account.empty())) {
    admission.accepted = false;
    admission.refused_as = ClosedReason::authentication_failure;
  }
  if (!admitted(std::move(admission))) return false;
  awaiting_connect_ = false;
  if (!check_connect_options()) return false;
  if (verbose_) {
    if (traces_) trace_out("OK", {});
    send("+OK\r\n");
  }
  return !is_closed();
}

bool Client::check_connect_options() {
  if (options_.protocol < 0 || options_.protocol > 1) {
    refuse("invalid client protocol", ClosedReason::bad_client_protocol_version);
    return false;
  }
  if (options_.no_responders && !wants_headers_) {
    refuse("no responders requires headers support",
           ClosedReason::no_responders_requires_headers);
    return false;
  }
  return true;
}

bool Client::admitted(Admission admission) {
  if (!admission.accepted) {
    log_error("{} - authentication error{}{}", label(), admission.user.empty() ? "" : " - User ",
              admission.user.empty() ? "" : protocol::go_quote(admission.user));
    refuse("Authorization Violation", admission.refused_as);
    return false;
  }
  become(std::move(admission));
  return true;
}

std::string Client::user_label() const {
  if (!user_.empty()) return "user:" + user_;
  if (!options_.nkey.empty()) return "nkey:" + options_.nkey;
  if (!options_.user.empty()) return "user:" + options_.user;
  return options_.auth_token.empty() ? "" : "token";
}

void Client::become(Admission admission) {
  if (account() != admission.account) {
    if (account() != nullptr) account()->clients.fetch_sub(1, std::memory_order_relaxed);
    admission.account->clients.fetch_add(1, std::memory_order_relaxed);
    bind(admission.account);
  }
  user_ = std::move(admission.user);
  // Publishers on other shards may be reading the old permissions.
  if (filters_deliveries())
    shard().retire(new auto(permissions_.shared()), [](void* object) {
      delete static_cast<std::shared_ptr<const auth::Permissions>*>(object);
    });
  permissions_.set(std::move(admission.permissions));
  expiry_due_ = admission.expires_at == 0 ? net::never
                                          : shard().now() + time_left(admission.expires_at);
  set_read_limit(read_unlimited);
  arm_timer();
  filter_.store(nullptr, std::memory_order_release);
  filters_deliveries_.store(false, std::memory_order_relaxed);
  tracks_replies_ = permissions_.tracks_replies();
  if (!connected_) return;
  std::string software;
  if (!options_.version.empty()) software = "v" + options_.version;
  for (const std::string* part : {&options_.lang, &options_.name}) {
    if (part->empty()) continue;
    if (!software.empty()) software += ":";
    software += *part;
  }
  details_.clear();
  if (!software.empty()) details_ = protocol::go_quote(software);
  const std::string who = user_label();
  if (!who.empty()) {
    if (!details_.empty()) details_ += " - ";
    details_ += protocol::go_quote(account()->name() + "/" + who);
  }
}

// ---- PING, PONG, timers ------------------------------------------------------------------------

bool Client::ping() {
  if (traces_) {
    trace_in("PING", {});
    trace_out("PONG", {});
  }
  send("PONG\r\n");
  if (!connected_ || first_pong_sent_) return !is_closed();
  first_pong_sent_ = true;
  if (options_.protocol >= 1) {
    protocol::InfoOverrides values = overrides();
    values.connect_info = true;
    values.remote_account = account()->name();
    push_info(values);
  }
  return !is_closed();
}

bool Client::pong() {
  if (traces_) trace_in("PONG", {});
  pings_out_ = 0;
  if (ping_sent_ != 0) round_trip_ = std::max<Nanoseconds>(shard().now() - ping_sent_, 1);
  return true;
}

void Client::arm_first_ping() {
  const Nanoseconds interval = std::min(settings_->ping_interval, first_ping_interval);
  const Nanoseconds jitter = fold_multiply(id() ^ hash_seed, started_) % (interval / 5 + 1);
  ping_due_ = shard().now() + interval + jitter;
  arm_timer();
}

void Client::arm_timer() { set_timer(std::min({auth_due_, ping_due_, expiry_due_})); }

void Client::on_timer(Nanoseconds now) {
  settings_ = &host_.settings();
  if (now >= auth_due_) {
    auth_due_ = net::never;
    log_error("{} - Authentication Timeout", label());
    refuse("Authentication Timeout", ClosedReason::authentication_timeout);
    return;
  }
  if (now >= expiry_due_) {
    expiry_due_ = net::never;
    log_debug("{} - User Authentication Expired", label());
    refuse("User Authentication Expired", ClosedReason::authentication_expired);
    return;
  }
  if (now >= ping_due_) ping_due(now);
  if (!is_closed()) arm_timer();
}

void Client::ping_due(Nanoseconds now) {
  log_debug("{} - Client Ping Timer", label());
  const bool needs_round_trip = round_trip_ == 0 || now - ping_sent_ > round_trip_lifetime;
  if (now - last_activity_ >= settings_->ping_interval || needs_round_trip) {
    if (pings_out_ + 1 > settings_->ping_max) {
      log_debug("{} - Stale Client Connection - Closing", label());
      refuse("Stale Connection", ClosedReason::stale_connection);
      return;
    }
    ++pings_out_;
    ping_sent_ = now;
    if (traces_) trace_out("PING", {});
    send("PING\r\n");
  } else {
    log_debug("{} - Delaying PING due to remote client data or ping {}s ago", label(),
              (now - last_activity_ + net::seconds / 2) / net::seconds);
  }
  ping_due_ = now + settings_->ping_interval;
}

// A client has nothing to tell with INFO; it only has to be JSON.
bool Client::info(std::string_view json) {
  protocol::ConnectOptions ignored;
  if (protocol::parse_connect(json, ignored)) return true;
  close(ClosedReason::protocol_violation);
  return false;
}

// ---- the end -----------------------------------------------------------------------------------

void Client::violation(Violation what) {
  switch (what) {
    case Violation::unknown_operation:
      log_error("{} - parser ERROR: unknown protocol operation", label());
      refuse("Unknown Protocol Operation", ClosedReason::protocol_violation);
      return;
    case Violation::bad_arguments:
      log_error("{} - parser ERROR: bad arguments", label());
      close(ClosedReason::protocol_violation);
      return;
    case Violation::control_line:
      log_error("{} - maximum control line exceeded", label());
      refuse("maximum control line exceeded", ClosedReason::maximum_control_line_exceeded);
      return;
    case Violation::payload:
      log_error("{} - maximum payload exceeded", label());
      refuse("Maximum Payload Violation", ClosedReason::maximum_payload_exceeded);
      return;
    case Violation::authorization:
      log_error("{} - authentication error", label());
      refuse("Authorization Violation", ClosedReason::authentication_failure);
      return;
    case Violation::client_error:
      log_error("{} - Client Error", label());
      close(ClosedReason::parse_error);
      return;
  }
}

void Client::on_write_timeout(bool again) {
  // Nobody expects a client that has not even sent its CONNECT to read.
  if (awaiting_connect_) return;
  router_.stats().slow_consumers.add(1);
  if (account() != nullptr) account()->traffic().at(shard().index()).slow_consumers.add(1);
  // The reference counts its chunks; here what waits is always one.
  log_info("{} - Slow Consumer {}: WriteDeadline of {} exceeded with 1 chunks of {} total bytes.",
           label(), again ? "State" : "Detected",
           protocol::go_duration(std::chrono::nanoseconds(limits().write_deadline)), pending());
}

void Client::on_closed() {
  if (closed_reason() == ClosedReason::slow_consumer_pending_bytes) {
    router_.stats().slow_consumers.add(1);
    if (account() != nullptr) account()->traffic().at(shard().index()).slow_consumers.add(1);
    log_info("{} - Slow Consumer Detected: MaxPending of {} Exceeded", label(),
             limits().pending_max);
  }
  log_debug("{} - Client connection closed: {}", label(), protocol::text_of(closed_reason()));
  host_.client_closed(*this);
  drop_all();
  if (account() != nullptr) account()->clients.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace dunlin::client
