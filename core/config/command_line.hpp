// The command line: flags as Go's flag package reads them (`-x v`, `-x=v`, `--x v`, `--x=v`), with
// the names and effects of nats-server's.
//
// Parsed once; the result is kept and applied over every configuration file, at start and at each
// reload, so that a flag given explicitly always wins. Pure; prints nothing.  [any thread]

#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.hpp"
#include "core/config/options.hpp"

namespace dunlin::config {

inline constexpr std::string_view program_name = "dunlin-server";
// The server whose behaviour this one has; tools compare it.
inline constexpr std::string_view compatible_version = "2.15.1";

struct CommandLine {
  std::string config_file;
  bool check = false;       // -t
  bool check_full = false;  // --check=full: -t and the checks across options
  bool help = false;
  bool version = false;
  bool help_tls = false;
  bool help_options = false;
  bool list_plugins = false;
  std::string signal;                                      // `<command>[=<pid or file>]`
  std::vector<std::pair<std::string, std::string>> flags;  // the others: canonical name, value
  std::vector<std::string> positional;
  std::vector<std::string> arguments;  // all of them, for whatever shows them: secrets taken out
};

// Fails with the line Go prints for an unknown flag or a bad value.
[[nodiscard]] result<CommandLine> parse_command_line(int argc, const char* const* argv);

// Applies the flags over what the file said, but for those of plugins' features: plugin_flags.hpp.
[[nodiscard]] result<> apply(const CommandLine& command, Options& options);

[[nodiscard]] std::string usage_text();
[[nodiscard]] std::string version_text();
[[nodiscard]] std::string tls_help_text();

// The arguments with secrets replaced by [REDACTED], for whatever shows them.
[[nodiscard]] std::vector<std::string> redacted_arguments(int argc, const char* const* argv);

}  // namespace dunlin::config
