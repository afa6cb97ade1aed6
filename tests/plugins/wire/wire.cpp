// A protocol of lines in which a test tells the plugin what to do with the connection it is on.
//
//   HELLO                    HELLO <kind> <tls version> <tls subject>, "-" for none
//   AUTH <user> <password>   AUTH <account>; a refusal is AUTH denied, and the end
//   BIND                     binds the global account: BIND <status>
//   DELIVER <subject> <text> MSG <subject> <text> if permitted, then DELIVER <status>
//   PAUSE                    reads no more until the next tick, then RESUMED
//   PAUSE <milliseconds>     the same, for longer, and says so in the log
//   TICK <count>             as many times TICK
//   FLOOD <bytes>            as many bytes; WRITABLE once there is room again
//   KEEP                     consumes nothing any more
//   TLS                      TLS ok, and goes on encrypted
//   SHUT                     ends the connection
//   anything else            is logged
//
// A connection that this side makes begins with HELLO, and with TLS before that where
// `connect_mode` is "protocol". Closes, drains and what becomes of outbound connections are logged.

#include <dunlin/config.hpp>
#include <dunlin/net.hpp>
#include <dunlin/plugin.hpp>
#include <dunlin/router.hpp>

#include <charconv>
#include <optional>
#include <string>

namespace {

class Wire;

constexpr std::uint64_t tick_ns = 5'000'000;

std::string_view next_word(std::string_view& line) {
  const auto end = std::min(line.find(' '), line.size());
  const auto word = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return word;
}

std::size_t number_of(std::string_view text) {
  std::size_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::string or_dash(dunlin_str text) {
  return text.size == 0 ? "-" : std::string(text.data, text.size);
}

std::uint32_t tls_mode_of(std::string_view text) {
  return text == "first"      ? DUNLIN_TLS_FIRST
         : text == "protocol" ? DUNLIN_TLS_BY_PROTOCOL
                              : DUNLIN_TLS_NONE;
}

std::uint32_t kind_of(std::string_view text) {
  return text == "router" ? DUNLIN_KIND_ROUTER
         : text == "leaf" ? DUNLIN_KIND_LEAF
                          : DUNLIN_KIND_CLIENT;
}

class Session {
 public:
  using owner_type = Wire;

  Session(Wire& owner, dunlin::Conn conn);
  std::size_t bytes(std::string_view in);
  void tick(std::uint64_t now_ns);
  void drain(std::uint64_t deadline_ns);
  void writable() { say("WRITABLE"); }
  void closed(dunlin_status why) noexcept;

 private:
  void command(std::string_view line);
  void flow(std::string_view verb, std::string_view line);
  void say(std::string_view text) { conn_.write(std::string(text) + "\n"); }
  void hello();
  void authenticate(std::string_view line);
  void deliver(std::string_view line);

  Wire& owner_;
  dunlin::Conn conn_;
  std::size_t ticks_ = 0;
  bool is_paused_ = false;
  bool is_authenticating_ = false;
  bool keeps_ = false;
};

class Wire {
 public:
  explicit Wire(dunlin::Host used_host) : host(used_host) {}

  dunlin::result<> configure(dunlin::Config config) {
    static constexpr dunlin_key keys[] = {
        dunlin::key("kind", DUNLIN_KEY_TEXT, "client", "client, router or leaf"),
        dunlin::key("mode", DUNLIN_KEY_TEXT, "none", "none, first or protocol"),
        dunlin::key("tls", DUNLIN_KEY_TLS, nullptr, "of the listener"),
        dunlin::key("preauth", DUNLIN_KEY_INTEGER, "0", "bytes before authentication"),
        dunlin::key("input", DUNLIN_KEY_INTEGER, "0", "unconsumed bytes"),
        dunlin::key("pending", DUNLIN_KEY_INTEGER, "0", "output waiting"),
        dunlin::key("auth_timeout", DUNLIN_KEY_DURATION, "10s", "to authenticate"),
        dunlin::key("connect", DUNLIN_KEY_TEXT, nullptr, "address to connect to"),
        dunlin::key("connect_mode", DUNLIN_KEY_TEXT, "none", "none, first or protocol"),
        dunlin::key("connect_tls", DUNLIN_KEY_TLS, nullptr, "of the connector"),
        dunlin::key("connect_name", DUNLIN_KEY_TEXT, "", "whom the certificate names"),
        dunlin::key("connect_attempts", DUNLIN_KEY_INTEGER, "0", "in a row")};
    if (auto ok = config.declare(keys); !ok) return ok;
    config_ = config;
    return {};
  }

  dunlin::result<> start() {
    net = host.get<dunlin::Net>();
    accounts = host.get<dunlin::Accounts>();
    log = host.get<dunlin::Log>();
    protocol_ = dunlin::protocol_table<Session>("wire");
    if (auto ok = listen(); !ok) return ok;
    return config_->has("connect") ? connect() : dunlin::result<>();
  }

  void stop() {
    if (connector_ != 0) net.disconnect(connector_);
    net.unlisten(listener_);
  }

  dunlin::Host host;
  dunlin::Net net;
  dunlin::Accounts accounts;
  dunlin::Log log;
  bool starts_tls = false;  // on connections this side makes

 private:
  dunlin::result<> listen() {
    dunlin_listener_options options{};
    options.struct_size = sizeof options;
    options.kind = kind_of(*config_->text("kind"));
    options.name = dunlin::detail::str("wire");
    options.address = dunlin::detail::str("127.0.0.1");
    options.tls_mode = tls_mode_of(*config_->text("mode"));
    options.tls = config_->get("tls").raw();
    options.protocol = &protocol_;
    options.user = &protocol_owner_;
    options.preauth_bytes_max = static_cast<std::uint64_t>(*config_->integer("preauth"));
    options.input_bytes_max = static_cast<std::uint64_t>(*config_->integer("input"));
    options.pending_bytes_max = static_cast<std::uint64_t>(*config_->integer("pending"));
    const auto auth_timeout = *config_->duration("auth_timeout");
    options.auth_timeout_ns = static_cast<std::uint64_t>(auth_timeout.count());
    auto listener = net.listen(options);
    if (!listener) return listener.error();
    listener_ = *listener;
    return {};
  }

  dunlin::result<> connect() {
    const std::string address(*config_->text("connect"));
    const dunlin_str addresses[] = {dunlin::detail::str(address)};
    const std::string name(*config_->text("connect_name"));
    dunlin_connect_options options{};
    options.struct_size = sizeof options;
    options.kind = DUNLIN_KIND_ROUTER;
    options.name = dunlin::detail::str("wire");
    options.addresses = addresses;
    options.address_count = 1;
    options.tls_mode = tls_mode_of(*config_->text("connect_mode"));
    options.tls = config_->get("connect_tls").raw();
    options.attempts_max = static_cast<std::uint32_t>(*config_->integer("connect_attempts"));
    options.protocol = &protocol_;
    options.user = &protocol_owner_;
    options.retry_delay_ns = 20'000'000;
    options.tls_server_name = dunlin::detail::str(name);
    options.on_connect = [](void* user, dunlin_connector, std::uint32_t event, dunlin_str where,
                            const dunlin_error* error) {
      static constexpr const char* names[] = {"", "connected", "failed", "lost", "ended"};
      static_cast<Wire*>(user)->log.info("connector {} {}: {}", names[event],
                                         dunlin::detail::view(where),
                                         error == nullptr ? "" : error->text);
    };
    options.on_connect_user = this;
    starts_tls = options.tls_mode == DUNLIN_TLS_BY_PROTOCOL;
    auto connector = net.connect(options);
    if (!connector) return connector.error();
    connector_ = *connector;
    return {};
  }

  std::optional<dunlin::Config> config_;
  dunlin_listener listener_ = 0;
  dunlin_connector connector_ = 0;
  dunlin_protocol protocol_{};
  dunlin::ProtocolOwner<Wire> protocol_owner_{*this, host.raw(), &net.raw()};
};

Session::Session(Wire& owner, dunlin::Conn conn) : owner_(owner), conn_(conn) {
  if (conn.peer()->outbound == 0) return;
  say(owner.starts_tls ? "TLS" : "HELLO");
}

std::size_t Session::bytes(std::string_view in) {
  const auto end = in.find('\n');
  if (keeps_ || is_paused_ || is_authenticating_ || end == std::string_view::npos) return 0;
  command(in.substr(0, end));
  return end + 1;
}

void Session::command(std::string_view line) {
  const std::string_view whole = line;
  const auto verb = next_word(line);
  if (verb == "AUTH") authenticate(line);
  else if (verb == "DELIVER") deliver(line);
  else if (verb == "BIND")
    say("BIND " + std::to_string(conn_.bind_account(owner_.accounts.global())));
  else if (verb == "HELLO" && line.empty()) hello();
  else if (verb == "TLS" && line.empty()) {
    say("TLS ok");
    if (conn_.start_tls() != DUNLIN_OK) say("TLS refused");
  } else if (verb == "TLS" && line == "ok") {
    conn_.start_tls();
    say("HELLO");
  } else if (verb == "PAUSE" || verb == "TICK" || verb == "FLOOD" || verb == "KEEP" ||
             verb == "SHUT") {
    flow(verb, line);
  } else {
    owner_.log.info("heard {}", whole);
  }
}

void Session::flow(std::string_view verb, std::string_view line) {
  if (verb == "PAUSE") {
    is_paused_ = true;
    conn_.pause();
    conn_.set_tick(line.empty() ? tick_ns : number_of(line) * 1'000'000);
    if (!line.empty()) owner_.log.info("paused");
  } else if (verb == "TICK") {
    ticks_ = number_of(line);
    conn_.set_tick(tick_ns);
  } else if (verb == "FLOOD") {
    const auto status = conn_.write(std::string(number_of(line), 'f'));
    owner_.log.info("flood answered {}", status);
  } else if (verb == "KEEP") {
    keeps_ = true;
  } else {
    conn_.shut(DUNLIN_OK, "told to");
  }
}

void Session::hello() {
  auto peer = conn_.peer();
  say("HELLO " + std::to_string(conn_.kind()) + " " + or_dash(peer->tls_version) + " " +
      or_dash(peer->tls_subject));
}

void Session::authenticate(std::string_view line) {
  dunlin_credentials credentials{};
  credentials.struct_size = sizeof credentials;
  credentials.kind = conn_.kind();
  credentials.type = dunlin::detail::str("mqtt");
  credentials.user = dunlin::detail::str(next_word(line));
  credentials.password.reveal = dunlin::detail::bytes(line);
  is_authenticating_ = true;
  const auto status = conn_.authenticate(
      credentials,
      [](void* state, dunlin_conn*, dunlin_status outcome, dunlin_account* account) {
        auto& self = *static_cast<Session*>(state);
        self.is_authenticating_ = false;
        if (outcome != DUNLIN_OK) {
          self.say("AUTH denied");
          self.conn_.shut(DUNLIN_E_DENIED, "wrong password");
          return;
        }
        self.say("AUTH " + std::string(self.owner_.accounts.name(account)));
      },
      this);
  if (status == DUNLIN_OK) return;
  is_authenticating_ = false;
  say("AUTH status " + std::to_string(status));
}

void Session::deliver(std::string_view line) {
  const auto subject = next_word(line);
  const std::string frame = "MSG " + std::string(subject) + " " + std::string(line) + "\n";
  const dunlin_part part{dunlin::detail::bytes(frame), nullptr};
  const auto status = conn_.deliver(subject, {&part, 1});
  say("DELIVER " + std::to_string(status));
}

void Session::tick(std::uint64_t) {
  if (is_paused_) {
    is_paused_ = false;
    conn_.set_tick(0);
    say("RESUMED");
    conn_.resume();
  } else if (ticks_ > 0) {
    say("TICK");
    if (--ticks_ == 0) conn_.set_tick(0);
  }
}

void Session::drain(std::uint64_t) { say("LEAVING"); }

void Session::closed(dunlin_status why) noexcept { owner_.log.info("closed with {}", why); }

}  // namespace

DUNLIN_PLUGIN(wire, Wire, dunlin::Describe{.id = "wire",
                                           .version = "1.0.0",
                                           .summary = "Connections that tests command",
                                           .license = "Apache-2.0"});
