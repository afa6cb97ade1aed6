// /accstatz: connections and traffic of each account that has connections here.

#include "accstatz.hpp"

#include "go_format.hpp"

namespace dunlin::monitoring {
namespace {

// Where the elements of "account_statz" stand: in an array in an object.
constexpr unsigned element_depth = 2;

void write_traffic(JsonWriter& json, const dunlin_traffic& traffic) {
  json.field("msgs", traffic.msgs);
  json.field("bytes", traffic.bytes);
}

void write_direction(JsonWriter& json, std::string_view name, const dunlin_traffic& all,
                     const dunlin_traffic& gateways, const dunlin_traffic& routes,
                     const dunlin_traffic& leafs) {
  json.key(name);
  json.begin_object();
  write_traffic(json, all);
  const std::pair<const char*, const dunlin_traffic*> parts[] = {
      {"gateways", &gateways}, {"routes", &routes}, {"leafs", &leafs}};
  for (const auto& [part, traffic] : parts) {
    json.key(part);
    json.begin_object();
    write_traffic(json, *traffic);
    json.end_object();
  }
  json.end_object();
}

}  // namespace

std::string accstat_text(const dunlin_account_info& account) {
  const auto tag = text_of(account.name_tag);
  JsonWriter json(JsonWriter::Layout::indented, element_depth);
  json.begin_object();
  json.field("acc", text_of(account.name));
  json.field("name", tag.empty() ? text_of(account.name) : tag);
  json.field("conns", account.client_connections);
  json.field("leafnodes", account.leafnode_connections);
  json.field("total_conns", account.total_connections);
  json.field("num_subscriptions", account.subscriptions);
  write_direction(json, "sent", account.sent, account.sent_gateways, account.sent_routes,
                  account.sent_leafs);
  write_direction(json, "received", account.received, account.received_gateways,
                  account.received_routes, account.received_leafs);
  json.field("slow_consumers", account.slow_consumers);
  json.end_object();
  return json.take();
}

std::string accstatz_text(std::string_view server_id, std::int64_t now_ns,
                          const std::vector<std::string>& accounts) {
  JsonWriter json;
  json.begin_object();
  json.field("server_id", server_id);
  json.field("now", rfc3339(now_ns));
  json.key("account_statz");
  json.begin_array();
  for (const auto& account : accounts) json.element(account);
  json.end_array();
  json.end_object();
  return json.take();
}

void serve_accstatz(Context& context, const Query& query, Exchange exchange) {
  context.count("/accstatz");
  const auto unused = query.boolean("unused");
  if (!unused) return answer_bad_request(exchange, unused.error());
  context.with_identity([&context, with_unused = *unused, to = std::move(exchange)]() mutable {
    const auto asked = context.observe.accounts(
        {}, [&context, with_unused, reply = std::move(to)](dunlin_status status,
                                                           dunlin::Snapshot snapshot) mutable {
          if (status != DUNLIN_OK) return;
          std::vector<std::string> accounts;
          snapshot.each_account([&](const dunlin_account_info& account) {
            if (with_unused || account.total_connections > 0) {
              accounts.push_back(accstat_text(account));
            }
          });
          answer_json(reply,
                      accstatz_text(context.server_id, context.clock.wall_ns(), accounts));
        });
    if (!asked) context.log.error("/accstatz: {}", asked.error());
  });
}

}  // namespace dunlin::monitoring
