#include "core/plugin/problem.hpp"

#include <fmt/format.h>

namespace dunlin::plugin {

std::string Refusal::text() const {
  auto out = fmt::format("cannot start: {} problem{} with plugins", problems.size(),
                         problems.size() == 1 ? "" : "s");
  for (const auto& problem : problems) {
    out += fmt::format("\n  {}", problem.text);
    for (const auto& hint : problem.hints) out += fmt::format("\n      {}", hint);
  }
  return out;
}

int Refusal::exit_code() const noexcept {
  return static_cast<int>(problems.empty() ? ExitCode::software : problems.front().exit_code);
}

}  // namespace dunlin::plugin
