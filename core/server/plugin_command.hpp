// `dunlin-server WORD ...`: commands that plugins bring (dunlin/ext/command.h).
//
// No server starts: no shards, no listeners. The plugins live on the calling thread, which is
// control and stays free for them; the command itself runs on a worker.  [main thread]

#pragma once

#include <dunlin/abi.h>

#include <optional>
#include <string>

#include "core/config/command_line.hpp"

namespace dunlin::server {

// Runs the command that the first positional argument names. Returns the exit code of the process;
// nothing when no plugin provides such a command. Writes to standard output and standard error.
[[nodiscard]] std::optional<int> run_plugin_command(const config::CommandLine& command,
                                                    const dunlin_entry_fn* static_plugins);

// Lines for --help: the commands of the plugins that are there; empty when there are none.
[[nodiscard]] std::string plugin_commands_text(const config::CommandLine& command,
                                               const dunlin_entry_fn* static_plugins);

}  // namespace dunlin::server
