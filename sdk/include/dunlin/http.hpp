// Http: endpoints under the monitoring listener, and their dispatch for the listener's owner.

#pragma once

#include <dunlin/ext/http.h>
#include <dunlin/log.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace dunlin {
inline namespace sdk {

// One request being answered: answer it exactly once, at once or later. Destroyed without, it
// answers 500.
class HttpExchange {
 public:
  HttpExchange(const dunlin_host* host, const dunlin_http* api,
               dunlin_http_exchange* raw) noexcept
      : host_(host), api_(api), raw_(raw) {}
  HttpExchange(HttpExchange&& other) noexcept
      : host_(other.host_), api_(other.api_), raw_(std::exchange(other.raw_, nullptr)) {}
  HttpExchange& operator=(HttpExchange&&) = delete;
  ~HttpExchange() {
    if (raw_ != nullptr) respond(500, "text/plain", "the request was dropped\n");
  }

  void respond(std::uint32_t status, std::string_view content_type, std::string_view body,
               std::initializer_list<dunlin_http_header> headers = {}) noexcept {
    const auto raw = std::exchange(raw_, nullptr);
    if (raw == nullptr) return;
    dunlin_http_response response{};
    response.struct_size = sizeof response;
    response.status = status;
    response.content_type = detail::str(content_type);
    response.body = detail::bytes(body);
    response.headers = headers.begin();
    response.header_count = headers.size();
    api_->respond(host_, raw, &response);
  }

 private:
  const dunlin_host* host_;
  const dunlin_http* api_;
  dunlin_http_exchange* raw_;
};

// Endpoints registered here are removed when it is destroyed. Keep it as long as the plugin runs.
class Http : public Table<dunlin_http> {
 public:
  using Handler = std::function<void(const dunlin_http_request&, HttpExchange)>;
  DUNLIN_TABLE_WRAPPER(Http, dunlin_http, DUNLIN_EXT_HTTP)

  // The returned object owns the endpoint.
  class Endpoint {
   public:
    Endpoint() = default;

   private:
    friend class Http;
    struct State {
      const dunlin_host* host;
      dunlin_http api;
      std::string path;
      Handler handler;
      bool registered = false;
      ~State() {
        if (registered) api.remove(host, detail::str(path));
      }
    };
    std::unique_ptr<State> state_;
  };

  [[nodiscard]] result<Endpoint> endpoint(std::string_view path, std::uint32_t scope,
                                          std::string_view summary, Handler handler) const {
    Endpoint out;
    out.state_.reset(
        new Endpoint::State{host_, api_, std::string(path), std::move(handler), false});
    dunlin_endpoint raw{};
    raw.struct_size = sizeof raw;
    raw.scope = scope;
    raw.path = detail::str(path);
    raw.summary = detail::str(summary);
    raw.user = out.state_.get();
    raw.handler = [](void* user, const dunlin_http_request* request,
                     dunlin_http_exchange* exchange) {
      auto& state = *static_cast<Endpoint::State*>(user);
      detail::contain(state.host, "an HTTP endpoint", [&] {
        state.handler(*request, HttpExchange(state.host, &state.api, exchange));
      });
    };
    const auto status = detail::invoke(api_.endpoint, host_, &raw);
    if (status != DUNLIN_OK) return detail::take(status, "registering an endpoint").error();
    out.state_->registered = true;
    return out;
  }

  // For the owner of the listener: `answer(const dunlin_http_response&)`, later, on control.
  template <class Answer>
  dunlin_status dispatch(const dunlin_http_request& request, Answer&& answer) const {
    struct Pending {
      const dunlin_host* host;
      std::decay_t<Answer> answer;
    };
    std::unique_ptr<Pending> pending(new Pending{host_, std::forward<Answer>(answer)});
    const dunlin_http_answer run = [](void* user, const dunlin_http_response* response) {
      const std::unique_ptr<Pending> self(static_cast<Pending*>(user));
      detail::contain(self->host, "an HTTP answer", [&] { self->answer(*response); });
    };
    const auto status =
        detail::invoke(api_.dispatch, host_, &request, run, static_cast<void*>(pending.get()));
    if (status == DUNLIN_OK) static_cast<void>(pending.release());
    return status;
  }
  // `visit(std::string_view plugin, const dunlin_endpoint&)`
  template <class Visit>
  void each(Visit&& visit) const {
    if (api_.each == nullptr) return;
    api_.each(
        host_,
        [](void* user, dunlin_str plugin, const dunlin_endpoint* endpoint) {
          (*static_cast<std::remove_reference_t<Visit>*>(user))(detail::view(plugin), *endpoint);
          return true;
        },
        const_cast<void*>(static_cast<const void*>(&visit)));
  }
};

}  // namespace sdk
}  // namespace dunlin
