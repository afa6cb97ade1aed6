// Publishers and subscribers on one server: the run behind every throughput scenario.
//
// One thread and one epoll drive all connections. A run first publishes for a moment with every
// received frame compared, then for the timed phase, then waits until each subscriber has exactly
// what it must have, and proves with a PING barrier that nothing more comes. How much may be on
// the way is bounded, so that no server is driven into dropping a slow consumer.
//
// run() never throws for what a server does; it reports it. Not reusable.

#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/load/churn.hpp"
#include "bench/load/frame_counter.hpp"
#include "bench/load/options.hpp"
#include "bench/load/publisher.hpp"
#include "bench/load/report.hpp"
#include "bench/load/server_process.hpp"
#include "bench/load/shape.hpp"

namespace dunlin::bench {

class PublishRun {
 public:
  explicit PublishRun(const Options& options);

  Report run();

 private:
  struct Subscriber {
    Client client;
    FrameCounter counter;
    std::size_t group;
  };
  // `deliveries` is reached when everything sent before `sent_ns` has arrived.
  struct Mark {
    std::uint64_t deliveries;
    std::uint64_t sent_ns;
  };

  void run_phases(Report& report);
  void connect_idle(Report& report);
  void connect_all();
  void watch(int fd, std::uint32_t events, std::uint64_t key);
  void publish_phase(double seconds, bool is_checking, Report& report);
  void drain(Report& report, bool is_checking);
  void finish_barrier();
  void compare_counts(Report& report) const;
  void recover(Report& report);

  void turn(bool is_publishing);
  [[nodiscard]] bool publish_turn(bool is_publishing);
  void wait_and_read(int timeout_ms);
  void read_publisher(Publisher& publisher);
  void read_subscriber(Subscriber& subscriber);
  void mark_sent();
  void record_marks();

  [[nodiscard]] std::uint64_t expected_deliveries() const noexcept;
  [[nodiscard]] std::size_t allowance_bytes() const noexcept;

  Options options_;
  Shape shape_;
  ServerProcess server_;
  Socket epoll_;
  std::vector<std::unique_ptr<Publisher>> publishers_;
  std::vector<std::unique_ptr<Subscriber>> subscribers_;
  std::vector<Client> idle_;
  std::vector<Client> slow_;
  std::optional<Churn> churn_;
  std::vector<char> buffer_;
  std::vector<Mark> marks_;  // A ring.
  std::size_t mark_first_ = 0;
  std::size_t mark_count_ = 0;
  Histogram latency_;
  std::uint64_t window_messages_ = 0;
  std::uint64_t sent_bytes_ = 0;
  std::uint64_t deliveries_ = 0;
  std::uint64_t barriers_ = 0;
  // The longest time in which nothing was sent or received: a frozen machine or server shows.
  std::uint64_t gap_ns_ = 0;
  std::uint64_t progress_ns_ = 0;
  std::uint64_t progress_seen_ = 0;
};

}  // namespace dunlin::bench
