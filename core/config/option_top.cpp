// The rows of the top level, in the order in which a reload compares them.

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "core/config/option_reader.hpp"
#include "core/protocol/go_quote.hpp"

namespace dunlin::config {
namespace {

using enum OptionType;
using O = Options;
using protocol::go_quote;

constexpr auto no = Reload::no;
constexpr auto yes = Reload::yes;
constexpr auto special = Reload::special;

// ---- rows that need more than storing ----------------------------------------------------------

template <class T>
T& as(void* target) {
  return *static_cast<T*>(target);
}

using Reader = OptionReader;
using Row = OptionRow;

void apply_listen(Reader& reader, const Row&, void* target, const Entry& entry) {
  auto& options = as<O>(target);
  reader.address(entry, options.host, options.port);
}

void apply_http(Reader& reader, const Row& row, void* target, const Entry& entry) {
  auto& monitoring = as<O>(target).monitoring;
  reader.address(entry, monitoring.host,
                 row.key == "https" ? monitoring.https_port : monitoring.port);
}

// Leading slash, no empty or dot segments, no slash at the end.
void apply_base_path(Reader& reader, const Row& row, void* target, const Entry& entry) {
  std::string written;
  reader.store(row, entry, written);
  std::string clean;
  for (std::size_t at = 0; at < written.size();) {
    const auto end = std::min(written.find('/', at), written.size());
    const auto segment = written.substr(at, end - at);
    at = end + 1;
    if (segment.empty() || segment == ".") continue;
    if (segment == "..") {
      clean.erase(std::min(clean.rfind('/'), clean.size()));
    } else {
      clean += "/" + segment;
    }
  }
  as<O>(target).monitoring.base_path = clean.empty() ? "/" : clean;
}

void apply_server_name(Reader& reader, const Row& row, void* target, const Entry& entry) {
  std::string name;
  reader.store(row, entry, name);
  if (name.find(' ') != std::string::npos) {
    reader.error(entry.at, "server name cannot contain spaces");
  } else {
    as<O>(target).server_name = name;
  }
}

// trace_verbose and trace_headers also switch `trace`.
template <bool Logging::*Flag>
void apply_trace(Reader& reader, const Row& row, void* target, const Entry& entry) {
  auto& logging = as<O>(target).logging;
  reader.store(row, entry, logging.*Flag);
  logging.trace = logging.*Flag;
}

// At most 2^31-1, as the protocol's lengths are.
template <int Limits::*Limit>
void apply_length(Reader& reader, const Row& row, void* target, const Entry& entry) {
  reader.store(row, entry, as<O>(target).limits.*Limit);
}

void apply_sub_tokens(Reader& reader, const Row& row, void* target, const Entry& entry) {
  const auto before = reader.error_count();
  std::int64_t tokens = 0;
  reader.store(row, entry, tokens);
  if (reader.error_count() != before) return;
  if (tokens > 255) {
    reader.error(entry.at, "max_sub_tokens value is too big");
  } else if (tokens <= 0) {
    reader.error(entry.at, "max_sub_tokens value can not be negative");
  } else {
    as<O>(target).limits.subscription_tokens = static_cast<int>(tokens);
  }
}

void apply_write_timeout(Reader& reader, const Row&, void* target, const Entry& entry) {
  const auto* text = reader.expect<std::string>(entry.value);
  if (text == nullptr) return;
  auto& out = as<O>(target).write_timeout;
  if (*text == "default") {
    out = WriteTimeout::automatic;
  } else if (*text == "close") {
    out = WriteTimeout::close;
  } else if (*text == "retry") {
    out = WriteTimeout::retry;
  } else {
    reader.error(entry.at, "write_timeout must be 'default', 'close' or 'retry'");
  }
}

std::string print_write_timeout(const void* target) {
  switch (static_cast<const O*>(target)->write_timeout) {
    case WriteTimeout::close: return "close";
    case WriteTimeout::retry: return "retry";
    case WriteTimeout::automatic: break;
  }
  return "default";
}

void apply_lame_duck(Reader& reader, const Row& row, void* target, const Entry& entry) {
  const auto before = reader.error_count();
  Duration duration{};
  reader.store(row, entry, duration);
  if (reader.error_count() != before) return;
  if (row.key == "lame_duck_grace_period") {
    if (duration < Duration::zero()) {
      reader.error(entry.at, "invalid lame_duck_grace_period, needs to be positive");
    } else {
      as<O>(target).lame_duck_grace_period = duration;
    }
  } else if (duration < std::chrono::seconds(30)) {
    reader.error(entry.at, fmt::format("invalid lame_duck_duration of {}, minimum is 30 seconds",
                                       print_value(duration)));
  } else {
    as<O>(target).lame_duck_duration = duration;
  }
}

void apply_tags(Reader& reader, const Row&, void* target, const Entry& entry) {
  std::vector<std::string> tags;
  if (!reader.texts("tags", entry.value, tags)) return;
  auto& out = as<O>(target).server_tags;
  for (const auto& written : tags) {
    auto tag = lower_case(written);
    const auto space = [](unsigned char c) { return std::isspace(c) != 0; };
    tag.erase(tag.begin(), std::find_if_not(tag.begin(), tag.end(), space));
    tag.erase(std::find_if_not(tag.rbegin(), tag.rend(), space).base(), tag.end());
    if (std::find(out.begin(), out.end(), tag) == out.end()) out.push_back(tag);
  }
}

void apply_metadata(Reader& reader, const Row&, void* target, const Entry& entry) {
  const auto* map = entry.value.as<Map>();
  if (map == nullptr) {
    reader.error(entry.at, fmt::format("error parsing metadata: unsupported type {}",
                                       type_name(entry.value)));
    return;
  }
  for (const auto& [key, value, at, used] : map->entries()) {
    if (const auto* text = reader.expect<std::string>(value)) {
      as<O>(target).server_metadata[key] = *text;
    }
  }
}

std::string print_metadata(const void* target) {
  std::string out = "map[";
  for (const auto& [key, value] : static_cast<const O*>(target)->server_metadata) {
    out += fmt::format("{}{}:{}", out.size() > 4 ? " " : "", key, value);
  }
  return out + "]";
}

void apply_feature_flags(Reader& reader, const Row&, void* target, const Entry& entry) {
  const auto* map = entry.value.as<Map>();
  if (map == nullptr) {
    reader.error(entry.at, fmt::format("error parsing feature flags: unsupported type {}",
                                       type_name(entry.value)));
    return;
  }
  for (const auto& [key, value, at, used] : map->entries()) {
    if (const auto* flag = value.as<bool>()) {
      as<O>(target).feature_flags[key] = *flag;
    } else {
      reader.error(at, fmt::format("error parsing feature flag {}: expected bool, got {}",
                                   go_quote(key), type_name(value)));
    }
  }
}

std::string print_feature_flags(const void* target) {
  std::string out = "map[";
  for (const auto& [key, value] : static_cast<const O*>(target)->feature_flags) {
    out += fmt::format("{}{}:{}", out.size() > 4 ? " " : "", key, value);
  }
  return out + "]";
}

void apply_system_account(Reader& reader, const Row&, void* target, const Entry& entry) {
  if (const auto* name = entry.value.as<std::string>()) {
    as<O>(target).system_account = *name;
  } else {
    reader.error(entry.at, "system account name must be a string");
  }
}

void apply_count(Reader& reader, const Row& row, void* target, const Entry& entry) {
  const auto before = reader.error_count();
  int count = 0;
  reader.store(row, entry, count);
  if (reader.error_count() != before) return;
  const int least = row.key == "threads" ? 0 : 4096;
  const int most = row.key == "threads" ? 255 : 64 * 1024 * 1024;
  if (count < least || count > most) {
    reader.error(entry.at, fmt::format("{} must be between {} and {}", row.key, least, most));
    return;
  }
  (row.key == "threads" ? as<O>(target).threads : as<O>(target).read_buffer_size) = count;
}

// A section of a plugin: kept for it, or refused in words. Switching it off needs no plugin.
void keep_section(Reader& reader, const Row& row, void* target, const Entry& entry) {
  const auto* flag = entry.value.as<bool>();
  const auto* text = entry.value.as<std::string>();
  const auto word = text != nullptr ? lower_case(*text) : std::string();
  if ((flag != nullptr && !*flag) || word == "disabled" || word == "disable") return;
  if (reader.provided(row.key)) {
    as<O>(target).sections.push_back({std::string(row.key), std::make_shared<const Entry>(entry)});
  } else {
    reader.refuse_plugin(entry, row.owner);
  }
}

// Options of the core that later versions bring.
void refuse_later(Reader& reader, const Row& row, void*, const Entry& entry) {
  if (const auto* flag = entry.value.as<bool>(); flag != nullptr && !*flag) return;
  if (const auto* port = entry.value.as<std::int64_t>(); port != nullptr && *port == 0) return;
  if (row.key == "accounts") {
    reader.refuse_feature(entry, "the accounts feature");
  } else if (row.key == "proxies") {
    reader.refuse_feature(entry, "trusted proxies");
  } else if (row.key == "prof_port" || row.key == "prof_block_rate") {
    reader.refuse_feature(entry, "profiling over HTTP");
  } else {
    reader.refuse_feature(entry, "OCSP stapling");
  }
}

constexpr OptionAccess section{keep_section, nullptr};
constexpr OptionAccess later{refuse_later, nullptr};

// ---- the table ---------------------------------------------------------------------------------

const OptionRow rows[] = {
    {"server_name", {}, text, "the server's id", no, "ServerName",
     "Name of this server, without spaces.", {apply_server_name, bound<&O::server_name>().print}},
    {"listen", {}, address, "0.0.0.0:4222", no, "Host", "Address for clients: host and port.",
     {apply_listen, nullptr}},
    {"host", {"net"}, text, "0.0.0.0", no, "Host", "Address to bind for clients.",
     bound<&O::host>()},
    {"port", {}, integer, "4222", no, "Port", "Port for clients; -1 lets the system choose.",
     bound<&O::port>()},
    {"client_advertise", {}, text, "", yes, "ClientAdvertise",
     "host[:port] told to clients in place of the server's own address.",
     bound<&O::client_advertise>()},
    {"trace", {}, boolean, "false", yes, "Trace", "Log the raw protocol.",
     bound<&O::logging, &Logging::trace>()},
    {"debug", {}, boolean, "false", yes, "Debug", "Log debugging output.",
     bound<&O::logging, &Logging::debug>()},
    {"trace_verbose", {}, boolean, "false", yes, "TraceVerbose",
     "Log the raw protocol of the system account too; also sets trace.",
     {apply_trace<&Logging::trace_verbose>, bound<&O::logging, &Logging::trace_verbose>().print}},
    {"trace_headers", {}, boolean, "false", yes, "TraceHeaders",
     "Log only the headers of traced messages; also sets trace.",
     {apply_trace<&Logging::trace_headers>, bound<&O::logging, &Logging::trace_headers>().print}},
    {"disable_sublist_cache", {"no_sublist_cache"}, boolean, "false", no, "NoSublistCache",
     "Match every message anew instead of remembering matches.",
     bound<&O::disable_sublist_cache>()},
    {"no_header_support", {}, boolean, "false", no, "NoHeaderSupport",
     "Do not offer message headers to clients.", bound<&O::no_header_support>()},
    {"logtime", {}, boolean, "true", yes, "Logtime", "Put the time on log lines.",
     bound<&O::logging, &Logging::time>()},
    {"logtime_utc", {}, boolean, "false", yes, "LogtimeUTC", "Log times in UTC.",
     bound<&O::logging, &Logging::utc>()},
    {"max_connections", {"max_conn"}, integer, "65536", yes, "MaxConn",
     "Clients at one time; 0 and -1 refuse every client.",
     bound<&O::limits, &Limits::connections>()},
    {"max_subscriptions", {"max_subs"}, integer, "0 (unlimited)", no, "MaxSubs",
     "Subscriptions of one connection.", bound<&O::limits, &Limits::subscriptions>()},
    {"max_sub_tokens", {"max_subscription_tokens"}, integer, "0 (unlimited)", no, "MaxSubTokens",
     "Tokens in a subscription's subject, 1 to 255.",
     {apply_sub_tokens, bound<&O::limits, &Limits::subscription_tokens>().print}},
    {"no_auth_user", {}, text, "", no, "NoAuthUser",
     "User for clients that bring no credentials.", bound<&O::no_auth_user>()},
    {"system_account", {"system"}, text, "$SYS", no, "SystemAccount", "Name of the system account.",
     {apply_system_account, bound<&O::system_account>().print}},
    {"no_system_account", {"no_system", "no_sys_acc"}, boolean, "false", no, "NoSystemAccount",
     "Run without a system account.", bound<&O::no_system_account>()},
    {"authorization", {}, map, "", special, "Authorization", "Who may connect and do what.",
     {apply_authorization, nullptr}, authorization_options()},
    {"ping_interval", {}, duration, "2m", yes, "PingInterval", "Time between PINGs to a client.",
     bound<&O::ping_interval>()},
    {"ping_max", {}, integer, "2", yes, "MaxPingsOut",
     "Unanswered PINGs before a connection is closed.", bound<&O::ping_max>()},
    {"http", {}, address, "off", no, "HTTPHost", "Address of the monitoring endpoints.",
     {apply_http, nullptr}, {}, "monitoring"},
    {"https", {}, address, "off", no, "HTTPHost",
     "Address of the monitoring endpoints over TLS; needs tls.", {apply_http, nullptr}, {},
     "monitoring"},
    {"http_port", {"monitor_port"}, integer, "0 (off)", no, "HTTPPort",
     "Port of the monitoring endpoints; -1 lets the system choose.",
     bound<&O::monitoring, &Monitoring::port>(), {}, "monitoring"},
    {"http_base_path", {}, text, "/", no, "HTTPBasePath", "Path under which monitoring is served.",
     {apply_base_path, bound<&O::monitoring, &Monitoring::base_path>().print}, {}, "monitoring"},
    {"https_port", {}, integer, "0 (off)", no, "HTTPSPort",
     "Port of the monitoring endpoints over TLS.",
     bound<&O::monitoring, &Monitoring::https_port>(), {}, "monitoring"},
    {"max_control_line", {}, size, "4096", yes, "MaxControlLine",
     "Bytes of one protocol line, 2147483647 at most.",
     {apply_length<&Limits::control_line>, bound<&O::limits, &Limits::control_line>().print}},
    {"max_payload", {}, size, "1MB", yes, "MaxPayload",
     "Bytes of one message; not more than max_pending.",
     {apply_length<&Limits::payload>, bound<&O::limits, &Limits::payload>().print}},
    {"max_pending", {}, size, "64MB", no, "MaxPending",
     "Bytes waiting for one client before it counts as too slow.",
     bound<&O::limits, &Limits::pending>()},
    {"no_fast_producer_stall", {}, boolean, "false", yes, "NoFastProducerStall",
     "Never slow a publisher down for the sake of slow subscribers.",
     bound<&O::no_fast_producer_stall>()},
    {"proxy_protocol", {}, boolean, "false", no, "ProxyProtocol",
     "Expect a PROXY protocol header on client connections.", bound<&O::proxy_protocol>()},
    {"prof_port", {}, integer, "0 (off)", no, "ProfPort", "Port for profiles.", later},
    {"prof_block_rate", {}, integer, "0", yes, "ProfBlockRate", "Rate of blocking profiles.",
     later},
    {"pid_file", {"pidfile"}, text, "", yes, "PidFile", "File to write the process id to.",
     bound<&O::pid_file>()},
    {"ports_file_dir", {}, text, "", yes, "PortsFileDir",
     "Directory for a file that lists the open ports.", bound<&O::ports_file_dir>()},
    {"log_file", {"logfile"}, text, "standard error", yes, "LogFile", "File to log to.",
     bound<&O::logging, &Logging::file>()},
    {"log_size_limit", {"logfile_size_limit"}, size, "0 (none)", no, "LogSizeLimit",
     "Size at which the log file is rotated.", bound<&O::logging, &Logging::size_limit>()},
    {"log_max_num", {"logfile_max_num"}, integer, "0 (all)", no, "LogMaxFiles",
     "Log files to keep, the current one included.", bound<&O::logging, &Logging::files_max>()},
    {"syslog", {}, boolean, "false", yes, "Syslog", "Log to the system log.",
     bound<&O::logging, &Logging::syslog>()},
    {"remote_syslog", {}, text, "", yes, "RemoteSyslog",
     "System log elsewhere: udp://host:port, tcp://host:port or unix:///path.",
     bound<&O::logging, &Logging::remote_syslog>()},
    {"tls", {}, map, "", yes, "TLSConfig", "TLS for clients.", {apply_tls, nullptr},
     tls_options()},
    {"allow_non_tls", {}, boolean, "false", no, "AllowNonTLS",
     "With tls: offer it, but let clients connect without.", bound<&O::allow_non_tls>()},
    {"write_deadline", {}, duration, "10s", yes, "WriteDeadline",
     "How long a write to a client may wait; for new connections.", bound<&O::write_deadline>()},
    {"write_timeout", {}, text, "default", no, "WriteTimeout",
     "What a missed write_deadline does: default, close or retry.",
     {apply_write_timeout, print_write_timeout}},
    {"max_closed_clients", {}, integer, "10000", no, "MaxClosedClients",
     "Closed connections that monitoring remembers.",
     bound<&O::limits, &Limits::closed_clients>()},
    {"lame_duck_duration", {}, duration_text, "2m", no, "LameDuckDuration",
     "Time over which clients are sent away in lame duck mode, 30s at least.",
     {apply_lame_duck, bound<&O::lame_duck_duration>().print}},
    {"lame_duck_grace_period", {}, duration_text, "10s", no, "LameDuckGracePeriod",
     "Time before the first client is sent away; less than lame_duck_duration.",
     {apply_lame_duck, bound<&O::lame_duck_grace_period>().print}},
    {"max_traced_msg_len", {}, integer, "0 (unlimited)", yes, "MaxTracedMsgLen",
     "Bytes of a message shown when traced.", bound<&O::logging, &Logging::max_traced_message>()},
    {"server_tags", {}, texts, "", yes, "Tags", "Tags of this server, kept in lower case.",
     {apply_tags, bound<&O::server_tags>().print}},
    {"server_metadata", {}, map, "", yes, "Metadata", "Names and values told by monitoring.",
     {apply_metadata, print_metadata}},
    {"feature_flags", {}, map, "", no, "FeatureFlags", "Features to switch on or off by name.",
     {apply_feature_flags, print_feature_flags}},
    {"connect_error_reports", {}, integer, "3600", yes, "ConnectErrorReports",
     "Log the first and every nth failed connection to another server.",
     bound<&O::connect_error_reports>()},
    {"reconnect_error_reports", {}, integer, "1", yes, "ReconnectErrorReports",
     "The same for connections that were up before.", bound<&O::reconnect_error_reports>()},
    {"mappings", {"maps"}, map, "", special, "Accounts", "Subjects rewritten when published.",
     {apply_mappings, nullptr}},
    {"store_dir", {"storedir"}, text, "", no, "StoreDir", "Directory for stored messages.",
     bound<&O::store_dir>()},
    {"plugins", {}, map, "", no, "Plugins", "Which plugins to load, and from where.",
     {apply_plugins, nullptr}, plugins_options()},
    {"threads", {}, integer, "0 (one per core)", no, "Threads", "Event loops to run.",
     {apply_count, bound<&O::threads>().print}},
    {"read_buffer_size", {}, size, "256KB", no, "ReadBufferSize",
     "Bytes of an event loop's read buffer.",
     {apply_count, bound<&O::read_buffer_size>().print}},

    {"accounts", {}, any, "", yes, "Accounts", "Accounts and their users.", later},
    {"proxies", {}, map, "", yes, "Proxies", "Trusted proxies.", later},
    {"ocsp", {}, any, "", yes, "OCSPConfig", "OCSP stapling.", later},
    {"ocsp_cache", {}, any, "", yes, "OCSPCacheConfig", "Cache of OCSP responses.", later},
    {"cluster", {}, any, "", special, "Cluster", "Routes to the servers of one cluster.", section,
     {}, "cluster"},
    {"gateway", {}, any, "", no, "Gateway", "Gateways between clusters.", section, {}, "gateway"},
    {"leafnodes", {"leaf"}, any, "", special, "LeafNode", "Leaf node connections.", section, {},
     "leafnode"},
    {"jetstream", {}, any, "off", special, "JetStream", "Streams and consumers.", section, {},
     "jetstream"},
    {"default_js_domain", {}, any, "", no, "JsAccDefaultDomain",
     "JetStream domain of accounts, in mixed mode.", section, {}, "jetstream"},
    {"mqtt", {}, any, "", special, "MQTT", "MQTT clients.", section, {}, "mqtt"},
    {"websocket", {"ws"}, any, "", no, "Websocket", "WebSocket clients.", section, {},
     "websocket"},
    {"operator", {"operators", "root", "roots", "root_operator", "root_operators"}, any, "", no,
     "TrustedOperators", "Operator JWTs.", section, {}, "operator"},
    {"trusted_keys", {"trusted"}, any, "", no, "TrustedKeys", "Public keys of operators.", section,
     {}, "operator"},
    {"resolver", {"account_resolver", "accounts_resolver"}, any, "", special, "AccountResolver",
     "Where account JWTs come from.", section, {}, "operator"},
    {"resolver_tls", {}, any, "", yes, "AccountResolverTLSConfig", "TLS to an URL resolver.",
     section, {}, "operator"},
    {"resolver_preload", {}, any, "", yes, "AccountResolver", "Account JWTs known from the start.",
     section, {}, "operator"},
    {"resolver_pinned_accounts", {}, any, "", yes, "AccountResolver",
     "The only accounts that users may use.", section, {}, "operator"},
    {"default_sentinel", {}, any, "", yes, "DefaultSentinel",
     "JWT for clients that bring no credentials.", section, {}, "operator"},
};

}  // namespace

std::span<const OptionRow> top_level_options() noexcept { return rows; }

std::string_view type_word(OptionType type) noexcept {
  constexpr std::string_view words[] = {"boolean", "integer", "size",    "duration",
                                        "duration", "seconds", "text",    "text or list",
                                        "address",  "section", "list",    "any"};
  return words[static_cast<std::size_t>(type)];
}

}  // namespace dunlin::config
