// /subsz and /subscriptionsz: the sum of all accounts' subscriptions, and a list of them.

#include "subsz.hpp"

#include "go_format.hpp"

namespace dunlin::monitoring {

Decoded<SubszOptions> subsz_options(const Query& query) {
  using Options = Decoded<SubszOptions>;
  const auto list = query.boolean("subs");
  if (!list) return Options::refused(list.error());
  const auto offset = query.integer("offset");
  if (!offset) return Options::refused(offset.error());
  const auto limit = query.integer("limit");
  if (!limit) return Options::refused(limit.error());
  SubszOptions options{*list, page_of(*offset, *limit), std::string(query.text("acc")),
                       std::string(query.text("test"))};
  if (!options.test.empty() && !is_literal_subject(options.test)) {
    return Options::refused("invalid test subject, must be valid publish subject: " + options.test);
  }
  return options;
}

bool is_literal_subject(std::string_view subject) noexcept {
  for (;;) {
    const auto token = subject.substr(0, subject.find('.'));
    if (token.empty() || token == "*" || token == ">") return false;
    if (token.size() == subject.size()) return true;
    subject.remove_prefix(token.size() + 1);
  }
}

SubszText::SubszText(std::string_view server_id, std::int64_t now_ns, const SubszOptions& options,
                     const dunlin_subscriptions_info& info) {
  json_.begin_object();
  json_.field("server_id", server_id);
  json_.field("now", rfc3339(now_ns));
  write_subscription_counts(json_, info);
  json_.field("total", options.list ? info.total : 0);
  json_.field("offset", options.page.offset);
  json_.field("limit", options.page.limit);
}

void SubszText::add(const dunlin_sub_info& subscription) {
  if (!has_list_) {
    json_.key("subscriptions_list");
    json_.begin_array();
    has_list_ = true;
  }
  write_subscription(json_, subscription, WithAccount::yes);
}

std::string SubszText::finish() {
  if (has_list_) json_.end_array();
  json_.end_object();
  return json_.take();
}

void serve_subsz(Context& context, const Query& query, Exchange exchange) {
  context.count("/subsz");
  auto decoded = subsz_options(query);
  if (!decoded) return answer_bad_request(exchange, decoded.error());
  context.with_identity([&context, options = *decoded, to = std::move(exchange)]() mutable {
    dunlin_subscriptions_query ask{};
    ask.struct_size = sizeof ask;
    ask.list = options.list ? 1 : 0;
    ask.account = dunlin::detail::str(options.account);
    if (options.list) ask.test = dunlin::detail::str(options.test);
    ask.offset = static_cast<std::uint64_t>(options.page.offset);
    ask.limit = static_cast<std::uint64_t>(options.page.limit);
    const auto asked = context.observe.subscriptions(
        ask, [&context, options, reply = std::move(to)](dunlin_status status,
                                                        dunlin::Snapshot snapshot) mutable {
          // An account that does not exist has no subscriptions.
          const dunlin_subscriptions_info none{};
          if (status != DUNLIN_OK && status != DUNLIN_E_NOT_FOUND) return;
          const auto* info = snapshot ? snapshot.subscriptions() : nullptr;
          SubszText text(context.server_id, context.clock.wall_ns(), options,
                         info != nullptr ? *info : none);
          if (snapshot && options.list) {
            snapshot.each_subscription([&](const dunlin_sub_info& sub) { text.add(sub); });
          }
          answer_json(reply, text.finish());
        });
    if (!asked) context.log.error("/subsz: {}", asked.error());
  });
}

}  // namespace dunlin::monitoring
