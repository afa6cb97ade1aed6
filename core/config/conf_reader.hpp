// Reads the nats-server .conf grammar into a configuration tree.
//
// Grammar, scoping of variables, quirks and error texts are nats-server's (checked against 2.15.1);
// where the reference loses a value silently or runs out of stack, this reader reports an error:
// an unknown size suffix, a map key without a value, an include that includes itself. Positive
// integers may touch the closing bracket of an array, which the reference refuses.
//
// Reads files and the environment; keeps nothing.  [any thread]

#pragma once

#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/config/tree.hpp"

namespace dunlin::config {

// `file` is named in positions; includes are looked up beside it.
[[nodiscard]] result<Map> read_conf_file(const std::string& file);
[[nodiscard]] result<Map> read_conf_text(std::string_view text, const std::string& file);

}  // namespace dunlin::config
