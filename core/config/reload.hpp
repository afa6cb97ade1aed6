// Compares the options a server runs with to the ones a reload brings.
//
// The caller asks for refusal first: one option that needs a restart refuses the whole reload. Then
// it applies what `changed` names and logs `lines`. Texts are nats-server's.  [any thread]

#pragma once

#include <set>
#include <string>
#include <vector>

#include "core/config/options.hpp"

namespace dunlin::config {

struct ReloadDiff {
  // Canonical keys of what changed: `max_payload`, `authorization`, `tls`, `mappings`, `jetstream`.
  std::set<std::string> changed;
  // `config reload not supported for <Field>: old=<v>, new=<v>`, or nothing.
  std::string refusal;
  // `Reloaded: <name> = <value>`, in the order in which to apply and log them.
  std::vector<std::string> lines;
};

// A port of -1 in `updated` is the system's choice made at the start, so it never counts as a
// change; the caller keeps the bound port.
[[nodiscard]] ReloadDiff compare(const Options& running, const Options& updated);

}  // namespace dunlin::config
