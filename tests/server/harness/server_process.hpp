// One real server process under test: starts it, waits until it says it is ready, reads its log,
// signals it, and makes sure it is gone at the end of the test. Every test also checks, in the
// destructor, that the server ended with exit code 0: a crash fails the test it happens in.
//
// The binary is $DUNLIN_SERVER, else the dunlin-server of this build. Any nats-server works, since
// flags, .conf files and the log lines waited for are the same. One owner; the log is collected by
// a thread of its own, every member function is called from the test's thread.
// Errors: a server that does not become ready throws std::runtime_error with its log.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/server/harness/temp_dir.hpp"
#include "tests/server/harness/wait.hpp"

namespace dunlin::testing {

struct ServerOptions {
  // Text of a nats-server .conf file; no file is passed when empty. `@DIR@` stands for the
  // temporary directory of this server.
  std::string config;
  // Further flags. `@DIR@` as above.
  std::vector<std::string> args;
  // Listen on a free loopback port by flags. Switch off when the configuration says where.
  bool listen_by_flags = true;
  // Directory to use for the configuration; one is made when absent.
  std::shared_ptr<TempDir> dir;
};

struct ProcessResult {
  int exit_code = -1;
  std::string out;
  std::string err;
};

// Path of the server binary under test.
std::string server_binary();

// Runs the server binary to its end and collects what it wrote: for -v, -h, -t and start-up errors.
ProcessResult run_server(const std::vector<std::string>& args,
                         std::chrono::milliseconds limit = patience);

class ServerProcess {
 public:
  explicit ServerProcess(ServerOptions options = {});
  // Shorthand for a server that only needs a configuration.
  static ServerOptions with_config(std::string config);
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  std::uint16_t port() const { return port_; }
  ::pid_t pid() const { return pid_; }
  const TempDir& dir() const { return *dir_; }
  std::shared_ptr<TempDir> shared_dir() const { return dir_; }

  std::string log() const;
  // Waits until the text was logged; with `after`, only what was logged from that offset counts.
  bool wait_for_log(const std::string& text, std::chrono::milliseconds limit = patience,
                    std::size_t after = 0) const;
  std::size_t log_size() const;

  void signal(int number) const;
  // Replaces the configuration and sends SIGHUP; returns whether the server said it reloaded.
  bool reload(const std::string& config);
  // Waits for the process to end and returns its exit code (128 + n for a signal).
  std::optional<int> wait_exit(std::chrono::milliseconds limit = patience);
  // SIGTERM and wait; kills when it does not end in time.
  std::optional<int> stop();
  // SIGKILL and wait. It is no failure then that the server did not end well.
  void kill();

  // Resident memory of the process in bytes.
  std::size_t resident_bytes() const;

 private:
  void start(const ServerOptions& options);
  void collect_log(int descriptor);
  void read_port();

  std::shared_ptr<TempDir> dir_;
  ::pid_t pid_ = -1;
  std::optional<int> exit_code_;
  bool killed_ = false;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  mutable std::condition_variable log_grew_;
  std::string log_;
  bool log_ended_ = false;
  std::thread log_reader_;
};

}  // namespace dunlin::testing
