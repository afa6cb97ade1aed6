// --signal: tells a running server something by a process signal.
//
// `<command>[=<pid>|=<file with the pid>]`; without a pid, the only other server process on this
// machine. Commands: stop, quit, term, reopen, reload, ldm. Texts are nats-server's.  [any thread]

#pragma once

#include <string>
#include <string_view>

#include "core/base/result.hpp"

namespace dunlin::config {

[[nodiscard]] result<> send_signal(std::string_view request);

}  // namespace dunlin::config
