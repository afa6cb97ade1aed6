#include "core/config/validate.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/config/conf_scalar.hpp"
#include "core/protocol/go_duration.hpp"
#include "core/protocol/go_quote.hpp"

namespace dunlin::config {
namespace {

template <class T>
void default_if_zero(T& value, T initial) {
  if (value == T{}) value = initial;
}

}  // namespace

void apply_baseline(Options& options) {
  const Options initial;
  default_if_zero(options.host, initial.host);
  default_if_zero(options.port, initial.port);
  default_if_zero(options.monitoring.host, options.host);
  default_if_zero(options.limits.connections, -1);
  default_if_zero(options.limits.control_line, initial.limits.control_line);
  default_if_zero(options.limits.payload, initial.limits.payload);
  default_if_zero(options.limits.pending, initial.limits.pending);
  default_if_zero(options.limits.closed_clients, initial.limits.closed_clients);
  default_if_zero(options.ping_interval, initial.ping_interval);
  default_if_zero(options.ping_max, initial.ping_max);
  default_if_zero(options.write_deadline, initial.write_deadline);
  default_if_zero(options.lame_duck_duration, initial.lame_duck_duration);
  default_if_zero(options.lame_duck_grace_period, initial.lame_duck_grace_period);
  default_if_zero(options.connect_error_reports, initial.connect_error_reports);
  default_if_zero(options.reconnect_error_reports, initial.reconnect_error_reports);
  options.authorization.timeout = effective_auth_timeout(options);
}

double effective_auth_timeout(const Options& options) noexcept {
  if (options.authorization.timeout != 0) return options.authorization.timeout;
  return options.tls ? options.tls->timeout + 1 : 2;
}

// An option that would be silently without effect must not be accepted.
result<> refuse_unavailable(const Options& options) {
  if (options.tls && options.tls->verify_and_map)
    return fail("tls: verify_and_map needs the accounts feature, which is not available yet");
  return {};
}

result<> validate(const Options& options) {
  if (const auto available = refuse_unavailable(options); !available) return available;
  if (options.lame_duck_grace_period >= options.lame_duck_duration) {
    return fail(fmt::format("lame duck grace period ({}) should be strictly lower than lame duck "
                            "duration ({})",
                            protocol::go_duration(options.lame_duck_grace_period),
                            protocol::go_duration(options.lame_duck_duration)));
  }
  if (options.limits.payload > options.limits.pending) {
    return fail(fmt::format("max_payload ({}) cannot be higher than max_pending ({})",
                            options.limits.payload, options.limits.pending));
  }
  if (options.server_name.find(' ') != std::string::npos) {
    return fail("server name cannot contain spaces");
  }
  if (const auto& name = options.no_auth_user; !name.empty()) {
    const auto& users = options.authorization.users;
    if (users.empty()) {
      return fail(fmt::format("no_auth_user: {} present, but users/nkeys are not defined",
                              protocol::go_quote(name)));
    }
    const bool found = std::any_of(users.begin(), users.end(),
                                   [&](const User& user) { return user.name == name; });
    if (!found) {
      return fail(fmt::format("no_auth_user: {} not present as user or nkey in authorization block "
                              "or account configuration", protocol::go_quote(name)));
    }
  }
  if (options.monitoring.port != 0 && options.monitoring.https_port != 0) {
    return fail(fmt::format("can't specify both HTTP ({}) and HTTPs ({}) ports",
                            options.monitoring.port, options.monitoring.https_port));
  }
  if (options.monitoring.https_port != 0 && !options.tls) {
    return fail("TLS cert and key required for HTTPS");
  }
  return {};
}

}  // namespace dunlin::config
