// Reads TOML into the same configuration tree as the .conf reader.
//
// Columns count from 1. `include` lists further files, relative to the one that includes them;
// "${NAME}" and "${NAME:-default}" stand for a value of the table [vars] or the environment.
// Reads files and the environment; keeps nothing.  [any thread]

#pragma once

#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/config/tree.hpp"

namespace dunlin::config {

// `file` is named in positions; includes are looked up beside it.
[[nodiscard]] result<Map> read_toml_text(std::string_view text, const std::string& file);

}  // namespace dunlin::config
