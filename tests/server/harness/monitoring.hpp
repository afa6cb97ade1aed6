// Asking a real server's monitoring port.

#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "tests/server/harness/server_process.hpp"
#include "tests/unit/plugins/monitoring/http_client.hpp"

namespace dunlin::testing {

// The port that the log names.
inline std::uint16_t monitor_port(const ServerProcess& server,
                                  const std::string& protocol = "http") {
  const std::string line = "[INF] Starting " + protocol + " monitor on 127.0.0.1:";
  EXPECT_TRUE(server.wait_for_log(line)) << server.log();
  const auto log = server.log();
  return static_cast<std::uint16_t>(std::stoul(log.substr(log.find(line) + line.size())));
}

// The whole answer.
inline std::string ask_monitor(std::uint16_t port, const std::string& path) {
  monitoring::test::HttpClient client(port);
  client.send(monitoring::test::get(path));
  return client.read_answer();
}

}  // namespace dunlin::testing
