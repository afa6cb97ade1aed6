// CONNECT: what a client says about itself, decoded as the reference decodes it.
//
// The rules are those of Go's encoding/json over a struct with defaults, because clients depend on
// them: keys are matched without regard to letter case, unknown keys are skipped, null keeps a
// value, of repeated keys the last wins, invalid UTF-8 becomes U+FFFD; a value of the wrong type or
// anything behind the object is an error. A connection that sends CONNECT again keeps the values
// that the second one does not carry.  [any thread]

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.hpp"

namespace dunlin::protocol {

// Names are the protocol's keys; the initial values are what a client gets that sends `{}`.
struct ConnectOptions {
  bool echo = true;
  bool verbose = true;
  bool pedantic = true;
  bool tls_required = false;
  bool new_account = false;
  bool headers = false;
  bool no_responders = false;
  std::int64_t protocol = 0;
  std::string nkey;
  std::string jwt;
  std::string sig;
  std::string auth_token;
  std::string user;
  std::string pass;
  std::string name;
  std::string lang;
  std::string version;
  std::string account;
  std::string remote_account;
  std::string proxy_sig;
  // `import` and `export` are read by server links alone, from the text itself; here only their
  // types are checked.
};

// Objects and arrays inside one another deeper than this are refused. More than a control line of
// the default size can hold.
inline constexpr std::size_t connect_depth_max = 2500;

// Decodes `json` over `options`. On failure `options` is unchanged, and the error says what is
// wrong and where.
result<> parse_connect(std::string_view json, ConnectOptions& options);

}  // namespace dunlin::protocol
