// Which connections a request for /connz is about, and in which order.

#include <algorithm>
#include <array>

#include "connz.hpp"

namespace dunlin::monitoring {
namespace {

struct SortWord {
  std::string_view word;
  bool descending;
};
constexpr SortWord sort_words[] = {
    {"", false},          {"cid", false},      {"start", false},   {"subs", true},
    {"pending", true},    {"msgs_to", true},   {"msgs_from", true}, {"bytes_to", true},
    {"bytes_from", true}, {"last", true},      {"idle", true},     {"uptime", false},
    {"stop", true},       {"reason", false},   {"rtt", true},
};

const SortWord* find_sort(std::string_view word) {
  for (const auto& known : sort_words) {
    if (known.word == word) return &known;
  }
  return nullptr;
}

Decoded<ConnState> decode_state(const Query& query) {
  const auto written = query.text("state");
  const auto word = lower_case(written);
  if (word.empty() || word == "open") return ConnState::open;
  if (word == "closed") return ConnState::closed;
  if (word == "any" || word == "all") return ConnState::all;
  return Decoded<ConnState>::refused("Error decoding state for " + std::string(written));
}

Decoded<std::uint32_t> decode_subscriptions(const Query& query) {
  if (lower_case(query.text("subs")) == "detail") return DUNLIN_SUBS_DETAIL;
  const auto wanted = query.boolean("subs");
  if (!wanted) return Decoded<std::uint32_t>::refused(wanted.error());
  return *wanted ? DUNLIN_SUBS_LIST : DUNLIN_SUBS_NONE;
}

}  // namespace

// In the reference's order: of several mistakes the first is reported.
Decoded<ConnzOptions> connz_options(const Query& query) {
  using Options = Decoded<ConnzOptions>;
  const auto auth = query.boolean("auth");
  if (!auth) return Options::refused(auth.error());
  const auto subscriptions = decode_subscriptions(query);
  if (!subscriptions) return Options::refused(subscriptions.error());
  const auto offset = query.integer("offset");
  if (!offset) return Options::refused(offset.error());
  const auto limit = query.integer("limit");
  if (!limit) return Options::refused(limit.error());
  const auto cid = query.unsigned_integer("cid");
  if (!cid) return Options::refused(cid.error());
  const auto state = decode_state(query);
  if (!state) return Options::refused(state.error());
  ConnzOptions options;
  options.sort = query.text("sort");
  options.auth = *auth;
  options.subscriptions = *subscriptions;
  options.page = page_of(*offset, *cid > 0 ? 1 : *limit);
  options.cid = *cid;
  options.state = *state;
  options.user = query.text("user");
  options.account = query.text("acc");
  options.mqtt_client = query.text("mqtt_client");
  return options;
}

std::string connz_problem(const ConnzOptions& options) {
  if (find_sort(options.sort) == nullptr) return "invalid sorting option: " + options.sort;
  if ((options.sort == "stop" || options.sort == "reason") && options.state != ConnState::closed) {
    return "sort by " + options.sort + " only valid on closed connections";
  }
  return {};
}

ConnzPage::ConnzPage(const ConnzOptions& options, std::int64_t now_ns)
    : options_(options), now_ns_(now_ns) {}

std::int64_t ConnzPage::key_of(const dunlin_connection_info& info) const {
  const auto& sort = options_.sort;
  const auto number = [](std::uint64_t value) { return static_cast<std::int64_t>(value); };
  if (sort == "start") return info.start_ns;
  if (sort == "subs") return number(info.subscription_count);
  if (sort == "pending") return number(info.pending_bytes);
  if (sort == "msgs_to") return number(info.out_msgs);
  if (sort == "msgs_from") return number(info.in_msgs);
  if (sort == "bytes_to") return number(info.out_bytes);
  if (sort == "bytes_from") return number(info.in_bytes);
  if (sort == "last") return info.last_activity_ns;
  if (sort == "idle") return now_ns_ - info.last_activity_ns;
  if (sort == "uptime") return (info.closed != 0 ? info.stop_ns : now_ns_) - info.start_ns;
  if (sort == "stop") return info.stop_ns;
  if (sort == "rtt") return info.rtt_ns;
  return 0;  // by cid or reason
}

void ConnzPage::add(const dunlin_connection_info& info) {
  ++total_;
  if (options_.cid != 0 && info.cid != options_.cid) return;
  if (!options_.user.empty() && text_of(info.authorized_user) != options_.user) return;
  if (!options_.mqtt_client.empty() && text_of(info.mqtt_client) != options_.mqtt_client) return;
  rows_.push_back({info.cid, key_of(info),
                   options_.sort == "reason" ? std::string(text_of(info.reason)) : std::string(),
                   info.closed != 0});
}

void ConnzPage::finish() {
  const bool descending = find_sort(options_.sort)->descending;
  std::sort(rows_.begin(), rows_.end(), [&](const Row& a, const Row& b) {
    if (a.key != b.key) return descending ? a.key > b.key : a.key < b.key;
    if (a.reason != b.reason) return a.reason < b.reason;
    return a.cid != b.cid ? a.cid < b.cid : a.is_closed < b.is_closed;
  });
  const auto size = rows_.size();
  const auto first = std::min(static_cast<std::size_t>(options_.page.offset), size);
  const auto count = std::min(static_cast<std::size_t>(options_.page.limit), size - first);
  for (std::size_t i = first; i < first + count; ++i) {
    // A connection that closes while it is asked for shows up twice.
    if (places_.emplace(rows_[i].cid, cids_.size()).second) cids_.push_back(rows_[i].cid);
  }
  std::vector<Row>().swap(rows_);
}

std::size_t ConnzPage::place(std::uint64_t cid) const noexcept {
  const auto found = places_.find(cid);
  return found == places_.end() ? npos : found->second;
}

}  // namespace dunlin::monitoring
