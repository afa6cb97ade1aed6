// Request and reply: how long an answer takes, and how many fit in a second.
//
// One responder (none with --ask) and some requesters, all on one thread and one epoll, so that
// both ends of a request read the same clock. Each requester keeps `in_flight` requests open; an
// answer frees its slot for the next. A slot answered twice counts as extra, one never answered as
// lost.
//
// run() never throws for what a server does; it reports it. Not reusable.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/load/client.hpp"
#include "bench/load/frame_parser.hpp"
#include "bench/load/histogram.hpp"
#include "bench/load/options.hpp"
#include "bench/load/report.hpp"

namespace dunlin::bench {

class RequestRun {
 public:
  explicit RequestRun(const Options& options);

  Report run();

 private:
  class Peer;
  class Responder;
  class Requester;

  void run_phases(Report& report);
  void measure(double seconds, Report& report);
  void turn(bool is_requesting);
  [[nodiscard]] std::uint64_t open_requests() const noexcept;

  Options options_;
  Socket epoll_;
  std::vector<std::shared_ptr<Peer>> peers_;  // The responder first, where there is one.
  std::vector<std::shared_ptr<Requester>> requesters_;
  std::vector<char> buffer_;
};

}  // namespace dunlin::bench
