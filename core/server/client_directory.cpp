#include "core/server/client_directory.hpp"

#include <chrono>


namespace dunlin::server {

namespace {

std::int64_t wall_now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// Who a connection is; as long as nobody accepted it, who it says it is.
std::string shown_user(const client::Client& client) {
  if (!client.user().empty()) return client.user();
  const protocol::ConnectOptions& given = client.options();
  if (!given.nkey.empty()) return given.nkey;
  if (!given.user.empty()) return given.user;
  return given.auth_token.empty() ? "" : "[REDACTED]";
}

}  // namespace

ClientDirectory::ClientDirectory(Quiescence& quiescence, std::size_t shards,
                                 std::size_t closed_max)
    : quiescence_(quiescence), shards_(shards), closed_(closed_max) {
  global_ = &account(std::string(auth::global_account));
}

ClientDirectory::~ClientDirectory() { delete policy_.load(); }

void ClientDirectory::set_policy(std::unique_ptr<const ClientPolicy> policy) {
  if (policy->settings.reserved != reserved_) {
    auto kept = std::make_unique<ClientPolicy>(*policy);
    kept->settings.reserved = reserved_;
    policy = std::move(kept);
  }
  if (const ClientPolicy* const before = policy_.exchange(policy.release()))
    quiescence_.retire(before);
}

routing::Account& ClientDirectory::account(const std::string& name) {
  const std::lock_guard lock(accounts_mutex_);
  auto& account = accounts_[name];
  if (account == nullptr) {
    account = std::make_unique<routing::Account>(name, shards_, quiescence_);
    for (const auto& added : account_added_) added(*account);
  }
  return *account;
}

routing::Account* ClientDirectory::find_account(std::string_view name) const {
  const std::lock_guard lock(accounts_mutex_);
  const auto found = accounts_.find(std::string(name));
  return found == accounts_.end() ? nullptr : found->second.get();
}

void ClientDirectory::on_account_added(std::function<void(routing::Account&)> callback) {
  const std::lock_guard lock(accounts_mutex_);
  account_added_.push_back(std::move(callback));
}

void ClientDirectory::reserve_subjects(std::vector<std::string> prefixes) {
  reserved_ = prefixes.empty()
                  ? nullptr
                  : std::make_shared<const auth::ReservedSubjects>(std::move(prefixes));
  set_policy(std::make_unique<ClientPolicy>(policy()));
}

void ClientDirectory::for_each_account(
    const std::function<void(routing::Account&)>& visit) const {
  const std::lock_guard lock(accounts_mutex_);
  for (const auto& [name, account] : accounts_) visit(*account);
}

client::Admission ClientDirectory::admit(const client::Client& client,
                                         const protocol::ConnectOptions& options,
                                         bool without_connect) {
  // The answer may come from another thread, after a reload has replaced the authenticator.
  const auto authenticator = policy().authenticator;
  if (without_connect && authenticator->is_required() &&
      !authenticator->may_begin_without_connect(auth::ConnectionType::standard))
    return {};
  auth::Credentials credentials;
  credentials.client_ip = client.peer().ip;
  if (!without_connect) {
    credentials.user = options.user;
    credentials.pass = options.pass;
    credentials.auth_token = options.auth_token;
    credentials.nkey = options.nkey;
    credentials.jwt = options.jwt;
    credentials.sig = options.sig;
    credentials.proxy_sig = options.proxy_sig;
  }
  const auto decided_later = [this, authenticator, where = &client.shard(), id = client.id(),
                              question = client.question(),
                              claimed = options.user](auth::Decision decision) {
    where->post([this, where, id, question, claimed, decision = std::move(decision)]() mutable {
      net::Connection* const found = where->find(id);
      if (found != nullptr)
        static_cast<client::Client*>(found)->decided(question,
                                                     admission_of(std::move(decision), claimed));
    });
  };
  return admission_of(authenticator->authenticate(credentials, decided_later), options.user);
}

client::Admission ClientDirectory::admission_of(auth::Decision decision,
                                                const std::string& claimed) {
  client::Admission admission;
  admission.pending = decision.outcome == auth::Decision::Outcome::pending;
  admission.accepted = decision.outcome == auth::Decision::Outcome::accepted;
  admission.refused_as = decision.closed_reason;
  if (!admission.accepted) {
    admission.user = claimed;
    return admission;
  }
  admission.expires_at = decision.identity.expires_at;
  admission.account = &account(decision.identity.account);
  admission.permissions = std::move(decision.identity.permissions);
  admission.user = std::move(decision.identity.user);
  return admission;
}

bool ClientDirectory::count_client() {
  total_.fetch_add(1, std::memory_order_relaxed);
  const std::int64_t now = clients_.fetch_add(1, std::memory_order_relaxed) + 1;
  if (now <= policy().connections_max) return true;
  clients_.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

void ClientDirectory::adjust_first_info(const client::Client& client,
                                        protocol::InfoOverrides& values) {
  const auto* const transport =
      dynamic_cast<const net::ServerTransport*>(client.transport());
  if (transport == nullptr) return;
  // Behind a proxy the socket's address is the proxy's.
  if (transport->awaits_proxy_header()) values.client_ip = {};
  if (transport->did_handshake_first()) values.tls_required = true;
}

void ClientDirectory::client_closed(client::Client& client) {
  if (client.closed_reason() == net::ClosedReason::stale_connection)
    stale_.fetch_add(1, std::memory_order_relaxed);
  observe::ConnectionSnapshot snapshot = snapshot_of(client, true);
  snapshot.reason = protocol::text_of(client.closed_reason());
  connection_closed(std::move(snapshot), client.is_counted());
}

void ClientDirectory::connection_closed(observe::ConnectionSnapshot snapshot, bool is_counted) {
  snapshot.stop = wall_now_ns();
  closed_.add(std::move(snapshot));
  if (!is_counted) return;
  if (clients_.fetch_sub(1, std::memory_order_acq_rel) == 1 && last_client_) last_client_();
}

observe::ConnectionSnapshot snapshot_of(const client::Client& client, bool with_subscriptions) {
  // Shown of one connection at most; a closed one keeps them for its place in the ring.
  constexpr std::size_t subscriptions_max = 10'000;
  observe::ConnectionSnapshot shown;
  shown.id = client.id();
  shown.shard = client.shard().index();
  shown.ip = client.peer().ip;
  shown.port = client.peer().port;
  shown.start = client.started_wall_ns();
  shown.last_activity =
      client.started_wall_ns() + static_cast<std::int64_t>(client.last_activity() -
                                                           client.started());
  shown.round_trip = client.round_trip();
  shown.pending_bytes = client.pending();
  shown.in_messages = client.in_messages.get();
  shown.in_bytes = client.in_bytes.get();
  shown.out_messages = client.out_messages.get();
  shown.out_bytes = client.out_bytes.get();
  shown.stalls = client.stalls.get();
  shown.subscription_count = client.subscriptions().size();
  shown.name = client.options().name;
  shown.lang = client.options().lang;
  shown.version = client.options().version;
  if (client.account() != nullptr) shown.account = client.account()->name();
  shown.user = shown_user(client);
  if (const auto* const transport =
          dynamic_cast<const net::ServerTransport*>(client.transport())) {
    shown.tls_first = transport->did_handshake_first();
    if (const net::TlsSession* const tls = transport->tls()) {
      shown.tls_version = tls->version();
      shown.tls_cipher = tls->cipher_suite();
    }
  }
  if (!with_subscriptions) return shown;
  client.subscriptions().for_each([&shown](const subject::Subscription& subscription) {
    if (shown.subscriptions.size() == subscriptions_max) return;
    shown.subscriptions.push_back({std::string(subscription.subject()),
                                   std::string(subscription.queue()),
                                   std::string(subscription.sid()), subscription.delivered.get(),
                                   subscription.max.get()});
  });
  return shown;
}

}  // namespace dunlin::server
