// The endpoints: what each of them needs, and their list.
//
// A handler runs on control, asks the host for a snapshot, and answers from the snapshot's
// callback. What is rendered from what is in the *_text functions, which know neither host nor
// HTTP and are what the tests look at.

#pragma once

#include <dunlin/clock.hpp>
#include <dunlin/ext/net.h>
#include <dunlin/health.hpp>
#include <dunlin/http.hpp>
#include <dunlin/log.hpp>
#include <dunlin/metrics.hpp>
#include <dunlin/observe.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "json_writer.hpp"
#include "query.hpp"
#include "settings.hpp"

namespace dunlin::monitoring {

using RequestCounts = std::map<std::string, std::uint64_t, std::less<>>;

// Shared by all handlers; lives as long as the plugin. Control thread only.
struct Context {
  explicit Context(dunlin::Host host);

  dunlin::Clock clock;
  dunlin::Health health;
  dunlin::Http http;
  dunlin::Log log;
  dunlin::Metrics metrics;
  dunlin::Observe observe;
  Settings settings;
  RequestCounts request_counts;  // http_req_stats of /varz: by path, without the base

  // Does not change while the server runs; asked for once.
  bool has_identity = false;
  std::string server_id, server_name, system_account;

  void count(std::string_view path);
  // Calls `then()` when those are known. Not called when the server does
  // not tell; `then` is then destroyed, which answers its request.
  template <class Then>
  void with_identity(Then then) {
    if (has_identity) return then();
    const auto asked = observe.server([this, next = std::move(then)](
                                          dunlin_status status, dunlin::Snapshot snapshot) mutable {
      if (status != DUNLIN_OK || snapshot.server() == nullptr) return;
      remember(*snapshot.server());
      next();
    });
    if (!asked) log.error("{}", asked.error());
  }
  void remember(const dunlin_server_info& server);
};

using Exchange = dunlin::HttpExchange;

void serve_index(Context& context, const Query& query, Exchange exchange);
void serve_varz(Context& context, const Query& query, Exchange exchange);
void serve_connz(Context& context, const Query& query, Exchange exchange);
void serve_subsz(Context& context, const Query& query, Exchange exchange);
void serve_accountz(Context& context, const Query& query, Exchange exchange);
void serve_accstatz(Context& context, const Query& query, Exchange exchange);
void serve_debug_vars(Context& context, const Query& query, Exchange exchange);
void serve_healthz(Context& context, const Query& query, Exchange exchange);
void serve_metrics(Context& context, const Query& query, Exchange exchange);

struct EndpointRow {
  const char* path;
  const char* summary;  // for the index; empty hides it there
  void (*serve)(Context&, const Query&, Exchange);
  std::uint32_t scope;
};
[[nodiscard]] std::span<const EndpointRow> endpoint_rows() noexcept;

// ---- answering ----

void answer_json(Exchange& exchange, std::string_view body, std::uint32_t status = 200);
// 400 with the bare message.
void answer_bad_request(Exchange& exchange, std::string_view message);

// ---- shared pieces of JSON ----

[[nodiscard]] inline std::string_view text_of(dunlin_str text) noexcept {
  return dunlin::detail::view(text);
}
// Is the host new enough to tell all that this header knows?
[[nodiscard]] inline bool tells_all(const dunlin_server_info& server) noexcept {
  return server.struct_size >= sizeof server;
}
// "$G" has no name in listings of connections.
inline constexpr std::string_view global_account = "$G";

void write_subscription_counts(JsonWriter& json, const dunlin_subscriptions_info& info);
enum class WithAccount { no, yes };
void write_subscription(JsonWriter& json, const dunlin_sub_info& info, WithAccount with_account);

// A page of a listing: "offset" and "limit" with the reference's defaults.
struct Page {
  static constexpr std::int64_t limit_default = 1024;
  std::int64_t offset = 0, limit = limit_default;
};
[[nodiscard]] Page page_of(std::int64_t offset, std::int64_t limit) noexcept;

}  // namespace dunlin::monitoring
