// A link without another server: proves that a link plugin needs nothing from the core but
// dunlin.net/1 and dunlin.links/1.
//
// It listens for connections of the kind its configuration names and speaks one line per command,
// so that a test can play the other server with a plain socket:
//
//   in   SUB <subject> [<queue> <weight>]     remote interest; UNSUB removes it
//        PUB <subject> <payload>              a message from the other server
//        QPUB <subject> <queue> <payload>     the same, only for one queue group
//        INTERESTS                            what this server would announce
//   out  HELLO <kind>
//        MSG <subject> [<queue>,...] <payload>   a delivery to the other server
//        answers INTERESTS with one line INT <subject> <queue> <members> each, then END

#include <dunlin/draft/links.hpp>
#include <dunlin/net.hpp>
#include <dunlin/plugin.hpp>
#include <dunlin/router.hpp>

#include <charconv>
#include <map>
#include <mutex>
#include <string>

namespace {

class FakeLink;

std::string_view next_word(std::string_view& line) {
  const auto end = std::min(line.find(' '), line.size());
  const auto word = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return word;
}

class Session {
 public:
  using owner_type = FakeLink;

  Session(FakeLink& owner, dunlin::Conn conn);
  std::size_t bytes(std::string_view in);
  void closed(dunlin_status why) noexcept;

 private:
  void command(std::string_view line);
  void remote_sub(std::string_view line, bool add);
  void remote_publish(std::string_view line, bool to_queue);
  void attach();
  static void deliver(void* user, dunlin_link* link, const dunlin_link_delivery* deliveries,
                      std::size_t n);

  FakeLink& owner_;
  dunlin::Conn conn_;
  dunlin_link* link_ = nullptr;
};

class FakeLink {
 public:
  explicit FakeLink(dunlin::Host used_host) : host(used_host) {}

  dunlin::result<> configure(dunlin::Config config) {
    static constexpr dunlin_key keys[] = {
        dunlin::key("port", DUNLIN_KEY_INTEGER, "0", "port to listen on"),
        dunlin::key("kind", DUNLIN_KEY_TEXT, "leaf", "router, gateway or leaf"),
        dunlin::key("spoke", DUNLIN_KEY_BOOLEAN, "false", "the other side is the hub")};
    if (auto ok = config.declare(keys); !ok) return ok;
    port_ = static_cast<std::uint16_t>(*config.integer("port"));
    spoke = *config.boolean("spoke");
    const auto name = *config.text("kind");
    kind = name == "router"    ? DUNLIN_KIND_ROUTER
           : name == "gateway" ? DUNLIN_KIND_GATEWAY
                               : DUNLIN_KIND_LEAF;
    return {};
  }

  dunlin::result<> start() {
    net = host.get<dunlin::Net>();
    links = host.get<dunlin::Links>();
    accounts = host.get<dunlin::Accounts>();
    log = host.get<dunlin::Log>();
    if (!net || !links || !accounts) {
      return dunlin::fail(DUNLIN_E_UNSUPPORTED, "this server has no links");
    }
    protocol_ = dunlin::protocol_table<Session>("fake-link");
    dunlin_listener_options options{};
    options.struct_size = sizeof options;
    options.kind = kind;
    options.name = dunlin::detail::str("fake-link");
    options.address = dunlin::detail::str("127.0.0.1");
    options.port = port_;
    options.protocol = &protocol_;
    options.user = &protocol_owner_;
    auto listener = net.listen(options);
    if (!listener) return listener.error();
    listener_ = *listener;
    log.info("listening on port {}", net.port(listener_));
    return observe_interest();
  }

  void stop() {
    links.unobserve(observer_);
    net.unlisten(listener_);
  }

  std::string interest_text() {
    const std::lock_guard lock(mutex_);
    std::string out;
    for (const auto& [key, members] : interest_) {
      out += "INT " + key.first + " " + (key.second.empty() ? "-" : key.second) + " " +
             std::to_string(members) + "\n";
    }
    return out + "END\n";
  }

  dunlin::Host host;
  dunlin::Net net;
  dunlin::Links links;
  dunlin::Accounts accounts;
  dunlin::Log log;
  std::uint32_t kind = DUNLIN_KIND_LEAF;
  bool spoke = false;

 private:
  dunlin::result<> observe_interest() {
    dunlin_interest_options options{};
    options.struct_size = sizeof options;
    options.account = accounts.global();
    options.on_change = [](void* user, const dunlin_interest_change* changes, std::size_t n) {
      auto& self = *static_cast<FakeLink*>(user);
      const std::lock_guard lock(self.mutex_);
      for (std::size_t i = 0; i < n; ++i) {
        const auto& change = changes[i];
        const auto key = std::pair(std::string(dunlin::detail::view(change.subject)),
                                   std::string(dunlin::detail::view(change.queue)));
        auto& members = self.interest_[key];
        members += change.after - change.before;
        if (members == 0) self.interest_.erase(key);
      }
    };
    options.user = this;
    auto observer = links.observe(options);
    if (!observer) return observer.error();
    observer_ = *observer;
    return {};
  }

  dunlin_observer observer_ = 0;
  std::mutex mutex_;  // guards interest_
  std::map<std::pair<std::string, std::string>, std::int64_t> interest_;
  std::uint16_t port_ = 0;
  dunlin_listener listener_ = 0;
  dunlin_protocol protocol_{};
  dunlin::ProtocolOwner<FakeLink> protocol_owner_{*this, host.raw(), &net.raw()};
};

Session::Session(FakeLink& owner, dunlin::Conn conn) : owner_(owner), conn_(conn) {}

// The link is attached by the first line, as a real one is by its handshake: in the constructor
// the session does not stand at its final place yet.
void Session::attach() {
  if (conn_.bind_account(owner_.accounts.global()) != DUNLIN_OK) {
    conn_.shut(DUNLIN_E_DENIED, "no account");
    return;
  }
  dunlin_link_options options{};
  options.struct_size = sizeof options;
  options.flags = DUNLIN_LINK_HEADERS | (owner_.spoke ? DUNLIN_LINK_SPOKE : 0u);
  options.peer_id = dunlin::detail::str("FAKE");
  options.peer_name = dunlin::detail::str("fake");
  options.origin = dunlin::detail::str(owner_.kind == DUNLIN_KIND_LEAF ? "fake" : "");
  options.deliver = deliver;
  options.user = this;
  auto link = owner_.links.attach(conn_.raw(), options);
  if (!link) {
    conn_.shut(link.error().status, link.error().text);
    return;
  }
  link_ = *link;
  conn_.write("HELLO " + std::to_string(owner_.kind) + "\n");
}

std::size_t Session::bytes(std::string_view in) {
  std::size_t consumed = 0;
  while (true) {
    const auto end = in.find('\n', consumed);
    if (end == std::string_view::npos) return consumed;
    if (link_ == nullptr) attach();
    if (link_ == nullptr) return in.size();
    command(in.substr(consumed, end - consumed));
    consumed = end + 1;
  }
}

void Session::command(std::string_view line) {
  const auto verb = next_word(line);
  if (verb == "SUB") remote_sub(line, true);
  else if (verb == "UNSUB") remote_sub(line, false);
  else if (verb == "PUB") remote_publish(line, false);
  else if (verb == "QPUB") remote_publish(line, true);
  else if (verb == "INTERESTS") conn_.write(owner_.interest_text());
  else if (verb != "HELLO") conn_.shut(DUNLIN_E_INVALID, "unknown command");
}

void Session::remote_sub(std::string_view line, bool add) {
  dunlin_remote_sub sub{};
  sub.account = owner_.accounts.global();
  sub.subject = dunlin::detail::str(next_word(line));
  sub.queue = dunlin::detail::str(next_word(line));
  sub.weight = 1;
  const auto weight = next_word(line);
  if (!weight.empty()) {
    std::from_chars(weight.data(), weight.data() + weight.size(), sub.weight);
  }
  if (!add) sub.weight = 0;
  if (auto ok = owner_.links.subscribe(link_, {&sub, 1}); !ok) {
    conn_.shut(ok.error().status, ok.error().text);
  }
}

void Session::remote_publish(std::string_view line, bool to_queue) {
  dunlin_routed_msg routed{};
  routed.account = owner_.accounts.global();
  routed.msg.subject = dunlin::detail::str(next_word(line));
  dunlin_str queue{};
  if (to_queue) {
    queue = dunlin::detail::str(next_word(line));
    routed.queues = &queue;
    routed.queue_count = 1;
  }
  routed.flags = DUNLIN_ROUTED_QUEUES;
  routed.msg.payload = dunlin::detail::bytes(line);
  if (auto ok = owner_.links.publish(link_, {&routed, 1}); !ok) {
    conn_.shut(ok.error().status, ok.error().text);
  }
}

void Session::deliver(void* user, dunlin_link*, const dunlin_link_delivery* deliveries,
                      std::size_t n) {
  auto& self = *static_cast<Session*>(user);
  std::string frames;
  for (std::size_t i = 0; i < n; ++i) {
    const auto& delivery = deliveries[i];
    frames += "MSG ";
    frames += dunlin::detail::view(delivery.msg.subject);
    frames += " [";
    for (std::uint32_t q = 0; q < delivery.queue_count; ++q) {
      if (q > 0) frames += ',';
      frames += dunlin::detail::view(delivery.queues[q]);
    }
    frames += "] ";
    frames += dunlin::detail::view(delivery.msg.payload);
    frames += '\n';
  }
  self.conn_.write(frames);
}

void Session::closed(dunlin_status) noexcept { link_ = nullptr; }

}  // namespace

DUNLIN_PLUGIN(fake_link, FakeLink, dunlin::Describe{
    .id = "fake-link",
    .version = "1.0.0",
    .summary = "A link to a server played by a test",
    .license = "Apache-2.0",
    .flags = DUNLIN_ENTRY_DRAFT});
