// /healthz: may clients come? Answered as by a nats-server without JetStream; what plugins report
// as failed makes the server unavailable.

#include "healthz.hpp"

#include "go_format.hpp"

namespace dunlin::monitoring {
namespace {

HealthVerdict bad_request(std::string text) {
  return {400, "error", "BAD_REQUEST", {std::move(text)}};
}

std::vector<FailedComponent> failed_components(const Context& context) {
  std::vector<FailedComponent> failed;
  if (!context.health) return failed;
  context.health.each([&](const dunlin_health_item& item) {
    if (item.state == DUNLIN_HEALTH_OK || item.state == DUNLIN_HEALTH_DEGRADED) return;
    std::string name(text_of(item.plugin));
    if (!name.empty() && item.component.size > 0) name += " ";
    name += text_of(item.component);
    failed.push_back({std::move(name), std::string(text_of(item.reason))});
  });
  return failed;
}

void answer(Context& context, const HealthzOptions& options, const HealthVerdict& verdict,
            Exchange& exchange) {
  if (!verdict.errors.empty()) {
    context.log.bare(DUNLIN_LOG_WARNING, "Healthcheck failed: {}",
                     options.details ? std::to_string(verdict.errors.size()) + " errors"
                                     : go_quote(verdict.errors.front()));
  }
  answer_json(exchange, healthz_text(verdict, options.details), verdict.status);
}

}  // namespace

Decoded<HealthzOptions> healthz_options(const Query& query) {
  HealthzOptions options;
  // Those about JetStream's own state are checked, and change nothing without JetStream.
  bool js_enabled_only = false, js_meta_only = false;
  const std::pair<const char*, bool*> flags[] = {{"js-enabled", &options.js_enabled},
                                                 {"js-enabled-only", &js_enabled_only},
                                                 {"js-server-only", &options.js_server_only},
                                                 {"js-meta-only", &js_meta_only},
                                                 {"details", &options.details}};
  for (const auto& [name, flag] : flags) {
    const auto value = query.boolean(name);
    if (!value) return Decoded<HealthzOptions>::refused(value.error());
    *flag = *value;
  }
  options.account = query.text("account");
  options.stream = query.text("stream");
  options.consumer = query.text("consumer");
  return options;
}

HealthVerdict judge_health(const HealthzOptions& options, bool is_leaving,
                           const std::vector<FailedComponent>& failed) {
  if (options.account.empty() && !options.stream.empty()) {
    return bad_request("\"account\" must not be empty when checking stream health");
  }
  if (options.stream.empty() && !options.consumer.empty()) {
    return bad_request("\"stream\" must not be empty when checking consumer health");
  }
  if (is_leaving) {
    return {500, "error", "CONNECTION", {"failed to be ready for connections after 1ms: server"}};
  }
  if (options.js_server_only || failed.empty()) return {};
  HealthVerdict verdict{503, "unavailable", "CONNECTION", {}};
  for (const auto& component : failed) {
    verdict.errors.push_back(component.name + ": " +
                             (component.reason.empty() ? "failed" : component.reason));
  }
  return verdict;
}

std::string healthz_text(const HealthVerdict& verdict, bool details) {
  JsonWriter json(JsonWriter::Layout::compact);
  json.begin_object();
  const bool failed = !verdict.errors.empty();
  json.field("status", details && failed ? "error" : verdict.word);
  if (failed && !details) json.field("error", verdict.errors.front());
  if (failed && details) {
    json.key("errors");
    json.begin_array();
    for (const auto& error : verdict.errors) {
      json.begin_object();
      json.field("type", verdict.type);
      json.field("error", error);
      json.end_object();
    }
    json.end_array();
  }
  json.end_object();
  return json.take();
}

void serve_healthz(Context& context, const Query& query, Exchange exchange) {
  context.count("/healthz");
  const auto options = healthz_options(query);
  if (!options) return answer_bad_request(exchange, options.error());
  if ((*options).js_enabled) {
    context.log.bare(DUNLIN_LOG_WARNING,
                     "Healthcheck: js-enabled deprecated, use js-enabled-only instead");
  }
  const auto asked = context.observe.server(
      [&context, wanted = *options, to = std::move(exchange)](dunlin_status status,
                                                              dunlin::Snapshot snapshot) mutable {
        if (status != DUNLIN_OK || snapshot.server() == nullptr) return;
        const bool is_leaving = snapshot.server()->lame_duck != 0;
        answer(context, wanted, judge_health(wanted, is_leaving, failed_components(context)), to);
      });
  if (!asked) context.log.error("/healthz: {}", asked.error());
}

}  // namespace dunlin::monitoring
