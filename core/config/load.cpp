#include "core/config/load.hpp"

#include <fmt/format.h>

#include "core/config/conf_reader.hpp"
#include "core/config/file_text.hpp"
#include "core/config/plugin_flags.hpp"
#include "core/config/reference_doc.hpp"
#include "core/config/toml_reader.hpp"
#include "core/config/validate.hpp"
#include "core/protocol/go_quote.hpp"

namespace dunlin::config {
namespace {

Action print_and_exit(std::string output, std::string errors, int code) {
  return {Action::Kind::print_and_exit, std::move(output), std::move(errors), code};
}

Action refuse(std::string_view reason) {
  return print_and_exit("", fmt::format("{}: {}\n", program_name, reason), 1);
}

Loaded read_options(Map tree, Dialect dialect, const std::string& file,
                    const SectionProvided& provided) {
  Loaded loaded;
  loaded.options.config_file = file;
  loaded.options.config_digest = digest(tree);
  if (tree.empty()) {
    loaded.diagnostics.warning({}, fmt::format("{}: config has no values or is empty", file));
  }
  OptionReader(dialect, loaded.options, loaded.diagnostics, provided).read(tree);
  loaded.tree = std::move(tree);
  return loaded;
}

// What flags that only print ask for; Kind::run when there is none.
Action print_action(const CommandLine& command) {
  if (command.version) return print_and_exit(version_text(), "", 0);
  if (command.help) return print_and_exit(usage_text(), "", 0);
  if (command.help_tls) return print_and_exit(tls_help_text(), "", 0);
  if (command.help_options) return print_and_exit(reference_doc(), "", 0);
  if (!command.positional.empty()) {
    const auto word = lower_case(command.positional[0]);
    if (word == "version") return print_and_exit(version_text(), "", 0);
    if (word == "help") return print_and_exit(usage_text(), "", 0);
    Action action = refuse(fmt::format("unrecognized command: {}",
                                       protocol::go_quote(command.positional[0])));
    action.kind = Action::Kind::command;
    return action;
  }
  return {};
}

// Flags over the file, defaults, checks; the reason why not, or nothing.
std::string complete(const CommandLine& command, Options& options,
                     const SectionProvided& provided) {
  if (const auto applied = apply(command, options); !applied) return applied.error().text;
  if (const auto applied = apply_plugin_flags(command, options, provided); !applied)
    return applied.error().text;
  apply_baseline(options);
  if (const auto valid = validate(options); !valid) return valid.error().text;
  return {};
}

Action check_action(const CommandLine& command, Loaded& loaded,
                    const SectionProvided& provided) {
  if (!loaded.diagnostics.clean()) return refuse(loaded.diagnostics.text());
  if (const auto available = refuse_unavailable(loaded.options); !available)
    return refuse(available.error().text);
  if (command.check_full) {
    auto options = loaded.options;
    if (const auto reason = complete(command, options, provided); !reason.empty())
      return refuse(reason);
  }
  return {Action::Kind::check, "",
          fmt::format("{}: configuration file {} is valid ({})\n", program_name,
                      command.config_file, loaded.options.config_digest),
          0};
}

}  // namespace

result<Loaded> load_text(std::string_view text, const std::string& file,
                         const SectionProvided& provided) {
  const bool toml = file.ends_with(".toml");
  auto tree = toml ? read_toml_text(text, file) : read_conf_text(text, file);
  if (!tree) return tree.error();
  return read_options(std::move(*tree), toml ? Dialect::toml : Dialect::conf, file, provided);
}

result<Loaded> load_file(const std::string& file, const SectionProvided& provided) {
  const auto text = read_file_text(file);
  if (!text) return text.error();
  return load_text(*text, file, provided);
}

Outcome load(int argc, const char* const* argv, const SectionProvided& provided) {
  Outcome outcome;
  auto command = parse_command_line(argc, argv);
  if (!command) {
    outcome.action = print_and_exit(usage_text(), command.error().text + "\n", 0);
    return outcome;
  }
  outcome.command = std::move(*command);
  outcome.command.arguments = redacted_arguments(argc, argv);
  const auto& flags = outcome.command;
  outcome.action = print_action(flags);
  if (outcome.action.kind != Action::Kind::run) return outcome;
  if (!flags.signal.empty()) {
    outcome.action.kind = Action::Kind::signal;
    return outcome;
  }
  if (!flags.config_file.empty()) {
    auto loaded = load_file(flags.config_file, provided);
    if (!loaded) {
      outcome.action = refuse(loaded.error().text);
      return outcome;
    }
    outcome.loaded = std::move(*loaded);
  } else if (flags.check) {
    outcome.action = refuse(
        "must specify [-c, --config] option to check configuration file syntax");
    return outcome;
  }
  if (flags.check) {
    outcome.action = check_action(flags, outcome.loaded, provided);
    return outcome;
  }
  const auto& diagnostics = outcome.loaded.diagnostics;
  if (!diagnostics.errors.empty()) {
    outcome.action = refuse(diagnostics.text());
    return outcome;
  }
  if (const auto reason = complete(flags, outcome.loaded.options, provided); !reason.empty()) {
    outcome.action = refuse(reason);
    return outcome;
  }
  outcome.action.kind = flags.list_plugins ? Action::Kind::list_plugins : Action::Kind::run;
  outcome.action.errors_text = diagnostics.text();
  return outcome;
}

result<Options> reload(const CommandLine& command, const SectionProvided& provided) {
  if (command.config_file.empty()) {
    return fail("can only reload config when a file is provided using -c or --config");
  }
  auto loaded = load_file(command.config_file, provided);
  if (!loaded) return loaded.error();
  if (!loaded->diagnostics.errors.empty()) {
    Diagnostics errors;
    errors.errors = loaded->diagnostics.errors;
    return fail(errors.text());
  }
  if (auto reason = complete(command, loaded->options, provided); !reason.empty()) {
    return fail(std::move(reason));
  }
  return std::move(loaded->options);
}

}  // namespace dunlin::config
