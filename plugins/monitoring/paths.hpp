// Which endpoint a path means: the base path, and paths that are written in a roundabout way.
// Pure functions.

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "http_message.hpp"

namespace dunlin::monitoring {

// Without empty, "." and ".." segments; a slash at the end stays. `path` begins with "/".
[[nodiscard]] std::string clean_path(std::string_view path);

// A base path as an operator writes it ("mon/", "/mon", "/") as it stands before every endpoint:
// "/mon", or "" for none.
[[nodiscard]] std::string normal_base(std::string_view written);

// The endpoint's path below the base: "/varz", "/" for the base itself; nothing when outside.
[[nodiscard]] std::optional<std::string> below_base(std::string_view base, std::string_view path);

// The redirection that answers a path which is not written in its clean form.
[[nodiscard]] std::optional<Response> redirection(const Request& request);

}  // namespace dunlin::monitoring
