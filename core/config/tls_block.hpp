// A tls block outside the options for clients: of a plugin's listener or outbound connection.
//
// Keys, checks and messages are those of the server's own block, read from the same table. What the
// block is for decides what else it has to say: a listener needs a certificate.  [control]

#pragma once

#include "core/config/diagnostics.hpp"
#include "core/config/options.hpp"

namespace dunlin::config {

// The result is good where `diagnostics` got no error.
[[nodiscard]] Tls read_tls_block(const Value& value, Diagnostics& diagnostics);

}  // namespace dunlin::config
