// What the configuration says about monitoring: the declared keys and the plain struct they fill.
//
// Read in configure() and reload_prepare(), on control. The keys are those operators write at the
// top level of the server's configuration: http, http_port, https_port and so on.

#pragma once

#include <dunlin/config.hpp>

#include <cstdint>
#include <string>

#include "tls.hpp"

namespace dunlin::monitoring {

inline constexpr int port_off = 0;
inline constexpr int port_any = -1;  // the system chooses

struct Settings {
  std::string host = "0.0.0.0";
  int http_port = port_off;
  int https_port = port_off;
  std::string base_written;  // as configured: shown by /varz
  std::string base;          // as it stands before every endpoint: "/mon", or ""
  TlsFiles tls;
};

[[nodiscard]] dunlin::result<Settings> read_settings(dunlin::Config config);

// Why these settings cannot be served, in the words of nats-server; empty when they can. Asked for
// at the start: a configuration check accepts them, as the reference does.
[[nodiscard]] std::string start_problem(const Settings& settings);

// "8222", ":8222", "host:8222", "[::1]:8222". False when it is no address.
[[nodiscard]] bool parse_listen(std::string_view text, std::string& host, int& port);

}  // namespace dunlin::monitoring
