// Runs about connections and subscriptions themselves rather than messages.
//
// storm: clients connect, finish the handshake and leave, many at one time; the latency is that of
// connect to PONG. subscriptions: makes many subscriptions and reports the memory of each.
// Neither throws for what a server does; the report says it.

#pragma once

#include "bench/load/options.hpp"
#include "bench/load/report.hpp"

namespace dunlin::bench {

Report run_storm(const Options& options);
Report run_subscriptions(const Options& options);

}  // namespace dunlin::bench
