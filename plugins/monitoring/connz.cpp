// /connz: connections, sorted and paged.
//
// The host is asked for all candidates first, without subscriptions; what sorting needs is kept,
// and the page is rendered from a second pass over the same snapshot. With subscriptions the page's
// connections are asked for again.

#include "connz.hpp"

#include <memory>

#include "go_format.hpp"

namespace dunlin::monitoring {
namespace {

// Where the elements of "connections" stand: in an array in an object.
constexpr unsigned element_depth = 2;

std::string_view kind_text(std::uint32_t kind) {
  switch (kind) {
    case DUNLIN_KIND_CLIENT: return "Client";
    case DUNLIN_KIND_ROUTER: return "Router";
    case DUNLIN_KIND_GATEWAY: return "Gateway";
    case DUNLIN_KIND_SYSTEM: return "System";
    case DUNLIN_KIND_LEAF: return "Leafnode";
    case DUNLIN_KIND_JETSTREAM: return "JetStream";
    case DUNLIN_KIND_ACCOUNT: return "Account";
    default: return {};
  }
}

// The reference shows no fractions of a microsecond.
std::string rtt_text(std::int64_t rtt_ns) {
  constexpr std::int64_t microsecond = 1'000, millisecond = 1'000'000;
  if (rtt_ns > microsecond && rtt_ns < millisecond) rtt_ns -= rtt_ns % microsecond;
  return go_duration(rtt_ns);
}

void write_subscriptions(JsonWriter& json, const dunlin_connection_info& info,
                         std::uint32_t wanted) {
  if (wanted == DUNLIN_SUBS_NONE || info.sub_count == 0) return;
  const bool detail = wanted == DUNLIN_SUBS_DETAIL;
  json.key(detail ? "subscriptions_list_detail" : "subscriptions_list");
  json.begin_array();
  for (std::size_t i = 0; i < info.sub_count; ++i) {
    if (detail) {
      write_subscription(json, info.subs[i], WithAccount::no);
    } else {
      json.value(text_of(info.subs[i].subject));
    }
  }
  json.end_array();
}

void write_identity(JsonWriter& json, const dunlin_connection_info& info,
                    const ConnzOptions& options) {
  const auto account = text_of(info.account);
  const bool is_global = account == global_account;
  if (options.auth) {
    json.field_if("authorized_user", text_of(info.authorized_user));
    if (!is_global) json.field_if("account", account);
  }
  write_subscriptions(json, info, options.subscriptions);
  if (options.auth) {
    json.field_if("jwt", text_of(info.jwt));
    json.field_if("issuer_key", text_of(info.issuer_key));
    // An account without a tag of its own goes by its name.
    const auto tag = text_of(info.name_tag);
    if (info.closed == 0 || !is_global) json.field_if("name_tag", tag.empty() ? account : tag);
    if (info.tag_count > 0) {
      json.key("tags");
      json.begin_array();
      for (std::size_t i = 0; i < info.tag_count; ++i) json.value(text_of(info.tags[i]));
      json.end_array();
    }
  }
  json.field_if("mqtt_client", text_of(info.mqtt_client));
}

// One request on its way; kept alive by the callbacks it waits for.
class ConnzRequest : public std::enable_shared_from_this<ConnzRequest> {
 public:
  ConnzRequest(Context& context, ConnzOptions options, Exchange exchange)
      : context_(context),
        options_(std::move(options)),
        exchange_(std::move(exchange)),
        now_ns_(context.clock.wall_ns()),
        page_(options_, now_ns_) {}

  void start() {
    if (options_.account.empty()) return list();
    check(context_.observe.accounts(
        options_.account, [self = shared_from_this()](dunlin_status status, dunlin::Snapshot) {
          if (status == DUNLIN_OK) return self->list();
          if (status == DUNLIN_E_NOT_FOUND) self->answer({}, nullptr);
        }));
  }

 private:
  void check(const dunlin::result<>& asked) {
    if (!asked) context_.log.error("/connz: {}", asked.error());
  }

  void list() {
    dunlin_connections_query query{};
    query.struct_size = sizeof query;
    query.state = options_.state == ConnState::open     ? DUNLIN_CONNS_OPEN
                  : options_.state == ConnState::closed ? DUNLIN_CONNS_CLOSED
                                                        : DUNLIN_CONNS_ALL;
    query.account = dunlin::detail::str(options_.account);
    ask(query, &ConnzRequest::listed);
  }

  void listed(const dunlin::Snapshot& snapshot) {
    snapshot.each_connection([this](const dunlin_connection_info& info) { page_.add(info); });
    page_.finish();
    if (options_.subscriptions == DUNLIN_SUBS_NONE || page_.cids().empty()) {
      return render(snapshot);
    }
    dunlin_connections_query query{};
    query.struct_size = sizeof query;
    query.state = DUNLIN_CONNS_ALL;  // one may have closed in the meantime
    query.subscriptions = options_.subscriptions;
    query.cids = page_.cids().data();
    query.cid_count = page_.cids().size();
    ask(query, &ConnzRequest::render);
  }

  void render(const dunlin::Snapshot& snapshot) {
    std::vector<std::string> elements(page_.cids().size());
    snapshot.each_connection([&](const dunlin_connection_info& info) {
      const auto place = page_.place(info.cid);
      if (place == ConnzPage::npos || !elements[place].empty()) return;
      elements[place] = connection_text(info, options_, now_ns_);
    });
    answer(context_.server_id, &elements);
  }

  void ask(const dunlin_connections_query& query,
           void (ConnzRequest::*then)(const dunlin::Snapshot&)) {
    check(context_.observe.connections(
        query, [self = shared_from_this(), then](dunlin_status status, dunlin::Snapshot snapshot) {
          if (status == DUNLIN_OK && snapshot) ((*self).*then)(snapshot);
        }));
  }

  void answer(std::string_view server_id, const std::vector<std::string>* elements) {
    answer_json(exchange_, connz_text(server_id, now_ns_, options_, page_.total(), elements));
  }

  Context& context_;
  ConnzOptions options_;
  Exchange exchange_;
  std::int64_t now_ns_;
  ConnzPage page_;
};

}  // namespace

std::string connection_text(const dunlin_connection_info& info, const ConnzOptions& options,
                            std::int64_t now_ns) {
  const bool is_closed = info.closed != 0;
  const auto until_ns = is_closed ? info.stop_ns : now_ns;
  JsonWriter json(JsonWriter::Layout::indented, element_depth);
  json.begin_object();
  json.field("cid", info.cid);
  json.field_if("kind", kind_text(info.kind));
  if (info.kind == DUNLIN_KIND_CLIENT) json.field_if("type", text_of(info.type));
  json.field("ip", text_of(info.ip));
  json.field("port", info.port);
  json.field("start", rfc3339(info.start_ns));
  json.field("last_activity", rfc3339(info.last_activity_ns));
  if (is_closed) {
    json.field("stop", rfc3339(info.stop_ns));
    json.field_if("reason", text_of(info.reason));
  }
  json.field("rtt", rtt_text(info.rtt_ns));
  json.field("uptime", uptime_text(until_ns - info.start_ns));
  json.field("idle", uptime_text(until_ns - info.last_activity_ns));
  json.field("pending_bytes", info.pending_bytes);
  json.field("in_msgs", info.in_msgs);
  json.field("out_msgs", info.out_msgs);
  json.field("in_bytes", info.in_bytes);
  json.field("out_bytes", info.out_bytes);
  json.field_if("stalls", info.stalls);
  json.field("subscriptions", info.subscription_count);
  json.field_if("name", text_of(info.name));
  json.field_if("lang", text_of(info.lang));
  json.field_if("version", text_of(info.version));
  json.field_if("tls_version", text_of(info.tls_version));
  json.field_if("tls_cipher_suite", text_of(info.tls_cipher));
  json.field_if("tls_first", info.tls_first != 0);
  write_identity(json, info, options);
  json.end_object();
  return json.take();
}

std::string connz_text(std::string_view server_id, std::int64_t now_ns,
                       const ConnzOptions& options, std::uint64_t total,
                       const std::vector<std::string>* connections) {
  std::size_t count = 0;
  if (connections != nullptr) {
    for (const auto& element : *connections) count += element.empty() ? 0 : 1;
  }
  JsonWriter json;
  json.begin_object();
  json.field("server_id", server_id);
  json.field("now", rfc3339(now_ns));
  json.field("num_connections", count);
  json.field("total", total);
  json.field("offset", options.page.offset);
  json.field("limit", options.page.limit);
  json.key("connections");
  if (connections == nullptr) {
    json.null();
  } else {
    json.begin_array();
    for (const auto& element : *connections) {
      if (!element.empty()) json.element(element);
    }
    json.end_array();
  }
  json.end_object();
  return json.take();
}

void serve_connz(Context& context, const Query& query, Exchange exchange) {
  auto options = connz_options(query);
  if (!options) return answer_bad_request(exchange, options.error());
  context.count("/connz");
  if (const auto problem = connz_problem(*options); !problem.empty()) {
    return answer_bad_request(exchange, problem);
  }
  context.with_identity(
      [request = std::make_shared<ConnzRequest>(context, *options, std::move(exchange))] {
        request->start();
      });
}

}  // namespace dunlin::monitoring
