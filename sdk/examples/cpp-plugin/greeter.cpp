// A plugin in C++: a key, a counter, an endpoint and a timer, in one ordinary class.
#include <dunlin/clock.hpp>
#include <dunlin/health.hpp>
#include <dunlin/http.hpp>
#include <dunlin/metrics.hpp>
#include <dunlin/plugin.hpp>

#include <atomic>
#include <string>

class Greeter {
 public:
  explicit Greeter(dunlin::Host host) : host_(host) {}

  dunlin::result<> configure(dunlin::Config config) {
    if (auto ok = config.declare(keys); !ok) return ok;
    auto greeting = config.text("greeting");
    if (!greeting) return greeting.error();
    if (greeting->empty()) return config.get("greeting").refuse("a greeting says something");
    auto interval = config.duration("interval");
    if (!interval) return interval.error();
    greeting_ = *greeting;
    interval_ns_ = static_cast<std::uint64_t>(interval->count());
    return {};
  }

  dunlin::result<> start() {
    auto counter = host_.get<dunlin::Metrics>().counter("greetings_total", "Greetings given");
    if (!counter) return counter.error();
    greetings_ = *counter;
    auto endpoint = host_.get<dunlin::Http>().endpoint(
        "/greeting", DUNLIN_SCOPE_PUBLIC, "a greeting",
        [this](const dunlin_http_request&, dunlin::HttpExchange exchange) {
          greetings_.add();
          exchange.respond(200, "text/plain; charset=utf-8", greeting_ + "\n");
        });
    if (!endpoint) return endpoint.error();
    endpoint_ = std::move(*endpoint);
    auto timer = host_.get<dunlin::Clock>().timer(DUNLIN_THREAD_CONTROL, interval_ns_,
                                                  interval_ns_, [this] { greetings_.add(); });
    if (!timer) return timer.error();
    timer_ = std::move(*timer);
    host_.get<dunlin::Health>().set("voice", DUNLIN_HEALTH_OK);
    host_.get<dunlin::Log>().info("greeting with \"{}\"", greeting_);
    return {};
  }

  void stop() {
    timer_.cancel();
    endpoint_ = {};
  }

  dunlin::result<> reload_prepare(dunlin::Config config) {
    if (auto ok = config.declare(keys); !ok) return ok;
    auto greeting = config.text("greeting");
    if (!greeting) return greeting.error();
    next_greeting_ = *greeting;
    return {};
  }
  void reload_finish(bool commit) {
    if (commit) greeting_ = next_greeting_;
  }

 private:
  static constexpr dunlin_key keys[] = {
      dunlin::key("greeting", DUNLIN_KEY_TEXT, "hello", "what to say", DUNLIN_KEY_RELOADABLE),
      dunlin::key("interval", DUNLIN_KEY_DURATION, "10s", "how often to count")};

  dunlin::Host host_;
  std::string greeting_, next_greeting_;
  std::uint64_t interval_ns_ = 0;
  dunlin::Counter greetings_;
  dunlin::Http::Endpoint endpoint_;
  dunlin::Timer timer_;
};

DUNLIN_PLUGIN(greeter, Greeter, dunlin::Describe{
    .id = "com.example.greeter-cpp",
    .version = "1.0.0",
    .summary = "Says hello, in C++",
    .license = "Apache-2.0",
    .provides = {"com.example.greeting/1:cpp"},
    .needs = {dunlin::want("com.example.translator/1")}});
