// The texts of /accstatz.

#pragma once

#include <string>
#include <vector>

#include "endpoints.hpp"

namespace dunlin::monitoring {

// One element of "account_statz".
[[nodiscard]] std::string accstat_text(const dunlin_account_info& account);
[[nodiscard]] std::string accstatz_text(std::string_view server_id, std::int64_t now_ns,
                                        const std::vector<std::string>& accounts);

}  // namespace dunlin::monitoring
