// The texts of /accountz.

#pragma once

#include <string>
#include <vector>

#include "endpoints.hpp"

namespace dunlin::monitoring {

[[nodiscard]] std::string accountz_list_text(std::string_view server_id, std::int64_t now_ns,
                                             std::string_view system_account,
                                             const std::vector<std::string>& accounts);

// `subscriptions` may be null.
[[nodiscard]] std::string account_text(const dunlin_account_info& account,
                                       const dunlin_subscriptions_info* subscriptions);
// `detail` is what account_text() made.
[[nodiscard]] std::string accountz_detail_text(std::string_view server_id, std::int64_t now_ns,
                                               std::string_view system_account,
                                               std::string_view detail);

}  // namespace dunlin::monitoring
