#include "bench/load/server_process.hpp"

#include <unistd.h>

#include <chrono>
#include <ctime>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>

namespace dunlin::bench {
namespace {

std::uint64_t to_ns(const timespec& time) noexcept {
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000u +
         static_cast<std::uint64_t>(time.tv_nsec);
}

std::string read_proc(pid_t pid, const char* name) {
  std::ifstream file{"/proc/" + std::to_string(pid) + '/' + name};
  std::stringstream text;
  text << file.rdbuf();
  if (!file || text.str().empty()) throw std::runtime_error("the server's process is gone");
  return text.str();
}

}  // namespace

CpuTime ServerProcess::cpu_time() const {
  CpuTime used;
  if (pid_ == 0) return used;
  clockid_t clock{};
  timespec time{};
  if (::clock_getcpuclockid(pid_, &clock) != 0 || ::clock_gettime(clock, &time) != 0) {
    throw std::runtime_error("the server's process is gone");
  }
  used.total_ns = to_ns(time);

  // The name in parentheses may hold anything, so fields are counted from its end.
  const std::string stat = read_proc(pid_, "stat");
  std::istringstream fields{stat.substr(stat.rfind(')') + 1)};
  std::string skipped;
  for (int i = 3; i < 14; ++i) fields >> skipped;
  std::uint64_t user_ticks = 0;
  std::uint64_t system_ticks = 0;
  fields >> user_ticks >> system_ticks;
  const auto tick_ns = 1'000'000'000u / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  used.user_ns = user_ticks * tick_ns;
  used.system_ns = system_ticks * tick_ns;
  return used;
}

std::uint64_t ServerProcess::rss_bytes() const {
  if (pid_ == 0) return 0;
  std::istringstream fields{read_proc(pid_, "statm")};
  std::uint64_t total_pages = 0;
  std::uint64_t resident_pages = 0;
  fields >> total_pages >> resident_pages;
  return resident_pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::uint64_t ServerProcess::settled_rss_bytes() const {
  std::uint64_t before = rss_bytes();
  for (int i = 0; i < 20; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds{100});
    const std::uint64_t now = rss_bytes();
    const std::uint64_t change = now > before ? now - before : before - now;
    if (change * 100 < now) return now;
    before = now;
  }
  return before;
}

std::uint64_t own_cpu_ns() noexcept {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return to_ns(time);
}

}  // namespace dunlin::bench
