#include "core/config/command_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "core/protocol/go_quote.hpp"

namespace dunlin::config {
namespace {

using protocol::go_quote;

enum class FlagKind { boolean, integer, text };

struct Flag {
  std::string_view name;  // canonical
  FlagKind kind;
  std::array<std::string_view, 3> others;
};

constexpr Flag known_flags[] = {
    {"addr", FlagKind::text, {"a", "net"}},
    {"port", FlagKind::integer, {"p"}},
    {"server_name", FlagKind::text, {"n", "name"}},
    {"pid", FlagKind::text, {"P"}},
    {"http_port", FlagKind::integer, {"m"}},
    {"https_port", FlagKind::integer, {"ms"}},
    {"config", FlagKind::text, {"c"}},
    {"t", FlagKind::boolean, {}},
    {"check", FlagKind::text, {}},
    {"signal", FlagKind::text, {"sl"}},
    {"client_advertise", FlagKind::text, {}},
    {"ports_file_dir", FlagKind::text, {}},
    {"log", FlagKind::text, {"l"}},
    {"logtime", FlagKind::boolean, {"T"}},
    {"logtime_utc", FlagKind::boolean, {}},
    {"syslog", FlagKind::boolean, {"s"}},
    {"remote_syslog", FlagKind::text, {"r"}},
    {"debug", FlagKind::boolean, {"D"}},
    {"trace", FlagKind::boolean, {"V"}},
    {"VV", FlagKind::boolean, {}},
    {"DV", FlagKind::boolean, {}},
    {"DVV", FlagKind::boolean, {}},
    {"log_size_limit", FlagKind::integer, {}},
    {"max_traced_msg_len", FlagKind::integer, {}},
    {"jetstream", FlagKind::boolean, {"js"}},
    {"store_dir", FlagKind::text, {"sd"}},
    {"user", FlagKind::text, {}},
    {"pass", FlagKind::text, {}},
    {"auth", FlagKind::text, {}},
    {"tls", FlagKind::boolean, {}},
    {"tlsverify", FlagKind::boolean, {}},
    {"tlscert", FlagKind::text, {}},
    {"tlskey", FlagKind::text, {}},
    {"tlscacert", FlagKind::text, {}},
    {"routes", FlagKind::text, {}},
    {"cluster", FlagKind::text, {"cluster_listen"}},
    {"cluster_name", FlagKind::text, {}},
    {"no_advertise", FlagKind::boolean, {}},
    {"cluster_advertise", FlagKind::text, {}},
    {"connect_retries", FlagKind::integer, {}},
    {"profile", FlagKind::integer, {}},
    {"help", FlagKind::boolean, {"h"}},
    {"version", FlagKind::boolean, {"v"}},
    {"help_tls", FlagKind::boolean, {}},
    {"help_options", FlagKind::boolean, {}},
    {"list-plugins", FlagKind::boolean, {"list_plugins"}},
};

const Flag* find_flag(std::string_view name) {
  for (const auto& flag : known_flags) {
    if (flag.name == name || (!name.empty() && std::find(flag.others.begin(), flag.others.end(),
                                                         name) != flag.others.end())) {
      return &flag;
    }
  }
  return nullptr;
}

bool is_true(std::string_view value) {
  return value == "1" || value == "t" || value == "T" || value == "true" || value == "TRUE" ||
         value == "True";
}

bool is_boolean(std::string_view value) {
  return is_true(value) || value == "0" || value == "f" || value == "F" || value == "false" ||
         value == "FALSE" || value == "False";
}

// Go accepts 0x, 0o and 0b and underscores too; what is printed for a bad number is the same.
result<std::int64_t> parse_integer(std::string_view text) {
  auto digits = text;
  const bool negative = digits.starts_with('-');
  if (negative || digits.starts_with('+')) digits.remove_prefix(1);
  int base = 10;
  if (digits.size() > 1 && digits[0] == '0') {
    const char kind = static_cast<char>(digits[1] | 32);
    base = kind == 'x' ? 16 : kind == 'b' ? 2 : 8;
    digits.remove_prefix(kind == 'x' || kind == 'b' || kind == 'o' ? 2 : 1);
  }
  std::int64_t value = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (read.ec == std::errc::result_out_of_range) return fail("value out of range");
  if (digits.empty() || digits[0] == '-' || read.ec != std::errc() ||
      read.ptr != digits.data() + digits.size()) {
    return fail("parse error");
  }
  return negative ? -value : value;
}

// Puts the flag in its place; fails as Go's flag package words it.
result<> take(CommandLine& command, const Flag& flag, std::string_view name, std::string value) {
  if (flag.kind == FlagKind::boolean && !is_boolean(value)) {
    return fail(
        fmt::format("invalid boolean value {} for -{}: parse error", go_quote(value), name));
  }
  if (flag.kind == FlagKind::integer) {
    const auto number = parse_integer(value);
    if (!number) {
      return fail(fmt::format("invalid value {} for flag -{}: {}", go_quote(value), name,
                              number.error().text));
    }
    value = std::to_string(*number);
  }
  if (flag.kind == FlagKind::boolean) value = is_true(value) ? "true" : "false";
  const bool on = value == "true";
  if (flag.name == "config") {
    command.config_file = value;
  } else if (flag.name == "t") {
    command.check = on;
  } else if (flag.name == "check") {
    if (value != "full" && value != "syntax") {
      return fail(fmt::format("invalid value {} for flag -check: expected \"full\" or \"syntax\"",
                              go_quote(value)));
    }
    command.check = true;
    command.check_full = value == "full";
  } else if (flag.name == "signal") {
    command.signal = value;
  } else if (flag.name == "help") {
    command.help = on;
  } else if (flag.name == "version") {
    command.version = on;
  } else if (flag.name == "help_tls") {
    command.help_tls = on;
  } else if (flag.name == "help_options") {
    command.help_options = on;
  } else if (flag.name == "list-plugins") {
    command.list_plugins = on;
  } else {
    command.flags.emplace_back(flag.name, std::move(value));
  }
  return {};
}

int to_int(const std::string& value) {
  std::int64_t number = 0;
  std::from_chars(value.data(), value.data() + value.size(), number);
  return static_cast<int>(std::clamp<std::int64_t>(number, std::numeric_limits<int>::min(),
                                                   std::numeric_limits<int>::max()));
}

void apply_logging(std::string_view name, const std::string& value, Logging& logging) {
  const bool on = value == "true";
  if (name == "log") {
    logging.file = value;
  } else if (name == "logtime") {
    logging.time = on;
  } else if (name == "logtime_utc") {
    logging.utc = on;
  } else if (name == "syslog") {
    logging.syslog = on;
  } else if (name == "remote_syslog") {
    logging.remote_syslog = value;
  } else if (name == "debug") {
    logging.debug = on;
  } else if (name == "trace") {
    logging.trace = on;
  } else if (name == "VV") {
    logging.trace = logging.trace_verbose = on;
  } else if (name == "DV") {
    logging.debug = logging.trace = on;
  } else if (name == "DVV") {
    logging.debug = logging.trace = logging.trace_verbose = on;
  } else if (name == "max_traced_msg_len") {
    logging.max_traced_message = to_int(value);
  } else if (name == "log_size_limit") {
    std::from_chars(value.data(), value.data() + value.size(), logging.size_limit);
  }
}

void apply_basic(std::string_view name, const std::string& value, Options& options) {
  if (name == "addr") {
    options.host = value;
  } else if (name == "port") {
    options.port = to_int(value);
  } else if (name == "server_name") {
    options.server_name = value;
  } else if (name == "pid") {
    options.pid_file = value;
  } else if (name == "http_port") {
    options.monitoring.port = to_int(value);
  } else if (name == "https_port") {
    options.monitoring.https_port = to_int(value);
  } else if (name == "client_advertise") {
    options.client_advertise = value;
  } else if (name == "ports_file_dir") {
    options.ports_file_dir = value;
  } else if (name == "store_dir") {
    options.store_dir = value;
  } else if (name == "user") {
    options.authorization.user = value;
  } else if (name == "pass") {
    options.authorization.password = value;
  } else if (name == "auth") {
    options.authorization.token = value;
  } else {
    apply_logging(name, value, options.logging);
  }
}

// Any TLS flag builds the whole TLS configuration from flags; `--tls=false` removes it.
result<> apply_tls_flags(const CommandLine& command, Options& options) {
  Tls tls;
  bool given = false;
  for (const auto& [name, value] : command.flags) {
    if (name == "tls" && value == "false") {
      options.tls.reset();
      return {};
    }
    given = given || name.starts_with("tls");
    if (name == "tlscert") tls.cert_file = value;
    if (name == "tlskey") tls.key_file = value;
    if (name == "tlscacert") tls.ca_file = value;
    if (name == "tlsverify") tls.verify = value == "true";
  }
  if (!given) return {};
  if (tls.cert_file.empty()) return fail("TLS Server certificate must be present and valid");
  if (tls.key_file.empty()) return fail("TLS Server private key must be present and valid");
  options.tls = std::move(tls);
  return {};
}

std::string redacted_url(std::string url) {
  const auto scheme = url.find("://");
  const auto start = scheme == std::string::npos ? 0 : scheme + 3;
  const auto end = std::min(url.find('/', start), url.size());
  const auto at = url.substr(start, end - start).rfind('@');
  if (at != std::string::npos) url.replace(start, at, "[REDACTED]");
  return url;
}

std::string redacted_urls(std::string_view list) {
  std::string out;
  for (std::size_t at = 0; at <= list.size();) {
    const auto end = std::min(list.find(',', at), list.size());
    if (at != 0) out += ',';
    out += redacted_url(std::string(list.substr(at, end - at)));
    at = end + 1;
  }
  return out;
}

}  // namespace

result<CommandLine> parse_command_line(int argc, const char* const* argv) {
  CommandLine command;
  int i = 1;
  for (; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument.size() < 2 || argument[0] != '-') break;
    std::string_view name = argument.substr(argument[1] == '-' ? 2 : 1);
    if (argument == "--") {
      ++i;
      break;
    }
    if (name.empty() || name[0] == '-' || name[0] == '=') {
      return fail(fmt::format("bad flag syntax: {}", argument));
    }
    const auto equals = name.find('=');
    const bool inline_value = equals != std::string_view::npos;
    std::string value(inline_value ? name.substr(equals + 1) : "");
    name = name.substr(0, equals);
    const auto* flag = find_flag(name);
    if (flag == nullptr) return fail(fmt::format("flag provided but not defined: -{}", name));
    if (!inline_value) {
      if (flag->kind == FlagKind::boolean) {
        value = "true";
      } else if (i + 1 < argc) {
        value = argv[++i];
      } else {
        return fail(fmt::format("flag needs an argument: -{}", name));
      }
    }
    if (auto taken = take(command, *flag, name, std::move(value)); !taken) return taken.error();
  }
  for (; i < argc; ++i) command.positional.emplace_back(argv[i]);
  return command;
}

result<> apply(const CommandLine& command, Options& options) {
  for (const auto& [name, value] : command.flags) {
    if (name == "profile" && value != "0") {
      return fail("--profile is not available in this server yet: it needs profiling over HTTP");
    }
    apply_basic(name, value, options);
  }
  return apply_tls_flags(command, options);
}

std::vector<std::string> redacted_arguments(int argc, const char* const* argv) {
  std::vector<std::string> out(argv, argv + argc);
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (!out[i].starts_with('-')) continue;
    const auto name_start = out[i].find_first_not_of('-');
    if (name_start > 2) continue;
    const auto equals = out[i].find('=');
    const auto name = out[i].substr(name_start, equals - name_start);
    const bool secret = name == "user" || name == "pass" || name == "auth";
    if (!secret && name != "routes" && name != "cluster" && name != "cluster_listen") continue;
    const auto redact = [&](const std::string& value) {
      return secret ? std::string("[REDACTED]") : redacted_urls(value);
    };
    if (equals != std::string::npos) {
      out[i] = out[i].substr(0, equals + 1) + redact(out[i].substr(equals + 1));
    } else if (i + 1 < out.size()) {
      out[i + 1] = redact(out[i + 1]);
      ++i;
    }
  }
  return out;
}

}  // namespace dunlin::config
