// A plugin that tests talk to: every subject under `echo.` makes it use one service of the host,
// and it says on another subject what came of it.
//
//   echo.in       answers "<greeting>:<payload>", on the publisher's shard
//   echo.home     the same, always delivered on shard 0
//   echo.work     the same, from a worker
//   echo.queue    the same, as a member of the group "echo"
//   echo.three    the same, three times and then no more
//   echo.keep     keeps the message past the callback and publishes it from control on echo.kept
//   echo.ask      sends a request to the subject in the payload; the outcome goes to echo.answer
//   echo.quit     ends the subscription to echo.in, waits for that, and says so on echo.gone
//   echo.look     looks at the server and says what it saw on echo.seen
//   echo.slow     keeps its shard busy for a millisecond
//
// `$ECHO.` is reserved. The section `echo` has the keys `greeting`, `fail_start` and `serves`, a
// path that is answered with the greeting on the monitoring port.

#include <dunlin/clock.hpp>
#include <dunlin/executor.hpp>
#include <dunlin/http.hpp>
#include <dunlin/observe.hpp>
#include <dunlin/plugin.hpp>
#include <dunlin/router.hpp>

#include <optional>
#include <string>
#include <vector>

namespace {

constexpr dunlin_key keys[] = {
    dunlin::key("greeting", DUNLIN_KEY_TEXT, "echo", "What answers begin with"),
    dunlin::key("fail_start", DUNLIN_KEY_BOOLEAN, "false", "Whether start fails"),
    dunlin::key("serves", DUNLIN_KEY_TEXT, "", "Path of an endpoint for monitoring"),
};
constexpr std::uint64_t slow_ns = 1'000'000;
constexpr std::uint64_t request_timeout_ns = 200'000'000;

std::string text_of(dunlin_bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data), bytes.size};
}
std::string text_of(dunlin_str text) { return {text.data, text.size}; }

class Echo {
 public:
  explicit Echo(dunlin::Host host) : host_(host) {}

  dunlin::result<> configure(dunlin::Config config) {
    if (auto ok = config.declare(keys); !ok) return ok;
    auto greeting = config.text("greeting");
    if (!greeting) return greeting.error();
    greeting_ = *greeting;
    auto fails = config.boolean("fail_start");
    if (!fails) return fails.error();
    fails_ = *fails;
    auto serves = config.text("serves");
    if (!serves) return serves.error();
    serves_ = *serves;
    return {};
  }

  dunlin::result<> start() {
    if (fails_) return dunlin::fail(DUNLIN_E_IO, "told to fail");
    router_ = host_.get<dunlin::Router>();
    executor_ = host_.get<dunlin::Executor>();
    account_ = host_.get<dunlin::Accounts>().global();
    if (auto ok = router_.reserve_prefix("$ECHO."); !ok) return ok;
    if (auto ok = serve(); !ok) return ok;
    const auto answer = [this](std::span<const dunlin_msg> messages) { echo(messages); };
    dunlin_sub_options anywhere{};
    anywhere.home_shard = DUNLIN_SHARD_NONE;
    if (auto ok = listen("echo.in", anywhere, answer); !ok) return ok;
    quits_ = subscriptions_.back().id();
    dunlin_sub_options home{};
    home.home_shard = 0;
    if (auto ok = listen("echo.home", home, answer); !ok) return ok;
    dunlin_sub_options work{};
    work.flags = DUNLIN_SUB_ON_WORKER;
    work.home_shard = DUNLIN_SHARD_NONE;
    if (auto ok = listen("echo.work", work, answer); !ok) return ok;
    dunlin_sub_options queue{};
    queue.home_shard = DUNLIN_SHARD_NONE;
    queue.queue = {"echo", 4};
    if (auto ok = listen("echo.queue", queue, answer); !ok) return ok;
    dunlin_sub_options three{};
    three.home_shard = DUNLIN_SHARD_NONE;
    three.messages_max = 3;
    if (auto ok = listen("echo.three", three, answer); !ok) return ok;
    return listen_for_orders();
  }

  // No key may change: declaring them says so.
  dunlin::result<> reload_prepare(dunlin::Config config) { return config.declare(keys); }
  void reload_finish(bool) {}

  void stop() noexcept {
    subscriptions_.clear();
    endpoint_.reset();
  }

 private:
  using OnMessages = dunlin::Subscription::OnMessages;

  dunlin::result<> serve() {
    if (serves_.empty()) return {};
    auto made = host_.get<dunlin::Http>().endpoint(
        serves_, DUNLIN_SCOPE_MONITOR, "",
        [this](const dunlin_http_request&, dunlin::HttpExchange exchange) {
          exchange.respond(200, "text/plain", greeting_);
        });
    if (!made) return made.error();
    endpoint_.emplace(std::move(*made));
    return {};
  }

  dunlin::result<> listen(std::string_view subject, dunlin_sub_options options,
                          OnMessages on_messages) {
    options.struct_size = sizeof options;
    options.subject = {subject.data(), subject.size()};
    auto made = router_.subscribe(account_, options, std::move(on_messages));
    if (!made) return made.error();
    subscriptions_.push_back(std::move(*made));
    return {};
  }
  dunlin::result<> on(std::string_view subject, OnMessages on_messages) {
    auto made = router_.subscribe(account_, subject, std::move(on_messages));
    if (!made) return made.error();
    subscriptions_.push_back(std::move(*made));
    return {};
  }

  dunlin::result<> listen_for_orders() {
    if (auto ok = on("echo.keep", [this](std::span<const dunlin_msg> all) { keep(all); }); !ok)
      return ok;
    if (auto ok = on("echo.ask", [this](std::span<const dunlin_msg> all) { ask(all); }); !ok)
      return ok;
    if (auto ok = on("echo.quit", [this](std::span<const dunlin_msg>) { quit(); }); !ok)
      return ok;
    const auto slow = [clock = host_.get<dunlin::Clock>()](std::span<const dunlin_msg>) {
      const auto end = clock.monotonic_ns() + slow_ns;
      while (clock.monotonic_ns() < end) continue;
    };
    if (auto ok = on("echo.slow", slow); !ok) return ok;
    return on("echo.look", [this](std::span<const dunlin_msg>) { look(); });
  }

  void say(std::string_view subject, std::string_view text) {
    static_cast<void>(router_.publish(account_, subject, text));
  }

  void echo(std::span<const dunlin_msg> messages) {
    for (const auto& message : messages)
      if (message.reply.size != 0)
        say(text_of(message.reply), greeting_ + ":" + text_of(message.payload));
  }

  void keep(std::span<const dunlin_msg> messages) {
    for (const auto& message : messages) {
      router_.raw().retain(message.owner);
      static_cast<void>(executor_.post_control([this, message] {
        dunlin_msg again = message;
        again.subject = {"echo.kept", 9};
        again.reply = {};
        static_cast<void>(router_.publish(account_, {&again, 1}));
        router_.raw().release(message.owner);
      }));
    }
  }

  void ask(std::span<const dunlin_msg> messages) {
    for (const auto& message : messages) {
      const std::string subject = text_of(message.payload);
      dunlin_msg request{};
      request.subject = {subject.data(), subject.size()};
      request.payload = {reinterpret_cast<const std::uint8_t*>("question"), 8};
      static_cast<void>(router_.request(
          account_, request, request_timeout_ns,
          [this](dunlin_status status, const dunlin_msg* reply) {
            say("echo.answer", status == DUNLIN_OK ? "got " + text_of(reply->payload)
                                                   : "status " + std::to_string(status));
          }));
    }
  }

  void quit() {
    static_cast<void>(executor_.post_control([this] {
      router_.raw().unsubscribe(host_.raw(), quits_);
      say("echo.gone", "");
    }));
  }

  void look() {
    static_cast<void>(executor_.post_control([this] {
      const auto observe = host_.get<dunlin::Observe>();
      static_cast<void>(observe.server([this](dunlin_status, dunlin::Snapshot snapshot) {
        if (!snapshot) return;
        const dunlin_server_info* const info = snapshot.server();
        say("echo.seen", "server " + text_of(info->server_name) + " connections " +
                             std::to_string(info->connections) + " subscriptions " +
                             std::to_string(info->subscriptions));
      }));
    }));
  }

  dunlin::Host host_;
  dunlin::Router router_;
  dunlin::Executor executor_;
  dunlin_account* account_ = nullptr;
  dunlin_sub_id quits_ = 0;
  std::string greeting_;
  bool fails_ = false;
  std::string serves_;
  std::vector<dunlin::Subscription> subscriptions_;
  std::optional<dunlin::Http::Endpoint> endpoint_;
};

}  // namespace

DUNLIN_PLUGIN(echo, Echo, dunlin::Describe{.id = "echo",
                                           .version = "1.0.0",
                                           .summary = "Answers tests",
                                           .license = "Apache-2.0"});
