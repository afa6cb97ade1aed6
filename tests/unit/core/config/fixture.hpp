// Shared by the configuration tests: read a text and look at what came of it.

#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "core/config/load.hpp"

namespace dunlin::config {

inline bool only_monitoring(std::string_view section) { return section == "monitoring"; }

// What reading `text` as `name` leads to: the findings, or the digest when there are none.
inline std::string outcome_of(std::string_view text, const std::string& name) {
  const auto loaded = load_text(text, name, only_monitoring);
  if (!loaded) return loaded.error().text;
  auto findings = loaded->diagnostics.text();
  if (!findings.empty()) findings.pop_back();
  return findings.empty() ? loaded->options.config_digest : findings;
}

// Options of a text that must be faultless.
inline Options options_of(std::string_view text, const std::string& name = "case.conf") {
  const auto loaded = load_text(text, name, only_monitoring);
  if (!loaded) {
    ADD_FAILURE() << loaded.error().text;
    return {};
  }
  EXPECT_EQ(loaded->diagnostics.text(), "");
  return loaded->options;
}

// Findings of a TOML text.
inline std::string toml_findings(std::string_view text) {
  const auto loaded = load_text(text, "case.toml", only_monitoring);
  return loaded ? loaded->diagnostics.text() : loaded.error().text;
}

// A directory of its own, which is also the current one while the object lives.
class Workplace {
 public:
  Workplace() : before_(std::filesystem::current_path()) {
    std::string pattern = (std::filesystem::temp_directory_path() / "config-XXXXXX").string();
    place_ = ::mkdtemp(pattern.data());
    std::filesystem::current_path(place_);
  }
  ~Workplace() {
    std::filesystem::current_path(before_);
    std::filesystem::remove_all(place_);
  }
  Workplace(const Workplace&) = delete;
  Workplace& operator=(const Workplace&) = delete;

  void write(const std::string& name, std::string_view text) const {
    std::ofstream(place_ / name, std::ios::binary) << text;
  }

 private:
  std::filesystem::path before_;
  std::filesystem::path place_;
};

}  // namespace dunlin::config
