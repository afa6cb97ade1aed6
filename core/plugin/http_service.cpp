#include "core/plugin/http_service.hpp"

#include <vector>

#include "core/base/log.hpp"
#include "core/plugin/context.hpp"

struct dunlin_http_exchange {
  std::string asker, plugin;
  dunlin_http_answer answer;
  void* user;
};

namespace dunlin::plugin {
namespace {

constexpr std::size_t path_max = 256;
constexpr std::size_t headers_max = 100;

// A response kept past the call that gave it.
struct OwnedResponse {
  std::uint32_t status;
  std::string content_type, body;
  std::vector<std::pair<std::string, std::string>> headers;

  explicit OwnedResponse(const dunlin_http_response& from)
      : status(from.status), content_type(view(from.content_type)) {
    if (from.body.data != nullptr) {
      body.assign(reinterpret_cast<const char*>(from.body.data), from.body.size);
    }
    for (std::size_t i = 0; from.headers != nullptr && i < from.header_count; ++i) {
      if (i == headers_max) break;
      headers.emplace_back(view(from.headers[i].name), view(from.headers[i].value));
    }
  }

  void show(dunlin_http_answer answer, void* user) const {
    std::vector<dunlin_http_header> header_views;
    for (const auto& [name, value] : headers) header_views.push_back({str(name), str(value)});
    dunlin_http_response response{};
    response.struct_size = sizeof response;
    response.status = status;
    response.content_type = str(content_type);
    response.body = {reinterpret_cast<const std::uint8_t*>(body.data()), body.size()};
    response.headers = header_views.data();
    response.header_count = header_views.size();
    answer(user, &response);
  }
};

bool is_path(std::string_view path) {
  if (path.empty() || path.size() > path_max || path.front() != '/') return false;
  if (path.size() > 1 && path.back() == '/') return false;
  for (const char c : path) {
    if (c <= ' ' || c == '?' || c == '#' || c == 0x7f) return false;
  }
  return true;
}

dunlin_http_response unavailable() {
  static constexpr std::string_view text = "the plugin that serves this is stopping\n";
  dunlin_http_response response{};
  response.struct_size = sizeof response;
  response.status = 503;
  response.content_type = str("text/plain; charset=utf-8");
  response.body = {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
  return response;
}

}  // namespace

struct HttpService::Endpoint {
  std::string plugin, path, summary;
  dunlin_endpoint raw;
};

HttpService::HttpService(Executor& executor) : executor_(executor) {}
HttpService::~HttpService() = default;

dunlin_status HttpService::add(std::string_view plugin, const dunlin_endpoint& endpoint) {
  if (!is_path(view(endpoint.path)) || endpoint.handler == nullptr) return DUNLIN_E_INVALID;
  auto made = std::make_unique<Endpoint>();
  made->plugin = plugin;
  made->path = view(endpoint.path);
  made->summary = view(endpoint.summary);
  made->raw = endpoint;
  made->raw.path = str(made->path);
  made->raw.summary = str(made->summary);
  const auto path = made->path;
  return endpoints_.emplace(path, std::move(made)).second ? DUNLIN_OK : DUNLIN_E_EXISTS;
}

void HttpService::remove(std::string_view plugin, std::string_view path) {
  const auto found = endpoints_.find(path);
  if (found != endpoints_.end() && found->second->plugin == plugin) endpoints_.erase(found);
}

void HttpService::each(bool (*visit)(void* user, dunlin_str plugin,
                                     const dunlin_endpoint* endpoint),
                       void* user) const {
  for (const auto& [path, endpoint] : endpoints_) {
    if (!visit(user, str(endpoint->plugin), &endpoint->raw)) return;
  }
}

dunlin_status HttpService::dispatch(std::string_view asker, const dunlin_http_request& request,
                                    dunlin_http_answer answer, void* user) {
  const auto found = endpoints_.find(view(request.path));
  if (found == endpoints_.end()) return DUNLIN_E_NOT_FOUND;
  const auto& endpoint = *found->second;
  if (request.scope < endpoint.raw.scope) return DUNLIN_E_DENIED;
  if (request.body.size > DUNLIN_HTTP_BODY_MAX) return DUNLIN_E_LIMIT;
  auto exchange = std::make_unique<Exchange>(
      Exchange{std::string(asker), endpoint.plugin, answer, user});
  auto* const raw = exchange.get();
  {
    const std::lock_guard lock(mutex_);
    open_.emplace(raw, std::move(exchange));
  }
  // A copy: the handler may remove its own endpoint.
  const auto handler = endpoint.raw.handler;
  handler(endpoint.raw.user, &request, raw);
  return DUNLIN_OK;
}

bool HttpService::respond(Exchange* exchange, const dunlin_http_response& response) {
  std::unique_ptr<Exchange> taken;
  {
    const std::lock_guard lock(mutex_);
    const auto found = open_.find(exchange);
    if (found == open_.end()) return false;
    taken = std::move(found->second);
    open_.erase(found);
  }
  finish(std::move(taken), response);
  return true;
}

void HttpService::finish(std::unique_ptr<Exchange> exchange,
                         const dunlin_http_response& response) {
  // Never from inside the call that asked: the answer is posted even when it came at once.
  const std::shared_ptr<const Exchange> kept(std::move(exchange));
  executor_.post_control([this, kept, owned = OwnedResponse(response)] {
    {
      const std::lock_guard lock(mutex_);
      if (stopped_askers_.contains(kept->asker)) return;
    }
    owned.show(kept->answer, kept->user);
  });
}

void HttpService::forget(std::string_view plugin) {
  std::erase_if(endpoints_, [&](const auto& entry) { return entry.second->plugin == plugin; });
  std::vector<std::unique_ptr<Exchange>> abandoned;
  {
    const std::lock_guard lock(mutex_);
    stopped_askers_.emplace(plugin);
    for (auto at = open_.begin(); at != open_.end();) {
      const bool unanswerable = at->second->plugin == plugin;
      if (unanswerable && at->second->asker != plugin) abandoned.push_back(std::move(at->second));
      at = unanswerable || at->second == nullptr ? open_.erase(at) : std::next(at);
    }
  }
  for (auto& exchange : abandoned) finish(std::move(exchange), unavailable());
}

namespace {

dunlin_status endpoint(const dunlin_host* host, const dunlin_endpoint* endpoint) {
  auto& context = context_of(host);
  const auto copy = copy_sized(endpoint);
  if (!copy) return DUNLIN_E_INVALID;
  if (!on_control(host, "http.endpoint")) return DUNLIN_E_WRONG_THREAD;
  if (context.stopped.load()) return DUNLIN_E_CLOSED;
  return context.shared.http.add(context.identity.id, *copy);
}

void remove(const dunlin_host* host, dunlin_str path) {
  auto& context = context_of(host);
  if (on_control(host, "http.remove")) {
    context.shared.http.remove(context.identity.id, view(path));
  }
}

void respond(const dunlin_host* host, dunlin_http_exchange* exchange,
             const dunlin_http_response* response) {
  auto& context = context_of(host);
  const auto copy = copy_sized(response);
  if (copy && context.shared.http.respond(exchange, *copy)) return;
  if (!context.stopped.load()) {
    log_error("plugin {} misbehaves: it answered an HTTP request twice, or with nothing",
              context.identity.id);
  }
}

dunlin_status dispatch(const dunlin_host* host, const dunlin_http_request* request,
                       dunlin_http_answer answer, void* user) {
  auto& context = context_of(host);
  const auto copy = copy_sized(request);
  if (!copy || answer == nullptr) return DUNLIN_E_INVALID;
  if (!on_control(host, "http.dispatch")) return DUNLIN_E_WRONG_THREAD;
  if (context.stopped.load()) return DUNLIN_E_CLOSED;
  return context.shared.http.dispatch(context.identity.id, *copy, answer, user);
}

constexpr dunlin_http table = {
    sizeof(dunlin_http),
    0,
    endpoint,
    remove,
    respond,
    [](const dunlin_host* host,
       bool (*visit)(void*, dunlin_str, const dunlin_endpoint*), void* user) {
      if (visit == nullptr || !on_control(host, "http.each")) return;
      context_of(host).shared.http.each(visit, user);
    },
    dispatch};

}  // namespace

const void* http_table() noexcept { return &table; }

}  // namespace dunlin::plugin
