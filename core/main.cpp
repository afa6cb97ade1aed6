// Command line -> Options -> Server::run; nothing else.

#include <cstdio>

#include "core/config/load.hpp"
#include "core/config/signal_command.hpp"
#include "core/plugin/static_plugins.hpp"
#include "core/server/plugin_command.hpp"
#include "core/server/plugin_wiring.hpp"
#include "core/server/server.hpp"

namespace {

using dunlin::config::Action;
using dunlin::config::Outcome;

// Nothing was parsed yet when sections are met, so the file's name is taken from the raw flags.
dunlin::config::SectionProvided sections(int argc, char** argv) {
  const auto command = dunlin::config::parse_command_line(argc, argv);
  return dunlin::server::sections_provided(command ? command->config_file : std::string(),
                                           dunlin_static_plugins);
}

// The file is good as far as the server can tell; the plugins it asks for judge their sections.
int check(const Outcome& start) {
  std::string problem;
  const int code =
      dunlin::server::check_plugins(start.loaded.options, dunlin_static_plugins, problem);
  std::fputs(code == 0 ? start.action.errors_text.c_str() : (problem + "\n").c_str(), stderr);
  return code == 0 ? start.action.code : code;
}

// Behind the usage, and where a word is no command.
std::string commands_text(const Outcome& start) {
  return dunlin::server::plugin_commands_text(start.command, dunlin_static_plugins);
}

int run_command(const Outcome& start) {
  const auto code = dunlin::server::run_plugin_command(start.command, dunlin_static_plugins);
  if (code) return *code;
  std::fputs((start.action.errors_text + commands_text(start)).c_str(), stderr);
  return start.action.code;
}

int send_signal(const std::string& command) {
  const auto sent = dunlin::config::send_signal(command);
  if (sent) return 0;
  std::fprintf(stderr, "dunlin-server: %s\n", sent.error().text.c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  Outcome start = dunlin::config::load(argc, argv, sections(argc, argv));
  std::fputs(start.action.output_text.c_str(), stdout);
  if (start.action.kind == Action::Kind::command) return run_command(start);
  if (start.action.kind == Action::Kind::check) return check(start);
  std::fputs(start.action.errors_text.c_str(), stderr);
  if (start.action.kind == Action::Kind::print_and_exit) {
    if (start.command.help) std::fputs(commands_text(start).c_str(), stdout);
    return start.action.code;
  }
  if (start.action.kind == Action::Kind::signal) return send_signal(start.command.signal);
  if (start.action.kind == Action::Kind::list_plugins) {
    std::fputs(
        dunlin::server::list_plugins_text(start.loaded.options, dunlin_static_plugins).c_str(),
        stdout);
    return 0;
  }
  return dunlin::server::Server(std::move(start), argv[0], dunlin_static_plugins).run();
}
