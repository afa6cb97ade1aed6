#include "bench/load/options.hpp"

#include <charconv>
#include <functional>
#include <map>
#include <stdexcept>
#include <string_view>

namespace dunlin::bench {
namespace {

template <typename Number>
Number parse_number(const std::string& text) {
  Number value{};
  const char* end = text.data() + text.size();
  const auto [stop, status] = std::from_chars(text.data(), end, value);
  if (status != std::errc{} || stop != end || value < 0) {
    throw std::invalid_argument("not a number: '" + text + "'");
  }
  return value;
}

const std::map<std::string, Mode, std::less<>> modes{{"publish", Mode::publish},
                                                     {"request", Mode::request},
                                                     {"storm", Mode::storm},
                                                     {"subscriptions", Mode::subscriptions}};

const std::map<std::string, Topology, std::less<>> topologies{
    {"none", Topology::none},       {"fanout", Topology::fanout},
    {"pairs", Topology::pairs},     {"queue", Topology::queue},
    {"mixed", Topology::mixed},     {"literal", Topology::literal},
    {"wildcard", Topology::wildcard}, {"tenth", Topology::tenth}};

template <typename Value>
Value choose(const std::map<std::string, Value, std::less<>>& choices, const std::string& text) {
  const auto found = choices.find(text);
  if (found == choices.end()) throw std::invalid_argument("unknown choice '" + text + "'");
  return found->second;
}

using Setter = std::function<void(Options&, const std::string&)>;

Setter count_into(std::size_t Options::* member) {
  return [member](Options& options, const std::string& text) {
    options.*member = parse_number<std::size_t>(text);
  };
}

Setter seconds_into(double Options::* member) {
  return [member](Options& options, const std::string& text) {
    options.*member = parse_number<double>(text);
  };
}

void set_endpoint(Options& options, const std::string& text) {
  options.target.endpoint = parse_endpoint(text);
}

void set_pid(Options& options, const std::string& text) {
  options.server_pid = parse_number<pid_t>(text);
}

const std::map<std::string, Setter, std::less<>>& value_flags() {
  static const std::map<std::string, Setter, std::less<>> flags{
      {"--connect", set_endpoint},
      {"--pid", set_pid},
      {"--user", [](Options& o, const std::string& v) { o.target.user = v; }},
      {"--password", [](Options& o, const std::string& v) { o.target.password = v; }},
      {"--label", [](Options& o, const std::string& v) { o.label = v; }},
      {"--topology", [](Options& o, const std::string& v) { o.topology = choose(topologies, v); }},
      {"--seconds", seconds_into(&Options::seconds)},
      {"--warmup", seconds_into(&Options::warmup_seconds)},
      {"--stall", seconds_into(&Options::stall_seconds)},
      {"--size", count_into(&Options::payload_size)},
      {"--headers", count_into(&Options::header_size)},
      {"--publishers", count_into(&Options::publishers)},
      {"--subscribers", count_into(&Options::subscribers)},
      {"--subjects", count_into(&Options::subjects)},
      {"--batch", count_into(&Options::batch_bytes)},
      {"--window", count_into(&Options::window_bytes)},
      {"--idle", count_into(&Options::idle)},
      {"--slow", count_into(&Options::slow)},
      {"--churn", count_into(&Options::churn_per_s)},
      {"--in-flight", count_into(&Options::in_flight)},
      {"--ask", [](Options& o, const std::string& v) { o.asked = v; }},
      {"--count", count_into(&Options::count)},
      {"--concurrent", count_into(&Options::concurrent)}};
  return flags;
}

Setter switch_on(bool Options::* member) {
  return [member](Options& options, const std::string&) { options.*member = true; };
}

const std::map<std::string, Setter, std::less<>>& plain_flags() {
  static const std::map<std::string, Setter, std::less<>> flags{
      {"--relay", [](Options& o, const std::string&) { o.target.is_relay = true; }},
      {"--write-per-message", switch_on(&Options::is_write_per_message)},
      {"--check", switch_on(&Options::is_checking)},
      {"--recover", switch_on(&Options::is_recovering)},
      {"--new-inbox", switch_on(&Options::is_new_inbox)},
      {"--text", switch_on(&Options::is_text)}};
  return flags;
}

void validate(Options& options) {
  if (options.target.endpoint.sin_port == 0) throw std::invalid_argument("--connect is missing");
  if (options.topology == Topology::none) options.subscribers = 0;
  if (options.topology == Topology::pairs) options.subscribers = options.publishers;
  if (options.header_size > 0 && options.header_size < 20) {
    throw std::invalid_argument("--headers needs at least 20 bytes");
  }
  if (options.publishers == 0 || options.in_flight == 0 || options.batch_bytes == 0 ||
      options.count == 0 || options.concurrent == 0 || options.subjects == 0) {
    throw std::invalid_argument("counts must not be zero");
  }
  if (options.in_flight > 9999 || options.publishers > 9999) {
    throw std::invalid_argument("--in-flight and --publishers are at most 9999");
  }
  if (options.target.is_relay && (options.publishers != 1 || options.subscribers != 1)) {
    throw std::invalid_argument("a relay has one publisher and one subscriber");
  }
}

}  // namespace

Options parse_options(int argc, char** argv) {
  if (argc < 2) throw std::invalid_argument("the mode is missing");
  Options options;
  options.mode = choose(modes, argv[1]);
  options.label = argv[1];
  for (int i = 2; i < argc; ++i) {
    const std::string flag = argv[i];
    if (const auto plain = plain_flags().find(flag); plain != plain_flags().end()) {
      plain->second(options, {});
      continue;
    }
    const auto found = value_flags().find(flag);
    if (found == value_flags().end()) throw std::invalid_argument("unknown flag " + flag);
    if (++i == argc) throw std::invalid_argument(flag + " needs a value");
    found->second(options, argv[i]);
  }
  validate(options);
  return options;
}

std::string usage_text() {
  return R"(dunlin-bench MODE --connect ADDRESS:PORT [flags]

Modes
  publish        publishers and subscribers, shaped by --topology
  request        requesters, each with --in-flight requests, and one responder
  storm          connect, handshake, disconnect, --concurrent at one time
  subscriptions  make --count subscriptions and tell the memory of each

Flags
  --connect A:P         the server                 --pid N            its process, for CPU and RSS
  --user U --password P credentials                --label TEXT       name in the report
  --seconds S           length of the timed run    --warmup S         checked run before it
  --stall S             give up without progress   --text             report for people
  --size B              payload                    --headers B        header bytes, 0 for PUB
  --topology T          none fanout pairs queue mixed literal wildcard tenth
  --publishers N        also requesters            --subscribers N    also connections
  --subjects N          for literal, wildcard, tenth
  --batch B             bytes per write            --write-per-message
  --window B            bytes on the way to all subscribers; a few frames for each at least
  --check               compare every frame        --recover          wait for memory to return
  --idle N              idle connections           --slow N           subscribers which never read
  --churn N             SUB+UNSUB pairs a second
  --in-flight N         per requester              --new-inbox        a new inbox per request
  --ask SUBJECT         requests to what the server itself answers, of whatever size
  --count N             subscriptions              --concurrent N     connections of a storm
  --relay               the target is dunlin-relay
)";
}

}  // namespace dunlin::bench
