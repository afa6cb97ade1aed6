#include "sdk/testkit/runner.hpp"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "sdk/testkit/deadline.hpp"

namespace dunlin::testkit {
namespace {

using Clock = Deadline::Clock;

// A message between the processes: kind, clause, text, notes, separated by a byte that no text has.
constexpr char separator = '\x1e';

std::string encode(Result::Kind kind, const std::string& clause, const std::string& text,
                   const std::vector<std::string>& notes) {
  std::string out = cat(static_cast<int>(kind), separator, clause, separator, text);
  for (const auto& note : notes) out += separator + note;
  return out;
}

Result decode(const std::string& message) {
  std::vector<std::string> parts(1);
  for (const char c : message) {
    if (c == separator) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  Result out;
  if (parts.size() < 3) return out;
  out.kind = static_cast<Result::Kind>(std::stoi(parts[0]));
  out.clause = parts[1];
  out.text = parts[2];
  out.notes.assign(parts.begin() + 3, parts.end());
  return out;
}

[[noreturn]] void child(int pipe, const Options& options, std::uint64_t seed,
                        const std::string& clause, const std::function<void(Context&)>& body) {
  Context context{options, seed, {}};
  std::string message;
  try {
    body(context);
    message = encode(Result::passed, clause, "", context.notes);
  } catch (const Failure& failure) {
    message = encode(Result::failed, failure.clause, failure.text, context.notes);
  } catch (const Skipped& skipped) {
    message = encode(Result::skipped, clause, skipped.text, context.notes);
  } catch (const std::exception& error) {
    message = encode(Result::failed, clause, error.what(), context.notes);
  }
  std::string_view rest = message;
  while (!rest.empty()) {
    const auto n = ::write(pipe, rest.data(), rest.size());
    if (n <= 0) break;
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
  std::fflush(nullptr);
  // Without destructors of statics: they belong to the parent.
  ::_exit(0);
}

// Everything the child says until it ends; false when the time is up.
bool collect(int pipe, unsigned timeout_s, std::string& message) {
  Deadline deadline(std::chrono::seconds(timeout_s), Clock::now());
  char part[4096];
  while (!deadline.is_over(Clock::now())) {
    pollfd one{pipe, POLLIN, 0};
    if (::poll(&one, 1, static_cast<int>(Deadline::look.count())) <= 0) continue;
    const auto n = ::read(pipe, part, sizeof part);
    if (n <= 0) return true;
    message.append(part, static_cast<std::size_t>(n));
  }
  return false;
}

std::string quoted(const std::string& text) {
  if (text.find_first_of(" '\"$*?[;&|<>()") == std::string::npos) return text;
  return "'" + text + "'";
}

}  // namespace

const char* result_name(Result::Kind kind) {
  static constexpr const char* names[] = {"pass", "FAIL", "skip", "CRASH", "HANG"};
  return names[kind];
}

Result run_alone(const Options& options, std::uint64_t seed, unsigned timeout_s,
                 const std::string& clause, const std::function<void(Context&)>& body) {
  int ends[2];
  if (::pipe(ends) != 0) return {Result::failed, "kit", "no pipe", {}, 0};
  const auto begin = Clock::now();
  std::fflush(nullptr);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::close(ends[0]);
    child(ends[1], options, seed, clause, body);
  }
  ::close(ends[1]);
  std::string message;
  const bool ended = pid > 0 && collect(ends[0], timeout_s, message);
  ::close(ends[0]);
  if (!ended && pid > 0) ::kill(pid, SIGKILL);
  int status = 0;
  if (pid > 0) ::waitpid(pid, &status, 0);
  Result out = decode(message);
  if (pid < 0) {
    out = {Result::failed, "kit", "no process", {}, 0};
  } else if (!ended) {
    out = {Result::hung, clause, cat("did not end in ", timeout_s, " s"), {}, 0};
  } else if (WIFSIGNALED(status)) {
    out = {Result::crashed, clause, ::strsignal(WTERMSIG(status)), out.notes, 0};
  } else if (message.empty() || WEXITSTATUS(status) != 0) {
    out = {Result::crashed, clause, cat("the process ended with ", WEXITSTATUS(status)), {}, 0};
  }
  out.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  return out;
}

std::string repeat_command(const Options& options, const std::string& test) {
  std::string out = "dunlin-storage-testkit --plugin " + quoted(options.plugin);
  for (const auto& setting : options.settings) out += " --set " + quoted(setting);
  if (!options.real_dir.empty()) out += " --real " + quoted(options.real_dir);
  if (options.cut_points != Options{}.cut_points) out += cat(" --cut-points ", options.cut_points);
  return out + cat(" --seed ", options.seed, " --only ", test);
}

}  // namespace dunlin::testkit
