// Secrets out of CONNECT before it reaches a trace log.
//
// The values of keys that start with auth_token or pass, and of sig, proxy_sig and nkey, become
// [REDACTED]. Works on text, not on JSON, because a CONNECT that does not parse is traced as well;
// `key: value` and `key=value` without quotes count too.  [any thread]

#pragma once

#include <string>
#include <string_view>

namespace dunlin::protocol {

[[nodiscard]] std::string redact_connect(std::string_view text);

}  // namespace dunlin::protocol
