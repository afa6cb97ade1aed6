// What reading a configuration found wrong: all of it, not only the first.
//
// Texts and their order (warnings first) are nats-server's, each on a line of its own:
// `<file>:<line>:<column>: <reason>`. Plain values.

#pragma once

#include <string>
#include <vector>

#include "core/config/tree.hpp"

namespace dunlin::config {

struct Finding {
  Position at;
  std::string reason;
  [[nodiscard]] std::string text() const {
    return at.known() ? at.text() + ": " + reason : reason;
  }
};

struct Diagnostics {
  std::vector<Finding> warnings;
  std::vector<Finding> errors;

  void error(const Position& at, std::string reason) { errors.push_back({at, std::move(reason)}); }
  void warning(const Position& at, std::string reason) {
    warnings.push_back({at, std::move(reason)});
  }
  [[nodiscard]] bool clean() const noexcept { return warnings.empty() && errors.empty(); }
  // Every warning, then every error, each with a newline.
  [[nodiscard]] std::string text() const {
    std::string out;
    for (const auto& finding : warnings) out += finding.text() + "\n";
    for (const auto& finding : errors) out += finding.text() + "\n";
    return out;
  }
};

}  // namespace dunlin::config
