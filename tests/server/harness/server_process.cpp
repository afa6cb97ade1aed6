#include "tests/server/harness/server_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <stdexcept>

extern char** environ;

namespace dunlin::testing {

namespace {

std::string expand(std::string text, const std::string& dir) {
  static const std::string mark = "@DIR@";
  for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at)) {
    text.replace(at, mark.size(), dir);
    at += dir.size();
  }
  return text;
}

::pid_t spawn(const std::vector<std::string>& words, int out, int err) {
  std::vector<char*> argv;
  for (const std::string& word : words) {
    argv.push_back(const_cast<char*>(word.c_str()));
  }
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
  ::pid_t pid = -1;
  const int failure = ::posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failure != 0) {
    throw std::runtime_error("cannot start " + words[0] +
                             "; build dunlin-server or set DUNLIN_SERVER to a server binary");
  }
  return pid;
}

int exit_code_of(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string read_all(int descriptor) {
  std::string text;
  std::array<char, 4096> buffer;
  for (;;) {
    const ::ssize_t got = ::read(descriptor, buffer.data(), buffer.size());
    if (got > 0) {
      text.append(buffer.data(), static_cast<std::size_t>(got));
    } else if (got == 0 || errno != EINTR) {
      return text;
    }
  }
}

}  // namespace

std::string server_binary() {
  const char* chosen = ::getenv("DUNLIN_SERVER");
  return chosen != nullptr && *chosen != '\0' ? chosen : DUNLIN_SERVER_DEFAULT;
}

ProcessResult run_server(const std::vector<std::string>& args, std::chrono::milliseconds limit) {
  std::vector<std::string> words{server_binary()};
  words.insert(words.end(), args.begin(), args.end());
  int out[2];
  int err[2];
  if (::pipe2(out, O_CLOEXEC) != 0 || ::pipe2(err, O_CLOEXEC) != 0) {
    throw std::runtime_error("cannot make a pipe");
  }
  const ::pid_t pid = spawn(words, out[1], err[1]);
  ::close(out[1]);
  ::close(err[1]);
  ProcessResult result;
  std::thread err_reader([&] { result.err = read_all(err[0]); });
  std::thread out_reader([&] { result.out = read_all(out[0]); });
  int status = 0;
  if (!eventually([&] { return ::waitpid(pid, &status, WNOHANG) == pid; }, limit)) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, &status, 0);
  }
  err_reader.join();
  out_reader.join();
  ::close(out[0]);
  ::close(err[0]);
  result.exit_code = exit_code_of(status);
  return result;
}

ServerOptions ServerProcess::with_config(std::string config) {
  ServerOptions options;
  options.config = std::move(config);
  return options;
}

ServerProcess::ServerProcess(ServerOptions options)
    : dir_(options.dir ? options.dir : std::make_shared<TempDir>()) {
  start(options);
}

ServerProcess::~ServerProcess() {
  const std::optional<int> code = stop();
  EXPECT_EQ(code, killed_ ? 128 + SIGKILL : 0)
      << "the server did not end well; its log:\n" << log();
  if (log_reader_.joinable()) {
    log_reader_.join();
  }
}

void ServerProcess::start(const ServerOptions& options) {
  std::vector<std::string> words{server_binary()};
  if (options.listen_by_flags) {
    words.insert(words.end(), {"-a", "127.0.0.1", "-p", "-1"});
  }
  if (!options.config.empty()) {
    words.push_back("-c");
    words.push_back(dir_->write("server.conf", expand(options.config, dir_->path().string())));
  }
  for (const std::string& arg : options.args) {
    words.push_back(expand(arg, dir_->path().string()));
  }
  int log_pipe[2];
  if (::pipe2(log_pipe, O_CLOEXEC) != 0) {
    throw std::runtime_error("cannot make a pipe");
  }
  pid_ = spawn(words, log_pipe[1], log_pipe[1]);
  ::close(log_pipe[1]);
  log_reader_ = std::thread([this, read_end = log_pipe[0]] { collect_log(read_end); });
  const auto ready = [&] {
    const std::string file_log = TempDir::read(dir_->path() / "server.log");
    return file_log.find("Server is ready") != std::string::npos;
  };
  const bool logs_to_file = options.config.find("server.log") != std::string::npos;
  if (logs_to_file ? !eventually(ready) : !wait_for_log("Server is ready")) {
    const std::string text = log();
    stop();
    log_reader_.join();
    throw std::runtime_error("the server did not become ready:\n" + text);
  }
  read_port();
}

void ServerProcess::collect_log(int descriptor) {
  std::array<char, 4096> buffer;
  for (;;) {
    const ::ssize_t got = ::read(descriptor, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) {
      continue;
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    if (got > 0) {
      log_.append(buffer.data(), static_cast<std::size_t>(got));
    } else {
      log_ended_ = true;
    }
    log_grew_.notify_all();
    if (got <= 0) {
      break;
    }
  }
  ::close(descriptor);
}

void ServerProcess::read_port() {
  static const std::string mark = "Listening for client connections on ";
  std::string text = log();
  if (text.find(mark) == std::string::npos) {
    text = TempDir::read(dir_->path() / "server.log");
  }
  const std::size_t begin = text.find(mark);
  if (begin == std::string::npos) {
    throw std::runtime_error("the server did not log where it listens:\n" + text);
  }
  const std::size_t end = text.find('\n', begin);
  const std::string address = text.substr(begin + mark.size(), end - begin - mark.size());
  port_ = static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
}

std::string ServerProcess::log() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return log_;
}

std::size_t ServerProcess::log_size() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return log_.size();
}

bool ServerProcess::wait_for_log(const std::string& text, std::chrono::milliseconds limit,
                                 std::size_t after) const {
  std::unique_lock<std::mutex> lock(mutex_);
  const auto logged = [&] { return log_.find(text, after) != std::string::npos; };
  log_grew_.wait_for(lock, limit, [&] { return log_ended_ || logged(); });
  return logged();
}

void ServerProcess::signal(int number) const { ::kill(pid_, number); }

bool ServerProcess::reload(const std::string& config) {
  dir_->write("server.conf", expand(config, dir_->path().string()));
  const std::size_t before = log_size();
  signal(SIGHUP);
  return wait_for_log("Reloaded server configuration", patience, before);
}

std::optional<int> ServerProcess::wait_exit(std::chrono::milliseconds limit) {
  if (!exit_code_) {
    int status = 0;
    if (eventually([&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; }, limit)) {
      exit_code_ = exit_code_of(status);
    }
  }
  return exit_code_;
}

std::optional<int> ServerProcess::stop() {
  if (pid_ > 0 && !exit_code_) {
    signal(SIGTERM);
    if (!wait_exit()) {
      signal(SIGKILL);
      wait_exit();
    }
  }
  return exit_code_;
}

void ServerProcess::kill() {
  killed_ = true;
  signal(SIGKILL);
  wait_exit();
}

std::size_t ServerProcess::resident_bytes() const {
  std::ifstream status("/proc/" + std::to_string(pid_) + "/statm");
  std::size_t total_pages = 0;
  std::size_t resident_pages = 0;
  status >> total_pages >> resident_pages;
  return resident_pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace dunlin::testing
