// dunlin.config/1 over `--set key=value`: a section whose values are all texts, with the checks
// and defaults the plugin declares. "a.b=c" sets key b of table a.
//
// One thread.

#pragma once

#include <dunlin/ext/config.h>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sdk/testkit/base.hpp"

namespace dunlin::testkit {

struct ConfigNode {
  bool table = false, list = false;
  std::string text;
  std::map<std::string, std::unique_ptr<ConfigNode>> keys;
  std::vector<std::unique_ptr<ConfigNode>> items;
  std::map<std::string, std::unique_ptr<ConfigNode>> defaults;

  static const ConfigNode* of(const dunlin_config* raw) {
    return reinterpret_cast<const ConfigNode*>(raw);
  }
  [[nodiscard]] const dunlin_config* raw() const {
    return reinterpret_cast<const dunlin_config*>(this);
  }
};

// Builds the section from "key=value" texts; throws Failure for one without "=".
std::unique_ptr<ConfigNode> make_section(const std::vector<std::string>& settings);

extern const dunlin_config_api config_table;

}  // namespace dunlin::testkit
