#include "endpoints.hpp"

namespace dunlin::monitoring {
namespace {

constexpr EndpointRow rows[] = {
    {"/", "", serve_index, DUNLIN_SCOPE_MONITOR},
    {"/varz", "General", serve_varz, DUNLIN_SCOPE_MONITOR},
    {"/connz", "Connections", serve_connz, DUNLIN_SCOPE_MONITOR},
    {"/accountz", "Accounts", serve_accountz, DUNLIN_SCOPE_MONITOR},
    {"/accstatz", "Account Stats", serve_accstatz, DUNLIN_SCOPE_MONITOR},
    {"/subsz", "Subscriptions", serve_subsz, DUNLIN_SCOPE_MONITOR},
    {"/subscriptionsz", "", serve_subsz, DUNLIN_SCOPE_MONITOR},
    {"/healthz", "Health Probe", serve_healthz, DUNLIN_SCOPE_PUBLIC},
    {"/debug/vars", "Expvar", serve_debug_vars, DUNLIN_SCOPE_MONITOR},
    {"/metrics", "Prometheus Metrics", serve_metrics, DUNLIN_SCOPE_MONITOR},
};

}  // namespace

std::span<const EndpointRow> endpoint_rows() noexcept { return rows; }

Context::Context(dunlin::Host host)
    : clock(host.get<dunlin::Clock>()),
      health(host.get<dunlin::Health>()),
      http(host.get<dunlin::Http>()),
      log(host.get<dunlin::Log>()),
      metrics(host.get<dunlin::Metrics>()),
      observe(host.get<dunlin::Observe>()) {}

void Context::count(std::string_view path) {
  const auto found = request_counts.find(path);
  if (found != request_counts.end()) {
    ++found->second;
  } else {
    request_counts.emplace(path, 1);
  }
}

void Context::remember(const dunlin_server_info& server) {
  server_id = text_of(server.server_id);
  server_name = text_of(server.server_name);
  system_account = text_of(server.system_account);
  has_identity = true;
}

void answer_json(Exchange& exchange, std::string_view body, std::uint32_t status) {
  exchange.respond(status, "application/json", body,
                   {{dunlin::detail::str("Access-Control-Allow-Origin"),
                     dunlin::detail::str("*")}});
}

void answer_bad_request(Exchange& exchange, std::string_view message) {
  exchange.respond(400, "text/plain; charset=utf-8", message);
}

Page page_of(std::int64_t offset, std::int64_t limit) noexcept {
  return {offset < 0 ? 0 : offset, limit <= 0 ? Page::limit_default : limit};
}

void write_subscription_counts(JsonWriter& json, const dunlin_subscriptions_info& info) {
  json.field("num_subscriptions", info.num_subscriptions);
  json.field("num_cache", info.num_cache);
  json.field("num_inserts", info.num_inserts);
  json.field("num_removes", info.num_removes);
  json.field("num_matches", info.num_matches);
  json.field("cache_hit_rate", info.cache_hit_rate);
  json.field("max_fanout", info.max_fanout);
  json.field("avg_fanout", info.avg_fanout);
}

void write_subscription(JsonWriter& json, const dunlin_sub_info& info, WithAccount with_account) {
  json.begin_object();
  if (with_account == WithAccount::yes) {
    json.field_if("account", text_of(info.account));
    // The name tag of an account that has none of its own is its name.
    json.field_if("account_tag", text_of(info.account));
  }
  json.field("subject", text_of(info.subject));
  json.field_if("qgroup", text_of(info.queue));
  json.field("sid", text_of(info.sid));
  json.field("msgs", info.msgs);
  json.field_if("max", info.max);
  json.field("cid", info.cid);
  json.end_object();
}

}  // namespace dunlin::monitoring
