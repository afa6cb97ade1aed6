// /varz: the server's settings and totals. Fields and their order as nats-server; those of features
// that are other plugins' are the empty objects of a server without them.

#include "varz.hpp"

#include "go_format.hpp"

namespace dunlin::monitoring {
namespace {

constexpr double ns_per_second = 1e9;

void write_texts(JsonWriter& json, std::string_view name, const dunlin_str* texts, std::size_t n) {
  if (n == 0) return;
  json.key(name);
  json.begin_array();
  for (std::size_t i = 0; i < n; ++i) json.value(text_of(texts[i]));
  json.end_array();
}

void write_by_kind(JsonWriter& json, std::string_view name, const dunlin_by_kind& by) {
  json.key(name);
  json.begin_object();
  json.field("clients", by.clients);
  json.field("routes", by.routes);
  json.field("gateways", by.gateways);
  json.field("leafs", by.leafs);
  json.end_object();
}

void write_settings(JsonWriter& json, const dunlin_server_info& s, const Settings& settings) {
  json.field("server_id", text_of(s.server_id));
  json.field("server_name", text_of(s.server_name));
  json.field("version", text_of(s.version));
  json.field("proto", s.proto);
  json.field_if("git_commit", text_of(s.git_commit));
  json.field("go", tells_all(s) ? text_of(s.go) : std::string_view());
  json.field("host", text_of(s.host));
  json.field("port", s.port);
  json.field_if("auth_required", s.auth_required != 0);
  json.field_if("tls_required", s.tls_required != 0);
  json.field_if("tls_verify", s.tls_verify != 0);
  json.field_if("ip", text_of(s.ip));
  write_texts(json, "connect_urls", s.connect_urls, s.connect_url_count);
  json.field("max_connections", s.max_connections);
  json.field_if("max_subscriptions", s.max_subscriptions);
  json.field("ping_interval", s.ping_interval_ns);
  json.field("ping_max", s.ping_max);
  json.field("http_host", settings.host);
  json.field("http_port", settings.http_port);
  json.field("http_base_path", settings.base_written);
  json.field("https_port", settings.https_port);
  json.field("auth_timeout", static_cast<double>(s.auth_timeout_ns) / ns_per_second);
  json.field("max_control_line", s.max_control_line);
  json.field("max_payload", s.max_payload);
  json.field("max_pending", s.max_pending);
  for (const char* part : {"cluster", "gateway", "leaf", "mqtt", "websocket", "jetstream"}) {
    json.empty_object(part);
  }
  json.field("tls_timeout", static_cast<double>(s.tls_timeout_ns) / ns_per_second);
  json.field("write_deadline", s.write_deadline_ns);
  if (tells_all(s)) json.field_if("write_timeout", text_of(s.write_timeout));
}

void write_totals(JsonWriter& json, const dunlin_server_info& s) {
  json.field("start", rfc3339(s.start_ns));
  json.field("now", rfc3339(s.now_ns));
  json.field("uptime", uptime_text(s.now_ns - s.start_ns));
  json.field("mem", s.mem_bytes);
  json.field("cores", s.cores);
  json.field("gomaxprocs", s.shards);
  json.field("cpu", s.cpu_percent);
  json.field("connections", s.connections);
  json.field("total_connections", s.total_connections);
  json.field("routes", s.routes);
  json.field("remotes", s.remotes);
  json.field("leafnodes", s.leafnodes);
  json.field("in_msgs", s.in_msgs);
  json.field("in_bytes", s.in_bytes);
  json.field("in_client_msgs", s.in_client_msgs);
  json.field("in_client_bytes", s.in_client_bytes);
  json.field("out_msgs", s.out_msgs);
  json.field("out_bytes", s.out_bytes);
  json.field("out_client_msgs", s.out_client_msgs);
  json.field("out_client_bytes", s.out_client_bytes);
  json.field("slow_consumers", s.slow_consumers);
  json.field("stale_connections", s.stale_connections);
  json.field("stalled_clients", s.stalled_clients);
  json.field("subscriptions", s.subscriptions);
}

void write_metadata(JsonWriter& json, const dunlin_server_info& s) {
  if (s.metadata_count == 0) return;
  std::map<std::string_view, std::string_view> sorted;
  for (std::size_t i = 0; i < s.metadata_count; ++i) {
    sorted.emplace(text_of(s.metadata[2 * i]), text_of(s.metadata[2 * i + 1]));
  }
  json.key("metadata");
  json.begin_object();
  for (const auto& [name, value] : sorted) json.field(name, value);
  json.end_object();
}

void write_disk_waits(JsonWriter& json) {
  json.key("disk_io_wait_stats");
  json.begin_object();
  for (const char* name : {"waiters", "waits", "wait_time", "max_wait_time"}) json.field(name, 0);
  json.end_object();
}

}  // namespace

std::string varz_text(const dunlin_server_info& server, const Settings& settings,
                      const RequestCounts& counts) {
  JsonWriter json;
  json.begin_object();
  write_settings(json, server, settings);
  write_totals(json, server);
  json.key("http_req_stats");
  json.begin_object();
  for (const auto& [path, count] : counts) json.field(path, count);
  json.end_object();
  json.field("config_load_time", rfc3339(server.config_load_ns));
  json.field("config_digest", text_of(server.config_digest));
  write_texts(json, "tags", server.tags, server.tag_count);
  write_metadata(json, server);
  json.field_if("system_account", text_of(server.system_account));
  write_by_kind(json, "slow_consumer_stats", server.slow_consumers_by);
  write_by_kind(json, "stale_connection_stats", server.stale_connections_by);
  write_disk_waits(json);
  json.end_object();
  return json.take();
}

void serve_varz(Context& context, const Query&, Exchange exchange) {
  context.count("/varz");
  const auto asked =
      context.observe.server([&context, to = std::move(exchange)](
                                 dunlin_status status, dunlin::Snapshot snapshot) mutable {
        if (status != DUNLIN_OK || snapshot.server() == nullptr) return;
        answer_json(to, varz_text(*snapshot.server(), context.settings, context.request_counts));
      });
  if (!asked) context.log.error("/varz: {}", asked.error());
}

}  // namespace dunlin::monitoring
