// Start, accepting, shutdown. Reload is in reload.cpp, lame duck in lame_duck.cpp, the files the
// server leaves for others in ports_file.cpp.

#include "core/server/server.hpp"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>

#include "core/base/hash.hpp"
#include "core/base/log.hpp"
#include "core/server/log_sink.hpp"
#include "core/server/plugin_wiring.hpp"
#include "core/server/policy.hpp"

namespace dunlin::server {

namespace {

// The processors this process may use: pinned processes get fewer shards.
unsigned usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return static_cast<unsigned>(std::max(CPU_COUNT(&set), 1));
}

// Every connection is a descriptor; the soft limit of most systems is far below max_connections.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

Server::Server(config::Outcome start, std::string argv0, const dunlin_entry_fn* static_plugins)
    : command_(std::move(start.command)),
      options_(std::move(start.loaded.options)),
      argv0_(std::move(argv0)),
      identity_(auth::ServerIdentity::random_seed(), auth::ServerIdentity::random_seed()),
      control_work_(boost::asio::make_work_guard(control_)),
      signals_(control_),
      lame_duck_timer_(control_),
      started_wall_ns_(std::chrono::duration_cast<std::chrono::nanoseconds>(
                           std::chrono::system_clock::now().time_since_epoch())
                           .count()),
      config_loaded_wall_ns_(started_wall_ns_),
      static_plugins_(static_plugins) {
  section_provided_ = sections_provided(options_.config_file, static_plugins_);
}

Server::~Server() = default;

int Server::run() {
  if (const auto installed = install_log_sink(options_.logging); !installed) {
    std::fprintf(stderr, "dunlin-server: %s\n", installed.error().text.c_str());
    return 1;
  }
  log_banner();
  if (const auto started = start(); !started) {
    log_fatal("{}", started.error().text);
    stop_shards();
    end_plugins();
    return exit_code_ != 0 ? exit_code_ : 1;
  }
  control_.run();
  end_plugins();
  return exit_code_;
}

result<> Server::start() {
  std::signal(SIGPIPE, SIG_IGN);
  seed_hash();
  raise_descriptor_limit();
  const unsigned count = options_.threads > 0 ? static_cast<unsigned>(options_.threads)
                                              : usable_cores();
  clients_ = std::make_unique<ClientDirectory>(
      quiescence_, count, static_cast<std::size_t>(options_.limits.closed_clients));
  for (unsigned i = 0; i < count; ++i) {
    net::Shard::Settings settings;
    settings.index = static_cast<std::uint16_t>(i);
    settings.count = static_cast<std::uint16_t>(count);
    settings.read_buffer_size = static_cast<std::size_t>(options_.read_buffer_size);
    shards_.push_back(std::make_unique<net::Shard>(settings, quiescence_));
    routers_.push_back(std::make_unique<routing::ShardRouter>(
        *shards_.back(), delivery_,
        options_.disable_sublist_cache ? 0 : subject::MatchCache::default_entries));
  }
  delivery_.stalls_fast_producers = !options_.no_fast_producer_stall;
  if (const auto loaded = load_plugins(); !loaded) return loaded;
  if (const auto opened = open_client_listener(); !opened) return opened;
  auto policy = make_policy(options_, identity_, client_port_);
  if (!policy) return policy.error();
  clients_->set_policy(std::move(*policy));
  auto mappings = make_mappings(options_);
  if (!mappings) return mappings.error();
  clients_->global_account().set_mappings(std::move(*mappings));
  arm_signals();
  for (auto& shard : shards_) shard->start(shards_);
  if (const auto started = start_plugins(); !started) return started;
  client_listener_->start(*shards_.front(),
                          [this](net::Accepted accepted) { accept(std::move(accepted)); });
  log_listening();
  if (!options_.pid_file.empty()) {
    if (const auto written = write_pid_file(); !written) return written;
  }
  write_ports_file();
  log_info("Server is ready");
  return {};
}

result<> Server::open_client_listener() {
  auto listener = net::Listener::open(options_.host, options_.port);
  if (!listener)
    return fail(fmt::format("Error listening on port: {}:{}, \"{}\"", options_.host, options_.port,
                            listener.error().text));
  client_listener_ = std::move(*listener);
  client_port_ = client_listener_->port();
  return {};
}

// Runs on the listener's shard: the connection is built where it will live.
void Server::accept(net::Accepted accepted) {
  net::Shard* chosen = shards_.front().get();
  for (const auto& shard : shards_)
    if (shard->load() < chosen->load()) chosen = shard.get();
  chosen->expect_connection();
  chosen->post([this, chosen, accepted = std::move(accepted)]() mutable {
    auto client = std::make_unique<client::Client>(
        *chosen, accepted.socket, clients_->next_connection_id(), std::move(accepted.peer),
        *clients_, *routers_[chosen->index()]);
    const ClientPolicy& policy = clients_->policy();
    client->set_limits(policy.limits);
    if (!policy.transport->is_plain())
      client->set_transport(std::make_unique<net::ServerTransport>(policy.transport));
    chosen->adopt(std::move(client));
  });
}

void Server::log_banner() const {
  log_info("Starting nats-server");
  log_info("  Version:  {}", config::compatible_version);
  log_info("  Git:      [not set]");
  log_debug("  Go build: none, c++20");
  log_info("  Name:     {}", options_.server_name.empty() ? identity_.id() : options_.server_name);
  log_info("  ID:       {}", identity_.id());
  bool plain_passwords = !options_.authorization.password.empty();
  for (const auto& user : options_.authorization.users) plain_passwords |= !user.password.empty();
  if (plain_passwords) log_warning("Plaintext passwords detected, use nkeys or bcrypt");
  if (!options_.config_file.empty())
    log_info("Using configuration file: {} ({})", options_.config_file, options_.config_digest);
  if (options_.limits.payload > 8 * 1024 * 1024)
    log_warning(
        "Maximum payloads over 8.00 MB are generally discouraged and could lead to poor "
        "performance");
}

void Server::log_listening() const {
  log_info("Listening for client connections on {}:{}", options_.host, client_port_);
  if (!options_.tls) return;
  log_info("TLS {} for client connections", options_.allow_non_tls ? "available" : "required");
}

void Server::arm_signals() {
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2}) {
    boost::system::error_code ignored;
    signals_.add(number, ignored);
  }
  signals_.async_wait([this](const boost::system::error_code& error, int number) {
    if (error) return;
    on_signal(number);
    if (!shutting_down_) arm_signals();
  });
}

void Server::on_signal(int number) {
  const char* const name = number == SIGINT    ? "interrupt"
                           : number == SIGTERM ? "terminated"
                           : number == SIGHUP  ? "hangup"
                           : number == SIGUSR1 ? "user defined signal 1"
                                               : "user defined signal 2";
  log_info("Trapped \"{}\" signal", name);
  switch (number) {
    case SIGHUP: reload(); return;
    case SIGUSR1: reopen_log_file(options_.logging); return;
    case SIGUSR2: enter_lame_duck(); return;
    case SIGTERM:
      if (lame_duck_) return;
      break;
    default: break;
  }
  shut_down();
}

void Server::shut_down() {
  if (shutting_down_) return;
  shutting_down_ = true;
  log_info("Initiating Shutdown...");
  lame_duck_timer_.cancel();
  if (client_listener_ != nullptr) client_listener_->stop();
  if (plugins_ != nullptr) plugins_->drain(std::chrono::nanoseconds(0));
  stop_shards();
  remove_ports_file();
  log_info("Server Exiting..");
  control_work_.reset();
  control_.stop();
}

// Plugins end while the shards run: what ends there is waited for.
void Server::stop_shards() {
  if (plugins_ != nullptr) plugins_->stop();
  for (auto& shard : shards_) shard->stop();
  for (auto& shard : shards_) shard->join();
}

}  // namespace dunlin::server
