// What is checked and completed once file and command line are both in: baseline defaults and the
// checks across options. Pure.  [any thread]

#pragma once

#include "core/base/result.hpp"
#include "core/config/options.hpp"

namespace dunlin::config {

// Gives options set to zero or nothing their defaults, as nats-server does before it starts.
void apply_baseline(Options& options);

// Refuses, in words, options that are read but whose feature is still to come.
[[nodiscard]] result<> refuse_unavailable(const Options& options);
// The checks across options, in nats-server's order; the first failure is reported.
[[nodiscard]] result<> validate(const Options& options);

}  // namespace dunlin::config
