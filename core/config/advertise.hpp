// `client_advertise`: the address clients are told in place of the server's own.

#pragma once

#include <string_view>

#include "core/base/result.hpp"
#include "core/config/conf_scalar.hpp"

namespace dunlin::config {

// `host`, `host:port` or `[v6]:port`. Without a port, and with 0 or -1, it is `own_port`. Fails
// with the words of Go's net.SplitHostPort and strconv.Atoi, which nats-server shows.
[[nodiscard]] result<Address> parse_advertise(std::string_view text, int own_port);

}  // namespace dunlin::config
