// The command line of dunlin-bench.
//
// parse_options() throws std::invalid_argument with a sentence for the user. The flags are
// described once, in usage_text().

#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "bench/load/client.hpp"

namespace dunlin::bench {

enum class Mode { publish, request, storm, subscriptions };

// Who receives what the publishers send.
enum class Topology {
  none,      // Nobody.
  fanout,    // Every subscriber gets every message.
  pairs,     // Publisher i feeds subscriber i.
  queue,     // One queue group.
  mixed,     // Two queue groups and plain subscribers on one subject.
  literal,   // --subjects subjects, a subscription for each, published in random order.
  wildcard,  // --subjects subjects, one wildcard subscription for all.
  tenth,     // As literal, with a wildcard in every tenth subscription.
};

struct Options {
  Mode mode = Mode::publish;
  Target target;
  pid_t server_pid = 0;
  std::string label;
  double seconds = 2.0;
  double warmup_seconds = 0.3;
  double stall_seconds = 10.0;  // A run that makes no progress for so long has lost messages.
  std::size_t payload_size = 128;
  std::size_t header_size = 0;
  Topology topology = Topology::fanout;
  std::size_t publishers = 1;
  std::size_t subscribers = 1;
  std::size_t subjects = 1;
  std::size_t batch_bytes = 128 * 1024;
  // What may be on the way to all subscribers. Under the 64 MiB at which servers give up on one.
  std::size_t window_bytes = 32 * 1024 * 1024;
  bool is_write_per_message = false;
  bool is_checking = false;      // Parse and compare every frame in the timed run as well.
  bool is_recovering = false;    // Afterwards wait for the server to give its memory back.
  std::size_t idle = 0;          // Connections which do nothing.
  std::size_t slow = 0;          // Subscribers which never read.
  std::size_t churn_per_s = 0;   // SUB and UNSUB pairs beside the load.
  std::size_t in_flight = 1;
  bool is_new_inbox = false;
  std::string asked;              // Requests go to this subject of the server's; no responder.
  std::size_t count = 1'000'000;  // Subscriptions to make.
  std::size_t concurrent = 64;    // Connections of a storm at one time.
  bool is_text = false;
};

Options parse_options(int argc, char** argv);
std::string usage_text();

}  // namespace dunlin::bench
