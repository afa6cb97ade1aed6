// /healthz: its parameters, the verdict and its text.

#pragma once

#include <string>
#include <vector>

#include "endpoints.hpp"

namespace dunlin::monitoring {

struct HealthzOptions {
  bool js_enabled = false;  // deprecated: each use is logged
  bool js_server_only = false;
  bool details = false;
  std::string account, stream, consumer;
};

struct FailedComponent {
  std::string name, reason;
};

struct HealthVerdict {
  std::uint32_t status = 200;
  std::string word = "ok";  // of "status"
  std::string type;         // of the error, for details
  std::vector<std::string> errors;
};

// Or the text of the 400.
[[nodiscard]] Decoded<HealthzOptions> healthz_options(const Query& query);

// `is_leaving`: in lame duck mode, when no client can connect any more.
[[nodiscard]] HealthVerdict judge_health(const HealthzOptions& options, bool is_leaving,
                                         const std::vector<FailedComponent>& failed);
[[nodiscard]] std::string healthz_text(const HealthVerdict& verdict, bool details);

}  // namespace dunlin::monitoring
