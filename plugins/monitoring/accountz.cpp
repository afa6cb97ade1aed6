// /accountz: the names of the accounts, or one account in detail. Exports, imports and mappings
// join when accounts have them.

#include "accountz.hpp"

#include <memory>

#include "go_format.hpp"

namespace dunlin::monitoring {
namespace {

void write_envelope(JsonWriter& json, std::string_view server_id, std::int64_t now_ns,
                    std::string_view system_account) {
  json.field("server_id", server_id);
  json.field("now", rfc3339(now_ns));
  json.field_if("system_account", system_account);
}

void serve_list(Context& context, Exchange exchange) {
  const auto asked = context.observe.accounts(
      {}, [&context, to = std::move(exchange)](dunlin_status status,
                                               dunlin::Snapshot snapshot) mutable {
        if (status != DUNLIN_OK) return;
        std::vector<std::string> names;
        snapshot.each_account([&](const dunlin_account_info& account) {
          names.emplace_back(text_of(account.name));
        });
        answer_json(to, accountz_list_text(context.server_id, context.clock.wall_ns(),
                                           context.system_account, names));
      });
  if (!asked) context.log.error("/accountz: {}", asked.error());
}

void refuse_unknown(Exchange& exchange, std::string_view name) {
  answer_bad_request(exchange, "Account " + std::string(name) + " does not exist");
}

// The subscriptions are asked for first: what is known of the account is then at hand while the
// text is made.
void serve_detail(Context& context, std::string name, Exchange exchange) {
  dunlin_subscriptions_query query{};
  query.struct_size = sizeof query;
  query.account = dunlin::detail::str(name);
  const auto asked = context.observe.subscriptions(
      query, [&context, name, to = std::move(exchange)](dunlin_status status,
                                                        dunlin::Snapshot snapshot) mutable {
        const auto* counts = status == DUNLIN_OK ? snapshot.subscriptions() : nullptr;
        const bool has_counts = counts != nullptr;
        const auto kept = has_counts ? *counts : dunlin_subscriptions_info{};
        const auto asked_again = context.observe.accounts(
            name, [&context, name, has_counts, kept, reply = std::move(to)](
                      dunlin_status found, dunlin::Snapshot accounts) mutable {
              if (found == DUNLIN_E_NOT_FOUND) return refuse_unknown(reply, name);
              if (found != DUNLIN_OK) return;
              std::string detail;
              accounts.each_account([&](const dunlin_account_info& account) {
                if (text_of(account.name) != name) return;
                detail = account_text(account, has_counts ? &kept : nullptr);
              });
              if (detail.empty()) return refuse_unknown(reply, name);
              answer_json(reply, accountz_detail_text(context.server_id, context.clock.wall_ns(),
                                                      context.system_account, detail));
            });
        if (!asked_again) context.log.error("/accountz: {}", asked_again.error());
      });
  if (!asked) context.log.error("/accountz: {}", asked.error());
}

}  // namespace

std::string accountz_list_text(std::string_view server_id, std::int64_t now_ns,
                               std::string_view system_account,
                               const std::vector<std::string>& accounts) {
  JsonWriter json;
  json.begin_object();
  write_envelope(json, server_id, now_ns, system_account);
  if (!accounts.empty()) {
    json.key("accounts");
    json.begin_array();
    for (const auto& name : accounts) json.value(name);
    json.end_array();
  }
  json.end_object();
  return json.take();
}

std::string account_text(const dunlin_account_info& account,
                         const dunlin_subscriptions_info* subscriptions) {
  JsonWriter json(JsonWriter::Layout::indented, 1);
  json.begin_object();
  json.field("account_name", text_of(account.name));
  json.field("update_time", rfc3339(account.update_ns));
  json.field_if("is_system", account.is_system != 0);
  json.field("expired", account.is_expired != 0);
  json.field("complete", account.is_complete != 0);
  json.field("jetstream_enabled", account.jetstream_enabled != 0);
  json.field("leafnode_connections", account.leafnode_connections);
  json.field("client_connections", account.client_connections);
  json.field("subscriptions", account.subscriptions);
  json.field_if("jwt", text_of(account.jwt));
  json.field_if("issuer_key", text_of(account.issuer_key));
  const auto tag = text_of(account.name_tag);
  json.field_if("name_tag", tag.empty() ? text_of(account.name) : tag);
  if (subscriptions != nullptr) {
    json.key("sublist_stats");
    json.begin_object();
    write_subscription_counts(json, *subscriptions);
    json.end_object();
  }
  json.end_object();
  return json.take();
}

std::string accountz_detail_text(std::string_view server_id, std::int64_t now_ns,
                                 std::string_view system_account, std::string_view detail) {
  JsonWriter json;
  json.begin_object();
  write_envelope(json, server_id, now_ns, system_account);
  json.key("account_detail");
  json.element(detail);
  json.end_object();
  return json.take();
}

void serve_accountz(Context& context, const Query& query, Exchange exchange) {
  context.count("/accountz");
  context.with_identity(
      [&context, name = std::string(query.text("acc")), to = std::move(exchange)]() mutable {
        if (name.empty()) {
          serve_list(context, std::move(to));
        } else {
          serve_detail(context, std::move(name), std::move(to));
        }
      });
}

}  // namespace dunlin::monitoring
