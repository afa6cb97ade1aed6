// /metrics: everything countable, for Prometheus.

#include "metrics.hpp"

#include <memory>

#include "go_format.hpp"

namespace dunlin::monitoring {
namespace {

using Label = PrometheusText::Label;

void write_by_kind(PrometheusText& text, std::string_view name, std::string_view help,
                   const dunlin_by_kind& by) {
  text.family(name, "counter", help);
  const std::pair<std::string_view, std::uint64_t> kinds[] = {
      {"client", by.clients}, {"route", by.routes}, {"gateway", by.gateways}, {"leaf", by.leafs}};
  for (const auto& [kind, count] : kinds) {
    const Label labels[] = {{"kind", kind}};
    text.sample(labels, count);
  }
}

struct ServerNumber {
  const char* name;
  const char* type;
  const char* help;
  std::uint64_t dunlin_server_info::*value;
};
using S = dunlin_server_info;
constexpr ServerNumber server_numbers[] = {
    {"nats_connections", "gauge", "Open client connections", &S::connections},
    {"nats_connections_total", "counter", "Client connections since the start",
     &S::total_connections},
    {"nats_routes", "gauge", "Open route connections", &S::routes},
    {"nats_leafnodes", "gauge", "Open leafnode connections", &S::leafnodes},
    {"nats_subscriptions", "gauge", "Subscriptions of all accounts", &S::subscriptions},
    {"nats_in_messages_total", "counter", "Messages received", &S::in_msgs},
    {"nats_in_bytes_total", "counter", "Payload bytes received", &S::in_bytes},
    {"nats_out_messages_total", "counter", "Messages sent", &S::out_msgs},
    {"nats_out_bytes_total", "counter", "Payload bytes sent", &S::out_bytes},
    {"nats_client_in_messages_total", "counter", "Messages received from clients",
     &S::in_client_msgs},
    {"nats_client_in_bytes_total", "counter", "Payload bytes received from clients",
     &S::in_client_bytes},
    {"nats_client_out_messages_total", "counter", "Messages sent to clients",
     &S::out_client_msgs},
    {"nats_client_out_bytes_total", "counter", "Payload bytes sent to clients",
     &S::out_client_bytes},
    {"nats_stalled_clients_total", "counter", "Times a publisher was slowed",
     &S::stalled_clients},
    {"nats_memory_bytes", "gauge", "Resident memory of the process", &S::mem_bytes},
};

// What one request gathers before it is answered; filled from snapshot to snapshot.
struct Gathered {
  Context& context;
  Exchange exchange;
  PrometheusText text;
};

void answer(Gathered& gathered) {
  write_request_metrics(gathered.text, gathered.context.request_counts);
  RegisteredMetrics registered(gathered.text);
  gathered.context.metrics.each(
      [&](const dunlin_metric_sample& sample) { registered.add(sample); });
  gathered.exchange.respond(200, PrometheusText::content_type, gathered.text.take());
}

void gather_accounts(const std::shared_ptr<Gathered>& gathered) {
  const auto asked = gathered->context.observe.accounts(
      {}, [gathered](dunlin_status status, dunlin::Snapshot snapshot) {
        if (status != DUNLIN_OK) return;
        std::vector<AccountNumbers> accounts;
        snapshot.each_account([&](const dunlin_account_info& info) {
          accounts.push_back({std::string(text_of(info.name)), info.client_connections,
                              info.leafnode_connections, info.subscriptions, info.slow_consumers,
                              info.sent, info.received});
        });
        write_account_metrics(gathered->text, accounts);
        answer(*gathered);
      });
  if (!asked) gathered->context.log.error("/metrics: {}", asked.error());
}

}  // namespace

void write_server_metrics(PrometheusText& text, const dunlin_server_info& server) {
  for (const auto& number : server_numbers) {
    text.single(number.name, number.type, number.help, server.*number.value);
  }
  write_by_kind(text, "nats_slow_consumers_total", "Connections closed for reading too slowly",
                server.slow_consumers_by);
  write_by_kind(text, "nats_stale_connections_total",
                "Connections closed for not answering pings", server.stale_connections_by);
  text.single("nats_cpu_percent", "gauge", "Processor use of the process, 100 for one core",
              server.cpu_percent);
  text.single("nats_max_connections", "gauge", "Most client connections allowed",
              server.max_connections);
  text.single("nats_max_payload_bytes", "gauge", "Largest payload allowed", server.max_payload);
  constexpr double ns_per_second = 1e9;
  text.single("nats_start_time_seconds", "gauge", "When the server started, in Unix time",
              static_cast<double>(server.start_ns) / ns_per_second);
  text.single("nats_uptime_seconds", "gauge", "How long the server has been running",
              static_cast<double>(server.now_ns - server.start_ns) / ns_per_second);
  text.single("nats_config_load_time_seconds", "gauge",
              "When the configuration was read last, in Unix time",
              static_cast<double>(server.config_load_ns) / ns_per_second);
  text.single("nats_lame_duck", "gauge", "1 while the server is leaving", server.lame_duck);
}

void write_request_metrics(PrometheusText& text, const RequestCounts& counts) {
  if (counts.empty()) return;
  text.family("nats_http_requests_total", "counter", "Requests for monitoring endpoints");
  for (const auto& [path, count] : counts) {
    const Label labels[] = {{"path", path}};
    text.sample(labels, count);
  }
}

void write_account_metrics(PrometheusText& text, const std::vector<AccountNumbers>& accounts) {
  if (accounts.empty()) return;
  struct Family {
    const char* name;
    const char* type;
    const char* help;
    std::uint64_t (*value)(const AccountNumbers&);
  };
  using A = const AccountNumbers&;
  static constexpr Family families[] = {
      {"nats_account_connections", "gauge", "Open client connections of the account",
       [](A a) { return a.clients; }},
      {"nats_account_leafnodes", "gauge", "Open leafnode connections of the account",
       [](A a) { return a.leafnodes; }},
      {"nats_account_subscriptions", "gauge", "Subscriptions of the account",
       [](A a) { return a.subscriptions; }},
      {"nats_account_slow_consumers_total", "counter", "Slow consumers of the account",
       [](A a) { return a.slow_consumers; }},
      {"nats_account_in_messages_total", "counter", "Messages received in the account",
       [](A a) { return a.received.msgs; }},
      {"nats_account_in_bytes_total", "counter", "Payload bytes received in the account",
       [](A a) { return a.received.bytes; }},
      {"nats_account_out_messages_total", "counter", "Messages sent in the account",
       [](A a) { return a.sent.msgs; }},
      {"nats_account_out_bytes_total", "counter", "Payload bytes sent in the account",
       [](A a) { return a.sent.bytes; }},
  };
  for (const auto& family : families) {
    text.family(family.name, family.type, family.help);
    for (const auto& account : accounts) {
      const Label labels[] = {{"account", account.name}};
      text.sample(labels, family.value(account));
    }
  }
}

void RegisteredMetrics::add(const dunlin_metric_sample& sample) {
  const bool is_histogram = sample.type == DUNLIN_METRIC_HISTOGRAM;
  if (!is_histogram && sample.type != DUNLIN_METRIC_COUNTER && sample.type != DUNLIN_METRIC_GAUGE) {
    return;  // of a newer host
  }
  const auto name = "dunlin_" + std::string(text_of(sample.name));
  if (name != family_) {
    family_ = name;
    text_.family(name,
                 is_histogram                               ? "histogram"
                 : sample.type == DUNLIN_METRIC_COUNTER ? "counter"
                                                        : "gauge",
                 text_of(sample.help));
  }
  std::vector<Label> labels;
  if (sample.plugin.size > 0) labels.push_back({"plugin", text_of(sample.plugin)});
  for (std::size_t i = 0; i < sample.label_count; ++i) {
    labels.push_back({text_of(sample.labels[i].name), text_of(sample.labels[i].value)});
  }
  if (is_histogram) {
    text_.sample(labels, PrometheusText::Histogram{{sample.bounds, sample.bound_count},
                                                   {sample.counts, sample.bound_count + 1},
                                                   sample.sum,
                                                   sample.count});
  } else {
    text_.sample(labels, sample.value);
  }
}

void write_build_metrics(PrometheusText& text, std::string_view product,
                         const dunlin_server_info& server,
                         const std::vector<PluginLine>& plugins) {
  text.family("nats_server_info", "gauge", "Who this server is; always 1");
  const Label who[] = {{"server_id", text_of(server.server_id)},
                       {"server_name", text_of(server.server_name)},
                       {"cluster", text_of(server.cluster_name)},
                       {"version", text_of(server.version)},
                       {"product", product}};
  text.sample(who, 1);
  if (plugins.empty()) return;
  text.family("dunlin_plugin_info", "gauge", "The plugins of this server; 1 for a started one");
  for (const auto& plugin : plugins) {
    const Label labels[] = {{"plugin", plugin.id}, {"version", plugin.version}};
    text.sample(labels, plugin.status == "started" ? 1 : 0);
  }
}

void write_health_metrics(PrometheusText& text, const std::vector<HealthLine>& parts) {
  if (parts.empty()) return;
  text.family("dunlin_health", "gauge",
              "What the parts of the server say of themselves: 0 well, 1 degraded, 2 failed");
  for (const auto& part : parts) {
    const Label labels[] = {{"plugin", part.plugin}, {"component", part.component}};
    text.sample(labels, part.state);
  }
}

void serve_metrics(Context& context, const Query&, Exchange exchange) {
  context.count("/metrics");
  const auto gathered =
      std::make_shared<Gathered>(Gathered{context, std::move(exchange), PrometheusText()});
  const auto asked =
      context.observe.server([gathered](dunlin_status status, dunlin::Snapshot snapshot) {
        if (status != DUNLIN_OK || snapshot.server() == nullptr) return;
        auto& now = gathered->context;
        std::vector<PluginLine> plugins;
        now.observe.each_plugin([&](const dunlin_plugin_info& info) {
          plugins.push_back({std::string(text_of(info.id)), std::string(text_of(info.version)),
                             std::string(text_of(info.status))});
        });
        write_build_metrics(gathered->text, dunlin::Host(now.http.raw_host()).product(),
                            *snapshot.server(), plugins);
        write_server_metrics(gathered->text, *snapshot.server());
        std::vector<HealthLine> parts;
        if (now.health) {
          now.health.each([&](const dunlin_health_item& item) {
            // A state that is not known yet is as bad as can be.
            parts.push_back({std::string(text_of(item.plugin)),
                             std::string(text_of(item.component)),
                             std::min(item.state, DUNLIN_HEALTH_FAILED)});
          });
        }
        write_health_metrics(gathered->text, parts);
        gather_accounts(gathered);
      });
  if (!asked) context.log.error("/metrics: {}", asked.error());
}

}  // namespace dunlin::monitoring
