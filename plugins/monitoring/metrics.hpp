// The text of /metrics, in parts.

#pragma once

#include <string>
#include <vector>

#include "endpoints.hpp"
#include "prometheus.hpp"

namespace dunlin::monitoring {

// Names begin with "nats_": numbers every nats-server has.
void write_server_metrics(PrometheusText& text, const dunlin_server_info& server);
void write_request_metrics(PrometheusText& text, const RequestCounts& counts);

// Accounts are kept while their families are written one after another.
struct AccountNumbers {
  std::string name;
  std::uint64_t clients, leafnodes, subscriptions, slow_consumers;
  dunlin_traffic sent, received;
};
void write_account_metrics(PrometheusText& text, const std::vector<AccountNumbers>& accounts);

// Names begin with "dunlin_": what the core and the plugins registered with the host. Samples of
// one name must come together.
class RegisteredMetrics {
 public:
  explicit RegisteredMetrics(PrometheusText& text) : text_(text) {}
  void add(const dunlin_metric_sample& sample);

 private:
  PrometheusText& text_;
  std::string family_;
};

struct PluginLine {
  std::string id, version, status;
};
void write_build_metrics(PrometheusText& text, std::string_view product,
                         const dunlin_server_info& server, const std::vector<PluginLine>& plugins);

// What one part of the server says of itself; no plugin for the core's own.
struct HealthLine {
  std::string plugin, component;
  std::uint32_t state = 0;  // DUNLIN_HEALTH_...
};
void write_health_metrics(PrometheusText& text, const std::vector<HealthLine>& parts);

}  // namespace dunlin::monitoring
