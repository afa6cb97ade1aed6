// The server: owns the shards, the accounts, the listeners, and their life from start to exit.
//
// Constructed, started and run on the main thread, which is the control thread: signals, reloads,
// lame duck and plugin life cycle happen there, one at a time, on control_. Shards do the rest.

#pragma once

#include <dunlin/abi.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>
#include <vector>

#include "core/auth/server_identity.hpp"
#include "core/base/quiescence.hpp"
#include "core/base/result.hpp"
#include "core/config/load.hpp"
#include "core/config/reload.hpp"
#include "core/net/listener.hpp"
#include "core/net/shard.hpp"
#include "core/routing/router.hpp"
#include "core/server/client_directory.hpp"

namespace dunlin::server {

class PluginWiring;

class Server {
 public:
  // `argv0` names the ports file. `static_plugins` are those linked in, ended by a null pointer;
  // null for none.
  Server(config::Outcome start, std::string argv0,
         const dunlin_entry_fn* static_plugins = nullptr);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Starts, serves, and returns the process's exit code when it is over.
  int run();

  // For the other files of this room.
  [[nodiscard]] ClientDirectory& clients() noexcept { return *clients_; }
  [[nodiscard]] Quiescence& quiescence() noexcept { return quiescence_; }
  [[nodiscard]] std::vector<std::unique_ptr<net::Shard>>& shards() noexcept { return shards_; }
  [[nodiscard]] std::vector<std::unique_ptr<routing::ShardRouter>>& routers() noexcept {
    return routers_;
  }
  [[nodiscard]] const config::Options& options() const noexcept { return options_; }
  // As the process was started, secrets taken out.
  [[nodiscard]] const std::vector<std::string>& arguments() const noexcept {
    return command_.arguments;
  }
  [[nodiscard]] const auth::ServerIdentity& identity() const noexcept { return identity_; }
  [[nodiscard]] boost::asio::io_context& control() noexcept { return control_; }
  [[nodiscard]] int client_port() const noexcept { return client_port_; }
  [[nodiscard]] std::int64_t started_wall_ns() const noexcept { return started_wall_ns_; }
  [[nodiscard]] std::int64_t config_loaded_wall_ns() const noexcept {
    return config_loaded_wall_ns_;
  }
  [[nodiscard]] bool is_lame_duck() const noexcept { return lame_duck_; }

 private:
  result<> start();
  result<> load_plugins();
  result<> start_plugins();
  result<> prepare_plugins(const config::Options& next);
  void finish_plugins(bool commit);
  void end_plugins();
  result<> open_client_listener();
  void accept(net::Accepted accepted);
  void log_banner() const;
  void log_listening() const;
  void arm_signals();
  void on_signal(int number);
  void reload();
  result<> try_reload();
  void apply(const config::ReloadDiff& diff, config::Options next);
  void close_excess_clients();
  void enter_lame_duck();
  void close_next_client();
  void shut_down();
  void stop_shards();
  result<> write_pid_file() const;
  void write_ports_file();
  void remove_ports_file() const;
  std::vector<std::pair<std::uint16_t, std::uint64_t>> connection_ids(
      std::initializer_list<routing::Kind> kinds);

  config::SectionProvided section_provided_;  // which sections some plugin reads
  config::CommandLine command_;
  config::Options options_;
  const std::string argv0_;
  auth::ServerIdentity identity_;
  Quiescence quiescence_;
  std::vector<std::unique_ptr<net::Shard>> shards_;
  std::unique_ptr<ClientDirectory> clients_;
  routing::DeliverySettings delivery_;
  std::vector<std::unique_ptr<routing::ShardRouter>> routers_;
  std::unique_ptr<net::Listener> client_listener_;
  int client_port_ = 0;

  boost::asio::io_context control_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> control_work_;
  boost::asio::signal_set signals_;
  boost::asio::steady_timer lame_duck_timer_;
  std::vector<std::pair<std::uint16_t, std::uint64_t>> leaving_;  // clients still to close
  std::chrono::nanoseconds leaving_interval_{0};
  std::int64_t started_wall_ns_ = 0;
  std::int64_t config_loaded_wall_ns_ = 0;
  std::string ports_file_;
  std::atomic<bool> lame_duck_{false};
  bool shutting_down_ = false;
  int exit_code_ = 0;
  const dunlin_entry_fn* const static_plugins_;
  std::unique_ptr<PluginWiring> plugins_;  // null while nothing asks for a plugin
};

}  // namespace dunlin::server
