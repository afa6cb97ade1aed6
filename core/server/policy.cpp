#include "core/server/policy.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/config/advertise.hpp"
#include "core/config/command_line.hpp"

namespace dunlin::server {

namespace {

net::Nanoseconds nanoseconds_of(config::Duration duration) {
  return static_cast<net::Nanoseconds>(std::max<config::Duration::rep>(duration.count(), 0));
}

std::string text_of(const config::PermissionSubject& entry) {
  return entry.queue.empty() ? entry.subject : entry.subject + " " + entry.queue;
}

auth::SubjectRules rules_of(const std::optional<config::SubjectPermission>& permission) {
  auth::SubjectRules rules;
  if (!permission) return rules;
  if (permission->allow) {
    rules.allow.emplace();
    for (const auto& entry : *permission->allow) rules.allow->push_back(text_of(entry));
  }
  for (const auto& entry : permission->deny) rules.deny.push_back(text_of(entry));
  return rules;
}

std::optional<auth::PermissionRules> rules_of(const std::optional<config::Permissions>& given) {
  if (!given) return std::nullopt;
  auth::PermissionRules rules;
  rules.publish = rules_of(given->publish);
  rules.subscribe = rules_of(given->subscribe);
  if (given->allow_responses)
    rules.responses = {.count_max = given->allow_responses->max,
                       .lifetime = given->allow_responses->expires.count()};
  return rules;
}

result<auth::AuthSettings> auth_settings_of(const config::Options& options) {
  const config::Authorization& given = options.authorization;
  auth::AuthSettings settings;
  settings.user = given.user;
  settings.password = given.password;
  settings.token = given.token;
  settings.no_auth_user = options.no_auth_user;
  settings.proxy_required = given.proxy_required;
  settings.default_permissions = rules_of(given.default_permissions);
  for (const config::User& user : given.users) {
    auth::UserSettings one;
    one.user = user.name;
    one.password = user.password;
    if (!user.account.empty()) one.account = user.account;
    one.permissions = rules_of(user.permissions);
    for (const std::string& name : user.allowed_connection_types) {
      const auto type = auth::connection_type_of(name);
      if (!type) return fail("unknown connection type \"" + name + "\"");
      one.connection_types.add(*type);
    }
    one.proxy_required = user.proxy_required;
    settings.users.push_back(std::move(one));
  }
  return settings;
}

result<> fill_info(protocol::ServerInfo& info, const config::Options& options,
                   const auth::ServerIdentity& identity, int port) {
  info.server_id = identity.id();
  info.server_name = options.server_name.empty() ? identity.id() : options.server_name;
  info.version = config::compatible_version;
  info.go = "none, c++20";
  info.host = options.host;
  info.port = port;
  info.headers = !options.no_header_support;
  info.max_payload = options.limits.payload;
  info.api_lvl = 5;
  info.xkey = identity.xkey();
  if (!options.client_advertise.empty()) {
    auto told = config::parse_advertise(options.client_advertise, port);
    if (!told) return fail(told.error().text);
    info.host = std::move(told->host);
    info.port = told->port;
  }
  if (!options.tls) return {};
  info.tls_required = !options.allow_non_tls;
  info.tls_available = options.allow_non_tls;
  info.tls_verify = options.tls->verify;
  return {};
}

result<std::shared_ptr<const net::TransportSettings>> transport_of(
    const config::Options& options) {
  auto settings = std::make_shared<net::TransportSettings>();
  if (options.tls) {
    auto made = make_transport(*options.tls, net::TlsRole::server);
    if (!made) return made.error();
    settings = std::move(*made);
    settings->allows_plain = options.allow_non_tls;
  }
  settings->proxy_protocol = options.proxy_protocol;
  return std::shared_ptr<const net::TransportSettings>(std::move(settings));
}

}  // namespace

result<std::shared_ptr<net::TransportSettings>> make_transport(const config::Tls& given,
                                                               net::TlsRole role,
                                                               std::string server_name) {
  auto settings = std::make_shared<net::TransportSettings>();
  net::TlsSettings tls;
  tls.cert_file = given.cert_file;
  tls.key_file = given.key_file;
  for (const auto& pair : given.certs) tls.certificates.push_back({pair.cert_file, pair.key_file});
  tls.ca_file = given.ca_file;
  tls.verify = given.verify;
  tls.insecure = given.insecure;
  tls.server_name = std::move(server_name);
  tls.min_version =
      given.min_version == "1.3" ? net::TlsVersion::tls13 : net::TlsVersion::tls12;
  tls.cipher_suites = given.cipher_suites;
  tls.allow_insecure_cipher_suites = given.allow_insecure_cipher_suites;
  tls.curve_preferences = given.curve_preferences;
  tls.pinned_certs.assign(given.pinned_certs.begin(), given.pinned_certs.end());
  auto context = net::TlsContext::create(tls, role);
  if (!context) return context.error();
  settings->tls = std::move(*context);
  if (given.connection_rate_limit > 0)
    settings->handshake_rate = std::make_shared<net::HandshakeRate>(given.connection_rate_limit);
  settings->handshake_first = given.handshake_first;
  settings->handshake_first_fallback = nanoseconds_of(given.handshake_first_fallback);
  settings->tls_timeout =
      static_cast<net::Nanoseconds>(given.timeout * static_cast<double>(net::seconds));
  return settings;
}

result<std::unique_ptr<const ClientPolicy>> make_policy(const config::Options& options,
                                                        const auth::ServerIdentity& identity,
                                                        int port) {
  const auto auth_settings = auth_settings_of(options);
  if (!auth_settings) return auth_settings.error();
  const auto users = auth::ConfiguredUsers::create(*auth_settings);
  if (!users) return users.error();
  auto policy = std::make_unique<ClientPolicy>();
  policy->authenticator = *users;
  client::ClientSettings& settings = policy->settings;
  if (const auto filled = fill_info(settings.info, options, identity, port); !filled)
    return fail(fmt::format("Error setting server INFO with ClientAdvertise value of {}, err={}",
                            options.client_advertise, filled.error().text));
  settings.info.auth_required = (*users)->is_required();
  settings.auth_required = (*users)->is_required();
  settings.has_no_auth_user = (*users)->has_no_auth_user();
  settings.max_control_line = static_cast<std::size_t>(options.limits.control_line);
  settings.max_payload = static_cast<std::size_t>(options.limits.payload);
  settings.max_subscriptions = static_cast<std::size_t>(std::max(options.limits.subscriptions, 0));
  settings.max_subscription_tokens = static_cast<std::size_t>(options.limits.subscription_tokens);
  settings.ping_interval = nanoseconds_of(options.ping_interval);
  settings.ping_max = options.ping_max;
  settings.auth_timeout = static_cast<net::Nanoseconds>(config::effective_auth_timeout(options) *
                                                        static_cast<double>(net::seconds));
  settings.traces = options.logging.trace;
  settings.traces_headers_only = options.logging.trace_headers;
  settings.max_traced_message = static_cast<std::size_t>(options.logging.max_traced_message);
  policy->limits.pending_max = static_cast<std::size_t>(options.limits.pending);
  policy->limits.write_deadline = nanoseconds_of(options.write_deadline);
  policy->limits.retries_after_timeout = options.write_timeout == config::WriteTimeout::retry;
  policy->connections_max = options.limits.connections;
  auto transport = transport_of(options);
  if (!transport) return transport.error();
  policy->transport = std::move(*transport);
  return std::unique_ptr<const ClientPolicy>(std::move(policy));
}

result<std::unique_ptr<const routing::Mappings>> make_mappings(const config::Options& options) {
  using Result = std::unique_ptr<const routing::Mappings>;
  if (options.mappings.empty()) return Result();
  auto mappings = std::make_unique<routing::Mappings>();
  for (const config::Mapping& given : options.mappings) {
    std::vector<subject::Mapping::Destination> destinations;
    for (const auto& destination : given.destinations)
      destinations.push_back({destination.subject,
                              static_cast<std::uint32_t>(destination.weight),
                              destination.cluster});
    auto mapping = subject::Mapping::create(given.source, destinations);
    if (!mapping) return mapping.error();
    mappings->push_back(std::move(*mapping));
  }
  return Result(std::move(mappings));
}

}  // namespace dunlin::server
