#include "core/server/observe_service.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <unordered_set>

#include "core/config/options.hpp"
#include "core/server/handles.hpp"
#include "core/server/observe_snapshots.hpp"
#include "core/server/server.hpp"
#include "core/subject/subject.hpp"

namespace dunlin::server {

namespace {

// Connections copied in one turn of a shard: some tens of microseconds of its time.
constexpr std::size_t connections_per_turn = 128;
// Processor time is measured over at least this long.
constexpr std::int64_t cpu_interval_ns = 1'000'000'000;
constexpr int client_protocol = 1;

template <class Clock>
std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch())
      .count();
}

std::int64_t processor_time_ns() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto nanoseconds = [](const timeval& time) {
    return std::int64_t{time.tv_sec} * 1'000'000'000 + std::int64_t{time.tv_usec} * 1000;
  };
  return nanoseconds(usage.ru_utime) + nanoseconds(usage.ru_stime);
}

std::uint64_t resident_bytes() {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen("/proc/self/statm", "re"),
                                                             &std::fclose);
  unsigned long total = 0;
  unsigned long resident = 0;
  if (file == nullptr || std::fscanf(file.get(), "%lu %lu", &total, &resident) != 2) return 0;
  return std::uint64_t{resident} * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

bool would_get(const observe::ConnectionSnapshot& connection, std::string_view subject) {
  return std::any_of(connection.subscriptions.begin(), connection.subscriptions.end(),
                     [subject](const observe::SubscriptionSnapshot& one) {
                       return subject::matches(one.subject, subject);
                     });
}

}  // namespace

// A copy of dunlin_connections_query.
struct ObserveService::ConnectionsQuery {
  std::uint32_t state = 0, subscriptions = 0;
  bool picks_ids = false;
  std::unordered_set<std::uint64_t> ids;
  std::string account, user, filter_subject;

  explicit ConnectionsQuery(const dunlin_connections_query& from)
      : state(from.state),
        subscriptions(from.subscriptions),
        picks_ids(from.cids != nullptr),
        account(view(from.account)),
        user(view(from.user)),
        filter_subject(view(from.filter_subject)) {
    if (picks_ids) ids.insert(from.cids, from.cids + from.cid_count);
  }

  [[nodiscard]] bool needs_subscriptions() const {
    return subscriptions != DUNLIN_SUBS_NONE || !filter_subject.empty();
  }
  [[nodiscard]] bool picks(std::uint64_t id) const { return !picks_ids || ids.contains(id); }
  // The rest of the conditions; takes away what was only needed to judge.
  [[nodiscard]] bool accepts(observe::ConnectionSnapshot& found) const {
    if (!account.empty() && found.account != account) return false;
    if (!user.empty() && found.user != user) return false;
    if (!filter_subject.empty() && !would_get(found, filter_subject)) return false;
    if (subscriptions == DUNLIN_SUBS_NONE) found.subscriptions.clear();
    return true;
  }
};

struct ObserveService::Gathering {
  Gathering(const dunlin_connections_query& asked, const Asker& who) : query(asked), asker(who) {}

  const ConnectionsQuery query;
  const Asker asker;
  std::shared_ptr<ConnectionsSnapshot> snapshot = std::make_shared<ConnectionsSnapshot>();
  std::size_t shards_left = 0;  // [control]
  std::vector<std::vector<std::uint64_t>> ids;                     // by shard, each its own
  std::vector<std::vector<observe::ConnectionSnapshot>> found;     // the same
};

ObserveService::ObserveService(Server& server, PluginExecutor& executor)
    : server_(server), executor_(executor) {}

dunlin_status ObserveService::answer(const Asker& asker, dunlin_status status,
                                     std::shared_ptr<const plugin::Snapshot> snapshot) {
  const bool posted =
      executor_.post_control([this, asker, status, snapshot = std::move(snapshot)] {
        if (stopped_.contains(asker.owner)) return;
        asker.done(asker.user, status, snapshot == nullptr ? nullptr : snapshot->handle());
      });
  return posted ? DUNLIN_OK : DUNLIN_E_CLOSED;
}

// ---- the server --------------------------------------------------------------------------------

double ObserveService::cpu_percent() {
  const std::int64_t now = now_ns<std::chrono::steady_clock>();
  const std::int64_t used = processor_time_ns();
  if (cpu_looked_ns_ == 0) {
    const std::int64_t up =
        now_ns<std::chrono::system_clock>() - server_.started_wall_ns();
    cpu_percent_ = up > 0 ? static_cast<double>(used) * 100 / static_cast<double>(up) : 0;
  } else if (now - cpu_looked_ns_ >= cpu_interval_ns) {
    cpu_percent_ = static_cast<double>(used - cpu_used_ns_) * 100 /
                   static_cast<double>(now - cpu_looked_ns_);
  } else {
    return cpu_percent_;
  }
  cpu_looked_ns_ = now;
  cpu_used_ns_ = used;
  return cpu_percent_;
}

namespace {

void fill_limits(ServerSnapshot& snapshot, const config::Options& options) {
  dunlin_server_info& info = snapshot.info;
  info.max_connections = options.limits.connections;
  info.max_subscriptions = options.limits.subscriptions;
  info.max_payload = options.limits.payload;
  info.max_pending = options.limits.pending;
  info.max_control_line = options.limits.control_line;
  info.ping_interval_ns = options.ping_interval.count();
  info.ping_max = options.ping_max;
  info.write_deadline_ns = options.write_deadline.count();
  info.auth_timeout_ns =
      static_cast<std::int64_t>(config::effective_auth_timeout(options) * 1e9);
  // Without TLS the default is shown, as the reference does.
  const double tls_timeout = options.tls ? options.tls->timeout : config::Tls{}.timeout;
  info.tls_timeout_ns = static_cast<std::int64_t>(tls_timeout * 1e9);
  if (options.write_timeout == config::WriteTimeout::close) info.write_timeout = str("close");
  if (options.write_timeout == config::WriteTimeout::retry) info.write_timeout = str("retry");
  for (const auto& tag : options.server_tags) snapshot.tags.push_back(snapshot.keep(tag));
  for (const auto& [key, value] : options.server_metadata) {
    snapshot.metadata.push_back(snapshot.keep(key));
    snapshot.metadata.push_back(snapshot.keep(value));
  }
  info.tags = snapshot.tags.data();
  info.tag_count = snapshot.tags.size();
  info.metadata = snapshot.metadata.data();
  info.metadata_count = options.server_metadata.size();
}

void fill_counts(dunlin_server_info& info, Server& server) {
  const ClientDirectory& clients = server.clients();
  info.connections = static_cast<std::uint64_t>(std::max<std::int64_t>(clients.client_count(), 0));
  info.total_connections = clients.total_clients();
  info.stale_connections = clients.stale_clients();
  info.stale_connections_by.clients = clients.stale_clients();
  for (const auto& router : server.routers()) {
    const routing::ShardStats& stats = router->stats();
    info.in_msgs += stats.in_messages.get();
    info.in_bytes += stats.in_bytes.get();
    info.out_msgs += stats.out_messages.get();
    info.out_bytes += stats.out_bytes.get();
    info.slow_consumers += stats.slow_consumers.get();
    info.stalled_clients += stats.stalled_producers.get();
  }
  info.slow_consumers_by.clients = info.slow_consumers;
  info.in_client_msgs = info.in_msgs;
  info.in_client_bytes = info.in_bytes;
  info.out_client_msgs = info.out_msgs;
  info.out_client_bytes = info.out_bytes;
  clients.for_each_account([&info](const routing::Account& account) {
    info.subscriptions += account.sublist().size();
    info.leafnodes += static_cast<std::uint64_t>(std::max<std::int64_t>(account.leafnodes, 0));
  });
}

}  // namespace

dunlin_status ObserveService::server(plugin::Owner owner, dunlin_on_snapshot done, void* user) {
  const config::Options& options = server_.options();
  const protocol::ServerInfo& greeting = server_.clients().settings().info;
  const auto snapshot = std::make_shared<ServerSnapshot>();
  constexpr std::size_t single_texts = 9;
  snapshot->reserve_texts(single_texts + options.server_tags.size() +
                          2 * options.server_metadata.size() + server_.arguments().size());
  dunlin_server_info& info = snapshot->info;
  info.struct_size = sizeof info;
  info.proto = client_protocol;
  info.server_id = snapshot->keep(greeting.server_id);
  info.server_name = snapshot->keep(greeting.server_name);
  info.version = snapshot->keep(greeting.version);
  info.go = snapshot->keep(greeting.go);
  info.host = snapshot->keep(options.host);
  info.ip = snapshot->keep(options.client_advertise.empty() ? "" : greeting.host);
  info.port = static_cast<std::uint16_t>(server_.client_port());
  info.config_digest = snapshot->keep(options.config_digest);
  info.system_account = snapshot->keep(
      options.no_system_account         ? ""
      : options.system_account.empty() ? "$SYS"
                                       : options.system_account);
  info.auth_required = server_.clients().settings().auth_required ? 1 : 0;
  info.tls_required = greeting.tls_required ? 1 : 0;
  info.tls_verify = greeting.tls_verify ? 1 : 0;
  info.lame_duck = server_.is_lame_duck() ? 1 : 0;
  info.start_ns = server_.started_wall_ns();
  info.now_ns = now_ns<std::chrono::system_clock>();
  info.config_load_ns = server_.config_loaded_wall_ns();
  info.mem_bytes = resident_bytes();
  info.cpu_percent = cpu_percent();
  info.cores = static_cast<std::uint32_t>(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN)));
  info.shards = static_cast<std::uint32_t>(server_.shards().size());
  fill_limits(*snapshot, options);
  fill_counts(info, server_);
  for (const std::string& argument : server_.arguments())
    snapshot->cmdline.push_back(snapshot->keep(argument));
  info.cmdline = snapshot->cmdline.data();
  info.cmdline_count = snapshot->cmdline.size();
  return answer({owner, done, user}, DUNLIN_OK, snapshot);
}

// ---- connections -------------------------------------------------------------------------------

dunlin_status ObserveService::connections(plugin::Owner owner,
                                          const dunlin_connections_query& query,
                                          dunlin_on_snapshot done, void* user) {
  if (executor_.is_closed()) return DUNLIN_E_CLOSED;
  const auto gathering = std::make_shared<Gathering>(query, Asker{owner, done, user});
  const auto& asked = gathering->query;
  if ((asked.state & DUNLIN_CONNS_CLOSED) != 0) {
    for (observe::ConnectionSnapshot& one : server_.clients().closed().all())
      if (asked.picks(one.id) && asked.accepts(one))
        gathering->snapshot->connections.push_back(std::move(one));
  }
  if ((asked.state & DUNLIN_CONNS_OPEN) == 0)
    return answer(gathering->asker, DUNLIN_OK, gathering->snapshot);
  auto& shards = server_.shards();
  gathering->shards_left = shards.size();
  gathering->ids.resize(shards.size());
  gathering->found.resize(shards.size());
  for (std::uint32_t shard = 0; shard < shards.size(); ++shard)
    shards[shard]->post([this, gathering, shard] {
      auto& ids = gathering->ids[shard];
      server_.shards()[shard]->for_each_connection([&](const net::Connection& connection) {
        if (!connection.is_closed() && gathering->query.picks(connection.id()))
          ids.push_back(connection.id());
      });
      gather(gathering, shard, 0);
    });
  return DUNLIN_OK;
}

// Copies the next connections of a shard, then lets it do its other work.
void ObserveService::gather(const std::shared_ptr<Gathering>& gathering, std::uint32_t shard,
                            std::size_t first) {
  net::Shard& here = *server_.shards()[shard];
  const auto& ids = gathering->ids[shard];
  const auto& query = gathering->query;
  const std::size_t end = std::min(first + connections_per_turn, ids.size());
  for (std::size_t i = first; i < end; ++i) {
    net::Connection* const connection = here.find(ids[i]);
    if (connection == nullptr || connection->is_closed()) continue;
    observe::ConnectionSnapshot shown;
    if (const auto* const client = dynamic_cast<const client::Client*>(connection)) {
      shown = snapshot_of(*client, query.needs_subscriptions());
    } else {
      auto* const acting = dynamic_cast<ActingConnection*>(connection);
      if (acting == nullptr || acting->endpoint().kind() != routing::Kind::client) continue;
      shown = acting->snapshot(query.needs_subscriptions());
    }
    if (query.accepts(shown)) gathering->found[shard].push_back(std::move(shown));
  }
  if (end < ids.size()) {
    here.post([this, gathering, shard, end] { gather(gathering, shard, end); });
    return;
  }
  (void)executor_.post_control([this, gathering, shard] {
    gathered(gathering, std::move(gathering->found[shard]));
  });
}

void ObserveService::gathered(const std::shared_ptr<Gathering>& gathering,
                              std::vector<observe::ConnectionSnapshot> found) {
  auto& all = gathering->snapshot->connections;
  std::move(found.begin(), found.end(), std::back_inserter(all));
  if (--gathering->shards_left != 0) return;
  (void)answer(gathering->asker, DUNLIN_OK, gathering->snapshot);
}

// ---- accounts ----------------------------------------------------------------------------------

dunlin_status ObserveService::accounts(plugin::Owner owner, std::string_view name,
                                       dunlin_on_snapshot done, void* user) {
  const auto snapshot = std::make_shared<AccountsSnapshot>();
  const std::string& system = server_.options().system_account;
  server_.clients().for_each_account([&](routing::Account& account) {
    if (!name.empty() && account.name() != name) return;
    AccountEntry& entry = snapshot->accounts.emplace_back();
    entry.name = account.name();
    dunlin_account_info& info = entry.info;
    info.is_system =
        !server_.options().no_system_account && account.name() == (system.empty() ? "$SYS" : system)
            ? 1
            : 0;
    info.is_complete = 1;
    info.update_ns = server_.config_loaded_wall_ns();
    const auto count = [](const std::atomic<std::int64_t>& value) {
      return static_cast<std::uint64_t>(std::max<std::int64_t>(value.load(), 0));
    };
    info.client_connections = count(account.clients);
    info.leafnode_connections = count(account.leafnodes);
    info.total_connections = info.client_connections + info.leafnode_connections;
    info.subscriptions = account.sublist().size();
    const routing::Traffic traffic = account.traffic().sum();
    info.slow_consumers = traffic.slow_consumers;
    info.sent = {traffic.out_messages, traffic.out_bytes};
    info.received = {traffic.in_messages, traffic.in_bytes};
  });
  if (!name.empty() && snapshot->accounts.empty())
    return answer({owner, done, user}, DUNLIN_E_NOT_FOUND, nullptr);
  return answer({owner, done, user}, DUNLIN_OK, snapshot);
}

// ---- subscriptions -----------------------------------------------------------------------------

namespace {

std::uint64_t connection_of_entry(const subject::Subscription& entry) {
  if (entry.kind() == plugin_kind || entry.kind() == unannounced_kind ||
      entry.kind() == routing::Kind::jetstream)
    return 0;
  return static_cast<const routing::Endpoint*>(entry.owner())->id();
}

// Walks the lists under their writers' locks: a listing pays for what it lists.
void list_subscriptions(SubscriptionsSnapshot& snapshot, const ClientDirectory& clients,
                        const dunlin_subscriptions_query& query) {
  const std::string_view account_name = view(query.account);
  const std::string_view test = view(query.test);
  const std::uint64_t limit = query.limit == 0 ? ~std::uint64_t{0} : query.limit;
  clients.for_each_account([&](routing::Account& account) {
    if (!account_name.empty() && account.name() != account_name) return;
    if (query.list == 0 && test.empty()) {
      snapshot.info.total += account.sublist().size();
      return;
    }
    account.sublist().for_each([&](const subject::Subscription& entry) {
      if (!test.empty() && !subject::matches(entry.subject(), test)) return;
      const std::uint64_t place = snapshot.info.total++;
      if (query.list == 0 || place < query.offset || snapshot.list.size() >= limit) return;
      snapshot.list.push_back({account.name(), std::string(entry.subject()),
                               std::string(entry.queue()), std::string(entry.sid()),
                               connection_of_entry(entry), entry.delivered.get(),
                               entry.max.get()});
    });
  });
}

}  // namespace

dunlin_status ObserveService::subscriptions(plugin::Owner owner,
                                            const dunlin_subscriptions_query& query,
                                            dunlin_on_snapshot done, void* user) {
  if (executor_.is_closed()) return DUNLIN_E_CLOSED;
  const auto snapshot = std::make_shared<SubscriptionsSnapshot>();
  dunlin_subscriptions_info& info = snapshot->info;
  info.struct_size = sizeof info;
  const std::string_view account_name = view(query.account);
  server_.clients().for_each_account([&](routing::Account& account) {
    if (!account_name.empty() && account.name() != account_name) return;
    const subject::SublistStats stats = account.sublist().stats();
    info.num_subscriptions += stats.subscriptions;
    info.num_inserts += stats.inserts;
    info.num_removes += stats.removes;
  });
  list_subscriptions(*snapshot, server_.clients(), query);
  // The caches are the shards'.
  struct Caches {
    std::atomic<std::size_t> shards_left;
    std::vector<subject::MatchCacheStats> stats;
  };
  const auto caches = std::make_shared<Caches>();
  caches->shards_left = server_.routers().size();
  caches->stats.resize(server_.routers().size());
  const Asker asker{owner, done, user};
  const auto sum = [this, asker, snapshot, caches] {
    dunlin_subscriptions_info& out = snapshot->info;
    std::uint64_t hits = 0;
    std::uint64_t total_fanout = 0;
    for (const subject::MatchCacheStats& one : caches->stats) {
      out.num_cache += one.entries;
      out.num_matches += one.lookups + one.bypassed;
      hits += one.hits;
      out.max_fanout = std::max(out.max_fanout, one.max_fanout);
      total_fanout += one.total_fanout;
    }
    if (out.num_matches != 0)
      out.cache_hit_rate = static_cast<double>(hits) / static_cast<double>(out.num_matches);
    if (out.num_cache != 0)
      out.avg_fanout = static_cast<double>(total_fanout) / static_cast<double>(out.num_cache);
    (void)answer(asker, DUNLIN_OK, snapshot);
  };
  for (std::size_t i = 0; i < server_.routers().size(); ++i) {
    routing::ShardRouter& router = *server_.routers()[i];
    router.shard().post([&router, caches, i, sum] {
      caches->stats[i] = router.cache().stats();
      if (caches->shards_left.fetch_sub(1) == 1) sum();
    });
  }
  return DUNLIN_OK;
}

}  // namespace dunlin::server
