// A whole file as text, with failures worded as nats-server's: `open x.conf: no such file or
// directory`. Only for the configuration readers.  [any thread; blocks on the disk]

#pragma once

#include <string>

#include "core/base/result.hpp"

namespace dunlin::config {

[[nodiscard]] result<std::string> read_file_text(const std::string& file);

}  // namespace dunlin::config
