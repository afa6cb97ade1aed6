// Reload: the file is read again, and either everything that changed can be applied or nothing is.

#include "core/base/log.hpp"
#include "core/config/advertise.hpp"
#include "core/server/log_sink.hpp"
#include "core/server/policy.hpp"
#include "core/server/server.hpp"

namespace dunlin::server {

void Server::reload() {
  if (const auto reloaded = try_reload(); !reloaded)
    log_error("Failed to reload server configuration: {}", reloaded.error().text);
}

result<> Server::try_reload() {
  if (options_.config_file.empty())
    return fail("can only reload config when a file is provided using -c or --config");
  auto next = config::reload(command_, section_provided_);
  if (!next) return next.error();
  const config::ReloadDiff diff = config::compare(options_, *next);
  if (!diff.refusal.empty()) return fail(diff.refusal);
  if (const auto& told = next->client_advertise; !told.empty()) {
    if (const auto address = config::parse_advertise(told, client_port_); !address)
      return fail(fmt::format("invalid ClientAdvertise value of {}, err={}", told,
                              address.error().text));
  }
  auto policy = make_policy(*next, identity_, client_port_);
  if (!policy) return policy.error();
  auto mappings = make_mappings(*next);
  if (!mappings) return mappings.error();
  if (const auto prepared = prepare_plugins(*next); !prepared) return prepared;
  if (diff.changed.contains("logging") || next->logging != options_.logging) {
    if (const auto installed = install_log_sink(next->logging); !installed) {
      finish_plugins(false);
      return installed;
    }
  }
  clients_->set_policy(std::move(*policy));
  clients_->global_account().set_mappings(std::move(*mappings));
  apply(diff, std::move(*next));
  finish_plugins(true);
  for (const std::string& line : diff.lines) log_info("{}", line);
  log_info("Reloaded server configuration ({})", options_.config_digest);
  return {};
}

void Server::apply(const config::ReloadDiff& diff, config::Options next) {
  const bool ports_moved = next.ports_file_dir != options_.ports_file_dir;
  const bool pid_moved = next.pid_file != options_.pid_file;
  options_ = std::move(next);
  delivery_.stalls_fast_producers = !options_.no_fast_producer_stall;
  if (pid_moved && !options_.pid_file.empty()) {
    if (const auto written = write_pid_file(); !written)
      log_error("Failed to write pidfile: {}", written.error().text);
  }
  if (ports_moved) {
    remove_ports_file();
    ports_file_.clear();
    write_ports_file();
  }
  const bool users_changed =
      diff.changed.contains("authorization") || diff.changed.contains("no_auth_user");
  for (auto& shard : shards_)
    shard->post([where = shard.get(), users_changed] {
      std::vector<client::Client*> present;
      where->for_each_connection([&present](net::Connection& connection) {
        if (auto* const client = dynamic_cast<client::Client*>(&connection))
          present.push_back(client);
      });
      for (client::Client* const client : present) {
        client->settings_changed();
        if (users_changed) client->reauthorize();
      }
    });
  close_excess_clients();
}

void Server::close_excess_clients() {
  const std::int64_t most = std::max<std::int64_t>(options_.limits.connections, 0);
  std::int64_t excess = clients_->client_count() - most;
  if (excess <= 0) return;
  log_info("Closed {} connections to fall within max_connections", excess);
  for (const auto& [shard, id] : connection_ids({routing::Kind::client})) {
    if (excess-- == 0) return;
    shards_[shard]->post([where = shards_[shard].get(), id = id] {
      constexpr auto reason = net::ClosedReason::maximum_connections_exceeded;
      net::Connection* const found = where->find(id);
      if (auto* const client = dynamic_cast<client::Client*>(found))
        client->refuse("maximum connections exceeded", reason);
      else if (found != nullptr)
        found->close(reason);
    });
  }
}

}  // namespace dunlin::server
