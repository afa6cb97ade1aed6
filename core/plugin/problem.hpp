// Problems with plugins: what an operator reads when the server does not start, all of them at
// once, and the exit code that goes with it (sysexits(3)).

#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include <boost/system/result.hpp>

namespace dunlin::plugin {

enum class ExitCode : int {
  software = 70,       // a plugin that could be loaded failed to start
  permission = 77,     // file rules, hash, signature
  configuration = 78,  // everything the configuration or the installation is to blame for
};

struct Problem {
  std::string text;              // begins with the plugin: `mqtt 1.0.0 needs ...`
  std::vector<std::string> hints;  // what to do and where, one line each
  ExitCode exit_code = ExitCode::configuration;
};

// One or more problems that keep the server from starting.
struct Refusal {
  std::vector<Problem> problems;

  // "cannot start: 2 problems with plugins\n  ...\n      ..."
  [[nodiscard]] std::string text() const;
  // The first problem's.
  [[nodiscard]] int exit_code() const noexcept;
};

[[noreturn]] inline void throw_exception_from_error(const Refusal& refusal,
                                                    const boost::source_location&) {
  throw std::runtime_error(refusal.text());
}
[[noreturn]] inline void throw_exception_from_error(const Problem& problem,
                                                    const boost::source_location&) {
  throw std::runtime_error(problem.text);
}

template <class T = void>
using Checked = boost::system::result<T, Problem>;
using Outcome = boost::system::result<void, Refusal>;

}  // namespace dunlin::plugin
