// The monitoring plugin: wiring of the listener, the endpoints and the host.
//
//     listener's thread                 control
//     -----------------                 -------
//     read a request --- post --------> base path, redirection, http.dispatch
//                                         -> a handler of ours or of another plugin
//     write the answer <-- Reply ------   <- its response

#include <dunlin/executor.hpp>
#include <dunlin/plugin.hpp>

#include <atomic>
#include <memory>
#include <optional>

#include "endpoints.hpp"
#include "features.hpp"
#include "go_format.hpp"
#include "http_server.hpp"
#include "paths.hpp"

namespace dunlin::monitoring {
namespace {

Response copy_of(const dunlin_http_response& from) {
  Response response{from.status, std::string(text_of(from.content_type)),
                    std::string(dunlin::detail::view(from.body)), {}};
  for (std::size_t i = 0; i < from.header_count; ++i) {
    response.headers.emplace_back(text_of(from.headers[i].name), text_of(from.headers[i].value));
  }
  return response;
}

class Monitoring {
 public:
  explicit Monitoring(dunlin::Host host) : host_(host) {}

  dunlin::result<> configure(dunlin::Config config);
  dunlin::result<> start();
  void stop() noexcept;
  dunlin::result<> reload_prepare(dunlin::Config config);
  void reload_finish(bool commit);

 private:
  dunlin::result<> register_endpoints();
  dunlin::result<> listen();
  void dispatch(Request request, Reply reply);

  dunlin::Host host_;
  Settings settings_;
  std::unique_ptr<Context> context_;
  std::vector<dunlin::Http::Endpoint> endpoints_;
  HttpServer server_;
  bool is_stopped_ = false;
  std::optional<Settings> next_settings_;  // between reload_prepare and reload_finish
  TlsContext next_tls_;
};

dunlin::result<> Monitoring::configure(dunlin::Config config) {
  auto settings = read_settings(config);
  if (!settings) return settings.error();
  settings_ = std::move(*settings);
  return {};
}

dunlin::result<> Monitoring::start() {
  context_ = std::make_unique<Context>(host_);
  context_->settings = settings_;
  if (auto ok = register_endpoints(); !ok) return ok;
  const auto failed = [](std::string_view why) {
    return dunlin::fail(DUNLIN_E_IO, "Can't start monitoring: " + std::string(why));
  };
  if (const auto problem = start_problem(settings_); !problem.empty()) return failed(problem);
  if (settings_.http_port == port_off && settings_.https_port == port_off) return {};
  if (auto ok = listen(); !ok) return failed(ok.error().text);
  return {};
}

dunlin::result<> Monitoring::register_endpoints() {
  for (const auto& row : endpoint_rows()) {
    auto* const context = context_.get();
    auto endpoint = context_->http.endpoint(
        row.path, row.scope, row.summary,
        [context, serve = row.serve](const dunlin_http_request& request, Exchange exchange) {
          serve(*context, Query(text_of(request.query)), std::move(exchange));
        });
    if (!endpoint) return endpoint.error();
    endpoints_.push_back(std::move(*endpoint));
  }
  return {};
}

dunlin::result<> Monitoring::listen() {
  const bool secure = settings_.https_port != port_off;
  const int port = secure ? settings_.https_port : settings_.http_port;
  HttpServerOptions options;
  options.host = settings_.host;
  options.port = port == port_any ? std::uint16_t{0} : static_cast<std::uint16_t>(port);
  if (secure) {
    auto tls = make_tls_context(host_.get<dunlin::Tls>(), settings_.tls);
    if (!tls) return tls.error();
    options.tls = *tls;
  }
  options.wall_ns = [clock = context_->clock] { return clock.wall_ns(); };
  options.monotonic_ns = [clock = context_->clock] { return clock.monotonic_ns(); };
  options.answer_request = [this, executor = host_.get<dunlin::Executor>()](Request request,
                                                                            Reply reply) {
    // A server that is stopping takes no more work: the connection ends with the listener.
    static_cast<void>(executor.post_control(
        [this, asked = std::move(request), answer = std::move(reply)]() mutable {
          dispatch(std::move(asked), std::move(answer));
        }));
  };
  auto bound = server_.start(std::move(options));
  if (!bound) return bound.error();
  context_->log.bare(DUNLIN_LOG_INFO, "Starting {} monitor on {}", secure ? "https" : "http",
                     join_host_port(settings_.host, *bound));
  return {};
}

// On control.
void Monitoring::dispatch(Request request, Reply reply) {
  if (is_stopped_) return;
  if (request.path == "*") return reply({200, {}, {}, {}});
  if (const auto elsewhere = redirection(request)) return reply(*elsewhere);
  const auto path = below_base(settings_.base, request.path);
  if (!path) return reply(not_found());

  std::vector<dunlin_http_header> headers;
  for (const auto& [name, value] : request.headers) {
    headers.push_back({dunlin::detail::str(name), dunlin::detail::str(value)});
  }
  dunlin_http_request ask{};
  ask.struct_size = sizeof ask;
  ask.scope = DUNLIN_SCOPE_MONITOR;
  ask.method = dunlin::detail::str(request.method);
  ask.path = dunlin::detail::str(*path);
  ask.query = dunlin::detail::str(request.query);
  ask.remote = dunlin::detail::str(request.remote);
  ask.body = dunlin::detail::bytes(request.body);
  ask.headers = headers.data();
  ask.header_count = headers.size();
  const auto status = context_->http.dispatch(
      ask, [reply](const dunlin_http_response& response) { reply(copy_of(response)); });
  if (status == DUNLIN_E_DENIED) return reply(plain_text(403, "403 Forbidden\n"));
  if (status == DUNLIN_E_CLOSED) return reply(plain_text(503, "the server is stopping\n"));
  if (status == DUNLIN_OK) return;
  if (!serve_absent_feature(*context_, *path, Query(request.query), reply)) reply(not_found());
}

void Monitoring::stop() noexcept {
  is_stopped_ = true;
  server_.stop();
  endpoints_.clear();
}

dunlin::result<> Monitoring::reload_prepare(dunlin::Config config) {
  auto settings = read_settings(config);
  if (!settings) return settings.error();
  next_tls_ = nullptr;
  if ((*settings).https_port != port_off) {
    auto tls = make_tls_context(host_.get<dunlin::Tls>(), (*settings).tls);
    if (!tls) return tls.error();
    next_tls_ = *tls;
  }
  next_settings_ = std::move(*settings);
  return {};
}

// Only certificates change while the server runs; everything else was refused before.
void Monitoring::reload_finish(bool commit) {
  if (commit && next_settings_) {
    settings_.tls = next_settings_->tls;
    if (next_tls_) server_.set_tls(next_tls_);
  }
  next_settings_.reset();
  next_tls_ = nullptr;
}

}  // namespace
}  // namespace dunlin::monitoring

DUNLIN_PLUGIN(monitoring, dunlin::monitoring::Monitoring,
              dunlin::Describe{.id = "monitoring",
                               .version = "0.1.0",
                               .summary = "HTTP endpoints for people, probes and Prometheus",
                               .license = "Apache-2.0"});
