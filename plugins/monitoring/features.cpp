#include "features.hpp"

#include <initializer_list>

#include "go_format.hpp"

namespace dunlin::monitoring {
namespace {

void answer(const Reply& reply, std::string body) {
  reply({200, "application/json", std::move(body), {{"Access-Control-Allow-Origin", "*"}}});
}

// The first of the parameters that is no boolean, in the reference's words; else nothing.
std::string wrong_boolean(const Query& query, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (const auto value = query.boolean(name); !value) return value.error();
  }
  return {};
}

std::string wrong_integer(const Query& query, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (const auto value = query.integer(name); !value) return value.error();
  }
  return {};
}

// "subs" may be a boolean or "detail".
std::string wrong_subscriptions(const Query& query) {
  return lower_case(query.text("subs")) == "detail" ? "" : wrong_boolean(query, {"subs"});
}

void answer_with(Context& context, const Reply& reply, std::string (*text)(const WhoAndWhen&)) {
  context.with_identity([&context, reply, text] {
    answer(reply, text({context.server_id, context.server_name, context.clock.wall_ns()}));
  });
}

void serve_routez(Context& context, const Query& query, const Reply& reply) {
  if (auto wrong = wrong_subscriptions(query); !wrong.empty()) {
    return reply(plain_text(400, std::move(wrong)));
  }
  context.count("/routez");
  answer_with(context, reply, absent_routez_text);
}

void serve_gatewayz(Context& context, const Query& query, const Reply& reply) {
  context.count("/gatewayz");
  auto wrong = wrong_subscriptions(query);
  if (wrong.empty()) wrong = wrong_boolean(query, {"accs"});
  if (!wrong.empty()) return reply(plain_text(400, std::move(wrong)));
  answer_with(context, reply, absent_gatewayz_text);
}

void serve_leafz(Context& context, const Query& query, const Reply& reply) {
  context.count("/leafz");
  if (auto wrong = wrong_boolean(query, {"subs"}); !wrong.empty()) {
    return reply(plain_text(400, std::move(wrong)));
  }
  answer_with(context, reply, absent_leafz_text);
}

// In the reference's order: of several mistakes the first is reported.
void serve_jsz(Context& context, const Query& query, const Reply& reply) {
  context.count("/jsz");
  auto wrong =
      wrong_boolean(query, {"accounts", "streams", "consumers", "direct-consumers", "config"});
  if (wrong.empty()) wrong = wrong_integer(query, {"offset", "limit"});
  if (wrong.empty()) wrong = wrong_boolean(query, {"leader-only", "raft", "stream-leader-only"});
  // Without JetStream no server leads.
  if (wrong.empty() && *query.boolean("leader-only")) wrong = "filtered response: not leader";
  if (!wrong.empty()) return reply(plain_text(400, std::move(wrong)));
  answer_with(context, reply, absent_jsz_text);
}

void serve_ipqueuesz(Context&, const Query& query, const Reply& reply) {
  if (auto wrong = wrong_boolean(query, {"all"}); !wrong.empty()) {
    return reply(plain_text(400, std::move(wrong)));
  }
  answer(reply, "{}");
}

void serve_raftz(Context&, const Query&, const Reply& reply) {
  reply(plain_text(404, "No Raft nodes registered"));
}

constexpr FeatureRow rows[] = {
    {"/jsz", "JetStream", serve_jsz},         {"/routez", "Routes", serve_routez},
    {"/leafz", "LeafNodes", serve_leafz},     {"/gatewayz", "Gateways", serve_gatewayz},
    {"/raftz", "Raft Groups", serve_raftz},   {"/ipqueuesz", "", serve_ipqueuesz},
};

}  // namespace

std::span<const FeatureRow> feature_rows() noexcept { return rows; }

bool serve_absent_feature(Context& context, std::string_view path, const Query& query,
                          const Reply& reply) {
  for (const auto& row : rows) {
    if (path != row.path) continue;
    row.serve(context, query, reply);
    return true;
  }
  return false;
}

std::string absent_routez_text(const WhoAndWhen& who) {
  JsonWriter json;
  json.begin_object();
  json.field("server_id", who.server_id);
  json.field("server_name", who.server_name);
  json.field("now", rfc3339(who.now_ns));
  json.field("num_routes", 0);
  json.key("routes");
  json.begin_array();
  json.end_array();
  json.end_object();
  return json.take();
}

std::string absent_gatewayz_text(const WhoAndWhen& who) {
  JsonWriter json;
  json.begin_object();
  json.field("server_id", who.server_id);
  json.field("now", rfc3339(who.now_ns));
  json.empty_object("outbound_gateways");
  json.empty_object("inbound_gateways");
  json.end_object();
  return json.take();
}

std::string absent_leafz_text(const WhoAndWhen& who) {
  JsonWriter json;
  json.begin_object();
  json.field("server_id", who.server_id);
  json.field("now", rfc3339(who.now_ns));
  json.field("leafnodes", 0);
  json.key("leafs");
  json.begin_array();
  json.end_array();
  json.end_object();
  return json.take();
}

std::string absent_jsz_text(const WhoAndWhen& who) {
  JsonWriter json;
  json.begin_object();
  for (const char* name : {"memory", "storage", "reserved_memory", "reserved_storage", "accounts",
                           "ha_assets"}) {
    json.field(name, 0);
  }
  json.key("api");
  json.begin_object();
  for (const char* name : {"level", "total", "errors"}) json.field(name, 0);
  json.end_object();
  json.field("server_id", who.server_id);
  json.field("now", rfc3339(who.now_ns));
  json.field("disabled", true);
  json.key("config");
  json.begin_object();
  for (const char* name : {"max_memory", "max_storage"}) json.field(name, 0);
  json.end_object();
  for (const char* name : {"streams", "consumers", "messages", "bytes", "total"}) {
    json.field(name, 0);
  }
  json.end_object();
  return json.take();
}

}  // namespace dunlin::monitoring
