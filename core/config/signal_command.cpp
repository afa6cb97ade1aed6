#include "core/config/signal_command.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <vector>

#include "core/config/file_text.hpp"
#include "core/protocol/go_quote.hpp"

namespace dunlin::config {
namespace {

struct Command {
  std::string_view name;
  int signal;
};

constexpr Command commands[] = {{"stop", SIGKILL},   {"quit", SIGINT},   {"term", SIGTERM},
                                {"reopen", SIGUSR1}, {"reload", SIGHUP}, {"ldm", SIGUSR2}};

bool parse_pid(std::string_view text, pid_t& pid) {
  const auto read = std::from_chars(text.data(), text.data() + text.size(), pid);
  return read.ec == std::errc() && read.ptr == text.data() + text.size() && pid > 0;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) {
    text.remove_suffix(1);
  }
  return text;
}

// Servers running on this machine, this process excepted; process names are cut at 15 bytes.
std::vector<pid_t> server_processes() {
  std::vector<pid_t> pids;
  std::error_code error;
  std::filesystem::directory_iterator processes("/proc", error);
  for (; !error && processes != std::filesystem::directory_iterator(); processes.increment(error)) {
    pid_t pid = 0;
    if (!parse_pid(processes->path().filename().string(), pid) || pid == ::getpid()) continue;
    const auto name = read_file_text((processes->path() / "comm").string());
    if (!name) continue;
    const auto word = trimmed(*name);
    if (word == "nats-server" || word == "dunlin-server") pids.push_back(pid);
  }
  std::sort(pids.begin(), pids.end());
  return pids;
}

// The processes `target` means: a pid, `12*` for several, a file, or nothing for the only one.
result<std::vector<pid_t>> find_targets(std::string_view target) {
  if (target.empty()) {
    auto pids = server_processes();
    if (pids.empty()) return fail("no nats-server processes running");
    if (pids.size() > 1) {
      return fail(
          fmt::format("multiple nats-server processes running:\n{}", fmt::join(pids, "\n")));
    }
    return pids;
  }
  pid_t pid = 0;
  if (parse_pid(target, pid)) return std::vector<pid_t>{pid};
  if (target.ends_with('*')) {
    const auto prefix = target.substr(0, target.size() - 1);
    auto pids = server_processes();
    std::erase_if(pids, [&](pid_t other) {
      return !std::string_view(std::to_string(other)).starts_with(prefix);
    });
    if (pids.empty()) return fail("no nats-server processes running");
    return pids;
  }
  const auto text = read_file_text(std::string(target));
  if (!text || !parse_pid(trimmed(*text), pid)) return fail(fmt::format("invalid pid: {}", target));
  return std::vector<pid_t>{pid};
}

}  // namespace

result<> send_signal(std::string_view request) {
  const auto equals = request.find('=');
  if (equals != std::string_view::npos &&
      request.find('=', equals + 1) != std::string_view::npos) {
    return fail(fmt::format("invalid signal parameters: {}", request.substr(equals + 1)));
  }
  const auto name = request.substr(0, equals);
  const auto* command = std::find_if(std::begin(commands), std::end(commands),
                                     [&](const Command& known) { return known.name == name; });
  if (command == std::end(commands)) {
    return fail(fmt::format("unknown signal {}", protocol::go_quote(name)));
  }
  const auto pids = find_targets(equals == std::string_view::npos ? std::string_view()
                                                                  : request.substr(equals + 1));
  if (!pids) return pids.error();
  std::string failures;
  for (const auto pid : *pids) {
    if (::kill(pid, command->signal) == 0) continue;
    std::string reason = std::strerror(errno);
    reason[0] = static_cast<char>(std::tolower(reason[0]));
    failures += fmt::format("\nsignal \"{}\" {}: {}", name, pid, reason);
  }
  if (!failures.empty()) return fail(std::move(failures));
  return {};
}

}  // namespace dunlin::config
