// From the command line and a file to Options: what main and a reload call.
//
//   auto loaded = load_file(path, provided);       // tree, digest, options, findings
//   const auto outcome = load(argc, argv, provided) // the whole start: flags, file, checks
//
// Reads files; keeps nothing, prints nothing, never exits: an Action says what to do.  [any thread]

#pragma once

#include <string>

#include "core/base/result.hpp"
#include "core/config/command_line.hpp"
#include "core/config/diagnostics.hpp"
#include "core/config/option_reader.hpp"
#include "core/config/options.hpp"

namespace dunlin::config {

struct Loaded {
  Options options;
  Diagnostics diagnostics;
  Map tree;
};

// Files ending in `.toml` are TOML, every other is the nats-server .conf grammar. Fails only when
// the file cannot be read as such; what is wrong with options is in `diagnostics`. Neither
// baseline defaults nor the command line are applied.
[[nodiscard]] result<Loaded> load_file(const std::string& file, const SectionProvided& provided);
[[nodiscard]] result<Loaded> load_text(std::string_view text, const std::string& file,
                                       const SectionProvided& provided);

// What to do after looking at the command line and the file.
struct Action {
  enum class Kind {
    run,             // start with `loaded.options`; `errors_text` holds warnings to show
    print_and_exit,  // write both texts, then exit with `code`
    check,           // -t: the file is good; let plugins check their sections, then print and exit
    signal,          // `command.signal` goes to another process
    list_plugins,
    command,  // a word: some plugin's command, or else print and exit
  };
  Kind kind = Kind::run;
  std::string output_text;  // to standard output
  std::string errors_text;  // to standard error
  int code = 0;
};

struct Outcome {
  Action action;
  CommandLine command;
  Loaded loaded;
};

[[nodiscard]] Outcome load(int argc, const char* const* argv, const SectionProvided& provided);

// The same for a reload: the file read again, the flags of the start applied over it. Fails with
// every error, one per line, or with the first failed check.
[[nodiscard]] result<Options> reload(const CommandLine& command, const SectionProvided& provided);

}  // namespace dunlin::config
