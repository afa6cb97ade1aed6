// Command line -> Options -> Server::run; nothing else.

#include <cstdio>

#include "core/config/load.hpp"
#include "core/server/server.hpp"

int main(int argc, char** argv) {
  using dunlin::config::Action;
  dunlin::config::Outcome start = dunlin::config::load(argc, argv, nullptr);
  std::fputs(start.action.output_text.c_str(), stdout);
  std::fputs(start.action.errors_text.c_str(), stderr);
  switch (start.action.kind) {
    case Action::Kind::print_and_exit:
    case Action::Kind::check: return start.action.code;
    default: break;
  }
  return dunlin::server::Server(std::move(start), argv[0]).run();
}
