#include "bench/load/connection_runs.hpp"

#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "bench/load/client.hpp"
#include "bench/load/server_process.hpp"

namespace dunlin::bench {
namespace {

struct Visit {
  Socket socket;
  std::uint64_t start_ns = 0;
  bool has_greeted = false;
  std::string received;
};

// Keeps `concurrent` short connections going until the time is over.
class Storm {
 public:
  explicit Storm(const Options& options)
      : options_{options},
        epoll_{::epoll_create1(EPOLL_CLOEXEC)},
        greeting_{connect_line(options.target) + "PING\r\n"},
        visits_(options.concurrent) {
    if (epoll_.fd() < 0) throw std::system_error(errno, std::generic_category(), "epoll");
  }

  void run(double seconds, Report& report) {
    const std::uint64_t end = now_ns() + static_cast<std::uint64_t>(seconds * 1e9);
    const auto limit = end + static_cast<std::uint64_t>(options_.stall_seconds * 1e9);
    for (std::size_t i = 0; i < visits_.size(); ++i) begin(i);
    open_ = visits_.size();
    while (open_ > 0) {
      const std::uint64_t now = now_ns();
      if (now > limit) {
        report.lost = open_;
        return;
      }
      turn(now < end, report);
    }
  }

 private:
  void begin(std::size_t index) {
    Visit visit;
    visit.start_ns = now_ns();
    visit.socket = Socket::start_connect(options_.target.endpoint, ++source_);
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLET;
    event.data.u64 = index;
    if (::epoll_ctl(epoll_.fd(), EPOLL_CTL_ADD, visit.socket.fd(), &event) != 0) {
      throw std::system_error(errno, std::generic_category(), "epoll_ctl");
    }
    visits_[index] = std::move(visit);
  }

  void turn(bool is_continuing, Report& report) {
    epoll_event events[64];
    const int ready = ::epoll_wait(epoll_.fd(), events, 64, 10);
    for (int i = 0; i < ready; ++i) {
      const std::size_t index = events[i].data.u64;
      if (!advance(visits_[index], events[i].events)) continue;
      report.latency.record(now_ns() - visits_[index].start_ns);
      ++report.messages;
      visits_[index].socket = Socket{};
      if (is_continuing) {
        begin(index);
      } else {
        --open_;
      }
    }
  }

  // True when the server has answered the greeting's PING.
  bool advance(Visit& visit, std::uint32_t events) {
    if (!visit.has_greeted && (events & EPOLLOUT) != 0) {
      if (visit.socket.send(greeting_) != greeting_.size()) {
        throw std::runtime_error("a new connection did not take its greeting");
      }
      visit.has_greeted = true;
    }
    if ((events & EPOLLIN) == 0) return false;
    std::array<char, 8192> buffer;
    const std::size_t size = visit.socket.receive(buffer.data(), buffer.size());
    visit.received.append(buffer.data(), size);
    if (visit.received.find("-ERR") != std::string::npos) {
      throw std::runtime_error("the server refused a connection");
    }
    return visit.received.find("PONG\r\n") != std::string::npos;
  }

  const Options& options_;
  Socket epoll_;
  std::string greeting_;
  std::vector<Visit> visits_;
  std::size_t open_ = 0;
  unsigned source_ = 0;
};

void subscribe_many(const Options& options, std::vector<Client>& clients) {
  const bool is_wildcard = options.topology == Topology::wildcard;
  const std::size_t per_client = options.count / clients.size();
  std::string frames;
  std::array<char, 96> line{};
  for (std::size_t c = 0; c < clients.size(); ++c) {
    frames.clear();
    for (std::size_t i = 0; i < per_client; ++i) {
      const std::size_t number = c * per_client + i;
      const int size = std::snprintf(line.data(), line.size(), "SUB many.%07zu.%s %zu\r\n", number,
                                     is_wildcard ? "*" : "x", i + 1);
      frames.append(line.data(), static_cast<std::size_t>(size));
    }
    clients[c].apply(frames);
  }
}

}  // namespace

Report run_storm(const Options& options) {
  Report report;
  report.label = options.label;
  try {
    const ServerProcess server{options.server_pid};
    const CpuTime before = server.cpu_time();
    const std::uint64_t load_before = own_cpu_ns();
    const std::uint64_t start = now_ns();
    Storm storm{options};
    storm.run(options.seconds, report);
    report.seconds = static_cast<double>(now_ns() - start) / 1e9;
    const CpuTime after = server.cpu_time();
    report.cpu = {after.total_ns - before.total_ns, after.user_ns - before.user_ns,
                  after.system_ns - before.system_ns};
    report.load_ns = own_cpu_ns() - load_before;
    report.rss_bytes = server.rss_bytes();
  } catch (const std::exception& failure) {
    report.error = failure.what();
  }
  return report;
}

Report run_subscriptions(const Options& options) {
  Report report;
  report.label = options.label;
  try {
    const ServerProcess server{options.server_pid};
    std::vector<Client> clients;
    for (std::size_t i = 0; i < options.subscribers; ++i) clients.emplace_back(options.target);
    const std::uint64_t rss_before = server.settled_rss_bytes();
    const CpuTime before = server.cpu_time();
    const std::uint64_t start = now_ns();
    subscribe_many(options, clients);
    report.seconds = static_cast<double>(now_ns() - start) / 1e9;
    const CpuTime after = server.cpu_time();
    report.cpu = {after.total_ns - before.total_ns, after.user_ns - before.user_ns,
                  after.system_ns - before.system_ns};
    report.messages = options.count / clients.size() * clients.size();
    report.rss_bytes = server.settled_rss_bytes();
    const auto growth = static_cast<double>(report.rss_bytes) - static_cast<double>(rss_before);
    report.values.emplace_back("bytes_per_subscription",
                               growth / static_cast<double>(report.messages));
  } catch (const std::exception& failure) {
    report.error = failure.what();
  }
  return report;
}

}  // namespace dunlin::bench
