// The text of /varz.

#pragma once

#include <string>

#include "endpoints.hpp"

namespace dunlin::monitoring {

[[nodiscard]] std::string varz_text(const dunlin_server_info& server, const Settings& settings,
                                    const RequestCounts& counts);

}  // namespace dunlin::monitoring
