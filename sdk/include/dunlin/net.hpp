// Net: listeners, outbound connections and the connections themselves.
//
// A protocol is written as a class per connection; protocol_table<Session>("name") turns it into
// the C table:
//
//     class Session {
//      public:
//       Session(Owner& owner, dunlin::Conn conn);          // open; throwing refuses
//       std::size_t bytes(std::string_view in);            // returns what it consumed
//       void closed(dunlin_status why) noexcept;           // last call, then it is destroyed
//       // optional: tick(now_ns), drain(deadline_ns), writable()
//       using owner_type = Owner;
//     };

#pragma once

#include <dunlin/ext/net.h>
#include <dunlin/log.hpp>

#include <memory>
#include <span>

namespace dunlin {
inline namespace sdk {

class Net;

// A connection, on its shard, until its session's closed() returned.
class Conn {
 public:
  Conn(const dunlin_host* host, const dunlin_net* api, dunlin_conn* raw) noexcept
      : host_(host), api_(api), raw_(raw) {}

  [[nodiscard]] dunlin_conn* raw() const noexcept { return raw_; }
  [[nodiscard]] std::uint64_t id() const noexcept { return api_->id(host_, raw_); }
  [[nodiscard]] std::uint32_t kind() const noexcept { return api_->kind(host_, raw_); }
  [[nodiscard]] std::uint32_t shard() const noexcept { return api_->shard(host_, raw_); }
  [[nodiscard]] result<dunlin_peer> peer() const {
    dunlin_peer peer{};
    peer.struct_size = sizeof peer;
    const auto status = api_->peer(host_, raw_, &peer);
    if (status != DUNLIN_OK) return detail::take(status, "reading the peer").error();
    return peer;
  }
  dunlin_status write(std::span<const dunlin_part> parts) const noexcept {
    return api_->write(host_, raw_, parts.data(), parts.size());
  }
  dunlin_status write(std::string_view text) const noexcept {
    const dunlin_part part{detail::bytes(text), nullptr};
    return write({&part, 1});
  }
  dunlin_status deliver(std::string_view subject,
                        std::span<const dunlin_part> parts) const noexcept {
    return api_->deliver(host_, raw_, detail::str(subject), parts.data(), parts.size());
  }
  dunlin_status authenticate(const dunlin_credentials& credentials, dunlin_on_auth on_auth,
                             void* state) const noexcept {
    return api_->authenticate(host_, raw_, &credentials, on_auth, state);
  }
  dunlin_status bind_account(dunlin_account* account) const noexcept {
    return api_->bind_account(host_, raw_, account);
  }
  [[nodiscard]] dunlin_account* account() const noexcept { return api_->account(host_, raw_); }
  dunlin_status start_tls() const noexcept { return api_->start_tls(host_, raw_); }
  void describe(std::string_view name, std::string_view lang,
                std::string_view version) const noexcept {
    api_->describe(host_, raw_, detail::str(name), detail::str(lang), detail::str(version));
  }
  void count_in(std::uint64_t msgs, std::uint64_t bytes) const noexcept {
    api_->count_in(host_, raw_, msgs, bytes);
  }
  void set_tick(std::uint64_t interval_ns) const noexcept {
    api_->set_tick(host_, raw_, interval_ns);
  }
  void pause() const noexcept { api_->pause(host_, raw_); }
  void resume() const noexcept { api_->resume(host_, raw_); }
  void shut(dunlin_status why, std::string_view reason) const noexcept {
    api_->shut(host_, raw_, why, detail::str(reason));
  }

 private:
  const dunlin_host* host_;
  const dunlin_net* api_;
  dunlin_conn* raw_;
};

class Net : public Table<dunlin_net> {
 public:
  DUNLIN_TABLE_WRAPPER(Net, dunlin_net, DUNLIN_EXT_NET)

  [[nodiscard]] result<dunlin_listener> listen(const dunlin_listener_options& options) const {
    dunlin_listener out = 0;
    auto error = detail::fresh_error();
    const auto status = detail::invoke(api_.listen, host_, &options, &out, &error);
    if (status != DUNLIN_OK) return detail::take(status, error).error();
    return out;
  }
  [[nodiscard]] std::uint16_t port(dunlin_listener listener) const noexcept {
    return api_.listener_port(host_, listener);
  }
  void unlisten(dunlin_listener listener) const noexcept { api_.unlisten(host_, listener); }
  [[nodiscard]] result<dunlin_connector> connect(const dunlin_connect_options& options) const {
    dunlin_connector out = 0;
    auto error = detail::fresh_error();
    const auto status = detail::invoke(api_.connect, host_, &options, &out, &error);
    if (status != DUNLIN_OK) return detail::take(status, error).error();
    return out;
  }
  void disconnect(dunlin_connector connector) const noexcept {
    api_.disconnect(host_, connector);
  }
};

// What a protocol's `user` points to: the plugin's own object, and what its sessions call.
template <class Owner>
struct ProtocolOwner {
  Owner& owner;
  const dunlin_host* host;
  const dunlin_net* net;
};

namespace detail {
template <class Session>
struct ProtocolGlue {
  using Owner = ProtocolOwner<typename Session::owner_type>;
  struct State {
    Conn conn;
    const dunlin_host* host;
    Session session;
  };

  static void* open(void* user, dunlin_conn* raw) noexcept {
    auto& owner = *static_cast<Owner*>(user);
    State* state = nullptr;
    contain(owner.host, "a protocol's open", [&] {
      const Conn conn(owner.host, owner.net, raw);
      state = new State{conn, owner.host, Session(owner.owner, conn)};
    });
    return state;
  }
  static std::size_t bytes(void* opaque, dunlin_conn*, dunlin_bytes in) noexcept {
    auto& state = *static_cast<State*>(opaque);
    try {
      return state.session.bytes(view(in));
    } catch (const std::exception& exception) {
      state.conn.shut(DUNLIN_E_INTERNAL, exception.what());
      return in.size;
    }
  }
  static void tick(void* opaque, dunlin_conn*, std::uint64_t now_ns) noexcept {
    auto& state = *static_cast<State*>(opaque);
    contain(state.host, "a protocol's tick", [&] { state.session.tick(now_ns); });
  }
  static void drain(void* opaque, dunlin_conn*, std::uint64_t deadline_ns) noexcept {
    auto& state = *static_cast<State*>(opaque);
    contain(state.host, "a protocol's drain", [&] { state.session.drain(deadline_ns); });
  }
  static void writable(void* opaque, dunlin_conn*) noexcept {
    auto& state = *static_cast<State*>(opaque);
    contain(state.host, "a protocol's writable", [&] { state.session.writable(); });
  }
  static void close(void* opaque, dunlin_conn*, dunlin_status why) noexcept {
    const std::unique_ptr<State> state(static_cast<State*>(opaque));
    contain(state->host, "a protocol's close", [&] { state->session.closed(why); });
  }
};
}  // namespace detail

// `user` of the listener or connector must be a ProtocolOwner<Session::owner_type>*.
template <class Session>
dunlin_protocol protocol_table(const char* name) noexcept {
  using Glue = detail::ProtocolGlue<Session>;
  dunlin_protocol table{};
  table.struct_size = sizeof table;
  table.name = name;
  table.open = Glue::open;
  table.bytes = Glue::bytes;
  table.close = Glue::close;
  if constexpr (requires(Session& s) { s.tick(std::uint64_t{}); }) table.tick = Glue::tick;
  if constexpr (requires(Session& s) { s.drain(std::uint64_t{}); }) table.drain = Glue::drain;
  if constexpr (requires(Session& s) { s.writable(); }) table.writable = Glue::writable;
  return table;
}

}  // namespace sdk
}  // namespace dunlin
