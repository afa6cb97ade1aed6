// Where log lines go: standard error, a file or syslog, in nats-server's format
// `[<pid>] YYYY/MM/DD HH:MM:SS.uuuuuu [LVL] <message>`.

#pragma once

#include "core/base/result.hpp"
#include "core/config/options.hpp"

namespace dunlin::server {

// Installs the sink and level the options ask for; replaces an earlier one.  [control]
result<> install_log_sink(const config::Logging& options);
// Opens the log file again under its name (after an external rotation).  [control]
void reopen_log_file(const config::Logging& options);

}  // namespace dunlin::server
